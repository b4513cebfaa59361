"""Fills missing numbers with one value a column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np

from fastml._typing import Float64
from fastml.errors import ConfigError
from fastml.preprocessing._transformer import Names, Transformer
from fastml.preprocessing.statistics import ColumnStatistics, matrix_statistics

__all__ = ["SimpleImputer"]

_STRATEGIES = ("mean", "median", "most_frequent", "constant")


class SimpleImputer(Transformer):
    """Fill missing values (null or NaN) of numeric columns with one value a column.

    Parameters
    ----------
    strategy : {"mean", "median", "most_frequent", "constant"}, default "mean"
        What to fill with. Of equally frequent values the smallest is taken.
    fill_value : float, optional
        What the strategy `constant` fills with; default 0.
    add_indicator : bool, default False
        Append a column of 0 and 1 for each column that had missing values in `fit`, saying where.

    Attributes
    ----------
    statistics_ : float64 array of shape (n_features,)
        The fill of each column. A column without any value is kept, and filled with 0 (or
        `fill_value`).
    indicator_columns_ : int64 array
        The columns that have an indicator.

    Examples
    --------
    >>> SimpleImputer(strategy="median").fit_transform([[1.0], [float("nan")], [5.0]])
    array([[1.],
           [3.],
           [5.]])
    """

    _allow_nan: ClassVar[bool] = True

    statistics_: Float64
    indicator_columns_: np.ndarray[Any, np.dtype[np.int64]]

    def __init__(
        self,
        strategy: Literal["mean", "median", "most_frequent", "constant"] = "mean",
        *,
        fill_value: float | None = None,
        add_indicator: bool = False,
    ) -> None:
        self.strategy = strategy
        self.fill_value = fill_value
        self.add_indicator = add_indicator

    @property
    def needs_quantiles(self) -> bool:
        """Whether `fill_value_of` asks for a quantile."""
        return self.strategy == "median"

    def fill_value_of(self, stats: ColumnStatistics) -> float:
        """Return what stands for a missing value of a column with these statistics."""
        if self.strategy == "constant":
            return float(0.0 if self.fill_value is None else self.fill_value)
        if self.strategy not in _STRATEGIES:
            raise ConfigError(
                f"strategy is {self.strategy!r}; expected one of {', '.join(_STRATEGIES)}"
            )
        if stats.count == 0:
            return 0.0
        if self.strategy == "mean":
            return float(stats.mean)
        if self.strategy == "median":
            return float(stats.quantile(0.5))
        return float(stats.top(1)[0][0])

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the fill of each column.

        Parameters
        ----------
        X : table of numbers of shape (n_rows, n_features)
            NumPy, pandas, polars or Arrow; null and NaN are missing.
        y : ignored
        """
        statistics = matrix_statistics(self._validate(X, reset=True))
        self.statistics_ = np.array([self.fill_value_of(column) for column in statistics])
        indicated = [
            j for j, column in enumerate(statistics) if self.add_indicator and column.nulls
        ]
        self.indicator_columns_ = np.array(indicated, dtype=np.int64)
        return self

    def transform(self, X: Any) -> Any:
        """Return the table with its missing values filled, then the indicators.

        Returns
        -------
        float64 array of shape (n_rows, n_features + n_indicators), or what `set_output` chose
        """
        values = self._validate(X, reset=False)
        missing = np.isnan(values)
        filled = np.where(missing, self.statistics_, values)
        if self.add_indicator:
            filled = np.hstack([filled, missing[:, self.indicator_columns_]])
        return self._wrapped(filled, X)

    def get_feature_names_out(self, input_features: Sequence[str] | None = None) -> Names:
        """Return the columns' names, then the indicators': `missingindicator_` and the name."""
        names = self._input_names(input_features)
        flags = [f"missingindicator_{name}" for name in names[self.indicator_columns_]]
        return np.array([*names, *flags], dtype=object)
