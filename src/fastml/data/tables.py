"""Several files as one table, with columns for the folders `key=value` that they lie in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from fastml.data.blocks import rows_between
from fastml.data.inference import TextTypes
from fastml.data.reader import Reader, reading
from fastml.data.schemas import conform, listed, unify
from fastml.errors import SchemaError

__all__ = ["FilesReader"]

Partitions = Mapping[str, str | None]


class FilesReader:
    """The rows of several readers, one after another.

    Parameters
    ----------
    readers : sequence of Reader
        With the same columns; see `unify`.
    partitions : sequence of mapping
        For each reader, the keys and values of its folders. A key that the files hold as a column
        themselves is left to them.
    name : str
        Of the whole, for messages.
    columns : sequence of str, optional
        The columns that the files must share; default all.
    """

    in_memory = False

    def __init__(
        self,
        readers: Sequence[Reader],
        partitions: Sequence[Partitions],
        name: str,
        columns: Sequence[str] | None = None,
    ) -> None:
        self.name = name
        self.rereadable = all(reader.rereadable for reader in readers)
        counts = [reader.num_rows for reader in readers]
        self.num_rows = None if None in counts else sum(n for n in counts if n is not None)
        self._readers = readers
        keys = _keys(readers, partitions)
        shared = None
        if columns is not None:  # at least one column, to count its rows
            shared = [c for c in columns if c not in keys] or readers[0].schema.names[:1]
        self._files = unify([(r.name, r.schema) for r in readers], shared)
        keys = [key for key in keys if key not in self._files.names]
        values = [pa.array([p[key] for p in partitions], pa.string()) for key in keys]
        fold = TextTypes(len(keys), leading_zeros=False)  # month=01 is a number
        fold.update(fold.of(values))
        self._partitions = {
            key: column.dictionary_encode() if kind == pa.string() else column.cast(kind)
            for key, column, kind in zip(keys, values, fold.types, strict=True)
        }
        added = [(key, column.type) for key, column in self._partitions.items()]
        self.schema = pa.schema([*self._files, *(pa.field(*pair) for pair in added)])

    def read(self, columns: Sequence[str], start: int = 0) -> Iterator[pa.RecordBatch]:
        """Yield the files' rows; files that are known to lie before `start` are not opened."""
        if self.num_rows is None:
            yield from rows_between(self._read(columns, 0), start, None)
        else:
            yield from self._read(columns, start)

    def _read(self, columns: Sequence[str], start: int) -> Iterator[pa.RecordBatch]:
        own = [c for c in columns if c not in self._partitions] or self._files.names[:1]
        files_schema = pa.schema([self._files.field(column) for column in own])
        schema = pa.schema([self.schema.field(column) for column in columns])
        for position, reader in enumerate(self._readers):
            if reader.num_rows is not None and reader.num_rows <= start:
                start -= reader.num_rows
                continue
            with reading(reader.name):
                for batch in reader.read(own, start):
                    arrays = dict(zip(own, conform(batch, files_schema).columns, strict=True))
                    for key, values in self._partitions.items():
                        arrays[key] = _repeat(values, position, batch.num_rows)
                    yield pa.RecordBatch.from_arrays([arrays[c] for c in columns], schema=schema)
            start = 0


def _keys(readers: Sequence[Reader], partitions: Sequence[Partitions]) -> list[str]:
    """Return the keys of the folders, which must be the same for every file."""
    first = list(partitions[0])
    for reader, found in zip(readers, partitions, strict=True):
        if list(found) != first:
            raise SchemaError(
                f"{reader.name} lies in folders with the keys {listed(found) or 'none'}, but "
                f"{readers[0].name} in folders with {listed(first) or 'none'}; put every file "
                "below folders of the same keys"
            )
    return first


def _repeat(values: pa.Array, position: int, rows: int) -> pa.Array:
    return values.take(pa.repeat(pa.scalar(position, pa.int32()), rows))
