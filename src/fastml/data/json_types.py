"""The types of JSON values: what two blocks of records have in common."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from fastml.data.inference import parses

_STAMP, _ZONED = pa.timestamp("us"), pa.timestamp("us", "UTC")

__all__ = ["join_json_types", "kind_of", "nested_schema", "type_of"]


def join_json_types(a: pa.DataType, b: pa.DataType) -> pa.DataType | None:
    """Return the narrowest type for values of both, None where JSON has no such type.

    Null is below all, integers below floats, timestamps below text; objects and lists are joined
    field by field.
    """
    if a == b or pa.types.is_null(b):
        return a
    if pa.types.is_null(a):
        return b
    if pa.types.is_struct(a) and pa.types.is_struct(b):
        fields = {field.name: field.type for field in a}
        for field in b:
            joined = join_json_types(fields.get(field.name, pa.null()), field.type)
            if joined is None:
                return None
            fields[field.name] = joined
        return pa.struct(list(fields.items()))
    if pa.types.is_list(a) and pa.types.is_list(b):
        value = join_json_types(a.value_type, b.value_type)
        return None if value is None else pa.list_(value)
    kinds = {kind_of(a), kind_of(b)}
    if kinds == {"a number"}:
        return pa.float64()
    if kinds != {"a text"}:
        return None
    return _STAMP if pa.types.is_timestamp(a) and pa.types.is_timestamp(b) else pa.string()


def type_of(column: pa.Array) -> pa.DataType:
    """Return the type of parsed values; texts that are all times with fractions are timestamps.

    Arrow finds the times without fractions of a second itself.
    """
    if pa.types.is_struct(column.type):
        return pa.struct(
            [
                (field.name, type_of(child))
                for field, child in zip(column.type, column.flatten(), strict=True)
            ]
        )
    if pa.types.is_string(column.type) and (parses(column, _STAMP) or parses(column, _ZONED)):
        return _STAMP
    return column.type


def kind_of(found: pa.DataType) -> str | None:
    """Return what JSON calls values of this type; None for null."""
    types = pa.types
    if types.is_null(found):
        return None
    if types.is_boolean(found):
        return "a boolean"
    if types.is_integer(found) or types.is_floating(found) or types.is_decimal(found):
        return "a number"
    if types.is_struct(found):
        return "an object"
    return "a list" if types.is_list(found) else "a text"


def nested_schema(types: Mapping[str, pa.DataType]) -> pa.Schema:
    """Return the schema of records in which `a.b` is field b of the object a."""
    tree: dict[str, dict[str, pa.DataType]] = {}
    fields: dict[str, pa.DataType] = {}
    for path, kind in types.items():
        root, dot, rest = path.partition(".")
        if dot:
            tree.setdefault(root, {})[rest] = kind
        else:
            fields[root] = kind
    for root, below in tree.items():
        fields[root] = pa.struct(list(nested_schema(below)))
    return pa.schema(list(fields.items()))
