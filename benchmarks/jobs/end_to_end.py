"""Two million rows, binary target: from the Parquet file to the log loss on held-out rows."""

from __future__ import annotations

from benchmarks.job import Job
from benchmarks.jobs.whole import decode, fastml, polars_glum, sklearn_sgd

JOB = Job(
    title="Parquet file to held-out log loss",
    table="D1",
    sides={
        "fastml": fastml,
        "decode alone": decode,
        "polars + glum": polars_glum,
        "scikit-learn SGD": sklearn_sgd,
    },
    faster={"scikit-learn SGD": 18, "polars + glum": 8},
    smaller={"scikit-learn SGD": 6},
    most={"log_loss": 0.3667},
)
