"""The jobs, one a file; each defines `JOB`."""
