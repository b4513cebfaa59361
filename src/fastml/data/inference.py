"""The type of columns of text, found over the whole table, and texts as values of a type."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

__all__ = [
    "FALSE_WORDS",
    "TRUE_WORDS",
    "TextTypes",
    "as_type",
    "faulty_rows",
    "join_types",
    "parses",
    "without_markers",
]

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
_LEAST_BEYOND_INT64 = 19  # digits
_TIME_OF_DAY = r"^[ \t]*([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?[ \t]*$"


class TextTypes:
    """The narrowest type of each column of text that every value parses as.

    Null is below all; then int64 < float64, bool, date32 < timestamp, timestamp with an offset,
    and time of day; text is above all. Whole numbers that would lose digits are text: those beyond
    int64, and those with leading zeros, such as `02134`.

    Parameters
    ----------
    columns : int
        How many columns there are.
    decimal : str
        The decimal point.
    timestamp_formats : sequence of str
        Formats for `strptime` that are tried beside ISO 8601.
    markers : sequence of str
        Values that are missing unless the column is text.
    leading_zeros : bool
        False: whole numbers may have them.

    Attributes
    ----------
    marked : list of bool
        Which columns have held a marker, as far as was looked: not in what is text anyway.
    """

    def __init__(
        self,
        columns: int,
        decimal: str = ".",
        timestamp_formats: Sequence[str] = (),
        markers: Sequence[str] = (),
        *,
        leading_zeros: bool = True,
    ) -> None:
        self.marked = [False] * columns
        self._known: list[pa.DataType] = [_NULL] * columns
        self._decimal = decimal
        self._formats = tuple(timestamp_formats)
        self._markers = pa.array(markers, _TEXT)
        self._leading_zeros = leading_zeros

    @property
    def types(self) -> list[pa.DataType]:
        """The types found so far; a column of nothing but markers is text."""
        return [
            _TEXT if known == _NULL and marked else known
            for known, marked in zip(self._known, self.marked, strict=True)
        ]

    def of(self, columns: Sequence[pa.Array]) -> list[tuple[pa.DataType, bool]]:
        """Return for each column of text a type, and whether markers were met on the way to it.

        No type narrower than found so far is tried. May run on several threads at once, with
        `update` on one: a state that is out of date costs time, not the answer.
        """
        return [self._of(column, known) for column, known in zip(columns, self._known, strict=True)]

    def _of(self, column: pa.Array, known: pa.DataType) -> tuple[pa.DataType, bool]:
        found = self._narrowest(column, known)
        if found == _TEXT and known != _TEXT and len(self._markers):
            values = without_markers(column, self._markers)
            if values.null_count > column.null_count:
                return self._narrowest(values, known), True
        return found, False

    def _narrowest(self, column: pa.Array, known: pa.DataType) -> pa.DataType:
        if column.null_count == len(column):
            return _NULL
        for candidate in _CANDIDATES[known]:
            if parses(column, candidate, self._decimal, self._formats):
                return _TEXT if self._loses_digits(column, candidate) else candidate
        return _TEXT

    def _loses_digits(self, column: pa.Array, wanted: pa.DataType) -> bool:
        """Whether some whole number is not what its digits say once it is read as `wanted`."""
        if wanted == _FLOAT:
            long = column.filter(pc.greater_equal(pc.binary_length(column), _LEAST_BEYOND_INT64))
            long = pc.utf8_trim(long, " \t")
            if not _casts(long.filter(pc.match_substring_regex(long, r"^[+-]?\d+$")), _INT):
                return True
        if wanted not in (_INT, _FLOAT) or not self._leading_zeros:
            return False
        zero = column.filter(pc.starts_with(column, "0"))
        return bool(pc.any(pc.match_substring_regex(zero, r"^0\d+[ \t]*$")).as_py())

    def update(self, found: Sequence[tuple[pa.DataType, bool]]) -> None:
        """Widen the columns' types to hold these too."""
        for i, (kind, marked) in enumerate(found):
            self._known[i] = join_types(self._known[i], kind)
            self.marked[i] |= marked


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
        column = column.filter(pc.is_null(_read_by(column, form)))
    return column


def _read_by(column: pa.Array, form: str) -> pa.Array:
    return pc.strptime(column, format=form, unit="us", error_is_null=True)


def without_markers(column: pa.Array, markers: pa.Array) -> pa.Array:
    """Return a text column with null for every value that is one of `markers`."""
    return pc.if_else(pc.is_in(column, markers), pa.scalar(None, column.type), column)


def as_type(
    column: pa.Array, wanted: pa.DataType, decimal: str = ".", formats: Sequence[str] = ()
) -> pa.Array:
    """Return a text column as Arrow's CSV reader would read it as `wanted`.

    Raises
    ------
    pyarrow.ArrowInvalid
        If a value does not parse; see `faulty_rows`.
    """
    if not parses(column, wanted, decimal, formats):
        raise pa.ArrowInvalid(f"a text is no {wanted}")
    column = pc.utf8_trim(column, " \t")
    if pa.types.is_boolean(wanted):
        words = pc.is_in(column, pa.array(TRUE_WORDS))
        return pc.if_else(pc.is_null(column), None, words)
    if pa.types.is_time(wanted):
        day = pc.binary_join_element_wise("1970-01-01 ", column, "")
        return day.cast(_STAMP).cast(wanted)
    if pa.types.is_floating(wanted) and decimal != ".":
        column = pc.replace_substring(column, decimal, ".")
    if pa.types.is_timestamp(wanted) and formats:
        read = [_read_by(column, form).cast(wanted) for form in formats]
        left = pc.if_else(pc.is_null(pc.coalesce(*read)), column, None)
        return pc.coalesce(*read, left.cast(wanted))
    return column.cast(wanted)


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
