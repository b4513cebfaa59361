"""Scales columns by statistics that outliers do not move."""

from __future__ import annotations

from typing import ClassVar

from fastml.errors import ConfigError
from fastml.preprocessing._scaler import Scaler, spread_or_one
from fastml.preprocessing.statistics import ColumnStatistics

__all__ = ["RobustScaler"]


class RobustScaler(Scaler):
    """Take off the median and divide by the distance between two quantiles.

    Parameters
    ----------
    with_centering, with_scaling : bool, default True
        Whether to take off the median, and to divide.
    quantile_range : tuple of two floats, default (25.0, 75.0)
        The quantiles, in percent.

    Attributes
    ----------
    center_, scale_ : float64 arrays of shape (n_features,)
        out = (x - center_) / scale_; the scale is 1 where the quantiles are equal.

    Examples
    --------
    >>> RobustScaler().fit_transform([[1.0], [2.0], [3.0], [4.0], [1000.0]])[:, 0]
    array([ -1. ,  -0.5,   0. ,   0.5, 498.5])
    """

    needs_quantiles: ClassVar[bool] = True

    def __init__(
        self,
        *,
        with_centering: bool = True,
        with_scaling: bool = True,
        quantile_range: tuple[float, float] = (25.0, 75.0),
    ) -> None:
        self.with_centering = with_centering
        self.with_scaling = with_scaling
        self.quantile_range = quantile_range

    def center_and_scale(self, stats: ColumnStatistics) -> tuple[float, float]:
        """Return the median and the distance between the quantiles."""
        low, high = self.quantile_range
        if not 0.0 <= low < high <= 100.0:
            raise ConfigError(
                f"quantile_range is {self.quantile_range!r}; expected two percentages, the lower "
                "first, such as (25.0, 75.0)"
            )
        if stats.count == 0:
            return 0.0, 1.0
        center = float(stats.quantile(0.5)) if self.with_centering else 0.0
        if not self.with_scaling:
            return center, 1.0
        return center, spread_or_one(stats.quantile(high / 100.0) - stats.quantile(low / 100.0))
