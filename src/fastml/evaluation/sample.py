"""A uniform sample of a stream's rows, as a mergeable fold of bounded memory."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

__all__ = ["RowSample"]


class RowSample:
    """Keeps `size` rows of a stream, every subset of that size equally likely.

    Each row draws a 64-bit key by its place in the stream, and the rows of the least keys stay.
    So the sample is the same however the stream was cut into batches and states.

    Parameters
    ----------
    size : int
        Rows to keep.
    first_row : int
        The place of this state's first row in the stream.
    """

    def __init__(self, size: int, first_row: int = 0) -> None:
        self.size = size
        self._draw = np.random.PCG64(0).advance(first_row)
        self._parts: list[tuple[NDArray[np.uint64], pa.RecordBatch]] = []
        self._held = 0
        self._largest = np.uint64(2**64 - 1)  # no key above it can be among the least

    def update(self, batch: pa.RecordBatch) -> None:
        """Take in the next rows of the stream."""
        keys = np.asarray(self._draw.random_raw(batch.num_rows), dtype=np.uint64)
        self._add(keys, batch)

    def merge(self, other: RowSample) -> None:
        """Take in the rows of another state of the same stream."""
        for keys, batch in other._parts:
            self._add(keys, batch)

    def table(self) -> pa.Table | None:
        """Return the sampled rows in the order of their keys, or None if there were no batches."""
        if not self._parts:
            return None
        self._prune()
        keys = np.concatenate([keys for keys, _ in self._parts])
        table = pa.Table.from_batches([batch for _, batch in self._parts])
        return table.take(pa.array(np.argsort(keys, kind="stable")))

    def _add(self, keys: NDArray[np.uint64], batch: pa.RecordBatch) -> None:
        low = keys <= self._largest
        if not low.all():
            keys, batch = keys[low], batch.filter(pa.array(low))
        self._parts.append((keys, batch))
        self._held += len(keys)
        if self._held > 2 * self.size:
            self._prune()

    def _prune(self) -> None:
        if self._held <= self.size:
            return
        keys = np.concatenate([keys for keys, _ in self._parts])
        self._largest = np.partition(keys, self.size - 1)[self.size - 1]
        parts, self._parts, self._held = self._parts, [], 0
        for keys, batch in parts:
            self._add(keys, batch)
