"""What the steps share: scikit-learn's transformer protocol, without importing scikit-learn."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self, TypeAlias

import numpy as np

from fastml._base import Estimator
from fastml.errors import ConfigError, SchemaError, not_fitted

__all__ = ["Names", "Transformer"]

Names: TypeAlias = np.ndarray[Any, np.dtype[np.object_]]
Container: TypeAlias = Literal["default", "pandas", "polars"]


class Transformer(Estimator):
    """Base of the steps: `fit`, `transform` and the names of what comes out."""

    _estimator_type: ClassVar[Literal["transformer"]] = "transformer"
    _sklearn_output_config: dict[str, Container]  # scikit-learn's clone carries it over

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from a table; `y` is ignored."""
        raise NotImplementedError

    def transform(self, X: Any) -> Any:
        """Apply what was learned to a table."""
        raise NotImplementedError

    def get_feature_names_out(self, input_features: Sequence[str] | None = None) -> Names:
        """Return the names of the columns that `transform` gives."""
        raise NotImplementedError

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        """Fit, then transform the same table."""
        return self.fit(X, y).transform(X)

    def set_output(self, *, transform: Container | None = None) -> Self:
        """Choose what `transform` returns.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"} or None
            An array, or a data frame with the names of `get_feature_names_out`; None changes
            nothing. Until it is chosen here, scikit-learn's own setting holds where it is loaded.
        """
        if transform not in (None, "default", "pandas", "polars"):
            raise ConfigError(
                f"output {transform!r} is unknown; expected 'default', 'pandas' or 'polars'"
            )
        if transform is not None:
            self._sklearn_output_config = {"transform": transform}
        return self

    def _container(self) -> Container:
        chosen: dict[str, Container] = getattr(self, "_sklearn_output_config", {})
        sklearn = sys.modules.get("sklearn")
        if sklearn is None or "transform" in chosen:
            return chosen.get("transform", "default")
        everywhere: Container = sklearn.get_config()["transform_output"]
        return everywhere

    def _wrapped(self, values: np.ndarray[Any, Any], X: Any) -> Any:
        """Return `values` (made from X) in the container that was chosen."""
        container = self._container()
        if container == "pandas":
            import pandas

            index = X.index if isinstance(X, pandas.DataFrame) else None
            return pandas.DataFrame(values, columns=self.get_feature_names_out(), index=index)
        if container == "polars":
            import polars

            return polars.DataFrame(values, schema=list(self.get_feature_names_out()), orient="row")
        return values

    def _input_names(self, given: Sequence[str] | None) -> Names:
        """Return the names of the input's columns: those of `fit`, `given`, or x0, x1, ..."""
        if not hasattr(self, "n_features_in_"):
            raise not_fitted(self)
        fitted = getattr(self, "feature_names_in_", None)
        if given is None:
            if fitted is not None:
                return np.array(fitted, dtype=object)
            return np.array([f"x{j}" for j in range(self.n_features_in_)], dtype=object)
        names = np.array(given, dtype=object)
        if fitted is not None and not np.array_equal(names, fitted):
            raise SchemaError(
                "input_features is not equal to feature_names_in_: "
                f"got {list(names)}, fitted on {list(fitted)}"
            )
        if len(names) != self.n_features_in_:
            raise SchemaError(
                "input_features should have length equal to the number of features seen in fit "
                f"({self.n_features_in_}), got {len(names)}"
            )
        return names
