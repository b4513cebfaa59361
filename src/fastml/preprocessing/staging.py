"""The first pass over a training table: everything is learned, and the rows are kept meanwhile.

A table is decoded once. While its statistics are being folded, each block's numbers are kept as
``float32(x - shift)`` and its categories as codes of the block's own vocabulary; once the
statistics are known, the kept blocks are finished into design rows (`EncodePlan.finish`), bit for
bit what encoding the table afresh would give.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fastml._native.categories import CategoryCounts
from fastml._native.distinct import DistinctCounts
from fastml._native.encode import stage_dense
from fastml._native.moments import NumericMoments
from fastml._native.quantiles import QuantileSketch
from fastml._typing import Float32, Float64, Int32
from fastml.engine.memory import BlockMemory, Region
from fastml.preprocessing.calendar import PARTS, calendar_codes, parts_of
from fastml.preprocessing.conform import is_category_type, is_dense_type
from fastml.profile.roles import SAMPLE

__all__ = ["StagedBlock", "Staging"]

NO_ROOM = -2
"""The code of a string for which `CategoryCounts` had no room; last in a code table, as unknown."""


@dataclass(slots=True)
class StagedBlock:
    """One block of rows between the passes, with the states that were folded over it.

    Parameters
    ----------
    dense : float32 array of shape (numeric columns, rows)
        Numbers less their column's shift; NaN is missing.
    codes : int32 array of shape (category columns + parts of dates, rows)
        Codes of the block's own vocabularies; -1 is missing.
    target : float64 array of shape (rows,) or int32 codes of the block's own vocabulary
    weight : float64 array of shape (rows,) or None
    memory : Region
        Where `dense` and `codes` lie; whoever has read them lets it rest.
    """

    n_rows: int
    dense: Float32
    codes: Int32
    target: NDArray[Any]
    weight: Float64 | None
    memory: Region
    moments: NumericMoments
    distinct: DistinctCounts
    quantiles: QuantileSketch | None
    too_large: np.ndarray[Any, np.dtype[np.int64]]
    categories: list[CategoryCounts]
    parts: list[np.ndarray[Any, np.dtype[np.int64]]]
    target_categories: CategoryCounts | None
    remaps: list[Int32] = field(default_factory=list)

    def let_go_of_states(self) -> None:
        """Free what has been merged: of wide tables it is larger than the rows."""
        self.moments, self.distinct, self.quantiles = NumericMoments(0), DistinctCounts(0), None
        self.categories, self.target_categories = [], None


class Staging:
    """Folds the blocks of a training table into the statistics that a plan is made from.

    `stage` is called on threads, a block at a time; `take` in the order of the blocks.

    Parameters
    ----------
    first : pyarrow.RecordBatch
        The first block, of the schema that all have; its means become the shifts.
    columns : sequence of str
        The candidates for features.
    target : str
    weight : str or None
    quantiles : bool
        Whether a step asks for quantiles of the numeric columns.
    memory : BlockMemory, optional
        Lends what staged and finished rows lie in; default without a bound.
    """

    def __init__(
        self,
        first: pa.RecordBatch,
        columns: Sequence[str],
        target: str,
        weight: str | None,
        *,
        quantiles: bool = False,
        memory: BlockMemory | None = None,
    ) -> None:
        self.schema = schema = first.schema
        typed = [(name, schema.field(name).type) for name in columns]
        self.numeric = [name for name, type_ in typed if is_dense_type(type_)]
        self.text = [name for name, type_ in typed if is_category_type(type_)]
        self.parts = [(name, part) for name, type_ in typed for part in parts_of(type_)]
        self._target, self._weight, self._quantiles = target, weight, quantiles
        self._numeric_at = np.array([schema.get_field_index(n) for n in self.numeric], np.int64)
        self.n_rows = 0
        self.memory = BlockMemory() if memory is None else memory
        self.n_left_out = 0  # rows of the table that were not staged
        self.moments = NumericMoments(len(self.numeric), correlations=True)
        # Whole numbers may be keys or codes; of others no role depends on how many there are.
        self._few = [
            i for i, n in enumerate(self.numeric) if not pa.types.is_integer(schema.field(n).type)
        ]
        self.distinct = DistinctCounts(len(self.numeric), self._few)
        self.quantiles = QuantileSketch(len(self.numeric)) if quantiles else None
        self.categories = [CategoryCounts() for _ in self.text]
        self.too_large = np.zeros(len(self.numeric), np.int64)  # finite, but not as a float32
        self.part_counts = [np.zeros(len(PARTS[part]) + 1, np.int64) for _, part in self.parts]
        self.target_type = schema.field(target).type
        self.target_categories = CategoryCounts() if is_category_type(self.target_type) else None
        self.shift = self._shift(first)
        self.samples = [first.column(n).drop_null()[:SAMPLE].to_pylist() for n in self.numeric]
        self.blocks: list[StagedBlock] = []

    def _shift(self, first: pa.RecordBatch) -> Float64:
        moments = NumericMoments(len(self.numeric))
        moments.update(first, self._numeric_at)
        return np.asarray(np.nan_to_num(moments.mean))

    def stage(self, batch: pa.RecordBatch, row: int) -> StagedBlock:
        """Fold one block, whose first row is number `row`; pure, so that any thread may run it."""
        n = batch.num_rows
        moments = NumericMoments(len(self.numeric), correlations=True)
        distinct = DistinctCounts(len(self.numeric), self._few)
        quantiles = QuantileSketch(len(self.numeric), row) if self._quantiles else None
        region, (dense, codes) = self.memory.arrays(
            ((len(self.numeric), n), np.float32),
            ((len(self.text) + len(self.parts), n), np.int32),
        )
        infinite = np.zeros(0, np.int64)
        if self.numeric:
            moments.update(batch, self._numeric_at)
            distinct.update(batch, self._numeric_at)
            if quantiles is not None:
                quantiles.update(batch, self._numeric_at)
            _, infinite = stage_dense(batch, self._numeric_at, self.shift, dense)
            for i in np.flatnonzero(infinite):  # an error, or missing: the plan says which
                dense[i][np.isinf(dense[i])] = np.nan
        categories = [CategoryCounts() for _ in self.text]
        for j, name in enumerate(self.text):
            categories[j].update(batch.column(name), codes[j])
            if categories[j].overflowed:  # the place after the known: see `around_known`
                codes[j][codes[j] == NO_ROOM] = len(categories[j])
        parts = []
        for j, (name, part) in enumerate(self.parts, len(self.text)):
            codes[j] = calendar_codes(batch.column(name), part)
            parts.append(np.bincount(codes[j] + 1, minlength=len(PARTS[part]) + 1))
        target, target_categories = self._stage_target(batch)
        region.rest()
        return StagedBlock(
            n_rows=n,
            dense=dense,
            codes=codes,
            target=target,
            weight=None if self._weight is None else as_floats(batch.column(self._weight)),
            memory=region,
            moments=moments,
            distinct=distinct,
            quantiles=quantiles,
            too_large=infinite - moments.infinite,
            categories=categories,
            parts=parts,
            target_categories=target_categories,
        )

    def _stage_target(self, batch: pa.RecordBatch) -> tuple[NDArray[Any], CategoryCounts | None]:
        column = batch.column(self._target)
        if self.target_categories is None:
            return as_floats(column), None
        seen = CategoryCounts()
        codes = np.empty(batch.num_rows, np.int32)
        seen.update(column, codes)
        return codes, seen

    def is_too_large(self, column: int, values: Float64) -> NDArray[np.bool_]:
        """Say which numbers of a column are finite, but not as staged."""
        with np.errstate(over="ignore", invalid="ignore"):
            staged = (values - self.shift[column]).astype(np.float32)
        return np.asarray(np.isinf(staged) & np.isfinite(values))

    def take(self, block: StagedBlock) -> None:
        """Merge a block's states and keep its rows; blocks must come in order."""
        self.n_rows += block.n_rows
        self.moments.merge(block.moments)
        self.distinct.merge(block.distinct)
        self.too_large += block.too_large
        if self.quantiles is not None and block.quantiles is not None:
            self.quantiles.merge(block.quantiles)
        block.remaps = [
            around_known(whole.merge(own))
            for whole, own in zip(self.categories, block.categories, strict=True)
        ]
        for total, own in zip(self.part_counts, block.parts, strict=True):
            total += own
        if self.target_categories is not None and block.target_categories is not None:
            block.target = self.target_categories.merge(block.target_categories)[block.target]
        block.let_go_of_states()
        self.blocks.append(block)

    def finish(
        self, complete: Callable[[StagedBlock], Any], *, keep: bool = False
    ) -> Callable[[int], Any]:
        """Return a function that completes block i and, unless told to `keep`, lets it go."""

        def run(i: int) -> Any:
            block = self.blocks[i]
            done = complete(block)
            if keep:
                return done
            self.memory.give_back(block.memory)
            block.dense, block.codes = np.empty((0, 0), np.float32), np.empty((0, 0), np.int32)
            return done

        return run


def as_floats(column: pa.Array) -> Float64:
    """Return a numeric column as float64, NaN where it is null."""
    floats = pc.cast(column, pa.float64(), safe=False)  # integers above 2 ** 53 are rounded
    return np.asarray(floats.to_numpy(zero_copy_only=False))


def around_known(remap: Int32) -> Int32:
    """Put the entry for a null before those of the codes, and that for want of room after them."""
    return np.concatenate([np.array([-1], np.int32), remap, np.array([NO_ROOM], np.int32)])
