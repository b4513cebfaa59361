"""Codes as a matrix of 0 and 1, for the steps that give each code a column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastml._typing import Int32

__all__ = ["dense_indicators", "sparse_indicators"]


def dense_indicators(codes: Int32, sizes: Sequence[int]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return codes as indicators.

    Parameters
    ----------
    codes : int32 array of shape (n_rows, n_columns)
        From 0 to below the column's size; -1 sets no indicator.
    sizes : sequence of n_columns int

    Returns
    -------
    float64 array of shape (n_rows, sum of sizes)
    """
    starts = _starts(sizes)
    out = np.zeros((len(codes), starts[-1]))
    rows, columns = np.nonzero(codes >= 0)
    out[rows, codes[rows, columns] + starts[columns]] = 1.0
    return out


def sparse_indicators(codes: Int32, sizes: Sequence[int]) -> Any:
    """Return what `dense_indicators` does, as a `scipy.sparse.csr_array`."""
    from scipy.sparse import csr_array

    starts = _starts(sizes)
    present = codes >= 0
    indices = (codes + starts[:-1])[present]
    ends = np.concatenate([[0], np.cumsum(present.sum(axis=1))])
    # scipy wants both of one type, and the narrower one where it holds everything.
    small = max(ends[-1], starts[-1]) <= np.iinfo(np.int32).max
    kind = np.int32 if small else np.int64
    data = np.ones(len(indices))
    shape = (len(codes), int(starts[-1]))
    return csr_array((data, indices.astype(kind), ends.astype(kind)), shape=shape)


def _starts(sizes: Sequence[int]) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.cumsum([0, *sizes], dtype=np.int64)
