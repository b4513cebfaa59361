"""Arrow IPC: files (Feather) and streams."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from fastml.data.blocks import rows_between
from fastml.data.bytestreams import ByteSource
from fastml.data.files import File
from fastml.data.reader import reading
from fastml.data.schemas import check_names, dressed, nullable
from fastml.errors import ConfigError

__all__ = ["ArrowFileReader", "ArrowStreamReader", "arrow_reader"]


class ArrowFileReader:
    """One Arrow IPC file: its batches can be read in any order, and its columns apart."""

    rereadable = True
    in_memory = False

    def __init__(self, file: File) -> None:
        self.name = file.name
        self._file = file
        with reading(file.name), file.open_random() as handle:
            opened = pa.ipc.open_file(handle)
            self.schema = nullable(opened.schema)
            self.num_rows: int | None = opened.count_rows()
        check_names(self.schema.names, file.name)

    def read(self, columns: Sequence[str], start: int = 0) -> Iterator[pa.RecordBatch]:
        """Yield the file's batches, cut where they are large."""
        schema = pa.schema([self.schema.field(column) for column in columns])
        positions = [self.schema.get_field_index(column) for column in columns]
        options = pa.ipc.IpcReadOptions(included_fields=positions)
        with self._file.open_random() as handle:
            opened = pa.ipc.open_file(handle, options=options)
            batches = (
                dressed(opened.get_batch(i).select(list(columns)), schema)
                for i in range(opened.num_record_batches)
            )
            yield from rows_between(batches, start, None)


class ArrowStreamReader:
    """One Arrow IPC stream, which may come by once."""

    in_memory = False
    num_rows: int | None = None

    def __init__(self, source: ByteSource) -> None:
        self.name = source.name
        self.rereadable = source.rereadable
        self._source = source
        self._opened: pa.RecordBatchReader | None = None
        with reading(source.name):
            opened = pa.ipc.open_stream(source.open_stream())
        self.schema = nullable(opened.schema)
        if not self.rereadable:
            self._opened = opened  # its schema can be read only once too
        check_names(self.schema.names, source.name)

    def read(self, columns: Sequence[str], start: int = 0) -> Iterator[pa.RecordBatch]:
        """Yield the stream's batches."""
        schema = pa.schema([self.schema.field(column) for column in columns])
        opened, self._opened = self._opened, None
        if opened is None:
            opened = pa.ipc.open_stream(self._source.open_stream())
        batches = (dressed(batch.select(list(columns)), schema) for batch in opened)
        yield from rows_between(batches, start, None)


def arrow_reader(source: ByteSource) -> ArrowFileReader | ArrowStreamReader:
    """Return a reader for an Arrow IPC file or stream, whichever `source` is."""
    if not source.head(6).startswith(b"ARROW1"):
        return ArrowStreamReader(source)
    if not isinstance(source, File):
        raise ConfigError(
            f"{source.name} holds an Arrow file, which cannot be read as it comes: its index is at "
            "the end; write it to a file and scan that, or send an Arrow stream"
        )
    return ArrowFileReader(source)
