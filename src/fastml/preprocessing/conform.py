"""Brings a table to the columns and types that a plan was fitted on, or says why it cannot."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from fastml.errors import SchemaError, did_you_mean

__all__ = ["conform", "find_columns", "is_category_type", "is_dense_type", "is_number_type"]


def is_category_type(type_: pa.DataType) -> bool:
    """Say whether values of a type are categories: strings, plain or as a dictionary."""
    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_))


def is_dense_type(type_: pa.DataType) -> bool:
    """Say whether the kernels read a type as numbers."""
    return bool(
        pa.types.is_integer(type_)
        or pa.types.is_boolean(type_)
        or pa.types.is_float32(type_)
        or pa.types.is_float64(type_)
        or pa.types.is_date32(type_)
        or pa.types.is_timestamp(type_)
        or pa.types.is_time(type_)
        or pa.types.is_duration(type_)
    )


def find_columns(schema: pa.Schema, wanted: list[str], where: str) -> None:
    """Raise a SchemaError that names every wanted column that `schema` lacks, or has twice."""
    missing = [name for name in wanted if not schema.get_all_field_indices(name)]
    if missing:
        plural = "s" if len(missing) > 1 else ""
        raise SchemaError(
            f"{where} lacks the column{plural} {', '.join(map(repr, missing))}; "
            f"it has {_listed(schema.names)}{did_you_mean(missing[0], schema.names)}"
        )
    twice = [name for name in wanted if len(schema.get_all_field_indices(name)) > 1]
    if twice:
        raise SchemaError(f"{where} has the column {twice[0]!r} more than once; rename one of them")


def _listed(names: list[str], most: int = 12) -> str:
    shown = ", ".join(map(repr, names[:most]))
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown or "no columns"


def conform(batch: pa.RecordBatch, schema: pa.Schema, where: str, row: int = 0) -> pa.RecordBatch:
    """Return the columns of `schema` from a batch, in its order, each of a type that fits.

    Numbers of any width fit a number (a float32 is rounded to), dictionaries fit strings. Text
    fits a number or a moment where every value reads as one; whole numbers and booleans fit text;
    nothing else is converted.

    Parameters
    ----------
    batch : pyarrow.RecordBatch
        Columns may stand in any order; others are ignored.
    schema : pyarrow.Schema
        As the plan was fitted.
    where : str
        The source's name, for messages.
    row : int
        The number of the batch's first row in its source, for messages.

    Raises
    ------
    SchemaError
        If a column is missing or its values do not fit: which column, which row, what was found.
    """
    find_columns(batch.schema, schema.names, where)
    columns = [_fit(batch.column(field.name), field, where, row) for field in schema]
    return pa.RecordBatch.from_arrays(columns, names=schema.names)


def _fit(column: pa.Array, field: pa.Field, where: str, row: int) -> pa.Array:
    wanted, found = field.type, column.type
    if wanted.equals(found) or (is_category_type(wanted) and is_category_type(found)):
        return column
    if pa.types.is_null(found):
        return pa.nulls(len(column), wanted)
    if is_number_type(wanted) and is_number_type(found):
        # The number that is written 0.1 is another one as float32, which training saw.
        single = pa.types.is_float32(wanted) and pa.types.is_float64(found)
        return column.cast(wanted, safe=False) if single else column
    if is_number_type(wanted) and is_category_type(found):
        return _read_text(column, field, where, row, "numbers")
    if is_category_type(wanted) and is_number_type(found):
        return _as_labels(column, field, where, row)
    if _is_moment(wanted) and _is_moment(found):
        return _in_unit(column, field, where)
    if _is_moment(wanted) and is_category_type(found):
        return _read_text(column, field, where, row, "dates")
    raise SchemaError(
        f"column {field.name!r} of {where} has the type {found}; the model was trained on "
        f"{wanted}; cast it, or read it with types={{{field.name!r}: '{wanted}'}}"
    )


def is_number_type(type_: pa.DataType) -> bool:
    """Say whether values of a type are numbers or booleans, not moments."""
    return bool(
        pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_boolean(type_)
    )


def _is_moment(type_: pa.DataType) -> bool:
    return bool(pa.types.is_date(type_) or pa.types.is_timestamp(type_))


def _in_unit(column: pa.Array, field: pa.Field, where: str) -> pa.Array:
    """Convert moments to the unit and the zone of training; what a coarser unit lacks is cut."""
    wanted, found = field.type, column.type
    if _has_zone(wanted) != _has_zone(found):
        has, had = ("a zone", "none") if _has_zone(found) else ("no zone", "one")
        raise SchemaError(
            f"column {field.name!r} of {where} has {has} ({found}); the model was trained on "
            f"{had} ({wanted}); say which zone its hours are in before predicting"
        )
    try:
        return column.cast(wanted, safe=_fineness(wanted) >= _fineness(found))
    except pa.ArrowInvalid as error:
        raise SchemaError(
            f"column {field.name!r} of {where} has moments that {wanted}, which the model was "
            f"trained on, cannot hold ({error}); make them null"
        ) from error


def _has_zone(type_: pa.DataType) -> bool:
    return pa.types.is_timestamp(type_) and type_.tz is not None


def _fineness(type_: pa.DataType) -> int:
    return ("s", "ms", "us", "ns").index(type_.unit) if pa.types.is_timestamp(type_) else -1


def _as_labels(column: pa.Array, field: pa.Field, where: str, row: int) -> pa.Array:
    """Write whole numbers as text; a data frame has them as floats where some are missing."""
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
        try:
            column = column.cast(pa.int64())
        except pa.ArrowInvalid as error:
            whole = pc.equal(pc.floor(column), column)
            at = pc.index(pc.fill_null(whole, True), False).as_py()
            raise SchemaError(
                f"column {field.name!r} of {where} has {column[at].as_py()!r} at row "
                f"{row + at + 1:,}; it is learned from as categories, which are text or whole "
                f"numbers; clean it, or train on it as a number: numeric=[{field.name!r}]"
            ) from error
    return column.cast(pa.string())


def _read_text(column: pa.Array, field: pa.Field, where: str, row: int, kind: str) -> pa.Array:
    exact = _is_moment(field.type) or pa.types.is_float32(field.type)
    wanted = field.type if exact else pa.float64()
    text = column.cast(pa.string())
    try:
        return text.cast(wanted)
    except pa.ArrowInvalid as error:
        at = next(i for i, value in enumerate(text) if not _reads_as(value, wanted))
        raise SchemaError(
            f"column {field.name!r} of {where} has {text[at].as_py()!r} at row {row + at + 1:,}; "
            f"it is learned from as {kind} ({field.type}); clean it, declare it as a null marker "
            f"(null_values=[...]), or train on it as categories: categorical=[{field.name!r}]"
        ) from error


def _reads_as(value: pa.Scalar, wanted: pa.DataType) -> bool:
    try:
        value.cast(wanted)
    except pa.ArrowInvalid:
        return False
    return True
