"""Plain strings of known categories to their codes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.job import Job, Work
from benchmarks.tables import Layout


def read_strings(path: Path, layout: Layout) -> tuple[list[list[Any]], list[Any]]:
    """Return each string column's chunks, and its categories in order."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.read_table(path, columns=layout.string_columns)
    chunks = [
        [batch.column(j) for batch in table.to_batches(max_chunksize=65_536)]
        for j in range(table.num_columns)
    ]
    known = [pc.unique(column).drop_null().sort() for column in table.columns]
    return chunks, known


def fastml(path: Path, layout: Layout) -> Work:
    import numpy as np

    from fastml._native.lookup import CategoryLookup

    columns, known = read_strings(path, layout)
    lookups = [CategoryLookup(values) for values in known]

    def work() -> Mapping[str, float]:
        nulls = 0
        for chunks, lookup in zip(columns, lookups, strict=True):
            for chunk in chunks:
                codes = np.empty(len(chunk), np.int32)
                lookup.find(chunk, codes)
                nulls += np.count_nonzero(codes < 0)
        return {"nulls": nulls}

    return work


def pyarrow(path: Path, layout: Layout) -> Work:
    import pyarrow.compute as pc

    columns, known = read_strings(path, layout)

    def work() -> Mapping[str, float]:
        found = [
            pc.index_in(chunk, value_set=values)
            for chunks, values in zip(columns, known, strict=True)
            for chunk in chunks
        ]
        return {"nulls": sum(codes.null_count for codes in found)}

    return work


def polars(path: Path, layout: Layout) -> Work:
    import polars as pl
    import pyarrow as pa

    columns, known = read_strings(path, layout)
    series = [pl.Series(pa.chunked_array(chunks)) for chunks in columns]
    kinds = [pl.Enum(values.to_pylist()) for values in known]

    def work() -> Mapping[str, float]:
        found = [each.cast(kind) for each, kind in zip(series, kinds, strict=True)]
        return {"nulls": sum(each.null_count() for each in found)}

    return work


JOB = Job(
    title="Strings of known categories to codes",
    table="D1",
    sides={"fastml": fastml, "pyarrow index_in": pyarrow, "polars Enum": polars},
    faster={"pyarrow index_in": 1},
    threads=1,
    repeats=3,
)
