"""Record batches as JSON text, a line for each row: by columns, not by rows."""

from __future__ import annotations

import datetime
import json
import math
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from fastml.data.canonical import canonical_batch
from fastml.data.schemas import conform, holds_bytes, without_dictionaries
from fastml.errors import SchemaError

__all__ = ["json_lines"]

_TO_ESCAPE = r'[\x00-\x1f"\\]'


def json_lines(batch: pa.RecordBatch, before: str = "", after: str = "\n") -> pa.Buffer:
    """Return the rows of `batch` as JSON objects, with `before` and `after` around each.

    Missing values, NaN and infinities are null; dates and times are ISO 8601 texts, durations
    integers, decimals floats; the fields of a struct are keys `a.b`.

    Raises
    ------
    SchemaError
        If a column is binary.
    """
    batch = canonical_batch(batch)
    batch = conform(batch, without_dictionaries(batch.schema))
    for field in batch.schema:
        if holds_bytes(field.type):
            raise SchemaError(
                f"column {field.name!r} is {field.type}, which JSON cannot hold; leave it out with "
                "columns=[...], or write Parquet"
            )
    parts: list[Any] = []
    opening = before + "{"
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        parts += [_text(f"{opening}{json.dumps(name, ensure_ascii=False)}:"), _as_json(column)]
        opening = ","
    lines = pc.binary_join_element_wise(*parts, _text("}" + after), _text(""))
    # The texts of an Arrow array lie one behind the other: they are what is to be written.
    _, offsets, data = lines.buffers()
    ends = memoryview(offsets).cast("q")
    return data.slice(ends[lines.offset], ends[lines.offset + len(lines)] - ends[lines.offset])


def _text(value: str) -> pa.Scalar:
    return pa.scalar(value, pa.large_string())


def _as_json(column: pa.Array) -> pa.Array:
    """Return the values of a column as JSON texts."""
    kind = column.type
    types = pa.types
    if types.is_string(kind) or types.is_large_string(kind):
        text = _quoted(column)
    elif types.is_floating(kind):
        text = pc.if_else(pc.is_finite(column), column.cast(pa.large_string()), None)
    elif types.is_duration(kind):
        text = column.cast(pa.int64()).cast(pa.large_string())
    elif types.is_boolean(kind) or types.is_integer(kind):
        text = column.cast(pa.large_string())
    elif types.is_temporal(kind):
        text = _quoted(_iso(column))
    elif types.is_null(kind):
        text = pa.nulls(len(column), pa.large_string())
    else:  # lists and the like: a value at a time
        text = pa.array([json.dumps(_plain(v)) for v in column.to_pylist()], pa.large_string())
    return pc.fill_null(text, "null")


def _plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)


def _quoted(column: pa.Array) -> pa.Array:
    if pc.any(pc.match_substring_regex(column, _TO_ESCAPE)).as_py():
        values = [
            None if value is None else json.dumps(value, ensure_ascii=False)
            for value in column.to_pylist()
        ]
        return pa.array(values, pa.large_string())
    quote = _text('"')
    return pc.binary_join_element_wise(quote, column.cast(pa.large_string()), quote, _text(""))


def _iso(column: pa.Array) -> pa.Array:
    """Return dates and times as text, without fractions of a second that are zero."""
    return pc.replace_substring_regex(column.cast(pa.string()), r"\.0+(Z?)$", r"\1")
