"""The encode plan: every fitted step, compiled into one pass from a record batch to a design block.

Training finishes the blocks that its first pass staged (`finish`), serving encodes batches
(`encode`). Both run the same kernels with the same parameters, so they give the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fastml._native.codes import Combinations, finish_codes
from fastml._native.encode import DenseEncoder, stage_dense
from fastml._native.lookup import CategoryLookup
from fastml._typing import Float32, Float64, Int32
from fastml.errors import DataError
from fastml.linear_model.design import DesignBlock
from fastml.preprocessing.calendar import PARTS, calendar_codes
from fastml.preprocessing.conform import conform, is_category_type
from fastml.preprocessing.features import (
    BinFeature,
    CategoryFeature,
    CodeFeature,
    CrossFeature,
    NumericFeature,
    PartFeature,
    is_plain_value,
)
from fastml.preprocessing.parts import PartColumn, StagedParts
from fastml.preprocessing.staging import StagedBlock, Staging, as_floats

__all__ = ["EncodePlan"]


class EncodePlan:
    """Turns record batches into design blocks.

    Parameters
    ----------
    schema : pyarrow.Schema
        The input columns that the features need, in the order that batches are brought to.
    numeric : sequence of NumericFeature
        The dense part, in order; an indicator follows all the numbers.
    categorical : sequence of CategoryFeature
        The code part, in order.
    infinite : {"error", "missing"}
        What an infinite number is: an error, or a missing value.
    bins : sequence of BinFeature
        Each of a column that is among `numeric`. Those that stand `alone` follow the categories.
    crosses : sequence of CrossFeature
        Of parts that are among `categorical` and `bins`; they follow the bins.

    Attributes
    ----------
    parts : tuple of PartFeature
        The categories and the bins: what crosses combine.
    coded : tuple of CodeFeature
        The columns of the code part, in order.
    code_starts : tuple of int
        The first code of each.
    single_parts : tuple of (int, int32 array)
        For each column of the code part that is no cross: which of `parts` it is, and what each
        code of that becomes (see `PartFeature.table`), starts and all.
    crossed_parts : tuple of (CrossFeature, tuple of int, int)
        For each cross: which of `parts` it combines, and its first code.
    """

    def __init__(
        self,
        schema: pa.Schema,
        numeric: Sequence[NumericFeature],
        categorical: Sequence[CategoryFeature],
        infinite: str = "error",
        *,
        bins: Sequence[BinFeature] = (),
        crosses: Sequence[CrossFeature] = (),
    ) -> None:
        self.schema = schema
        self.numeric = tuple(numeric)
        self.categorical = tuple(categorical)
        self.bins = tuple(bins)
        self.crosses = tuple(crosses)
        self.infinite = infinite
        single: list[PartFeature] = [*self.categorical, *(f for f in self.bins if f.alone)]
        self.coded: tuple[CodeFeature, ...] = (*single, *self.crosses)
        indicators = [f for f in self.numeric if f.indicator]
        self.n_dense = len(self.numeric) + len(indicators)
        self.n_codes = sum(f.n_codes for f in self.coded)
        places = [[each[i] for each in self.dense_places()] for i in (1, 2)]
        self._dense = DenseEncoder(
            np.array([f.shift for f in self.numeric], np.float64),
            np.array([f.offset for f in self.numeric], np.float32),
            np.array([f.factor for f in self.numeric], np.float32),
            np.array([f.fill for f in self.numeric], np.float32),
            *(np.array(each, np.int64) for each in places),
        )
        self._dense_at = np.array(
            [schema.get_field_index(f.column) for f in self.numeric], np.int64
        )
        self._lookups = [
            CategoryLookup(f.values) if f.part is None else None for f in self.categorical
        ]
        starts = np.cumsum([0, *(f.n_codes for f in self.coded)])
        self.code_starts: tuple[int, ...] = tuple(int(start) for start in starts[:-1])
        self.parts: tuple[PartFeature, ...] = (*self.categorical, *self.bins)
        self._bins_at = np.array([schema.get_field_index(f.column) for f in self.bins], np.int64)
        self._bin_shifts = np.array([f.shift for f in self.bins], np.float64)
        at = {id(f): i for i, f in enumerate(self.parts)}
        self.single_parts = tuple(
            (at[id(f)], np.where(f.table >= 0, f.table + start, -1).astype(np.int32))
            for f, start in zip(single, self.code_starts, strict=False)
        )
        self.crossed_parts = tuple(
            (f, tuple(at[id(part)] for part in f.parts), start)
            for f, start in zip(self.crosses, self.code_starts[len(single) :], strict=True)
        )
        self._combinations = [Combinations(f.sizes, f.keys) for f in self.crosses]

    def dense_places(self) -> list[tuple[NumericFeature, int, int]]:
        """Return where in the dense part each number stands, and its indicator (-1: none)."""
        found, last = [], len(self.numeric) - 1
        for place, number in enumerate(self.numeric):
            last += number.indicator
            found.append((number, place, last if number.indicator else -1))
        return found

    def feature_names(self) -> list[str]:
        """Return a name for each feature: the dense ones, then one for each code."""
        numbers = [f.column for f in self.numeric]
        indicators = [f.names()[1] for f in self.numeric if f.indicator]
        return [*numbers, *indicators, *(name for f in self.coded for name in f.names())]

    def encode(self, batch: pa.RecordBatch, where: str = "the table", row: int = 0) -> DesignBlock:
        """Encode a batch of any number of rows.

        Parameters
        ----------
        batch : pyarrow.RecordBatch
        where : str
            The source's name, for messages.
        row : int
            The number of the batch's first row in its source, for messages.

        Raises
        ------
        SchemaError
            If a column is missing or of another type.
        DataError
            If a number is infinite and the plan does not take infinities as missing.
        """
        batch = conform(batch, self.schema, where, row)
        dense = np.empty((batch.num_rows, self.n_dense), np.float32)
        _, infinite = self._dense.encode(batch, self._dense_at, dense)
        if infinite.any():
            batch = self._without_infinities(batch, dense, infinite, where, row)
            self._dense.encode(batch, self._dense_at, dense)
        codes = np.empty((batch.num_rows, len(self.coded)), np.int32)
        self._finish_codes(self._columns(batch), codes)
        return DesignBlock(dense, codes)

    def _columns(self, batch: pa.RecordBatch) -> list[PartColumn]:
        """Return the column of each part as staging would have it."""
        codes = np.empty((len(self.categorical), batch.num_rows), np.int32)
        for feature, lookup, own in zip(self.categorical, self._lookups, codes, strict=True):
            column = batch.column(feature.column)
            if lookup is None:
                own[:] = calendar_codes(column, str(feature.part))
            else:
                lookup.find(column, own)
        numbers = np.empty((len(self.bins), batch.num_rows), np.float32)
        stage_dense(batch, self._bins_at, self._bin_shifts, numbers)
        return [
            *map(PartColumn, codes),
            *(PartColumn(own, f.staged_edges) for own, f in zip(numbers, self.bins, strict=True)),
        ]

    def _finish_codes(self, columns: Sequence[PartColumn], rows: Int32) -> None:
        single = [columns[i].by(table) for i, table in self.single_parts]
        crosses = [
            ([columns[i].by(self.parts[i].table) for i in at], known, start)
            for (_, at, start), known in zip(self.crossed_parts, self._combinations, strict=True)
        ]
        finish_codes(single, crosses, rows)

    def _without_infinities(
        self,
        batch: pa.RecordBatch,
        dense: Float32,
        infinite: np.ndarray[Any, Any],
        where: str,
        row: int,
    ) -> pa.RecordBatch:
        for i in np.flatnonzero(infinite):
            name = self.numeric[i].column
            column = batch.column(name)
            beyond = np.isinf(dense[:, i])
            too_large = beyond & ~np.isinf(as_floats(column))
            if too_large.any():
                first = int(np.argmax(too_large))
                raise too_large_error(name, column[first].as_py(), where, row + first + 1)
            if self.infinite == "error":
                raise infinite_error(name, where, row + int(np.argmax(beyond)) + 1)
            cleaned = pc.if_else(pa.array(beyond), pa.scalar(None, column.type), column)
            batch = batch.set_column(batch.schema.get_field_index(name), name, cleaned)
        return batch

    def finish(self, staging: Staging, block: StagedBlock) -> DesignBlock:
        """Turn a staged block into the design block that `encode` would give."""
        region, (dense, codes) = staging.memory.arrays(
            ((block.n_rows, self.n_dense), np.float32),
            ((block.n_rows, len(self.coded)), np.int32),
        )
        at = {name: i for i, name in enumerate(staging.numeric)}
        columns = np.array([at[f.column] for f in self.numeric], np.int64)
        self._dense.finish(block.dense, columns, dense)
        self._finish_codes(StagedParts(staging, self.parts).of(block), codes)
        region.rest()
        return DesignBlock(dense, codes, memory=region)

    def text_columns(self) -> list[str]:
        """Return the columns that must have been text: of categories that no number is written as.

        Where all categories are whole numbers or booleans, the column may have been of those.
        """
        return [
            feature.column
            for feature in self.categorical
            if feature.part is None and not all(map(is_plain_value, feature.values.to_pylist()))
        ]

    def weights_of(self, weights: Float64, feature: CodeFeature) -> Float64:
        """Return the rows of a weight matrix that belong to a feature of the code part."""
        start = self.n_dense + self.code_starts[self.coded.index(feature)]
        return weights[start : start + feature.n_codes]


def infinite_error(column: str, where: str, row: int | None) -> DataError:
    """Return the error for an infinity among the numbers; the row may not be known."""
    at = "" if row is None else f", the first at row {row:,}"
    return DataError(
        f"column {column!r} of {where} has an infinite value{at}; "
        "replace it by a number or a null, or take infinities as missing: infinite='missing'"
    )


def too_large_error(column: str, value: float | None, where: str, row: int | None) -> DataError:
    """Return the error for a number that is finite, but not as a float32."""
    found = "a value" if value is None else f"the value {value:g} at row {row:,}"
    return DataError(
        f"column {column!r} of {where} has {found} that is too large to learn from (beyond 3.4e38, "
        "the range of a float32); replace it by a null, or scale the column"
    )


def part_table(part: str, counts: np.ndarray[Any, Any]) -> Int32:
    """Return the code table of a part of a date; a missing date has the last code, if any."""
    n = len(PARTS[part])
    null = n if counts[0] else -1
    return np.array([null, *range(n), -1], np.int32)


def needed_schema(schema: pa.Schema, columns: Sequence[str]) -> pa.Schema:
    """Return the fields of the columns that features need; strings plain, nulls allowed."""
    fields = []
    for name in columns:
        type_ = schema.field(name).type
        fields.append(pa.field(name, pa.string() if is_category_type(type_) else type_))
    return pa.schema(fields)
