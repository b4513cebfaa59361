"""Categories into indicators, or (inside a pipeline) into codes that are never expanded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fastml._typing import Int32
from fastml.errors import ConfigError, DataError, SchemaError
from fastml.preprocessing._columns import checked_columns
from fastml.preprocessing._indicators import dense_indicators, sparse_indicators
from fastml.preprocessing._transformer import Names, Transformer
from fastml.preprocessing.categories import CategoryPlan, make_plan

__all__ = ["OneHotEncoder"]


class OneHotEncoder(Transformer):
    """Give each category of each column an indicator of 0 and 1.

    Parameters
    ----------
    handle_unknown : {"ignore", "error", "infrequent"}, default "ignore"
        What becomes of a value that `fit` did not see: no indicator is set; an error; or the
        indicator of the infrequent, where the column has one.
    min_frequency : int or float, optional
        Categories seen in fewer rows (a float: in less than that share of all rows) share one
        indicator.
    max_categories : int, optional
        At most this many indicators a column, those of missing values and of the infrequent
        included; the rarest categories share one. Of equally frequent ones, those that sort last
        are kept, as scikit-learn does.
    null : {"category", "ignore"}, default "category"
        Whether a missing value has an indicator of its own (where `fit` saw one), or sets none.
    sparse_output : bool, default True
        A `scipy.sparse.csr_array`, or a dense array.

    Attributes
    ----------
    categories_ : list of arrays
        The values seen in each column, sorted; missing values left out.
    plans_ : list of CategoryPlan
        The codes of each column, in the order of `categories_`.

    Examples
    --------
    >>> encoder = OneHotEncoder(sparse_output=False)
    >>> encoder.fit_transform([["red", 1], ["blue", 2], [None, 1]])
    array([[0., 1., 0., 1., 0.],
           [1., 0., 0., 0., 1.],
           [0., 0., 1., 1., 0.]])
    >>> encoder.get_feature_names_out(["colour", "size"]).tolist()
    ['colour_blue', 'colour_red', 'colour_(missing)', 'size_1', 'size_2']
    """

    _allow_nan: ClassVar[bool] = True

    categories_: list[np.ndarray[Any, Any]]
    plans_: list[CategoryPlan]

    def __init__(
        self,
        *,
        handle_unknown: Literal["ignore", "error", "infrequent"] = "ignore",
        min_frequency: int | float | None = None,
        max_categories: int | None = None,
        null: Literal["category", "ignore"] = "category",
        sparse_output: bool = True,
    ) -> None:
        self.handle_unknown = handle_unknown
        self.min_frequency = min_frequency
        self.max_categories = max_categories
        self.null = null
        self.sparse_output = sparse_output

    def choose_categories(
        self, categories: pa.Array, counts: np.ndarray[Any, np.dtype[np.int64]], nulls: int
    ) -> CategoryPlan:
        """Decide which categories have a code, from how often each was seen.

        Parameters
        ----------
        categories : pyarrow.Array of n values
            Strings (or numbers), distinct, in any order, none of them null.
        counts : int64 array of shape (n,)
            Rows of each.
        nulls : int
            Rows where it is missing.
        """
        self._check_parameters()
        counts = np.asarray(counts, dtype=np.int64)
        with_null = nulls > 0 and self.null == "category"
        least = self.min_frequency or 0
        if isinstance(least, float):
            least *= int(counts.sum()) + nulls
        rare = counts < least
        if self.max_categories is not None:
            room = self.max_categories - with_null
            if len(counts) - int(rare.sum()) + bool(rare.any()) > room:
                order = np.asarray(pc.array_sort_indices(categories))
                ascending = order[np.argsort(counts[order], kind="stable")]
                rare[ascending[: len(counts) - max(room - 1, 0)]] = True
        return make_plan(
            categories,
            np.flatnonzero(rare).tolist(),
            null=with_null,
            unknown_is_infrequent=self.handle_unknown == "infrequent",
        )

    def _check_parameters(self) -> None:
        if self.handle_unknown not in ("ignore", "error", "infrequent"):
            raise ConfigError(
                f"handle_unknown is {self.handle_unknown!r}; expected 'ignore', 'error' or "
                "'infrequent'"
            )
        if self.null not in ("category", "ignore"):
            raise ConfigError(f"null is {self.null!r}; expected 'category' or 'ignore'")
        least = self.min_frequency
        if least is not None and not (0.0 < least < 1.0 if isinstance(least, float) else least > 0):
            raise ConfigError(
                f"min_frequency is {least!r}; expected a number of rows (a whole number above 0) "
                "or a share of them (between 0.0 and 1.0)"
            )
        if self.max_categories is not None and self.max_categories < 2:
            raise ConfigError(f"max_categories is {self.max_categories!r}; expected at least 2")

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the categories of each column.

        Parameters
        ----------
        X : table of shape (n_rows, n_features)
            Strings, numbers, booleans or dates, each column of one type; NumPy (also of objects),
            pandas, polars or Arrow. Null and NaN are missing.
        y : ignored
        """
        return self._learn(checked_columns(self, X, reset=True))

    def _learn(self, columns: Sequence[pa.Array]) -> Self:
        self._values: list[pa.Array] = []
        self.categories_, self.plans_ = [], []
        for j, column in enumerate(columns):
            if pa.types.is_nested(column.type):
                raise SchemaError(
                    f"column {self._input_names(None)[j]!r} has the type {column.type}; expected "
                    "strings, numbers, booleans or dates; flatten it first"
                )
            seen = pc.value_counts(column.drop_null())
            values, counts = seen.field("values"), np.asarray(seen.field("counts"))
            order = np.asarray(pc.array_sort_indices(values))
            values = values.take(pa.array(order))
            self._values.append(values)
            self.categories_.append(values.to_numpy(zero_copy_only=False))
            self.plans_.append(self.choose_categories(values, counts[order], column.null_count))
        return self

    def transform(self, X: Any) -> Any:
        """Encode a table.

        Returns
        -------
        csr_array or float64 array of shape (n_rows, n_codes of all columns)
            Or what `set_output` chose, which needs ``sparse_output=False``.

        Raises
        ------
        DataError
            If a value was not seen in `fit` and `handle_unknown` is "error".
        """
        columns = checked_columns(self, X, reset=False)
        codes = self._codes(columns)
        if self.sparse_output:
            if self._container() != "default":
                raise ConfigError(
                    f"a {self._container()} data frame cannot be made of sparse output; "
                    "set sparse_output=False"
                )
            return sparse_indicators(codes, self._sizes())
        return self._wrapped(dense_indicators(codes, self._sizes()), X)

    def _sizes(self) -> list[int]:
        return [plan.n_codes for plan in self.plans_]

    def _codes(self, columns: Sequence[pa.Array]) -> Int32:
        """Return the code of each value within its column's, int32 (rows, columns); -1 for none."""
        return np.stack([self._column_codes(each, j) for j, each in enumerate(columns)], axis=1)

    def _column_codes(self, column: pa.Array, j: int) -> Int32:
        plan, values = self.plans_[j], self._values[j]
        column, values = self._comparable(column, values, j)
        found = pc.index_in(column, values)
        unknown = pc.and_(pc.is_null(found), pc.is_valid(column))
        if self.handle_unknown == "error" and (first := pc.index(unknown, True).as_py()) >= 0:
            raise DataError(
                f"column {self._input_names(None)[j]!r} has {column[first].as_py()!r} at row "
                f"{first}, which was not among the {len(values)} categories of fit; "
                "fit with it, or choose handle_unknown='ignore' or 'infrequent'"
            )
        index = np.array(pc.fill_null(found, -1))
        index[np.asarray(unknown)] = len(values)
        codes: Int32 = plan.table[index + 1]
        return codes

    def _comparable(self, column: pa.Array, values: pa.Array, j: int) -> tuple[pa.Array, pa.Array]:
        """Return both as one type: that of `fit`, or float64 where both are numbers."""
        wanted, found = values.type, column.type
        if found.equals(wanted):
            return column, values
        if pa.types.is_null(found):
            return pa.nulls(len(column), wanted), values
        if pa.types.is_null(wanted):
            return column, pa.array([], found)
        if _is_number(wanted) and _is_number(found):
            return column.cast(pa.float64(), safe=False), values.cast(pa.float64(), safe=False)
        if pa.types.is_large_string(wanted) and pa.types.is_integer(found):
            return column.cast(wanted), values
        raise SchemaError(
            f"column {self._input_names(None)[j]!r} has the type {found}; "
            f"{type(self).__name__} was fitted on {wanted}; cast it"
        )

    def get_feature_names_out(self, input_features: Sequence[str] | None = None) -> Names:
        """Return a name for each indicator: the column's, an underscore, and the category."""
        names = self._input_names(input_features)
        each = zip(names, self.plans_, strict=True)
        return np.array(
            [name for column, plan in each for name in plan.names(column)], dtype=object
        )

    def __sklearn_tags__(self) -> Any:
        """Describe the estimator to scikit-learn, which alone calls this."""
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags


def _is_number(type_: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_boolean(type_)
    )
