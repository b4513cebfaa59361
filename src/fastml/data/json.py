"""JSON Lines and arrays of records: types found over the whole text, blocks parsed in parallel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.json as pajson

from fastml.data.blocks import rows_between
from fastml.data.bytestreams import TextFile
from fastml.data.canonical import CanonicalReader, canonical_schema
from fastml.data.json_blocks import array_start, line_blocks, record_blocks
from fastml.data.json_faults import describe_fault
from fastml.data.json_types import join_json_types, nested_schema, type_of, with_times_as_text
from fastml.data.schemas import declared_types
from fastml.engine import ordered_map
from fastml.errors import DataError, SchemaError

__all__ = ["JsonOptions", "JsonReader", "json_readers"]

_HEAD = 1 << 20
_PREFIX = 1 << 25  # of a stream that can be read once: what its types are found from


@dataclass(frozen=True)
class JsonOptions:
    """How the text is to be read; see `fastml.scan`."""

    encoding: str | None = None
    records: str | None = None
    types: Mapping[str, Any] = field(default_factory=dict)
    default_types: Mapping[str, Any] = field(default_factory=dict)


class JsonReader:
    """One file of JSON records; nested objects are structs.

    It is made without a schema; `json_readers` finds it.
    """

    in_memory = False

    def __init__(self, file: TextFile, options: JsonOptions) -> None:
        self.name = file.name
        self.rereadable = file.rereadable
        self.num_rows: int | None = None
        self.schema = pa.schema([])
        self._file = file
        head = file.head_text(_HEAD)
        if not head.strip():
            raise DataError(f"{file.name} is empty; expected JSON records")
        self._start = array_start(head, options.records, file.name)

    def read(self, columns: Sequence[str], start: int = 0) -> Iterator[pa.RecordBatch]:
        """Yield a batch for every two megabytes of text or so, parsed on several threads."""
        schema = pa.schema([self.schema.field(column) for column in columns])
        # A field that appears only after what was looked at must not be lost without a word.
        strict = not self.rereadable and len(columns) == len(self.schema)
        unexpected = "error" if strict else "ignore"
        tables = self._parsed(self._file.open_text(), True, schema, unexpected)
        batches = (
            batch for _, table in tables for batch in table.select(list(columns)).to_batches()
        )
        yield from rows_between(batches, start, None)

    def infer(self, known: pa.DataType, declared: pa.Schema) -> pa.DataType:
        """Return the narrowest struct type that `known` and this file's records fit."""
        stream, whole = self._file.open_prefix(_PREFIX)
        rows = 0
        for block, table in self._parsed(stream, whole, declared, "infer"):
            found = type_of(table.to_struct_array().combine_chunks(), pa.struct(list(declared)))
            joined = join_json_types(known, found)
            if joined is None:
                fault = describe_fault(
                    block, rows, pa.schema(list(known)), self.name, "in the rows above"
                )
                raise SchemaError(fault or f"{self.name} mixes types in a column or a list")
            known = joined
            rows += table.num_rows
        self.num_rows = rows if whole else None
        return known

    def _parsed(
        self, stream: pa.NativeFile, whole: bool, schema: pa.Schema, unexpected: str
    ) -> Iterator[tuple[bytes, pa.Table]]:
        """Yield each block of text, and the table that it is; `whole` as in `record_blocks`."""

        def parse(block: bytes) -> tuple[bytes, pa.Table | pa.ArrowInvalid]:
            try:
                table = _table(block, schema, unexpected)
                if unexpected == "infer":
                    found = pa.struct(list(table.schema))
                    texts = with_times_as_text(found, pa.struct(list(schema)))
                    if texts != found:
                        table = _table(block, pa.schema(list(texts)), unexpected)
                table.validate(full=True)  # that text is UTF-8
            except pa.ArrowInvalid as error:
                return block, error
            return block, table

        rows = 0
        with stream:
            if self._start is None:
                blocks = line_blocks(stream, self.name, whole=whole)
            else:
                blocks = record_blocks(stream, self._start, self.name, whole=whole)
            for block, table in ordered_map(parse, blocks):
                if isinstance(table, pa.ArrowInvalid):
                    fault = describe_fault(block, rows, schema, self.name, "as declared")
                    raise DataError(fault or self._arrow_fault(table, rows)) from table
                rows += table.num_rows
                yield block, table

    def _arrow_fault(self, error: pa.ArrowInvalid, rows: int) -> str:
        return (
            f"{self.name}, in the rows after row {rows:,}: {error}; correct the rows, or declare "
            "the types of their columns with types={...}"
        )


def _table(block: bytes, schema: pa.Schema, unexpected: str) -> pa.Table:
    return pajson.read_json(
        pa.BufferReader(block),
        pajson.ReadOptions(use_threads=False, block_size=len(block) + 1),
        pajson.ParseOptions(explicit_schema=schema, unexpected_field_behavior=unexpected),
    )


def json_readers(files: Sequence[TextFile], options: JsonOptions) -> list[CanonicalReader]:
    """Return a reader for each file, with the types that all of them can be read as.

    The types are found by reading every file from start to end (of a stream that can be read only
    once, its first 32 MB). Nested objects become columns `a.b`.
    """
    readers = [JsonReader(file, options) for file in files]
    known = _infer(readers, options.types)
    there = canonical_schema(pa.schema(list(known))).names
    present = {n: kind for n, kind in options.default_types.items() if n in there}
    if present:
        known = _infer(readers, {**present, **options.types})
    if not known.num_fields:
        raise DataError(f"{files[0].name} has no records with a field; expected at least one")
    for reader in readers:
        reader.schema = pa.schema(list(known))
    return [CanonicalReader(reader) for reader in readers]


def _infer(readers: Sequence[JsonReader], types: Mapping[str, Any]) -> pa.DataType:
    """Return the type of records of all files, with these types of columns."""
    declared = nested_schema(declared_types(types))
    known: pa.DataType = pa.struct([])
    for reader in readers:
        known = reader.infer(known, declared)
    return known
