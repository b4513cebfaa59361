"""The statistics of what was asked and answered, as a mergeable fold over record batches.

Of the values it is told what they are, not only of the columns: of text, how much reads as
numbers; of numbers, how many are whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fastml._native.categories import CategoryCounts
from fastml._native.distinct import DistinctCounts
from fastml._native.moments import NumericMoments
from fastml._native.quantiles import QuantileSketch
from fastml._typing import Float64
from fastml.monitoring.features import Feature, Kind, Numbers, Statistics
from fastml.preprocessing.conform import is_category_type, is_number_type

__all__ = ["TableStatistics", "kind_of"]

_CATEGORIES, _BYTES = 10_000, 1 << 20  # texts of a column that are counted one by one
_MOST_OTHERS = 1_000
_NUMBER: Final = r"^\s*[+-]?((\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[iI]nf(inity)?)\s*$"
_MOST_WHOLE = 2.0**63


def kind_of(type_: pa.DataType) -> Kind:
    """Return what a column of a type holds; booleans are 0 and 1."""
    if is_category_type(type_):
        return "String"
    if pa.types.is_integer(type_) or pa.types.is_boolean(type_):
        return "Integral"
    return "Fractional" if is_number_type(type_) else "Unknown"


class TableStatistics:
    """Statistics of the columns of a table, batch by batch.

    States of consecutive parts of a table merge into the state of the whole: counts exactly,
    moments to rounding, distributions within 0.5% of rank (exact up to 4,096 values).

    Parameters
    ----------
    kinds : mapping of str to Kind
        What columns are taken for. That of others is found from their values.
    only : bool
        Whether columns that are not in `kinds` are left out; else about 1,000 of them are taken in,
        whatever is sent.
    """

    def __init__(self, kinds: Mapping[str, Kind], *, only: bool = False) -> None:
        self.rows = 0
        self._kinds, self._only = kinds, only
        self._columns: dict[str, _Column] = {}

    def update(self, batch: pa.RecordBatch) -> None:
        """Take in rows, of types as `fastml.data.canonical_batch` gives them.

        Of a column that the batch lacks they have no value.
        """
        self.rows += batch.num_rows
        for field, column in zip(batch.schema, batch.columns, strict=True):
            if self._takes(field.name):
                self._column(field.name).update(column)

    def merge(self, other: TableStatistics) -> None:
        """Take in the state of the rows that follow."""
        self.rows += other.rows
        for name, theirs in other._columns.items():
            if self._takes(name):
                self._column(name).merge(theirs)

    def finish(self, edges: Mapping[str, Float64 | None] | None = None) -> Statistics:
        """Return the statistics of the rows taken in so far.

        Columns that were met come in the order of `kinds`, others after them.

        Parameters
        ----------
        edges : mapping of str to float64 array, optional
            Bounds of the buckets by column, so that they are those of a baseline.
        """
        order = [name for name in self._kinds if name in self._columns]
        order += [name for name in self._columns if name not in self._kinds]
        bounds = edges or {}
        features = {n: self._columns[n].feature(n, self.rows, bounds.get(n)) for n in order}
        return Statistics(self.rows, features)

    def _takes(self, name: str) -> bool:
        if name in self._columns or name in self._kinds:
            return True
        return not self._only and len(self._columns) < len(self._kinds) + _MOST_OTHERS

    def _column(self, name: str) -> _Column:
        if name not in self._columns:
            self._columns[name] = _Column(self._kinds.get(name))
        return self._columns[name]


class _Column:
    """One column; of a kind that is not known yet, its values are taken as numbers and as text."""

    def __init__(self, kind: Kind | None) -> None:
        self.kind = kind
        self.present = self.whole = self.others = 0
        self.moments = NumericMoments(1)
        self.sketch = QuantileSketch(1)
        self.texts = CategoryCounts(_CATEGORIES, _BYTES)
        self.distinct = DistinctCounts(1)

    def update(self, column: pa.Array) -> None:
        if pa.types.is_dictionary(column.type):  # whose entries may be null, too
            column = column.dictionary_decode()
        found = kind_of(column.type)
        if found == "Fractional":
            column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
        present = len(column) - column.null_count
        self.present += present
        if found == "Unknown":
            self.others += present
            return
        if self.kind in ("Integral", "Fractional", None):
            self._count_numbers(column, found)
        if self.kind in ("String", None):
            texts = _as_text(column, found)
            self.texts.update(texts)
            self.distinct.update_column(0, texts)

    def _count_numbers(self, column: pa.Array, found: Kind) -> None:
        numbers = _as_numbers(column, found)
        self.others += numbers.null_count - column.null_count
        self.whole += _whole(numbers)
        batch = pa.RecordBatch.from_arrays([numbers], names=["numbers"])
        self.moments.update(batch, [0])
        self.sketch.update(batch, [0])

    def merge(self, other: _Column) -> None:
        self.present += other.present
        self.whole += other.whole
        self.others += other.others
        self.moments.merge(other.moments)
        self.sketch.merge(other.sketch)
        self.texts.merge(other.texts)
        self.distinct.merge(other.distinct)

    def feature(self, name: str, rows: int, edges: Float64 | None) -> Feature:
        kind = self.kind or self._found()
        counts = self.present, max(rows - self.present, 0)
        if kind in ("Integral", "Fractional"):
            return Feature(name, kind, *counts, self.whole, self.others, self._numbers(edges))
        if kind == "Unknown":
            return Feature(name, kind, *counts)
        full = not self.texts.overflowed
        texts = dict(zip(self.texts.categories().to_pylist(), self.texts.counts(), strict=True))
        return Feature(
            name,
            kind,
            *counts,
            others=self.others if self.kind else 0,
            distinct=float(len(texts) if full else self.distinct.estimate()[0]),
            texts={text: int(count) for text, count in texts.items()},
        )

    def _found(self) -> Kind:
        texts = int(self.texts.counts().sum()) + self.texts.others
        if not self.present or texts < self.present:
            return "Unknown"
        if self.others:
            return "String"
        return "Integral" if self.whole == self.present else "Fractional"

    def _numbers(self, edges: Float64 | None) -> Numbers:
        moments = self.moments
        values, weights = self.sketch.items(0)
        return Numbers(
            mean=float(moments.mean[0]),
            total=float(moments.mean[0]) * float(moments.count[0]),
            std=float(np.sqrt(moments.variance()[0])),
            min=float(moments.min[0]),
            max=float(moments.max[0]),
            values=values,
            weights=weights,
            edges=edges,
        )


def _as_numbers(column: pa.Array, found: Kind) -> pa.Array:
    """Return values as numbers, null where they are none."""
    if found != "String":
        return column
    text = column.cast(pa.string())
    lowered = pc.utf8_lower(text)
    text = pc.if_else(pc.equal(lowered, "true"), "1", text)
    text = pc.if_else(pc.equal(lowered, "false"), "0", text)
    reads = pc.match_substring_regex(text, _NUMBER)
    plain = pc.utf8_ltrim(pc.utf8_trim_whitespace(text), "+")
    return pc.if_else(reads, plain, None).cast(pa.float64())


def _whole(numbers: pa.Array) -> int:
    """Count the whole numbers."""
    if not pa.types.is_floating(numbers.type):
        return int(len(numbers) - numbers.null_count)
    values = numbers.drop_null().to_numpy(zero_copy_only=False)
    return int(((np.floor(values) == values) & (np.abs(values) < _MOST_WHOLE)).sum())


def _as_text(column: pa.Array, found: Kind) -> pa.Array:
    """Return values as text, whole numbers without a point."""
    if found == "String":
        return column
    if found == "Fractional" and _whole(column) == len(column) - column.null_count:
        column = column.cast(pa.int64())
    return column.cast(pa.string())
