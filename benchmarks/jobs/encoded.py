"""A table that is already encoded: what jobs of training alone begin from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tables import Layout

__all__ = ["encoded_design", "one_hot_matrix", "read_encoded"]


def read_encoded(path: Path, layout: Layout) -> tuple[Any, Any, int, Any]:
    """Return scaled numbers, codes that are offset one column after the other, and the target."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    numbers = np.empty((table.num_rows, layout.numeric), np.float32)
    for j, name in enumerate(layout.numeric_columns):
        values = table[name]
        centred = pc.subtract(values, pc.mean(values)).fill_null(0.0).to_numpy()
        numbers[:, j] = centred / centred.std()
    codes = np.empty((table.num_rows, len(layout.categories)), np.int32)
    n_codes = 0
    for j, name in enumerate(layout.string_columns):
        column = table[name].combine_chunks().dictionary_encode(null_encoding="encode")
        codes[:, j] = column.indices.to_numpy() + n_codes
        n_codes += len(column.dictionary)
    return numbers, codes, n_codes, table["y"].to_numpy()


def encoded_design(path: Path, layout: Layout, dtype: Any = "float32") -> Any:
    """Return the table as fastml's design: numbers and codes in blocks, the target as floats."""
    from fastml.engine import BLOCK_ROWS
    from fastml.engine.memory import BlockMemory
    from fastml.linear_model import Design, DesignBlock

    numbers, codes, n_codes, y = read_encoded(path, layout)
    memory, blocks = BlockMemory(), []
    for first in range(0, len(y), BLOCK_ROWS):
        rows = slice(first, first + BLOCK_ROWS)
        _, (dense, coded) = memory.arrays(
            (numbers[rows].shape, np.dtype(dtype)), (codes[rows].shape, np.int32)
        )
        dense[:], coded[:] = numbers[rows], codes[rows]
        blocks.append(DesignBlock(dense, coded, y[rows].astype(dtype)))
    return Design(blocks, layout.numeric, n_codes)


def one_hot_matrix(path: Path, layout: Layout) -> tuple[Any, Any]:
    """Return the same as a sparse one-hot matrix of float64, and the target."""
    from scipy.sparse import csr_matrix

    numbers, codes, n_codes, y = read_encoded(path, layout)
    n, d = numbers.shape
    width = d + codes.shape[1]
    values = np.ones((n, width))
    values[:, :d] = numbers
    places = np.empty((n, width), np.int32)
    places[:, :d] = np.arange(d)
    places[:, d:] = codes + d
    starts = np.arange(0, n * width + 1, width)
    return csr_matrix((values.ravel(), places.ravel(), starts), shape=(n, d + n_codes)), y
