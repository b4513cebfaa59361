"""Ten million rows in bounded memory: from the Parquet file to the AUC on held-out rows."""

from __future__ import annotations

from benchmarks.job import Job
from benchmarks.jobs.whole import decode, fastml, sklearn_sgd

JOB = Job(
    title="Ten million rows, Parquet file to held-out AUC",
    table="D3",
    sides={"fastml": fastml, "decode alone": decode, "scikit-learn SGD": sklearn_sgd},
    faster={"scikit-learn SGD": 12},
    smaller={"scikit-learn SGD": 7},  # 1.5 GB where scikit-learn takes 10.5
    least={"auc": 0.859},
    rounds=1,
)
