"""Scales columns to a range."""

from __future__ import annotations

from fastml.errors import ConfigError
from fastml.preprocessing._scaler import Scaler, spread_or_one
from fastml.preprocessing.statistics import ColumnStatistics

__all__ = ["MinMaxScaler"]


class MinMaxScaler(Scaler):
    """Map the least value of a column to one number and the greatest to another, linearly.

    Parameters
    ----------
    feature_range : tuple of two floats, default (0.0, 1.0)
        Where the extremes that `fit` saw go; values beyond them go beyond the range.

    Attributes
    ----------
    center_, scale_ : float64 arrays of shape (n_features,)
        out = (x - center_) / scale_; a constant goes to the lower end of the range.

    Examples
    --------
    >>> MinMaxScaler().fit_transform([[2.0], [3.0], [6.0]])
    array([[0.  ],
           [0.25],
           [1.  ]])
    """

    def __init__(self, feature_range: tuple[float, float] = (0.0, 1.0)) -> None:
        self.feature_range = feature_range

    def center_and_scale(self, stats: ColumnStatistics) -> tuple[float, float]:
        """Return the centre and scale that map the extremes to the ends of the range."""
        low, high = self.feature_range
        if not low < high:
            raise ConfigError(
                f"feature_range is {self.feature_range!r}; expected the lower end first, "
                "such as (0.0, 1.0)"
            )
        if stats.count == 0:
            return 0.0, 1.0
        scale = spread_or_one(stats.max - stats.min) / (high - low)
        return float(stats.min) - low * scale, scale
