"""The column types that the compiled core reads, and how all others become one of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from fastml.data.reader import Reader
from fastml.data.schemas import check_names

__all__ = ["CanonicalReader", "canonical_batch", "canonical_schema", "canonical_type"]


def canonical_type(found: pa.DataType) -> pa.DataType:
    """Return the type that a column of type `found` is given to the compiled core as.

    The core reads booleans, integers, float32 and float64, dates, times, timestamps, durations,
    text, dictionaries of text with signed indices, and null. Narrow floats widen, decimals become
    float64, `date64` a timestamp, text views text, dictionaries of anything but text and
    run-length-encoded columns their values. Lists, maps, binary and unions stay as they are, for
    the caller to drop with a reason; so do structs, which `canonical_schema` takes apart.
    """
    types = pa.types
    if isinstance(found, pa.BaseExtensionType):
        return canonical_type(found.storage_type)
    if types.is_float16(found):
        return pa.float32()
    if types.is_decimal(found):
        return pa.float64()
    if types.is_date64(found):
        return pa.timestamp("ms")
    if types.is_string_view(found):
        return pa.string()
    if types.is_run_end_encoded(found):
        return canonical_type(found.value_type)
    if types.is_dictionary(found):
        value = canonical_type(found.value_type)
        if not (types.is_string(value) or types.is_large_string(value)):
            return value
        wide = types.is_uint32(found.index_type) or types.is_uint64(found.index_type)
        signed = types.is_signed_integer(found.index_type)
        index = found.index_type if signed else pa.int64() if wide else pa.int32()
        return pa.dictionary(index, value)
    return found


def canonical_schema(schema: pa.Schema) -> pa.Schema:
    """Return the schema of `canonical_batch`: field b of a struct a is the column `a.b`."""
    return pa.schema([pair for field in schema for pair in _flat_fields(field.name, field.type)])


def canonical_batch(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return `batch` with its structs taken apart and every column cast to its canonical type.

    Columns that are canonical already are not copied.
    """
    schema = canonical_schema(batch.schema)
    if batch.schema.equals(schema):
        return batch
    arrays = [flat for column in batch.columns for flat in _flat_arrays(column)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


class CanonicalReader:
    """Another reader's rows as canonical batches."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.name = reader.name
        self.num_rows = reader.num_rows
        self.rereadable = reader.rereadable
        self.in_memory = reader.in_memory
        self.schema = canonical_schema(reader.schema)
        check_names(self.schema.names, self.name)
        self._root = {
            name: field.name
            for field in reader.schema
            for name, _ in _flat_fields(field.name, field.type)
        }

    def read(self, columns: Sequence[str], start: int = 0) -> Iterator[pa.RecordBatch]:
        """Yield the columns cast; only the structs that hold some of them are read."""
        roots = list(dict.fromkeys(self._root[column] for column in columns))
        for batch in self._reader.read(roots, start):
            yield canonical_batch(batch).select(list(columns))


def _flat_fields(name: str, found: pa.DataType) -> Iterator[tuple[str, pa.DataType]]:
    if pa.types.is_struct(found):
        for child in found:
            yield from _flat_fields(f"{name}.{child.name}", child.type)
    else:
        yield name, canonical_type(found)


def _flat_arrays(column: pa.Array) -> Iterator[pa.Array]:
    if pa.types.is_struct(column.type):
        for child in column.flatten():  # a null struct makes its fields null
            yield from _flat_arrays(child)
    else:
        yield _cast(column, canonical_type(column.type))


def _cast(column: pa.Array, wanted: pa.DataType) -> pa.Array:
    if column.type == wanted:
        return column
    if isinstance(column, pa.ExtensionArray):
        return _cast(column.storage, wanted)
    if pa.types.is_run_end_encoded(column.type):
        return _cast(pc.run_end_decode(column), wanted)
    if pa.types.is_dictionary(column.type):
        if not pa.types.is_dictionary(wanted):
            return _cast(column.dictionary_decode(), wanted)
        return pa.DictionaryArray.from_arrays(
            column.indices.cast(wanted.index_type), column.dictionary.cast(wanted.value_type)
        )
    return column.cast(wanted)
