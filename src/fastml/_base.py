"""What every estimator shares: scikit-learn's protocol, without importing scikit-learn."""

from __future__ import annotations

import inspect
import sys
import warnings
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pyarrow as pa

from fastml._typing import Float64
from fastml.errors import ConfigError, DataError, SchemaError, not_fitted

__all__ = ["Estimator", "as_column", "as_matrix", "check_finite", "column_names"]


class Estimator:
    """Base of the estimators: parameters are exactly the arguments of `__init__`, kept unchanged.

    Parameters are checked in `fit`, never in `__init__`; whatever `fit` learns ends in ``_``.
    """

    _estimator_type: ClassVar[Literal["classifier", "regressor", "transformer"]]
    _allow_nan: ClassVar[bool] = False

    n_features_in_: int
    feature_names_in_: np.ndarray[Any, np.dtype[np.object_]]

    @classmethod
    def _defaults(cls) -> dict[str, Any]:
        parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
        return {parameter.name: parameter.default for parameter in parameters}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name; `deep` is there for scikit-learn and changes nothing."""
        return {name: getattr(self, name) for name in self._defaults()}

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name and return self.

        Raises
        ------
        ConfigError
            If a name is not a parameter.
        """
        known = self._defaults()
        for name in params:
            if name not in known:
                raise ConfigError(
                    f"{type(self).__name__} has no parameter {name!r}; it has {', '.join(known)}"
                )
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        """Show the parameters that differ from their defaults."""
        changed = [
            f"{name}={value!r}"
            for name, default in self._defaults().items()
            if (value := getattr(self, name)) is not default and repr(value) != repr(default)
        ]
        return f"{type(self).__name__}({', '.join(changed)})"

    @property
    def _several_targets(self) -> bool:
        """Whether the target may be a matrix."""
        return False

    def __sklearn_tags__(self) -> Any:
        """Describe the estimator to scikit-learn, which alone calls this."""
        from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags
        from sklearn.utils import TransformerTags as Transformer

        kind = self._estimator_type
        return Tags(
            estimator_type=None if kind == "transformer" else kind,
            target_tags=TargetTags(
                required=kind != "transformer", multi_output=self._several_targets
            ),
            classifier_tags=ClassifierTags() if kind == "classifier" else None,
            regressor_tags=RegressorTags() if kind == "regressor" else None,
            transformer_tags=Transformer() if kind == "transformer" else None,
            input_tags=InputTags(allow_nan=self._allow_nan),
        )

    def _validate(self, X: Any, *, reset: bool) -> Float64:
        """Return `X` as a finite float64 matrix in C order; remember or check its columns.

        Parameters
        ----------
        X : array-like or table of shape (n_rows, n_features)
            NumPy, pandas, polars, anything that exports an Arrow stream, or nested lists.
        reset : bool
            True in `fit` (remember the columns), False afterwards (compare with those).

        Raises
        ------
        DataError
            If X is sparse, complex, not of two dimensions, without rows or columns, or has
            infinities (or NaN, unless the estimator allows it).
        SchemaError
            If the columns are not those of `fit`.
        """
        names = column_names(X)
        if not reset:
            if not hasattr(self, "n_features_in_"):
                raise not_fitted(self)
            self._check_names(names)
        matrix = as_matrix(X)
        if matrix.shape[0] == 0:
            raise DataError(
                f"Found array with 0 sample(s) (shape={matrix.shape}) while a minimum of 1 is "
                f"required by {type(self).__name__}"
            )
        if matrix.shape[1] == 0:
            raise DataError(
                f"Found array with 0 feature(s) (shape={matrix.shape}) while a minimum of 1 is "
                f"required by {type(self).__name__}"
            )
        if reset:
            self._remember_columns(matrix.shape[1], names)
        elif matrix.shape[1] != self.n_features_in_:
            raise SchemaError(
                f"X has {matrix.shape[1]} features, but {type(self).__name__} is expecting "
                f"{self.n_features_in_} features as input"
            )
        check_finite(matrix, "X", allow_nan=self._allow_nan, names=names)
        return matrix

    def _remember_columns(self, n_features: int, names: list[str] | None) -> None:
        self.n_features_in_ = n_features
        if names is not None:
            self.feature_names_in_ = np.array(names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _check_names(self, names: list[str] | None) -> None:
        if names is None or not hasattr(self, "feature_names_in_"):
            return
        fitted = self.feature_names_in_.tolist()
        if names == fitted:
            return
        message = "The feature names should match those that were passed during fit.\n"
        if unseen := sorted(set(names) - set(fitted)):
            message += "Feature names unseen at fit time:\n" + _bullets(unseen)
        if missing := sorted(set(fitted) - set(names)):
            message += "Feature names seen at fit time, yet now missing:\n" + _bullets(missing)
        if not unseen and not missing:
            message += "Feature names must be in the same order as they were in fit.\n"
        raise SchemaError(message)


def _bullets(names: list[str], most: int = 5) -> str:
    lines = [f"- {name}\n" for name in names[:most]]
    return "".join(lines) + ("- ...\n" if len(names) > most else "")


def _is_pandas(X: Any) -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(X, pandas.DataFrame)


def _is_frame(X: Any) -> bool:
    return _is_pandas(X) or hasattr(X, "__arrow_c_stream__") or isinstance(X, pa.RecordBatch)


def _as_arrow(X: Any) -> pa.Table:
    return pa.Table.from_batches([X]) if isinstance(X, pa.RecordBatch) else pa.table(X)


def column_names(X: Any) -> list[str] | None:
    """Return the names of a table's columns, or None where `X` has none or they are not text."""
    if isinstance(X, np.ndarray) or not _is_frame(X):
        return None
    names = X.columns.tolist() if _is_pandas(X) else list(_as_arrow(X).column_names)
    return names if names and all(isinstance(name, str) for name in names) else None


def as_matrix(X: Any) -> Float64:
    """Return a table of numbers as a float64 matrix in C order; nulls become NaN.

    Parameters
    ----------
    X : array-like or table of shape (n_rows, n_features)
        NumPy, pandas, polars, anything that exports an Arrow stream, or nested lists. Not copied
        where it is a float64 array in C order already.

    Raises
    ------
    DataError
        If X is sparse, complex, not of two dimensions, or has values that are not numbers.
    """
    if hasattr(X, "tocsr"):
        raise DataError(
            f"X is sparse ({type(X).__name__}), but a dense table is expected; encode with "
            "OneHotEncoder(sparse_output=False), call X.toarray(), or give the categories as a "
            "column: fastml.Pipeline encodes them without building the matrix"
        )
    try:
        if _is_pandas(X):
            X = X.to_numpy(dtype=np.float64, na_value=np.nan)
        elif not isinstance(X, np.ndarray) and _is_frame(X):
            table = _as_arrow(X)
            X = np.empty(table.shape)
            for j, column in enumerate(table.columns):
                X[:, j] = column.cast(pa.float64()).to_numpy()
        array = np.asarray(X)
        if array.dtype.kind == "c":
            raise DataError("Complex data not supported: X must hold real numbers")
        matrix = np.ascontiguousarray(array, dtype=np.float64)
    except (ValueError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"X has values that are not numbers ({error}); encode text columns first, for "
            "example with OneHotEncoder, or use fastml.Pipeline"
        ) from error
    if array.ndim != 2:
        raise DataError(
            f"Expected 2D array, got {array.ndim}D array instead. Reshape your data: "
            "X.reshape(-1, 1) if it has a single feature, X.reshape(1, -1) if it is a single row"
        )
    return matrix


def as_column(values: Any, name: str, *, several: bool = False) -> np.ndarray[Any, Any]:
    """Return a target or weights as a one-dimensional array, of whatever type it has.

    Parameters
    ----------
    values : array-like of shape (n_rows,) or (n_rows, 1)
        NumPy, pandas, polars, Arrow or a list. A column vector is flattened, with a warning.
    name : str
        What to call it in messages.
    several : bool
        Whether there may be several columns; a matrix then stays one.
    """
    if values is None:
        raise DataError(f"fit requires {name} to be passed, but the target {name} is None")
    if isinstance(values, pa.Array | pa.ChunkedArray):
        values = values.to_numpy(zero_copy_only=False)
    elif hasattr(values, "to_numpy") and not isinstance(values, np.ndarray):
        values = values.to_numpy()
    array = np.asarray(values)
    if array.dtype.kind == "c":
        raise DataError(f"Complex data not supported: {name} must hold real numbers or labels")
    if several and array.ndim == 2 and array.shape[1] > 0:
        return array
    if array.ndim == 2 and array.shape[1] == 1:
        sklearn = sys.modules.get("sklearn.exceptions")
        warnings.warn(
            f"A column-vector {name} was passed when a 1d array was expected; "
            f"it is read as {name}.ravel()",
            sklearn.DataConversionWarning if sklearn is not None else UserWarning,
            stacklevel=3,
        )
        array = array.ravel()
    if array.ndim != 1:
        raise DataError(f"{name} should be a 1d array, got an array of shape {array.shape} instead")
    return array


def check_finite(
    values: np.ndarray[Any, Any],
    name: str,
    *,
    allow_nan: bool = False,
    names: list[str] | None = None,
) -> None:
    """Raise a DataError that names the first NaN or infinity in `values`, and the remedy."""
    # One sum decides in the common case: it is finite unless a value is not (or it overflows).
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(values.sum()):
            return
    bad = np.isinf(values) if allow_nan else ~np.isfinite(values)
    if not bad.any():
        return
    place = np.unravel_index(int(np.argmax(bad)), values.shape)
    found = "NaN" if np.isnan(values[place]) else "infinity (inf)"
    remedy = (
        "impute it with SimpleImputer or drop the row"
        if found == "NaN"
        else "replace it by a number or by NaN"
    )
    where = f"row {place[0]}"
    if len(place) == 2:
        where += f", column {names[place[1]]!r}" if names else f", column {place[1]}"
    raise DataError(
        f"Input {name} contains {found}: {int(bad.sum())} values that are not finite, the first "
        f"at {where}; {remedy}"
    )
