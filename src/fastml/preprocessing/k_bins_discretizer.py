"""Cuts numbers into bins, so that a linear model bends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike

from fastml._native.codes import MOST_EDGES
from fastml._typing import Float64, Int32
from fastml.errors import ConfigError
from fastml.preprocessing._indicators import dense_indicators, sparse_indicators
from fastml.preprocessing._transformer import Names, Transformer
from fastml.preprocessing.bins import bin_edges, bin_labels
from fastml.preprocessing.features import MISSING

__all__ = ["MOST_BINS", "KBinsDiscretizer"]

MOST_BINS = MOST_EDGES + 1


class KBinsDiscretizer(Transformer):
    """Replace each number by its bin; bins hold about equally many training rows.

    A value that is as frequent as a whole bin has one of its own, and with no more distinct values
    than bins each has. Values beyond those of `fit` belong to the first or the last bin.

    Parameters
    ----------
    n_bins : int, default 5
        The most bins of a column, from 2 to 256; that of missing values is one more.
    encode : {"onehot", "onehot-dense", "ordinal"}, default "onehot"
        An indicator a bin, as a `scipy.sparse.csr_array` or a dense array; or the bin's number, NaN
        where a value is missing.

    Attributes
    ----------
    bin_edges_ : list of float64 arrays
        For each column the least value, where each further bin begins, and the greatest value;
        empty where `fit` saw no value.
    n_bins_ : int64 array of shape (n_features,)
    missing_ : bool array of shape (n_features,)
        Whether missing values have an indicator: where `fit` saw one.

    Examples
    --------
    >>> discretizer = KBinsDiscretizer(n_bins=3, encode="onehot-dense")
    >>> discretizer.fit_transform([[1], [2], [3], [4], [5], [None]])
    array([[1., 0., 0., 0.],
           [1., 0., 0., 0.],
           [0., 1., 0., 0.],
           [0., 1., 0., 0.],
           [0., 0., 1., 0.],
           [0., 0., 0., 1.]])
    >>> discretizer.get_feature_names_out(["age"]).tolist()
    ['age_< 3', 'age_[3, 5)', 'age_>= 5', 'age_(missing)']
    """

    _allow_nan: ClassVar[bool] = True

    bin_edges_: list[Float64]
    n_bins_: np.ndarray[Any, np.dtype[np.int64]]
    missing_: np.ndarray[Any, np.dtype[np.bool_]]

    def __init__(
        self,
        n_bins: int = 5,
        *,
        encode: Literal["onehot", "onehot-dense", "ordinal"] = "onehot",
    ) -> None:
        self.n_bins = n_bins
        self.encode = encode

    def choose_edges(self, values: Float64, counts: ArrayLike) -> Float64:
        """Decide where the bins but the first begin.

        Parameters
        ----------
        values : float64 array of shape (n,)
            Ascending and distinct.
        counts : array of shape (n,)
            Rows of each.

        Raises
        ------
        ConfigError
            If `n_bins` is not a whole number from 2 to 256.
        """
        check_bins(self.n_bins, "n_bins")
        return bin_edges(values, counts, self.n_bins)

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the bins of each column.

        Parameters
        ----------
        X : table of numbers of shape (n_rows, n_features)
            NumPy, pandas, polars or Arrow; null and NaN are missing.
        y : ignored
        """
        if self.encode not in ("onehot", "onehot-dense", "ordinal"):
            raise ConfigError(
                f"encode is {self.encode!r}; expected 'onehot', 'onehot-dense' or 'ordinal'"
            )
        matrix = self._validate(X, reset=True)
        missing = np.isnan(matrix)
        self.missing_ = np.asarray(missing.any(axis=0))
        self._inner, self.bin_edges_ = [], []
        for column, absent in zip(matrix.T, missing.T, strict=True):
            values, counts = np.unique(column[~absent], return_counts=True)
            inner = self.choose_edges(values, counts)
            self._inner.append(inner)
            self.bin_edges_.append(np.concatenate([values[:1], inner, values[-1:]]))
        self.n_bins_ = np.array([len(inner) + 1 for inner in self._inner], np.int64)
        return self

    def transform(self, X: Any) -> Any:
        """Bin a table.

        Returns
        -------
        csr_array, or float64 array of shape (n_rows, n_bins of all columns) or (n_rows, n_features)
            Or what `set_output` chose, which needs an `encode` other than "onehot".
        """
        codes = self._codes(self._validate(X, reset=False))
        if self.encode == "ordinal":
            return self._wrapped(np.where(codes < 0, np.nan, codes), X)
        missing = np.where(self.missing_, self.n_bins_, -1)
        codes = np.where(codes < 0, missing, codes).astype(np.int32)
        sizes = (self.n_bins_ + self.missing_).tolist()
        if self.encode == "onehot":
            if self._container() != "default":
                raise ConfigError(
                    f"a {self._container()} data frame cannot be made of sparse output; "
                    "set encode='onehot-dense'"
                )
            return sparse_indicators(codes, sizes)
        return self._wrapped(dense_indicators(codes, sizes), X)

    def _codes(self, matrix: Float64) -> Int32:
        """Return the bin of each value, int32 (n_rows, n_features); -1 where it is missing."""
        found = [
            np.searchsorted(inner, column, side="right")
            for inner, column in zip(self._inner, matrix.T, strict=True)
        ]
        return np.where(np.isnan(matrix), -1, np.stack(found, axis=1)).astype(np.int32)

    def get_feature_names_out(self, input_features: Sequence[str] | None = None) -> Names:
        """Return the columns' names, each with every bin unless `encode` is "ordinal"."""
        names = self._input_names(input_features)
        if self.encode == "ordinal":
            return names
        out = []
        for name, inner, missing in zip(names, self._inner, self.missing_, strict=True):
            labels = [*bin_labels(inner), *([MISSING] if missing else [])]
            out += [f"{name}_{label}" for label in labels]
        return np.array(out, dtype=object)


def check_bins(n_bins: object, name: str) -> None:
    """Raise a ConfigError unless a number of bins is a whole number from 2 to 256."""
    whole = isinstance(n_bins, (int, np.integer)) and not isinstance(n_bins, bool)
    if not whole or not 2 <= n_bins <= MOST_BINS:  # type: ignore[operator]
        raise ConfigError(f"{name} is {n_bins!r}; expected a whole number from 2 to {MOST_BINS}")
