"""What a schema must be to be worked with, and the one schema that several files share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from fastml.errors import ConfigError, SchemaError, did_you_mean

__all__ = [
    "check_names",
    "check_same_columns",
    "conform",
    "dressed",
    "holds_bytes",
    "listed",
    "no_such_column",
    "nullable",
    "unify",
    "without_dictionaries",
]


def check_names(names: Iterable[str], name: str) -> None:
    """Raise `SchemaError` unless `names`, the columns of the table `name`, are each there once."""
    counts = Counter(names)
    if not counts:
        raise SchemaError(f"{name} has no columns; expected at least one")
    doubled = [column for column, count in counts.items() if count > 1]
    if doubled:
        raise SchemaError(
            f"{name} has more than one column named {listed(doubled)}; "
            "rename them so that each name stands once"
        )


def check_same_columns(first: tuple[str, list[str]], other: tuple[str, list[str]]) -> None:
    """Raise `SchemaError` unless two files, (name, columns) each, have the same columns."""
    (first_name, expected), (name, found) = first, other
    lacking = [column for column in expected if column not in found]
    added = [column for column in found if column not in expected]
    remedy = (
        "files read together must have the same columns: select the ones they share with "
        "columns=[...]"
    )
    if lacking:
        raise SchemaError(f"{name} has no column {listed(lacking)}, as {first_name} has; {remedy}")
    if added:
        raise SchemaError(f"{name} has a column {listed(added)}, unlike {first_name}; {remedy}")


def listed(names: Iterable[str], limit: int = 12) -> str:
    """Return the first `limit` names in quotes, separated by commas."""
    names = list(names)
    return ", ".join(map(repr, names[:limit])) + (", ..." if len(names) > limit else "")


def no_such_column(column: str, columns: Iterable[str], name: str) -> SchemaError:
    """Return the error for a column that the table `name` does not have."""
    columns = list(columns)
    meant = did_you_mean(column, columns) or "."
    return SchemaError(f"{name} has no column {column!r}{meant} Its columns are {listed(columns)}")


def unify(
    schemas: Iterable[tuple[str, pa.Schema]], columns: Sequence[str] | None = None
) -> pa.Schema:
    """Return the schema that files with these names and schemas share, of `columns` if stated.

    The columns and their order are the first file's. A column that is all null in one file takes
    the type it has elsewhere; text is a dictionary only where every file has it so.

    Raises
    ------
    SchemaError
        If a file lacks a column, has one more, or has it in another type; the message names the
        file and the column.
    """
    first_name = ""
    fields: dict[str, pa.DataType] = {}
    found_in: dict[str, str] = {}  # the file that gave a column its type, for messages
    for name, whole in schemas:
        schema = whole if columns is None else _selected(whole, columns, name)
        if not fields:
            first_name = name
            fields = {field.name: field.type for field in schema}
            found_in = dict.fromkeys(fields, name)
            continue
        check_same_columns((first_name, list(fields)), (name, schema.names))
        for field in schema:
            joined = _join(fields[field.name], field.type)
            if joined is None:
                raise SchemaError(
                    f"column {field.name!r} is {field.type} in {name}, but "
                    f"{fields[field.name]} in {found_in[field.name]}; files read together must "
                    "agree on types: convert one of them"
                )
            if joined != fields[field.name]:
                fields[field.name], found_in[field.name] = joined, name
    return pa.schema(list(fields.items()))


def _selected(schema: pa.Schema, columns: Sequence[str], name: str) -> pa.Schema:
    for column in columns:
        if column not in schema.names:
            raise no_such_column(column, schema.names, name)
    return pa.schema([schema.field(column) for column in columns])


def _join(a: pa.DataType, b: pa.DataType) -> pa.DataType | None:
    """Return the type both can be read as without loss, None where there is none."""
    if a == b or pa.types.is_null(b):
        return a
    if pa.types.is_null(a):
        return b
    plain_a = a.value_type if pa.types.is_dictionary(a) else a
    plain_b = b.value_type if pa.types.is_dictionary(b) else b
    if plain_a == plain_b:
        return plain_a
    texts = (pa.string(), pa.large_string())
    return pa.large_string() if plain_a in texts and plain_b in texts else None


def conform(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return `batch` with the types of `schema`, whose columns it has in the same order."""
    if batch.schema.equals(schema):
        return batch
    columns = [
        column if column.type == field.type else column.cast(field.type)
        for column, field in zip(batch.columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def declared_types(types: Mapping[str, Any]) -> dict[str, pa.DataType]:
    """Return the types that a user stated for columns, by name or as `pyarrow.DataType`."""
    declared = {}
    for column, stated in types.items():
        try:
            known = isinstance(stated, pa.DataType)
            declared[column] = stated if known else pa.type_for_alias(stated)
        except (ValueError, TypeError) as error:
            names = listed(["string", "int64", "float64", "bool", "date32", "timestamp[us]"])
            raise ConfigError(
                f"types={{{column!r}: {stated!r}}}: there is no such type; expected {names} or "
                "another name of Arrow's, or a pyarrow.DataType"
            ) from error
    return declared


def nullable(schema: pa.Schema) -> pa.Schema:
    """Return `schema` with names and types alone: no metadata, every column nullable."""
    return pa.schema([(field.name, field.type) for field in schema])


def holds_bytes(kind: pa.DataType) -> bool:
    """Whether a type is binary, or holds some that is."""
    types = pa.types
    binary = types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind)
    if binary or types.is_fixed_size_binary(kind):
        return True
    return any(holds_bytes(kind.field(i).type) for i in range(kind.num_fields))


def without_dictionaries(schema: pa.Schema) -> pa.Schema:
    """Return the schema with the values of dictionaries in their place."""
    return pa.schema(
        [(f.name, f.type.value_type if pa.types.is_dictionary(f.type) else f.type) for f in schema]
    )


def dressed(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return the columns of `batch`, not copied, under `schema`."""
    return pa.RecordBatch.from_arrays(batch.columns, schema=schema)
