"""Brings a table to the columns and types that a plan was fitted on, or says why it cannot."""

from __future__ import annotations

from difflib import get_close_matches

import pyarrow as pa

from fastml.errors import SchemaError

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
        folded = {name.casefold(): name for name in schema.names}
        near = get_close_matches(missing[0].casefold(), folded, 1)
        hint = f"; did you mean {folded[near[0]]!r}?" if near else ""
        plural = "s" if len(missing) > 1 else ""
        raise SchemaError(
            f"{where} lacks the column{plural} {', '.join(map(repr, missing))}; "
            f"it has {_listed(schema.names)}{hint}"
        )
    twice = [name for name in wanted if len(schema.get_all_field_indices(name)) > 1]
    if twice:
        raise SchemaError(f"{where} has the column {twice[0]!r} more than once; rename one of them")


def _listed(names: list[str], most: int = 12) -> str:
    shown = ", ".join(map(repr, names[:most]))
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown or "no columns"


def conform(batch: pa.RecordBatch, schema: pa.Schema, where: str, row: int = 0) -> pa.RecordBatch:
    """Return the columns of `schema` from a batch, in its order, each of a type that fits.

    Numbers of any width fit a number, dictionaries fit strings. Text fits a number where every
    value reads as one, and whole numbers fit text; nothing else is converted.

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
        return column
    if is_number_type(wanted) and is_category_type(found):
        return _read_numbers(column, field, where, row)
    if is_category_type(wanted) and pa.types.is_integer(found):
        return column.cast(pa.string())
    if _is_moment(wanted) and _is_moment(found):
        return _in_unit(column, field, where)
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


def _read_numbers(column: pa.Array, field: pa.Field, where: str, row: int) -> pa.Array:
    text = column.cast(pa.string())
    try:
        return text.cast(pa.float64())
    except pa.ArrowInvalid as error:
        at = next(i for i, value in enumerate(text) if not _reads_as_number(value))
        raise SchemaError(
            f"column {field.name!r} of {where} has {text[at].as_py()!r} at row {row + at + 1:,}; "
            f"the model was trained on numbers ({field.type}); "
            "clean it, or declare it as a null marker: null_values=[...]"
        ) from error


def _reads_as_number(value: pa.Scalar) -> bool:
    try:
        value.cast(pa.float64())
    except pa.ArrowInvalid:
        return False
    return True
