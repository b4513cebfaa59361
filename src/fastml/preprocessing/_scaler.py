"""What the scalers share: everything but which centre and scale they choose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np

from fastml._base import as_matrix
from fastml._typing import Float64
from fastml.errors import SchemaError, not_fitted
from fastml.preprocessing._transformer import Names, Transformer
from fastml.preprocessing.statistics import ColumnStatistics, matrix_statistics

__all__ = ["Scaler"]


class Scaler(Transformer):
    """Base of the scalers: out = (x - center) / scale, column by column; NaN stays NaN."""

    _allow_nan: ClassVar[bool] = True

    needs_quantiles: ClassVar[bool] = False  # whether `center_and_scale` asks for any

    center_: Float64
    scale_: Float64

    def center_and_scale(self, stats: ColumnStatistics) -> tuple[float, float]:
        """Return the centre and the scale (never 0) of a column with these statistics."""
        raise NotImplementedError

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the centre and the scale of each column.

        Parameters
        ----------
        X : table of numbers of shape (n_rows, n_features)
            NumPy, pandas, polars or Arrow; null and NaN are missing, and left out.
        y : ignored
        """
        chosen = [
            self.center_and_scale(s) for s in matrix_statistics(self._validate(X, reset=True))
        ]
        self.center_ = np.array([center for center, _ in chosen])
        self.scale_ = np.array([scale for _, scale in chosen])
        return self

    def transform(self, X: Any) -> Any:
        """Scale a table.

        Returns
        -------
        float64 array of shape (n_rows, n_features), or what `set_output` chose
        """
        values = self._validate(X, reset=False)
        scaled = values - self.center_
        scaled /= self.scale_
        return self._wrapped(scaled, X)

    def inverse_transform(self, X: Any) -> Float64:
        """Return scaled values to the units of the input, float64 (n_rows, n_features)."""
        if not hasattr(self, "scale_"):
            raise not_fitted(self)
        values = as_matrix(X)
        if values.shape[1] != self.n_features_in_:
            raise SchemaError(
                f"X has {values.shape[1]} columns; {type(self).__name__} was fitted on "
                f"{self.n_features_in_}"
            )
        return values * self.scale_ + self.center_

    def get_feature_names_out(self, input_features: Sequence[str] | None = None) -> Names:
        """Return the names of the columns, which are those of the input."""
        return self._input_names(input_features)


def spread_or_one(spread: float) -> float:
    """Return a spread to divide by: 1 where there is none, so that constants stay finite."""
    return float(spread) if spread > 0.0 else 1.0  # also where it is NaN: nothing was present
