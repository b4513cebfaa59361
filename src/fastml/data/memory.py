"""Tables in memory: anything with the Arrow PyCapsule interface, dicts, lists of records."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from fastml.data.blocks import rows_between
from fastml.data.reader import Reader
from fastml.data.schemas import check_names, dressed, listed, nullable
from fastml.engine import BLOCK_ROWS
from fastml.errors import DataError, SchemaError

__all__ = ["MemoryReader", "OnceReader", "QueryReader", "memory_reader"]

_HELD = ("pyarrow", "pandas", "polars")  # their tables are in memory already, and never run out


class MemoryReader:
    """A `pyarrow.Table`, not copied."""

    rereadable = True
    in_memory = True

    def __init__(self, table: pa.Table, name: str) -> None:
        check_names(table.schema.names, name)
        self.name = name
        self.schema = nullable(table.schema)
        self.num_rows: int | None = table.num_rows
        self._table = pa.Table.from_arrays(table.columns, schema=self.schema)

    def read(self, columns: Sequence[str], start: int = 0) -> Iterator[pa.RecordBatch]:
        """Yield slices of the table."""
        table = self._table.select(list(columns)).slice(start)
        yield from table.to_batches(max_chunksize=BLOCK_ROWS)


class QueryReader:
    """An object that computes a stream each time it is asked, such as a DuckDB relation."""

    rereadable = True
    in_memory = False
    num_rows: int | None = None

    def __init__(self, exporter: Any, name: str) -> None:
        self._exporter = exporter
        self.name = name
        self.schema = nullable(self._stream().schema)
        check_names(self.schema.names, name)

    def _stream(self) -> pa.RecordBatchReader:
        return pa.RecordBatchReader.from_stream(self._exporter)

    def read(self, columns: Sequence[str], start: int = 0) -> Iterator[pa.RecordBatch]:
        """Run the query, and yield its rows."""
        yield from rows_between(self._counted(list(columns)), start, None)

    def _counted(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        rows = 0
        for batch in self._stream():
            rows += batch.num_rows
            yield dressed(batch, self.schema).select(columns)
        # A one-way stream in disguise gives nothing the second time: say so, rather than train
        # on no rows.
        if self.num_rows is not None and self.num_rows != rows:
            raise DataError(
                f"{self.name} had {self.num_rows:,} rows when first read and has {rows:,} now; "
                "it must give the same rows each time: write it to a file, and scan that"
            )
        self.num_rows = rows


class OnceReader:
    """Record batches from an iterator: they can be read once."""

    rereadable = False
    in_memory = False
    num_rows: int | None = None

    def __init__(self, batches: Iterator[Any], schema: pa.Schema, name: str) -> None:
        check_names(schema.names, name)
        self.name = name
        self.schema = nullable(schema)
        self._batches: Iterator[Any] | None = batches

    @classmethod
    def of_iterator(cls, batches: Iterator[Any], name: str) -> OnceReader:
        """Take an iterator of record batches or tables; the first gives the schema."""
        first = next(batches, None)
        if first is None:
            raise DataError(f"{name} gave no record batch; expected at least one, even if empty")
        first = _as_table(first, name, 0)

        def tables() -> Iterator[pa.RecordBatch]:
            yield from first.to_batches(max_chunksize=BLOCK_ROWS)
            for number, item in enumerate(batches, start=1):
                yield from _as_table(item, name, number).to_batches(max_chunksize=BLOCK_ROWS)

        return cls(tables(), first.schema, name)

    def read(self, columns: Sequence[str], start: int = 0) -> Iterator[pa.RecordBatch]:
        """Yield what the iterator gives.

        Raises
        ------
        DataError
            On a second call.
        SchemaError
            If a batch has another schema than the first.
        """
        batches, self._batches = self._batches, None
        if batches is None:
            raise DataError(
                f"{self.name} can be read only once, and was read already; write it to a file "
                "first (fastml.data.convert) and scan that, or give a table"
            )
        yield from rows_between(self._selected(batches, list(columns)), start, None)

    def _selected(
        self, batches: Iterator[pa.RecordBatch], columns: list[str]
    ) -> Iterator[pa.RecordBatch]:
        for number, batch in enumerate(batches):
            if batch.schema.names != self.schema.names or batch.schema.types != self.schema.types:
                raise SchemaError(_difference(self.name, number, self.schema, batch.schema))
            yield dressed(batch, self.schema).select(columns)


def memory_reader(source: Any, name: str | None = None) -> Reader | None:
    """Return a reader over a table in memory or a stream of batches, None if it is neither.

    Raises
    ------
    SchemaError
        If a column mixes types, or the columns differ in length.
    """
    name = name or _type_name(source)
    with _converting(name):
        if hasattr(source, "__arrow_c_stream__"):
            if hasattr(source, "read_next_batch") or hasattr(source, "__next__"):
                # Not through the C interface where it need not: it makes texts of errors.
                held = isinstance(source, pa.RecordBatchReader)
                stream = source if held else pa.RecordBatchReader.from_stream(source)
                return OnceReader(iter(stream), stream.schema, name)
            if type(source).__module__.startswith(_HELD) and not hasattr(source, "collect"):
                table = pa.RecordBatchReader.from_stream(source).read_all()
                return MemoryReader(_without_index(table), name)
            return QueryReader(source, name)
        if hasattr(source, "__arrow_c_array__"):
            return MemoryReader(pa.Table.from_batches([pa.record_batch(source)]), name)
        if isinstance(source, Mapping):
            return MemoryReader(_table_of_columns(source, name), name)
        if isinstance(source, (list, tuple)):
            return MemoryReader(_table_of_records(source, name), name)
    if isinstance(source, Iterator):
        return OnceReader.of_iterator(source, name)
    return None


def _type_name(source: Any) -> str:
    kind = type(source)
    return f"<{kind.__module__.partition('.')[0]}.{kind.__name__}>".replace("<builtins.", "<")


@contextmanager
def _converting(name: str) -> Iterator[None]:
    """Tell why Arrow could not take the columns of the table `name`."""
    try:
        yield
    except (DataError, SchemaError):
        raise
    except (pa.ArrowException, TypeError, ValueError) as error:
        said = "; ".join(str(part) for part in error.args)
        raise SchemaError(
            f"{name} cannot be read as a table: {said}; each column must hold one type, and all "
            "be of one length: convert the column that mixes them to text or to numbers"
        ) from error


def _without_index(table: pa.Table) -> pa.Table:
    """Drop the columns that pandas adds for its row index."""
    described = (table.schema.metadata or {}).get(b"pandas")
    if described is None:
        return table
    index = [column for column in json.loads(described)["index_columns"] if column is str(column)]
    return table.drop_columns(index)


def _table_of_columns(columns: Mapping[str, Any], name: str) -> pa.Table:
    arrays: dict[str, pa.Array] = {}
    for column, values in columns.items():
        try:
            arrays[column] = values if isinstance(values, pa.ChunkedArray) else pa.array(values)
        except (pa.ArrowException, TypeError) as error:
            raise SchemaError(
                f"column {column!r} of {name} is not one column of one type: {error}; "
                "give a list or a one-dimensional array of numbers, texts or booleans; one record "
                "goes in a list: [record]"
            ) from error
    return pa.table(arrays)


def _table_of_records(records: Sequence[Any], name: str) -> pa.Table:
    if not records:
        raise DataError(f"{name} is empty; expected at least one record, or a table with a schema")
    if all(isinstance(record, (pa.RecordBatch, pa.Table)) for record in records):
        return pa.concat_tables([_as_table(record, name, n) for n, record in enumerate(records)])
    for row, record in enumerate(records, start=1):
        if not isinstance(record, Mapping):
            raise SchemaError(
                f"row {row:,} of {name} is a {type(record).__name__}; expected a record, "
                "{column: value}; for an array write {column: values}"
            )
    columns = dict.fromkeys(column for record in records for column in record)
    return _table_of_columns(
        {column: [record.get(column) for record in records] for column in columns}, name
    )


def _as_table(item: Any, name: str, number: int) -> pa.Table:
    """Return a batch given by an iterator as a table."""
    if isinstance(item, pa.Table):
        return item
    if isinstance(item, pa.RecordBatch):
        return pa.Table.from_batches([item])
    if hasattr(item, "__arrow_c_stream__"):
        return _without_index(pa.RecordBatchReader.from_stream(item).read_all())
    raise SchemaError(
        f"item {number + 1:,} of {name} is a {type(item).__name__}; expected Arrow record "
        "batches, or tables of pyarrow, pandas or polars"
    )


def _difference(name: str, number: int, expected: pa.Schema, found: pa.Schema) -> str:
    where = f"batch {number + 1:,} of {name}"
    if expected.names != found.names:
        return (
            f"{where} has the columns {listed(found.names)}; expected those of the first batch, "
            f"{listed(expected.names)}"
        )
    column = next(f.name for f, g in zip(expected, found, strict=True) if f.type != g.type)
    return (
        f"column {column!r} is {found.field(column).type} in {where}, but "
        f"{expected.field(column).type} in the first; give every batch the same types"
    )
