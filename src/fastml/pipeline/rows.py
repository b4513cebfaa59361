"""How a fitted pipeline reads the rows of a table: in the training table's types, encoded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fastml._typing import Float64
from fastml.data import Source, scan
from fastml.engine import BlockMemory, ordered_map
from fastml.linear_model.design import Design, DesignBlock
from fastml.pipeline.target import Target
from fastml.preprocessing.conform import find_columns
from fastml.preprocessing.encode_plan import EncodePlan
from fastml.preprocessing.staging import as_floats
from fastml.preprocessing.weights import check_weight_type, check_weights

__all__ = ["Labelled", "RowReader"]


class Labelled(NamedTuple):
    """Rows with their truth.

    Attributes
    ----------
    truth : int64 or float64 array of shape (rows,)
        The code of each row's class (binary: 1 is the positive one), or the number.
    weight : float64 array of shape (rows,), or None
        The row weights, where the pipeline was trained with some.
    batch : pyarrow.RecordBatch
        The columns that the pipeline reads.
    """

    truth: NDArray[Any]
    weight: Float64 | None
    batch: pa.RecordBatch


@dataclass(frozen=True, slots=True)
class RowReader:
    """Reads and encodes tables as a plan asks.

    Parameters
    ----------
    plan : EncodePlan
    target : Target
    weight : str or None
        The column of row weights.
    reading : mapping
        Options of `fastml.scan` that apply unless others are stated.
    threads : int
    """

    plan: EncodePlan
    target: Target
    weight: str | None
    reading: Mapping[str, Any]
    threads: int

    def scan(self, data: Any, **options: Any) -> Source:
        """Open a table; a column of delimited text that held text holds it in new rows, too."""
        text = [*self.plan.text_columns(), *([self.target.column] if self.target.text else [])]
        return scan(data, defaults={**self.reading, "text": text}, **options)

    def needed(self, data: Any, *more: str) -> Source:
        """Open a table and select what a prediction needs, before any other column is decoded.

        Raises
        ------
        SchemaError
            If a column is missing.
        """
        source = self.scan(data).canonical()
        wanted = [*self.plan.schema.names, *more]
        find_columns(source.schema, wanted, source.name)
        return source.select(wanted)

    def encoded(self, source: Source) -> Iterator[tuple[pa.RecordBatch, DesignBlock]]:
        """Encode what `needed` returned, block by block, in order."""

        def numbered() -> Iterator[tuple[int, pa.RecordBatch]]:
            row = 0
            for batch in source.blocks():
                yield row, batch
                row += batch.num_rows

        def encode(item: tuple[int, pa.RecordBatch]) -> tuple[pa.RecordBatch, DesignBlock]:
            row, batch = item
            return batch, self.plan.encode(batch, source.name, row)

        return ordered_map(encode, numbered(), self.threads)

    def labelled(self, data: Any) -> Iterator[tuple[Labelled, DesignBlock]]:
        """Encode the rows that have a target, block by block.

        Raises
        ------
        SchemaError, DataError
            If a column is missing, or the target or a weight holds what it must not.
        """
        column = self.target.column
        source = self.needed(data, column, *([self.weight] if self.weight else []))
        if self.weight:
            check_weight_type(source.schema.field(self.weight), source.name)
        row = 0
        for batch, block in self.encoded(source):
            truth: NDArray[Any] = self.target.encode(batch.column(column), source.name)
            known = np.asarray(pc.is_valid(batch.column(column))) & ~np.isnan(truth)
            if self.weight:
                check_weights(
                    batch.column(self.weight), pa.array(known), self.weight, source.name, row
                )
            row += batch.num_rows
            if not known.all():
                keep = np.flatnonzero(known)
                truth, batch = truth[keep], batch.take(pa.array(keep))
                block = DesignBlock(block.dense[keep], block.codes[keep])
            if self.target.task != "regression":
                truth = truth.astype(np.int64)
            weight = as_floats(batch.column(self.weight)) if self.weight else None
            yield Labelled(truth, weight, batch), block
        pa.default_memory_pool().release_unused()  # what decoding held

    def design(self, data: Any, memory: BlockMemory) -> Design:
        """Encode labelled rows for a learner, into `memory`."""
        blocks = []
        for rows, encoded in self.labelled(data):
            region, (dense, codes) = memory.arrays(
                *((part.shape, part.dtype) for part in (encoded.dense, encoded.codes))
            )
            dense[:], codes[:] = encoded.dense, encoded.codes
            region.rest()
            block = DesignBlock(dense, codes, memory=region)
            numbers = self.target.task == "regression"
            block.target = rows.truth if numbers else rows.truth.astype(np.float32)
            if rows.weight is not None:
                block.weight = rows.weight.astype(np.float32)
            blocks.append(block)
        return Design(blocks, self.plan.n_dense, self.plan.n_codes)
