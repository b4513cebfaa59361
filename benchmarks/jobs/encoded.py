"""A table that is already encoded: what jobs of training alone begin from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.jobs.sgd_epoch import read_encoded
from benchmarks.tables import Layout

__all__ = ["encoded_design", "one_hot_matrix"]


def encoded_design(path: Path, layout: Layout, dtype: Any = "float32") -> Any:
    """Return the table as fastml's design: numbers and codes in blocks, the target as floats."""
    import numpy as np

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
    import numpy as np
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
