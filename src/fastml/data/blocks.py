"""Recuts a stream of record batches: into blocks, ranges and kept rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from fastml._typing import Bool
from fastml.errors import DataError

__all__ = ["concatenate", "in_blocks", "keep_rows", "rows_between"]


def in_blocks(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    """Yield the same rows in batches of exactly `rows` rows; only the last may be shorter.

    A block that lies inside one batch is a slice of it; one that spans several is a copy, in
    which dictionaries are unified.
    """
    parts: list[pa.RecordBatch] = []
    held = 0
    for batch in batches:
        position = 0
        while position < batch.num_rows:
            part = batch.slice(position, rows - held)
            position += part.num_rows
            held += part.num_rows
            parts.append(part)
            if held == rows:
                yield concatenate(parts)
                parts, held = [], 0
    if parts:
        yield concatenate(parts)


def concatenate(parts: list[pa.RecordBatch]) -> pa.RecordBatch:
    """Return one batch with the rows of all `parts`, whose schemas are equal."""
    if len(parts) == 1:
        return parts[0]
    table = pa.Table.from_batches(parts).unify_dictionaries().combine_chunks()
    batches: list[pa.RecordBatch] = table.to_batches()
    if len(batches) != 1:  # Arrow splits a column whose text is over 2 GiB
        raise DataError(
            f"{table.num_rows:,} rows hold more than 2 GiB of text in one column; "
            "leave that column out with columns=[...]"
        )
    return batches[0]


def rows_between(
    batches: Iterable[pa.RecordBatch], start: int, stop: int | None
) -> Iterator[pa.RecordBatch]:
    """Yield the rows from `start` up to `stop` (None: to the end), counted from the stream's start.

    Reading ends as soon as `stop` is reached.
    """
    position = 0
    if stop is not None and stop <= start:
        return
    for batch in batches:
        first, last = position, position + batch.num_rows
        position = last
        if last <= start:
            continue
        lower = max(start - first, 0)
        upper = batch.num_rows if stop is None else min(stop - first, batch.num_rows)
        yield batch.slice(lower, upper - lower)
        if stop is not None and last >= stop:
            return


def keep_rows(batches: Iterable[pa.RecordBatch], mask: Bool, name: str) -> Iterator[pa.RecordBatch]:
    """Yield the rows whose entry in `mask` is true.

    Raises
    ------
    DataError
        If the stream does not have as many rows as `mask` has entries.
    """
    position = 0
    for batch in batches:
        kept = mask[position : position + batch.num_rows]
        position += batch.num_rows
        if len(kept) < batch.num_rows:
            break
        count = int(np.count_nonzero(kept))
        if count == batch.num_rows:
            yield batch
        elif count:
            yield batch.filter(pa.array(kept))
    if position != len(mask):
        seen = f"more than {len(mask):,}" if position > len(mask) else f"{position:,}"
        raise DataError(
            f"{name} has {seen} rows, but the mask of rows to keep has {len(mask):,} entries; "
            "make the mask from the same source"
        )
