"""Scales columns to mean 0 and standard deviation 1."""

from __future__ import annotations

from fastml.preprocessing._scaler import Scaler, spread_or_one
from fastml.preprocessing.statistics import ColumnStatistics

__all__ = ["StandardScaler"]


class StandardScaler(Scaler):
    """Take off the mean and divide by the standard deviation (of the population).

    Parameters
    ----------
    with_mean, with_std : bool, default True
        Whether to take off the mean, and to divide.

    Attributes
    ----------
    center_, scale_ : float64 arrays of shape (n_features,)
        out = (x - center_) / scale_; the scale of a constant is 1.

    Examples
    --------
    >>> StandardScaler().fit_transform([[1.0], [3.0]])
    array([[-1.],
           [ 1.]])
    """

    def __init__(self, *, with_mean: bool = True, with_std: bool = True) -> None:
        self.with_mean = with_mean
        self.with_std = with_std

    def center_and_scale(self, stats: ColumnStatistics) -> tuple[float, float]:
        """Return the mean and the standard deviation."""
        center = float(stats.mean) if self.with_mean and stats.count else 0.0
        # A constant's deviation may come out as rounding; its extremes cannot.
        varies = self.with_std and stats.min < stats.max
        return center, spread_or_one(stats.std if varies else 0.0)
