"""Finds the type of columns of text: a fold over the whole table, no guess from its beginning."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["FALSE_WORDS", "TRUE_WORDS", "TextTypes", "faulty_rows", "join_types", "parses"]

TRUE_WORDS = ("true", "True", "TRUE")
FALSE_WORDS = ("false", "False", "FALSE")

_INT, _FLOAT, _BOOL, _DATE = pa.int64(), pa.float64(), pa.bool_(), pa.date32()
_STAMP, _ZONED, _TIME = pa.timestamp("us"), pa.timestamp("us", "UTC"), pa.time64("us")
_NULL, _TEXT = pa.null(), pa.string()

# What a column that is of a type so far may still be, the narrowest first. Every value that parses
# as a type parses as the wider ones too, so that the answer does not depend on how rows are cut.
_CANDIDATES = {
    _NULL: (_INT, _FLOAT, _BOOL, _DATE, _STAMP, _ZONED, _TIME),
    _INT: (_INT, _FLOAT),
    _FLOAT: (_FLOAT,),
    _BOOL: (_BOOL,),
    _DATE: (_DATE, _STAMP),
    _STAMP: (_STAMP,),
    _ZONED: (_ZONED,),
    _TIME: (_TIME,),
    _TEXT: (),
}
_TIME_OF_DAY = r"^[ \t]*([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?[ \t]*$"


class TextTypes:
    """The narrowest type of each column of text that every value parses as.

    Null is below all; then int64 < float64, bool, date32 < timestamp, timestamp with an offset,
    and time of day; text is above all.

    Parameters
    ----------
    columns : int
        How many columns there are.
    decimal : str
        The decimal point.
    timestamp_formats : sequence of str
        Formats for `strptime` that are tried beside ISO 8601.
    """

    def __init__(
        self, columns: int, decimal: str = ".", timestamp_formats: Sequence[str] = ()
    ) -> None:
        self.types: list[pa.DataType] = [_NULL] * columns
        self._decimal = decimal
        self._formats = tuple(timestamp_formats)

    def of(self, columns: Sequence[pa.Array]) -> list[pa.DataType]:
        """Return a type for each column of text; none narrower than found so far is tried.

        May run on several threads at once, with `update` on one: a state that is out of date
        costs time, not the answer.
        """
        return [self._of(column, known) for column, known in zip(columns, self.types, strict=True)]

    def _of(self, column: pa.Array, known: pa.DataType) -> pa.DataType:
        if column.null_count == len(column):
            return _NULL
        for candidate in _CANDIDATES[known]:
            if parses(column, candidate, self._decimal, self._formats):
                return candidate
        return _TEXT

    def update(self, types: Sequence[pa.DataType]) -> None:
        """Widen the columns' types to hold these too."""
        self.types = [join_types(a, b) for a, b in zip(self.types, types, strict=True)]


def join_types(a: pa.DataType, b: pa.DataType) -> pa.DataType:
    """Return the narrowest type that holds values of both."""
    if a == b or b == _NULL:
        return a
    if a == _NULL:
        return b
    if {a, b} == {_INT, _FLOAT}:
        return _FLOAT
    if {a, b} == {_DATE, _STAMP}:
        return _STAMP
    return _TEXT


def parses(
    column: pa.Array, wanted: pa.DataType, decimal: str = ".", formats: Sequence[str] = ()
) -> bool:
    """Return whether Arrow's CSV reader would read every value of a text column as `wanted`."""
    if pa.types.is_boolean(wanted):
        return _all(pc.is_in(column.drop_null(), pa.array([*TRUE_WORDS, *FALSE_WORDS])))
    if pa.types.is_time(wanted):  # pyarrow does not cast text to times
        return _all(pc.match_substring_regex(column, _TIME_OF_DAY))
    if pa.types.is_timestamp(wanted):
        return _casts(_without_formats(column, formats), wanted)
    if pa.types.is_integer(wanted) and _casts(column, wanted):
        # Hexadecimal is an integer to Arrow, but not a float: it would not widen.
        return not any(pc.any(pc.match_substring(column, x)).as_py() for x in ("0x", "0X"))
    if pa.types.is_floating(wanted) and decimal != ".":
        column = pc.replace_substring(pc.replace_substring(column, ".", "_"), decimal, ".")
    return _casts(column, wanted) or _casts(pc.utf8_trim(column, " \t"), wanted)


def _all(flags: pa.Array) -> bool:
    return pc.all(flags).as_py() is not False  # null: no value at all


def _casts(column: pa.Array, wanted: pa.DataType) -> bool:
    try:
        # Arrow words an error for every value that it cannot cast: look at a few before at all.
        column.drop_null().slice(0, 8).cast(wanted)
        column.cast(wanted)
    except pa.ArrowInvalid:
        return False
    return True


def _without_formats(column: pa.Array, formats: Sequence[str]) -> pa.Array:
    """Leave the values that none of the formats reads."""
    for form in formats:
        parsed = pc.strptime(column, format=form, unit="us", error_is_null=True)
        column = column.filter(pc.is_null(parsed))
    return column


def faulty_rows(
    column: pa.Array, wanted: pa.DataType, decimal: str, formats: Sequence[str], limit: int
) -> list[int]:
    """Return the first `limit` positions in a text column whose values do not parse as `wanted`."""

    def search(start: int, length: int) -> None:
        part = column.slice(start, length)
        if len(found) >= limit or parses(part, wanted, decimal, formats):
            return
        if length == 1:
            found.append(start)
            return
        half = length // 2
        search(start, half)
        search(start + half, length - half)

    found: list[int] = []
    search(0, len(column))
    return found
