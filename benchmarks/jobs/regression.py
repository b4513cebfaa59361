"""Two million rows, a number to predict: from the Parquet file to the error on held-out rows."""

from __future__ import annotations

from benchmarks.job import Job
from benchmarks.jobs.whole import decode, fastml, polars_glum

JOB = Job(
    title="Parquet file to held-out RMSE",
    table="D2",
    sides={"fastml": fastml, "decode alone": decode, "polars + glum": polars_glum},
    most={"rmse": 8.34},
)
