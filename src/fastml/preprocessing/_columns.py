"""Tables of any kind as Arrow columns, for the steps that take more than numbers."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fastml._base import Estimator, column_names
from fastml.errors import DataError, SchemaError, not_fitted

__all__ = ["as_columns", "checked_columns"]


def as_columns(X: Any) -> list[pa.Array]:
    """Return the columns of a table: contiguous, decoded, NaN as null, strings with long offsets.

    Parameters
    ----------
    X : array-like or table of shape (n_rows, n_features)
        NumPy (also of objects), pandas, polars, anything that exports Arrow, or nested lists.

    Raises
    ------
    DataError
        If X is sparse, complex, not of two dimensions, or a column mixes types.
    """
    if hasattr(X, "tocsr"):
        raise DataError(
            f"X is sparse ({type(X).__name__}), but a dense table is expected; call X.toarray()"
        )
    try:
        return [_canonical(column) for column in _arrow_columns(X)]
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise DataError(
            f"X has a column whose values are not of one type ({error}); make them all numbers or "
            "all strings"
        ) from error


def checked_columns(estimator: Estimator, X: Any, *, reset: bool) -> list[pa.Array]:
    """Return `as_columns(X)`; remember or compare what the estimator was fitted on.

    The counterpart of `Estimator._validate` for the steps that take more than numbers; it says
    the same of tables without rows or columns, and of columns that are not those of `fit`.
    """
    names = column_names(X)
    if not reset:
        if not hasattr(estimator, "n_features_in_"):
            raise not_fitted(estimator)
        estimator._check_names(names)
    columns = as_columns(X)
    shape = (len(columns[0]) if columns else len(X), len(columns))
    for size, what in zip(shape, ("sample", "feature"), strict=True):
        if size == 0:
            raise DataError(
                f"Found array with 0 {what}(s) (shape={shape}) while a minimum of 1 is "
                f"required by {type(estimator).__name__}"
            )
    if reset:
        estimator._remember_columns(len(columns), names)
    elif len(columns) != estimator.n_features_in_:
        raise SchemaError(
            f"X has {len(columns)} features, but {type(estimator).__name__} is expecting "
            f"{estimator.n_features_in_} features as input"
        )
    return columns


def _arrow_columns(X: Any) -> list[pa.Array]:
    if isinstance(X, pa.RecordBatch):
        return list(X.columns)
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(X, pandas.DataFrame):
        return [pa.array(X.iloc[:, j], from_pandas=True) for j in range(X.shape[1])]
    if hasattr(X, "__arrow_c_stream__"):
        return list(pa.table(X).columns)
    array = X if isinstance(X, np.ndarray) else _nested(X)
    if array.dtype.kind == "c":
        raise DataError("Complex data not supported: X must hold real numbers or strings")
    if array.ndim != 2:
        raise DataError(
            f"Expected 2D array, got {array.ndim}D array instead. Reshape your data: "
            "X.reshape(-1, 1) if it has a single feature, X.reshape(1, -1) if it is a single row"
        )
    return [pa.array(np.ascontiguousarray(column), from_pandas=True) for column in array.T]


def _nested(X: Any) -> np.ndarray[Any, Any]:
    array = np.asarray(X)
    # NumPy turns numbers beside strings into strings; as objects each column keeps its type.
    return np.asarray(X, dtype=object) if array.dtype.kind in "US" else array


def _canonical(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
        if isinstance(column, pa.ChunkedArray):  # of no chunks
            column = pa.concat_arrays(column.chunks)
    if pa.types.is_dictionary(column.type):
        return _canonical(column.dictionary).take(column.indices)
    if pa.types.is_string(column.type) or pa.types.is_string_view(column.type):
        return column.cast(pa.large_string())
    if pa.types.is_float16(column.type):
        column = column.cast(pa.float32())
    if pa.types.is_floating(column.type):
        column = pc.add(column, pa.scalar(0.0, column.type))  # -0.0 is 0.0
        return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    return column
