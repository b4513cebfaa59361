"""The cells of one column: its categories, or bins of equal count of its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fastml._typing import Float64
from fastml.evaluation.numbers import amount

__all__ = ["CategoryCells", "Cells", "NumberCells", "fit_cells"]

Indices = NDArray[np.intp]
_MISSING = 0


@dataclass(frozen=True, slots=True)
class NumberCells:
    """Bins of a column of numbers, booleans, dates or times; cell 0 holds what is missing.

    Attributes
    ----------
    edges : (b,) float64
        A value belongs to the bin that begins at the last edge at or below it.
    type : pyarrow.DataType
        Of the column, to write the edges in its own terms.
    """

    edges: Float64
    type: pa.DataType

    @property
    def count(self) -> int:
        """The number of cells."""
        return len(self.edges) + 2

    def index(self, column: pa.ChunkedArray) -> Indices:
        """Return each row's cell."""
        numbers = _numbers(column)
        cells: Indices = 1 + np.searchsorted(self.edges, numbers, side="right")
        cells[np.isnan(numbers)] = _MISSING
        return cells

    def label(self, cell: int) -> str:
        """Return a cell in words."""
        if cell == _MISSING:
            return "missing values"
        if not len(self.edges):
            return "every value"
        if cell == 1:
            return f"values below {self._edge(0)}"
        if cell == self.count - 1:
            return f"values from {self._edge(-1)}"
        return f"values from {self._edge(cell - 2)} to below {self._edge(cell - 1)}"

    def _edge(self, place: int) -> str:
        edge = float(self.edges[place])
        if pa.types.is_boolean(self.type):
            return "true"
        if not pa.types.is_temporal(self.type):
            return amount(edge, 6)
        return str(pa.scalar(int(edge), _integer(self.type)).cast(self.type))


@dataclass(frozen=True, slots=True)
class CategoryCells:
    """The categories of a text column; cell 0 holds nulls, the last what was never seen.

    Attributes
    ----------
    categories : pyarrow.Array
    """

    categories: pa.Array

    @property
    def count(self) -> int:
        """The number of cells."""
        return len(self.categories) + 2

    def index(self, column: pa.ChunkedArray) -> Indices:
        """Return each row's cell."""
        cells: Indices = np.concatenate([np.empty(0, np.intp), *map(self._index, column.chunks)])
        return cells

    def _index(self, chunk: pa.Array) -> Indices:
        if pa.types.is_dictionary(chunk.type):
            of_entry: Indices = np.append(self._index(chunk.dictionary), _MISSING)
            entries = pc.fill_null(chunk.indices.cast(pa.int64()), len(chunk.dictionary))
            places: Indices = entries.to_numpy()
            return of_entry[places]
        found = pc.index_in(chunk.cast(self.categories.type), self.categories, skip_nulls=True)
        known = pc.fill_null(found, len(self.categories))
        cells: Indices = np.asarray(known, dtype=np.intp) + 1
        cells[np.asarray(chunk.is_null())] = _MISSING
        return cells

    def label(self, cell: int) -> str:
        """Return a cell in words."""
        if cell == _MISSING:
            return "missing values"
        if cell == self.count - 1:
            return "other values"
        return repr(self.categories[cell - 1].as_py())


Cells: TypeAlias = NumberCells | CategoryCells


def fit_cells(column: pa.ChunkedArray, bins: int) -> Cells | None:
    """Return the cells of a column, or None for a type that has none.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
    bins : int
        The most bins of a column of numbers, of equal count but that equal values share a bin. With
        no more distinct values than bins, each is a bin.
    """
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return CategoryCells(pc.unique(_decoded(column)).drop_null())
    if not _has_order(kind):
        return None
    numbers = _numbers(column)
    return NumberCells(_edges(np.sort(numbers[~np.isnan(numbers)]), bins), kind)


def _edges(ordered: Float64, bins: int) -> Float64:
    """Return where bins begin that hold equal counts of sorted values.

    A value that fills a bin ends there, and the next distinct value begins another: what is rare
    beside it, such as a flag that is seldom set, is often what matters.
    """
    starts = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1  # of each distinct value but the least
    if len(starts) < bins:
        return ordered[starts]
    places = np.arange(1, bins) * len(ordered) // bins
    value = np.searchsorted(starts, places, side="right")  # the distinct value at each place
    fills = value[1:][value[1:] == value[:-1]]
    begins = np.unique(np.concatenate([value, fills + 1]))
    kept = begins[(begins > 0) & (begins <= len(starts))]
    edges: Float64 = ordered[starts[kept - 1]]
    return edges


def _has_order(kind: pa.DataType) -> bool:
    return (
        pa.types.is_boolean(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or (pa.types.is_temporal(kind) and not pa.types.is_interval(kind))
    )


def _numbers(column: pa.ChunkedArray) -> Float64:
    """Return the column as float64, NaN where it is null."""
    column = _decoded(column)
    if pa.types.is_temporal(column.type):
        column = column.cast(_integer(column.type))
    elif pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    numbers = column.cast(pa.float64(), safe=False)
    return np.asarray(pc.fill_null(numbers, float("nan")).to_numpy())


def _integer(kind: pa.DataType) -> pa.DataType:
    return pa.int64() if kind.bit_width == 64 else pa.int32()


def _decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
