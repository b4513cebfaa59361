"""Leaves rows with missing values out of training: the alternative to imputing them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa

from fastml._base import Estimator, column_names
from fastml._typing import Bool
from fastml.errors import SchemaError
from fastml.preprocessing._columns import as_columns, checked_columns

__all__ = ["MissingRowDropper"]


class MissingRowDropper(Estimator):
    """Drop the rows that lack a value (null or NaN), in training only.

    A model must answer for every row that it is asked about, so there is no `transform`: a
    pipeline that predicts leaves no row out. `fit_resample` is the name under which pipelines that
    know of such steps (imbalanced-learn's) call it in training and at no other time.

    Parameters
    ----------
    columns : sequence of str or int, optional
        The columns that must be present, by name or place; default all.

    Examples
    --------
    >>> X = np.array([[1.0, 2.0], [np.nan, 3.0], [4.0, 5.0]])
    >>> MissingRowDropper().fit_resample(X, np.array([0, 1, 2]))
    (array([[1., 2.],
           [4., 5.]]), array([0, 2]))
    """

    _estimator_type = "transformer"
    _allow_nan: ClassVar[bool] = True

    def __init__(self, columns: Sequence[str | int] | None = None) -> None:
        self.columns = columns

    def keep(self, batch: Any) -> Bool:
        """Return which rows of a table have every value, bool (n_rows,).

        Parameters
        ----------
        batch : pyarrow.RecordBatch or any other table
        """
        columns = as_columns(batch)
        kept = np.ones(len(columns[0]) if columns else 0, dtype=np.bool_)
        for j in self._places(column_names(batch), len(columns)):
            if columns[j].null_count:
                kept &= np.asarray(columns[j].is_valid())
        return kept

    def fit(self, X: Any, y: Any = None) -> Self:
        """Check the columns; nothing is learned, and `y` is ignored."""
        columns = checked_columns(self, X, reset=True)
        self._places(column_names(X), len(columns))
        return self

    def fit_resample(self, X: Any, y: Any = None) -> tuple[Any, Any]:
        """Return the rows of X, and of y where it is given, that have every value.

        Parameters
        ----------
        X : table of shape (n_rows, n_features)
        y : array-like of shape (n_rows,), optional

        Returns
        -------
        X, y
            Of the kinds that were given (lists become arrays).
        """
        kept = self.fit(X).keep(X)
        return _rows(X, kept), None if y is None else _rows(y, kept)

    def _places(self, names: list[str] | None, n_columns: int) -> list[int]:
        if self.columns is None:
            return list(range(n_columns))
        known = {name: j for j, name in enumerate(names or [])}
        known_places = range(n_columns)
        places = []
        for column in self.columns:
            place = known.get(column) if isinstance(column, str) else column
            if place is None or place not in known_places:
                has = f"the columns {', '.join(known)}" if known else f"{n_columns} columns"
                raise SchemaError(
                    f"there is no column {column!r} to drop rows by; the table has {has}"
                )
            places.append(place)
        return places

    def __sklearn_tags__(self) -> Any:
        """Describe the estimator to scikit-learn, which alone calls this."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags = None
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags


def _rows(values: Any, kept: Bool) -> Any:
    """Return the kept rows of a table or a column, whatever library it is of."""
    if isinstance(values, pa.Table | pa.RecordBatch | pa.Array | pa.ChunkedArray):
        return values.filter(pa.array(kept))
    polars = sys.modules.get("polars")
    if polars is not None and isinstance(values, polars.DataFrame | polars.Series):
        return values.filter(polars.Series(kept))
    return (np.asarray(values) if isinstance(values, list | tuple) else values)[kept]
