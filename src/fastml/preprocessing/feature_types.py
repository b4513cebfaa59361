"""The types that a pipeline reads its columns as: codes as text, texts that are dates as dates."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from fastml.data.inference import parses
from fastml.errors import SchemaError
from fastml.preprocessing.conform import is_category_type, is_number_type
from fastml.profile.roles import is_date, says_category

__all__ = ["feature_schema"]

_MOMENTS = (pa.date32(), pa.timestamp("us"), pa.timestamp("us", "UTC"))  # the narrowest first


def feature_schema(
    first: pa.RecordBatch,
    columns: Sequence[str],
    categorical: Collection[str] = (),
    numeric: Collection[str] = (),
) -> pa.Schema:
    """Return the schema of a table with the types that its columns are learned from as.

    Whole numbers whose name says a code or a part of the calendar become text, texts that are
    dates become dates, and what was asked for becomes so; every other type stays.

    Parameters
    ----------
    first : pyarrow.RecordBatch
        The first block of the table, in canonical types; types are decided from it.
    columns : sequence of str
        The candidates for features.
    categorical, numeric : collection of str
        Columns to read as categories and as numbers, whatever their names and values say.

    Raises
    ------
    SchemaError
        If a column cannot be read as asked for.
    """
    fields = []
    for field in first.schema:
        type_ = field.type
        if field.name in categorical:
            type_ = _as_category(field)
        elif field.name in numeric:
            type_ = _as_number(field)
        elif field.name in columns:
            type_ = _found_type(first.column(field.name), field)
        fields.append(pa.field(field.name, type_))
    return pa.schema(fields)


def _as_category(field: pa.Field) -> pa.DataType:
    if is_category_type(field.type):
        return field.type
    if not is_number_type(field.type):
        raise SchemaError(
            f"categorical names the column {field.name!r}, whose type is {field.type}; "
            "only whole numbers, booleans and text can be categories"
        )
    return pa.string()


def _as_number(field: pa.Field) -> pa.DataType:
    if is_category_type(field.type):
        return pa.float64()
    if not is_number_type(field.type):
        raise SchemaError(
            f"numeric names the column {field.name!r}, whose type is {field.type}; "
            "only numbers, booleans and text that reads as numbers can be numbers"
        )
    return field.type


def _found_type(column: pa.Array, field: pa.Field) -> pa.DataType:
    if pa.types.is_integer(field.type):
        distinct, ends = pc.count_distinct(column).as_py(), pc.min_max(column).as_py()
        low, high = (math.nan if end is None else float(end) for end in ends.values())
        return pa.string() if says_category(field.name, distinct, low, high) else field.type
    if is_category_type(field.type):
        return _moment_of(column) or field.type
    return field.type


def _moment_of(column: pa.Array) -> pa.DataType | None:
    """Return the type of the dates or times that every text of a column is, if they are any."""
    if not all(map(is_date, column.slice(0, 64).drop_null().slice(0, 8).to_pylist())):
        return None
    texts = pc.unique(column).drop_null().cast(pa.string())
    if not len(texts):
        return None
    return next((type_ for type_ in _MOMENTS if parses(texts, type_)), None)
