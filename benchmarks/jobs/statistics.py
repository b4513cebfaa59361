"""What is in a table, from the Parquet file: the profile against polars' lazy query.

Both find counts, nulls, means, variances, extremes, quartiles and distinct values of every numeric
column, all their correlations, and nulls and distinct values of every string column.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

from benchmarks.job import Job, Work
from benchmarks.tables import Layout


def fastml(path: Path, layout: Layout) -> Work:
    import pandas as _  # noqa: F401 - pyarrow would load it with the first array, where it is there

    from fastml import scan  # `import fastml` alone loads nothing yet
    from fastml.profile import profile

    def work() -> Mapping[str, float]:
        found = profile(scan(path))
        found.correlation()
        return {"nulls": sum(column.nulls for column in found.columns.values())}

    return work


def polars(path: Path, layout: Layout) -> Work:
    import polars as pl

    numbers, strings = layout.numeric_columns, layout.string_columns
    n = pl.col(numbers)
    both = pl.col([*numbers, *strings])
    asked = [
        n.mean().name.suffix(" mean"),
        n.var().name.suffix(" variance"),
        n.min().name.suffix(" min"),
        n.max().name.suffix(" max"),
        *(n.quantile(q).name.suffix(f" {q}") for q in (0.25, 0.5, 0.75)),
        both.null_count().name.suffix(" nulls"),
        both.approx_n_unique().name.suffix(" distinct"),
        *(pl.corr(a, b).alias(f"{a} {b}") for a, b in combinations(numbers, 2)),
    ]

    def work() -> Mapping[str, float]:
        found = pl.scan_parquet(path).select(asked).collect(engine="streaming").row(0, named=True)
        return {"nulls": sum(count for name, count in found.items() if name.endswith(" nulls"))}

    return work


JOB = Job(
    title="Every column's statistics and all correlations, from Parquet",
    table="D1",
    sides={"fastml": fastml, "polars": polars},
    faster={"polars": 1},
)
