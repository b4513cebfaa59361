"""The types of JSON values: what two blocks of records have in common."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from fastml.data.inference import parses

__all__ = ["join_json_types", "kind_of", "nested_schema", "type_of", "with_times_as_text"]

_STAMP, _ZONED = pa.timestamp("us"), pa.timestamp("us", "UTC")
_TIMES = (pa.timestamp("s"), _STAMP, _ZONED)
_NO_FIELDS = pa.struct([])


def join_json_types(a: pa.DataType, b: pa.DataType) -> pa.DataType | None:
    """Return the narrowest type for values of both, None where JSON has no such type.

    Null is below all, integers below floats, timestamps below text, as are those with and without
    an offset together; objects and lists are joined field by field.
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
    naive = all(pa.types.is_timestamp(kind) and kind.tz is None for kind in (a, b))
    return _STAMP if naive else pa.string()


def type_of(column: pa.Array, declared: pa.DataType = _NO_FIELDS) -> pa.DataType:
    """Return the type of parsed values; texts that are all times of one kind are timestamps.

    What is `declared`, a struct, is not looked at.
    """
    if pa.types.is_struct(column.type):
        pairs = zip(column.type, column.flatten(), strict=True)
        fields = [(field.name, child, _stated(declared, field.name)) for field, child in pairs]
        return pa.struct([(n, type_of(c, d) if _is_open(d) else c.type) for n, c, d in fields])
    if pa.types.is_list(column.type):
        return pa.list_(type_of(column.flatten()))
    if pa.types.is_string(column.type):
        return next((kind for kind in _TIMES if parses(column, kind)), column.type)
    return column.type


def with_times_as_text(found: pa.DataType, declared: pa.DataType = _NO_FIELDS) -> pa.DataType:
    """Return a type with text in place of timestamps that are not `declared`, a struct.

    Arrow finds times without fractions of a second itself, but not whether they have an offset.
    """
    if pa.types.is_struct(found):
        fields = [(field, _stated(declared, field.name)) for field in found]
        return pa.struct(
            [(f.name, with_times_as_text(f.type, d) if _is_open(d) else f.type) for f, d in fields]
        )
    if pa.types.is_list(found):
        return pa.list_(with_times_as_text(found.value_type))
    return pa.string() if pa.types.is_timestamp(found) else found


def _stated(declared: pa.DataType, name: str) -> pa.DataType:
    """Return the type that is declared for a field; a struct without fields where none is."""
    place = declared.get_field_index(name)
    return declared.field(place).type if place >= 0 else _NO_FIELDS


def _is_open(declared: pa.DataType) -> bool:
    """Whether something below is left to be found."""
    return bool(pa.types.is_struct(declared))


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
