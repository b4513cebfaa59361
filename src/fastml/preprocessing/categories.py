"""Which categories of a column get a code of their own, and what the others become."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fastml._typing import Int32
from fastml.preprocessing.features import INFREQUENT, MISSING

__all__ = ["CategoryPlan", "make_plan"]

Indices: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True, eq=False)
class CategoryPlan:
    """The codes of one column: its kept categories, then a missing value, then the infrequent.

    Parameters
    ----------
    kept : int64 array of shape (n_kept,)
        Indices of the categories that have a code of their own, sorted by value: ``kept[i]`` has
        code i.
    infrequent : int64 array
        Indices of those that share the infrequent code, sorted by value.
    null_code : int or None
        The code of a missing value, if it has one.
    infrequent_code : int or None
        The code that rare categories share, if there are any.
    unknown_code : int
        The code of a value that was not seen; -1 for none.
    labels : tuple of str of length n_codes
        What each code stands for. No two are equal.
    """

    kept: Indices
    infrequent: Indices
    null_code: int | None
    infrequent_code: int | None
    unknown_code: int
    labels: tuple[str, ...]

    @property
    def n_codes(self) -> int:
        """How many codes there are."""
        return len(self.labels)

    @property
    def table(self) -> Int32:
        """The code of a missing value, of each category in the order given, of an unknown one.

        int32 array of shape (n_categories + 2,); -1 is no code.
        """
        codes = np.full(len(self.kept) + len(self.infrequent) + 2, -1, np.int32)
        codes[self.kept + 1] = np.arange(len(self.kept), dtype=np.int32)
        if self.null_code is not None:
            codes[0] = self.null_code
        if self.infrequent_code is not None:
            codes[self.infrequent + 1] = self.infrequent_code
        codes[-1] = self.unknown_code
        return codes

    def names(self, column: str, separator: str = "_") -> list[str]:
        """Return the names of the output features of a column."""
        return [f"{column}{separator}{label}" for label in self.labels]


def make_plan(
    categories: pa.Array, infrequent: Collection[int], *, null: bool, unknown_is_infrequent: bool
) -> CategoryPlan:
    """Give codes to categories, sorted by value.

    Parameters
    ----------
    categories : pyarrow.Array
        Distinct values, in any order, none of them null.
    infrequent : collection of int
        Indices of those that share a code.
    null : bool
        Whether a missing value has a code.
    unknown_is_infrequent : bool
        Whether an unseen value takes the infrequent code, where there is one.
    """
    order = np.asarray(pc.array_sort_indices(categories)).astype(np.int64)
    rare = np.isin(order, np.fromiter(infrequent, np.int64, len(infrequent)))
    kept, bucket = order[~rare], order[rare]
    labels = [str(value) for value in categories.take(pa.array(kept)).to_pylist()]
    null_code = len(labels) if null else None
    if null:
        labels.append(_unused(MISSING, labels))
    infrequent_code = len(labels) if len(bucket) else None
    if len(bucket):
        labels.append(_unused(INFREQUENT, labels))
    unknown = infrequent_code if unknown_is_infrequent and infrequent_code is not None else -1
    return CategoryPlan(kept, bucket, null_code, infrequent_code, unknown, tuple(labels))


def _unused(label: str, labels: list[str]) -> str:
    while label in labels:  # a category may be called just that
        label = f"({label})"
    return label
