"""`Source`: a table as a stream of record batches that can be read again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from fastml._typing import Bool
from fastml.data.blocks import in_blocks, keep_rows, rows_between
from fastml.data.canonical import CanonicalReader, canonical_schema
from fastml.data.reader import Reader, reading
from fastml.data.schemas import no_such_column
from fastml.engine import BLOCK_ROWS, read_ahead
from fastml.errors import ConfigError, DataError, SchemaError

if TYPE_CHECKING:
    from fastml.profile import TableProfile

__all__ = ["Source"]


class Source:
    """A table that is read as a stream of Arrow record batches, in bounded memory.

    Made by `fastml.scan`. A source is immutable: `select`, `slice` and `where` return narrower
    sources over the same data, and nothing is read until the rows are asked for.

    Attributes
    ----------
    name : str
        For messages: the path, URI or `<pandas.DataFrame>`.
    rereadable : bool
        False for standard input, generators and other streams: a second pass raises `DataError`.
    """

    def __init__(
        self,
        reader: Reader,
        columns: Sequence[str] | None = None,
        start: int = 0,
        stop: int | None = None,
        mask: Bool | None = None,
        version: Callable[[], str] | None = None,
    ) -> None:
        self._reader = reader
        self._columns = tuple(reader.schema.names if columns is None else columns)
        self._start = start
        self._stop = stop  # past the last row; None: to the end
        self._mask = mask  # one entry for each row in [start, stop)
        self._version = version
        self.name = reader.name
        self.rereadable = reader.rereadable

    def __repr__(self) -> str:
        rows = "rows not counted" if self.num_rows is None else f"{self.num_rows:,} rows"
        return f"<fastml.Source {self.name}: {len(self._columns):,} columns, {rows}>"

    @property
    def schema(self) -> pa.Schema:
        """The selected columns; text is `dictionary<int32, string>` where the file has it so."""
        whole = self._reader.schema
        return pa.schema([whole.field(column) for column in self._columns])

    @property
    def num_rows(self) -> int | None:
        """The number of rows, where it is known without reading."""
        if self._mask is not None:
            return int(np.count_nonzero(self._mask))
        whole = self._reader.num_rows
        if whole is None:
            return None
        return max((whole if self._stop is None else min(self._stop, whole)) - self._start, 0)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows in batches of no stated size, read ahead on a thread.

        Raises
        ------
        DataError
            If the data cannot be read, or could be read only once and already was.
        """
        return self._ahead(self._rows())

    def blocks(self, rows: int = BLOCK_ROWS) -> Iterator[pa.RecordBatch]:
        """Yield the rows in batches of exactly `rows` rows, but for the last; read ahead.

        However the stream is cut, the blocks are the same; they are slices where they can be.
        """
        if rows < 1:
            raise ConfigError(f"a block has {rows} rows; expected at least 1")
        return self._ahead(in_blocks(self._rows(), rows))

    def _ahead(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return batches if self._reader.in_memory else read_ahead(batches)

    def _rows(self) -> Iterator[pa.RecordBatch]:
        with reading(self.name):
            batches = self._reader.read(self._columns, self._start)
            if self._stop is not None:
                batches = rows_between(batches, 0, self._stop - self._start)
            if self._mask is not None:
                batches = keep_rows(batches, self._mask, self.name)
            for batch in batches:
                if batch.num_rows:
                    yield batch

    def select(self, columns: Sequence[str]) -> Source:
        """Return the source with these columns alone, in this order; no other is decoded.

        Raises
        ------
        SchemaError
            If a column is not there, or is named twice.
        """
        if isinstance(columns, str):
            raise ConfigError(f"columns is the text {columns!r}; expected a list: [{columns!r}]")
        columns = tuple(columns)
        if not columns:
            raise ConfigError("columns is empty; expected at least one column")
        for column in columns:
            if column not in self._columns:
                raise no_such_column(column, self._columns, self.name)
        if len(set(columns)) < len(columns):
            twice = next(column for column in columns if columns.count(column) > 1)
            raise SchemaError(f"column {twice!r} is selected twice; name each column once")
        return self._of(columns, self._start, self._stop, self._mask)

    def slice(self, offset: int, length: int | None = None) -> Source:
        """Return the rows from `offset` on, `length` of them at most; what lies before is skipped.

        Parameters
        ----------
        offset : int
            Rows to leave out at the start.
        length : int, optional
            Rows to keep; default all that follow.
        """
        if offset < 0 or (length is not None and length < 0):
            raise ConfigError(
                f"slice(offset={offset}, length={length}): expected numbers of at least 0"
            )
        if self._mask is not None:
            end = None if length is None else offset + length
            kept = np.flatnonzero(self._mask)[offset:end]
            mask = np.zeros_like(self._mask)
            mask[kept] = True
            return self._masked(mask)
        start = self._start + offset
        stop = self._stop
        if length is not None:
            stop = start + length if stop is None else min(start + length, stop)
        return self._of(self._columns, start, stop)

    def where(self, mask: Bool) -> Source:
        """Return the rows for which `mask` is true.

        Parameters
        ----------
        mask : ndarray of bool, shape (rows,)
            One entry for each row of this source. The length is checked at once where the number
            of rows is known, else at the end of the stream.
        """
        mask = np.asarray(mask)
        if mask.dtype != np.bool_ or mask.ndim != 1:
            raise ConfigError(
                f"the mask of rows to keep is an array of {mask.dtype} of shape {mask.shape}; "
                "expected booleans, one for each row"
            )
        if self.num_rows is not None and len(mask) != self.num_rows:
            raise DataError(
                f"{self.name} has {self.num_rows:,} rows, but the mask of rows to keep has "
                f"{len(mask):,} entries; make the mask from the same source"
            )
        if self._mask is not None:
            inner, mask = mask, self._mask.copy()
            mask[self._mask] = inner
        return self._masked(mask)

    def _of(
        self, columns: Sequence[str], start: int, stop: int | None, mask: Bool | None = None
    ) -> Source:
        """Return some rows and columns of the same data."""
        return Source(self._reader, columns, start, stop, mask, self._version)

    def _masked(self, mask: Bool) -> Source:
        """Apply `mask` to the rows from `_start` on; read no row before the first that is kept."""
        first = int(mask.argmax()) if mask.any() else len(mask)
        kept = mask[first:]
        stop = self._stop
        if self._reader.num_rows is not None:  # else read to the end, to check the mask's length
            if len(kept):
                kept = kept[: len(kept) - int(kept[::-1].argmax())]
            stop = self._start + first + len(kept)
        return self._of(self._columns, self._start + first, stop, kept)

    def canonical(self) -> Source:
        """Return the source in the types that the compiled core reads; structs as columns `a.b`.

        See `fastml.data.canonical.canonical_type`.
        """
        names = canonical_schema(self.schema).names
        reader = CanonicalReader(self._reader)
        return Source(reader, names, self._start, self._stop, self._mask, self._version)

    def fingerprint(self) -> str | None:
        """Return what every reading of these rows and columns has, and none of others.

        Files are told by their names, sizes and times of change. None for what cannot be told to be
        the same: tables in memory, queries, streams.
        """
        if self._version is None:
            return None
        mask = b"" if self._mask is None else np.packbits(self._mask).tobytes()
        rows = self._start, self._stop, 0 if self._mask is None else len(self._mask)
        facts = repr((self._version(), self._columns, rows)).encode()
        return sha256(facts + sha256(mask).digest()).hexdigest()

    def count_rows(self) -> int:
        """Return the number of rows; reads the data where its metadata does not tell."""
        known = self.num_rows
        if known is not None and self._mask is None:
            return known
        return sum(batch.num_rows for batch in self.batches())

    def head(self, n: int = 10) -> pa.Table:
        """Return the first `n` rows as a table."""
        return self.slice(0, n).to_table()

    def to_table(self) -> pa.Table:
        """Return all rows as one table in memory."""
        return pa.Table.from_batches(list(self.batches()), schema=self.schema)

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """Export the rows through the Arrow PyCapsule interface, still as a stream."""
        reader = pa.RecordBatchReader.from_batches(self.schema, self.batches())
        return reader.__arrow_c_stream__(requested_schema)

    def profile(self, **options: Any) -> TableProfile:
        """Return what is in the table: see `fastml.profile.profile`."""
        from fastml.profile import profile

        return profile(self, **options)
