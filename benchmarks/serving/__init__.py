"""What it costs to answer over HTTP: fastml's server, a bare one, and the usual stack."""
