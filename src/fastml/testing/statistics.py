"""What the statistics' kernels compute, written plainly in NumPy: slow, obvious, for tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fastml._typing import Float64

__all__ = [
    "as_numbers",
    "category_counts",
    "correlation",
    "distinct",
    "pair_counts",
    "rank_errors",
    "variance",
]


def as_numbers(array: pa.Array) -> Float64:
    """Return a numeric array as float64, null as NaN; dates and times as their integers."""
    kind = array.type
    if pa.types.is_null(kind):
        return np.full(len(array), np.nan)
    if pa.types.is_temporal(kind):
        array = array.cast(pa.int32() if kind.bit_width == 32 else pa.int64())
    out = np.full(len(array), np.nan)
    for row, value in enumerate(array.to_pylist()):
        if value is not None:
            out[row] = float(value)
    return out


def _finite(values: Float64) -> Float64:
    return values[np.isfinite(values)]


def variance(values: Float64, ddof: int = 0) -> float:
    """Return the variance of the finite values, in two passes; NaN for too few."""
    kept = _finite(values)
    return float(np.var(kept, ddof=ddof)) if len(kept) > ddof else float("nan")


def _pairs(columns: list[Float64], statistic: Callable[[Float64, Float64], float]) -> Float64:
    finite = [np.isfinite(column) for column in columns]
    return np.array(
        [
            [statistic(a[fa & fb], b[fa & fb]) for b, fb in zip(columns, finite, strict=True)]
            for a, fa in zip(columns, finite, strict=True)
        ]
    )


def pair_counts(columns: list[Float64]) -> NDArray[np.int64]:
    """Return the rows in which both of each pair are finite."""
    return _pairs(columns, lambda a, b: len(a)).astype(np.int64)


def _pearson(a: Float64, b: Float64) -> float:
    if len(a) == 0 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    a, b = a - a.mean(), b - b.mean()
    return float((a @ b) / np.sqrt((a @ a) * (b @ b)))


def correlation(columns: list[Float64]) -> Float64:
    """Return Pearson's correlations over the rows where both are finite; NaN for a constant."""
    return _pairs(columns, _pearson)


def distinct(array: pa.Array) -> int:
    """Return the number of distinct values: null and NaN are none, -0.0 is 0.0."""
    return len({value for value in array.to_pylist() if value is not None and value == value})


def category_counts(array: pa.Array) -> tuple[dict[str, int], list[int]]:
    """Return the strings in order of first appearance with their counts, and each row's code."""
    counts: dict[str, int] = {}
    codes: list[int] = []
    places: dict[str, int] = {}
    for value in array.to_pylist():
        if value is None:
            codes.append(-1)
            continue
        codes.append(places.setdefault(value, len(places)))
        counts[value] = counts.get(value, 0) + 1
    return counts, codes


def rank_errors(values: Iterable[Any], q: Float64, quantiles: Float64) -> Float64:
    """Return how far the ranks of `quantiles` among `values` are from `q`, as shares of 1.

    A value that stands several times has a range of ranks; within it there is no error.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    low = np.searchsorted(ordered, quantiles, "left") / len(ordered)
    high = np.searchsorted(ordered, quantiles, "right") / len(ordered)
    return np.maximum(0.0, np.maximum(low - q, q - high))
