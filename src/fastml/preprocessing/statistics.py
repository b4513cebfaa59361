"""The statistics of a column that steps decide from, and those of a matrix in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from fastml._native.moments import NumericMoments
from fastml._typing import Float64
from fastml.engine import BLOCK_ROWS

__all__ = ["ColumnStatistics", "matrix_moments", "matrix_statistics"]


class ColumnStatistics(Protocol):
    """What is known of a numeric column; null and NaN are missing.

    Where `count` is zero the floats are NaN.
    """

    @property
    def count(self) -> int:
        """Values that are present."""

    @property
    def nulls(self) -> int:
        """Values that are missing."""

    @property
    def mean(self) -> float:
        """Mean of the present values."""

    @property
    def std(self) -> float:
        """Standard deviation of the population (divided by the count)."""

    @property
    def min(self) -> float:
        """Least value."""

    @property
    def max(self) -> float:
        """Greatest value."""

    def quantile(self, q: float) -> float:
        """Return a quantile, 0 <= q <= 1."""

    def top(self, k: int) -> Sequence[tuple[Any, int]]:
        """Return the k most frequent values with their counts, most frequent first."""


@dataclass(frozen=True)
class MatrixColumn:
    """The statistics of one column of a matrix in memory; quantiles and counts are exact."""

    values: Float64
    count: int
    nulls: int
    mean: float
    std: float
    min: float
    max: float

    @cached_property
    def _present(self) -> Float64:  # in any order: each quantile leaves them better sorted
        return self.values[~np.isnan(self.values)]

    def quantile(self, q: float) -> float:
        """Return a quantile, interpolated linearly; NaN where nothing is present."""
        if not self.count:
            return float("nan")
        return float(np.quantile(self._present, q, overwrite_input=True))

    def top(self, k: int) -> list[tuple[float, int]]:
        """Return the k most frequent values; of equally frequent ones, the smaller first."""
        values, counts = np.unique(self._present, return_counts=True)
        order = np.argsort(-counts, kind="stable")[:k]
        return list(zip(values[order].tolist(), counts[order].tolist(), strict=True))


def matrix_moments(X: Float64, *, correlations: bool = False) -> NumericMoments:
    """Fold the moments of a float64 matrix of shape (n_rows, n_features), block by block."""
    n_features = X.shape[1]
    names = [str(j) for j in range(n_features)]
    moments = NumericMoments(n_features, correlations)
    for start in range(0, len(X), BLOCK_ROWS):
        columns = np.ascontiguousarray(X[start : start + BLOCK_ROWS].T)
        batch = pa.RecordBatch.from_arrays([pa.array(column) for column in columns], names=names)
        moments.update(batch, range(n_features))
    return moments


def matrix_statistics(X: Float64) -> list[MatrixColumn]:
    """Return the statistics of each column of a float64 matrix; NaN is missing."""
    moments = matrix_moments(X)
    std = np.sqrt(moments.variance())
    return [
        MatrixColumn(X[:, j], int(count), len(X) - int(count), *map(float, of))
        for j, (count, *of) in enumerate(
            zip(moments.count, moments.mean, std, moments.min, moments.max, strict=True)
        )
    ]
