"""Numeric columns with nulls, float64, to imputed and scaled rows."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.job import Job, Work
from benchmarks.tables import Layout


def read_numbers(path: Path, layout: Layout) -> tuple[Any, list[float], list[float]]:
    """Return the table of numbers with each column's mean and standard deviation."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.read_table(path, columns=layout.numeric_columns)
    mean = [pc.mean(column).as_py() for column in table.columns]
    spread = [pc.stddev(column).as_py() for column in table.columns]
    return table, mean, spread


def fastml(path: Path, layout: Layout) -> Work:
    import numpy as np

    from fastml._native.encode import DenseEncoder

    table, mean, spread = read_numbers(path, layout)
    batches = table.to_batches(max_chunksize=65_536)
    columns = np.arange(table.num_columns)
    zeros = np.zeros(table.num_columns, np.float32)
    encoder = DenseEncoder(
        shift=np.array(mean),
        offset=zeros,
        factor=(1 / np.array(spread)).astype(np.float32),
        fill=zeros,
        column=columns,
        indicator=np.full(table.num_columns, -1),
    )
    rows = np.zeros((65_536, table.num_columns), np.float32)  # written once: no page is faulted in

    def work() -> Mapping[str, float]:
        began = time.perf_counter()
        for batch in batches:
            encoder.encode(batch, columns, rows[: batch.num_rows])
        read = table.num_rows * table.num_columns * 8
        return {"gb_per_s": read / (time.perf_counter() - began) / 1e9}

    return work


def polars(path: Path, layout: Layout) -> Work:
    import polars as pl

    table, mean, spread = read_numbers(path, layout)
    frame = pl.DataFrame(table)
    scaled = [
        (pl.col(name).fill_null(centre) - centre) / scale
        for name, centre, scale in zip(layout.numeric_columns, mean, spread, strict=True)
    ]

    def work() -> Mapping[str, float]:
        began = time.perf_counter()
        done = frame.lazy().select(scaled).collect(engine="streaming")
        read = done.height * done.width * 8
        return {"gb_per_s": read / (time.perf_counter() - began) / 1e9}

    return work


def sklearn(path: Path, layout: Layout) -> Work:
    import numpy as np
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    table, _, _ = read_numbers(path, layout)
    matrix = np.column_stack([column.to_numpy() for column in table.columns])
    steps = make_pipeline(SimpleImputer(), StandardScaler(copy=False)).fit(matrix)

    def work() -> Mapping[str, float]:
        began = time.perf_counter()
        done = steps.transform(matrix)
        return {"gb_per_s": done.nbytes / (time.perf_counter() - began) / 1e9}

    return work


JOB = Job(
    title="Impute and scale float64 columns",
    table="D1",
    sides={"fastml": fastml, "polars": polars, "scikit-learn": sklearn},
    least={"gb_per_s": 4},
    threads=1,
    repeats=7,
)
