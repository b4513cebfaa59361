"""A thousand bootstrap replicates on the churn table that comes with fastml."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.job import Job, Work
from benchmarks.tables import Layout

REPLICATES = 1000


def churn(path: Path) -> tuple[Any, Any]:
    """Return the table as scaled numbers and one-hot texts, and whether each customer left."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    columns = []
    for name in table.schema.names[:-1]:
        values = table[name].combine_chunks()
        if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
            number = values.to_numpy().astype(float)
            columns.append(((number - number.mean()) / number.std())[:, None])
        else:
            kinds = values.dictionary_encode()
            columns.append(np.eye(len(kinds.dictionary))[kinds.indices.to_numpy()])
    return np.hstack(columns), np.asarray(table[table.schema.names[-1]].to_pylist()) == "yes"


def fastml(path: Path, layout: Layout) -> Work:
    from fastml.linear_model import LogisticRegression

    x, y = churn(path)

    def work() -> Mapping[str, float]:
        low, high = LogisticRegression(bootstrap=REPLICATES).fit(x, y).coef_interval()
        return {"mean_width": float((high - low).mean())}

    return work


def sklearn(path: Path, layout: Layout) -> Work:
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    x, y = churn(path)

    def work() -> Mapping[str, float]:
        rng = np.random.default_rng(0)
        drawn = []
        for _ in range(REPLICATES):
            rows = rng.integers(0, len(y), len(y))
            drawn.append(LogisticRegression(max_iter=1000).fit(x[rows], y[rows]).coef_)
        low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
        return {"mean_width": float((high - low).mean())}

    return work


JOB = Job(
    title="A thousand bootstrap replicates of a churn model",
    table="churn",
    sides={"fastml": fastml, "scikit-learn": sklearn},
    faster={"scikit-learn": 50},
    repeats=3,
)
