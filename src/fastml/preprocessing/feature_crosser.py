"""Combinations of columns as categories, so that a linear model learns what goes together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
import pyarrow as pa

from fastml._native.codes import MOST_PARTS, CombinationCounts, Combinations, finish_codes
from fastml._typing import Int32
from fastml.errors import ConfigError, DataError, SchemaError, did_you_mean
from fastml.preprocessing._columns import checked_columns
from fastml.preprocessing._indicators import dense_indicators, sparse_indicators
from fastml.preprocessing._transformer import Names, Transformer
from fastml.preprocessing.one_hot_encoder import OneHotEncoder

__all__ = ["FeatureCrosser"]

Keys: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]


class FeatureCrosser(Transformer):
    """Give each combination of the values of several columns an indicator of 0 and 1.

    A combination that `fit` did not see, or seldom, sets no indicator: the columns' own, beside
    these, say all that is known of it. A missing value is a value.

    Parameters
    ----------
    crosses : sequence of sequences of str (or of int, columns counted from 0), optional
        The columns of each cross, two or more. Default: every pair. Cut numbers into bins before,
        with `KBinsDiscretizer(encode="ordinal")`; a `fastml.Pipeline` does so.
    min_frequency : int, default 20
        The fewest rows of a combination that has an indicator.
    max_categories : int, default 100,000
        The most indicators of a cross: those of the most frequent combinations.
    sparse_output : bool, default True
        A `scipy.sparse.csr_array`, or a dense array.

    Attributes
    ----------
    crosses_ : list of tuples of int
        The columns of each cross, counted from 0.

    Examples
    --------
    >>> crosser = FeatureCrosser(min_frequency=1, sparse_output=False)
    >>> crosser.fit_transform([["red", 1], ["red", 2], ["blue", 1]])
    array([[0., 1., 0.],
           [0., 0., 1.],
           [1., 0., 0.]])
    >>> crosser.get_feature_names_out(["colour", "size"]).tolist()
    ['colour=blue x size=1', 'colour=red x size=1', 'colour=red x size=2']
    """

    _allow_nan: ClassVar[bool] = True

    crosses_: list[tuple[int, ...]]

    def __init__(
        self,
        crosses: Sequence[Sequence[str | int]] | Sequence[Sequence[str]] | None = None,
        *,
        min_frequency: int = 20,
        max_categories: int = 100_000,
        sparse_output: bool = True,
    ) -> None:
        self.crosses = crosses
        self.min_frequency = min_frequency
        self.max_categories = max_categories
        self.sparse_output = sparse_output

    def choose_combinations(self, keys: Keys, counts: Keys) -> Keys:
        """Decide which combinations have a code.

        Parameters
        ----------
        keys : int64 array of shape (n,)
            Combinations as numbers, ascending.
        counts : int64 array of shape (n,)
            Rows of each.

        Returns
        -------
        int64 array
            Places in `keys`, ascending; of equally frequent combinations the first stay.
        """
        for name in ("min_frequency", "max_categories"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
                raise ConfigError(f"{name} is {value!r}; expected a whole number above 0")
        kept = np.flatnonzero(counts >= self.min_frequency)
        if len(kept) > self.max_categories:
            by_count = np.argsort(-counts[kept], kind="stable")
            kept = np.sort(kept[by_count[: self.max_categories]])
        return kept

    def check_crosses(self) -> None:
        """Check what can be said of the crosses without a table.

        Raises
        ------
        ConfigError
            If they are no lists of columns, or one has fewer than two or one of them twice.
        """
        crosses = self.crosses if self.crosses is not None else ()
        if isinstance(crosses, str):
            raise ConfigError(f'crosses is the text {crosses!r}; expected [["a", "b"], ...]')
        for cross in crosses:
            if isinstance(cross, str) or not isinstance(cross, Sequence):
                raise ConfigError(
                    f'crosses has {cross!r}; expected lists of columns: [["a", "b"], ...]'
                )
            if not 2 <= len(cross) <= MOST_PARTS:
                raise ConfigError(
                    f"crosses has {list(cross)!r}; a cross is of two or three columns"
                )
            if len(set(cross)) < len(cross):
                raise ConfigError(f"crosses has {list(cross)!r}; name each column once")

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the combinations of each cross.

        Parameters
        ----------
        X : table of shape (n_rows, n_features)
            As of `OneHotEncoder`.
        y : ignored
        """
        self.check_crosses()
        columns = checked_columns(self, X, reset=True)
        self._names: list[str] = self._input_names(None).tolist()
        self.crosses_ = self._found_crosses()
        self._encoder = OneHotEncoder()
        self._encoder._remember_columns(len(columns), self._names)
        self._encoder._learn(columns)
        parts = self._parts(columns)
        self._keys: list[Keys] = []
        for cross in self.crosses_:
            counted = CombinationCounts(self._sizes(cross))
            counted.update([parts[j] for j in cross], len(columns[0]))
            keys, counts = counted.items()
            self._keys.append(keys[self.choose_combinations(keys, counts)])
        return self

    def _found_crosses(self) -> list[tuple[int, ...]]:
        if self.crosses is None:
            if self.n_features_in_ < 2:
                raise DataError(
                    f"there is nothing to cross: X has n_features={self.n_features_in_}; "
                    "give at least two columns"
                )
            return list(combinations(range(self.n_features_in_), 2))
        return [tuple(map(self._place, cross)) for cross in self.crosses]

    def _place(self, column: str | int) -> int:
        if isinstance(column, str) and column in self._names:
            return self._names.index(column)
        if isinstance(column, (int, np.integer)) and 0 <= column < self.n_features_in_:
            return int(column)
        hint = did_you_mean(column, self._names, listed=True) if isinstance(column, str) else ""
        raise SchemaError(f"crosses names {column!r}, which is not a column of X{hint}")

    def _sizes(self, cross: tuple[int, ...]) -> list[int]:
        return [self._encoder.plans_[j].n_codes for j in cross]

    def _parts(self, columns: Sequence[pa.Array]) -> list[tuple[Int32, None, Int32]]:
        codes = self._encoder._codes(columns).T
        return [
            (np.ascontiguousarray(own), None, np.arange(-1, plan.n_codes, dtype=np.int32))
            for own, plan in zip(codes, self._encoder.plans_, strict=True)
        ]

    def transform(self, X: Any) -> Any:
        """Cross the columns of a table.

        Returns
        -------
        csr_array or float64 array of shape (n_rows, n_codes of all crosses)
            Or what `set_output` chose, which needs ``sparse_output=False``.
        """
        columns = checked_columns(self, X, reset=False)
        parts = self._parts(columns)
        codes = np.empty((len(columns[0]), len(self.crosses_)), np.int32)
        crosses = [
            ([parts[j] for j in cross], Combinations(self._sizes(cross), keys), 0)
            for cross, keys in zip(self.crosses_, self._keys, strict=True)
        ]
        finish_codes([], crosses, codes)
        sizes = [len(keys) for keys in self._keys]
        if not self.sparse_output:
            return self._wrapped(dense_indicators(codes, sizes), X)
        if self._container() != "default":
            raise ConfigError(
                f"a {self._container()} data frame cannot be made of sparse output; "
                "set sparse_output=False"
            )
        return sparse_indicators(codes, sizes)

    def get_feature_names_out(self, input_features: Sequence[str] | None = None) -> Names:
        """Return a name for each indicator: `colour=red x size=1`."""
        names = self._input_names(input_features)
        words = [
            plan.names(name, "=") for name, plan in zip(names, self._encoder.plans_, strict=True)
        ]
        out = []
        for cross, keys in zip(self.crosses_, self._keys, strict=True):
            codes = zip(*np.unravel_index(keys, self._sizes(cross)), strict=True)
            out += [
                " x ".join(words[j][code] for j, code in zip(cross, each, strict=True))
                for each in codes
            ]
        return np.array(out, dtype=object)

    def __sklearn_tags__(self) -> Any:
        """Describe the estimator to scikit-learn, which alone calls this."""
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags
