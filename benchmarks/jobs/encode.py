"""Record batches in memory to what a learner reads, with everything fitted beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.job import Job, Work
from benchmarks.jobs.whole import column_transformer
from benchmarks.tables import Layout

FIT_ROWS = 131_072  # the fitted steps know the categories of these rows; the rest may have others


def fastml(path: Path, layout: Layout) -> Work:
    import pyarrow.parquet as pq

    import fastml
    from fastml.linear_model import LinearRegression

    table = pq.read_table(path)
    learner = LinearRegression(epochs=1)
    plan = fastml.Pipeline(learner, target="y").fit(table.slice(0, FIT_ROWS)).plan_
    batches = table.to_batches(max_chunksize=65_536)

    def work() -> Mapping[str, float]:
        return {"rows": sum(plan.encode(batch).n_rows for batch in batches)}

    return work


def sklearn(path: Path, layout: Layout) -> Work:
    import pandas as pd

    table = pd.read_parquet(path)
    steps = column_transformer(layout).fit(table.iloc[:FIT_ROWS])

    def work() -> Mapping[str, float]:
        return {"rows": steps.transform(table).shape[0]}

    return work


JOB = Job(
    title="Impute, scale and encode record batches",
    table="D1",
    sides={"fastml": fastml, "scikit-learn": sklearn},
    faster={"scikit-learn": 15},
    threads=1,
)
