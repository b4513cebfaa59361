"""Decides the role of a column from what is known of it, and says why in words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from fastml.profile.personal import location_reason, personal_reason
from fastml.profile.words import Words
from fastml.schema import Role

__all__ = [
    "SAMPLE",
    "Evidence",
    "decide_role",
    "is_date",
    "is_number",
    "is_text",
    "says_category",
]

SAMPLE = 500
"""Values of a column that are looked at: enough to tell its kind, few enough to cost nothing."""

_KEYS = ("id", "ids", "uuid", "guid", "key", "identifier", "rowid", "row", "index", "idx", "pk")
_CODES = ("code", "zip", "zipcode", "postcode", "postal", "id", "class", "type", "category")
_CALENDAR = {
    "month": 12, "quarter": 4, "weekday": 7, "day of week": 7, "dayofweek": 7, "dow": 7, "hour": 24,
}  # fmt: skip
"""Parts of the calendar, and the largest number that one has; the least is 0 or 1."""
_MOST_CODES = 1000  # distinct values of a column of whole numbers that is still a category
_DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?\s*(Z|[+-]\d{2}:?\d{2})?)?"
)
_FLAGS = ({"yes", "no"}, {"true", "false"}, {"y", "n"}, {"t", "f"}, {"0", "1"})
_NEARLY_ALL = 0.95  # of values distinct: below 1 because distinct counts are estimates
_FEW = 20  # rows below which uniqueness says nothing
_LONG = 50  # characters in the mean from which strings are text
_WORDY = 5  # words in the mean, likewise


def is_text(kind: pa.DataType) -> bool:
    """Whether a column of this type holds strings, plain or as a dictionary."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def is_number(kind: pa.DataType) -> bool:
    """Whether the numeric folds read this type: numbers, booleans, dates and times, null."""
    types = pa.types
    return bool(
        types.is_integer(kind)
        or types.is_float32(kind)
        or types.is_float64(kind)
        or types.is_boolean(kind)
        or types.is_null(kind)
        or (types.is_temporal(kind) and not types.is_interval(kind) and not types.is_date64(kind))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a role is decided from.

    Parameters
    ----------
    name : str
    type : pyarrow.DataType
    present, missing : int
        Rows with and without a value; NaN is missing.
    distinct : float
        Distinct values, perhaps an estimate.
    min, max : float
        Of numbers; NaN for others.
    sample : sequence
        Up to `SAMPLE` values as they come, of text distinct ones.
    """

    name: str
    type: pa.DataType
    present: int
    missing: int
    distinct: float
    min: float = float("nan")
    max: float = float("nan")
    sample: Sequence[object] = field(default_factory=list)


def decide_role(column: Evidence) -> tuple[Role, str]:
    """Return the role of a column and the reason, in words that show no value of a person."""
    kind = column.type
    if not (is_text(kind) or is_number(kind)):
        return Role.UNSUPPORTED, f"its type is {kind}"
    if column.present == 0:
        return Role.CONSTANT, "it has no values"
    if column.distinct == 1 and column.missing == 0:
        return _constant_role(column)
    if pa.types.is_boolean(kind):
        return Role.BOOLEAN, "its type is bool"
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return Role.DATETIME, f"its type is {kind}"
    if is_text(kind):
        return _text_role(column)
    if pa.types.is_floating(kind):
        return _float_role(column)
    if pa.types.is_integer(kind):
        return _integer_role(column)
    return Role.NUMERIC, f"its type is {kind}"


def _constant_role(column: Evidence) -> tuple[Role, str]:
    """Tell whether the one value is a person's, which is not to be shown: one is enough here."""
    values = [str(value) for value in column.sample[:1]]
    reason = personal_reason(Words(column.name), values, 1.0, enough=1)
    if reason is not None:
        return Role.PERSONAL, reason
    return Role.CONSTANT, f"every row has {column.sample[0]!r}" if values else "one value"


def _is_flag(column: Evidence) -> bool:
    return column.distinct == 2 and column.min == 0 and column.max == 1


def _float_role(column: Evidence) -> tuple[Role, str]:
    if _is_flag(column):
        return Role.BOOLEAN, "it holds only 0 and 1"
    floats = [value for value in column.sample if isinstance(value, float)]
    reason = location_reason(Words(column.name), column.min, column.max, column.distinct, floats)
    if reason is not None:
        return Role.PERSONAL, reason
    return Role.NUMERIC, "its values are decimal numbers"


def _integer_role(column: Evidence) -> tuple[Role, str]:
    if _is_flag(column):
        return Role.BOOLEAN, "it holds only 0 and 1"
    name = Words(column.name)
    share = column.distinct / column.present
    reason = personal_reason(name, [str(value) for value in column.sample], share)
    if reason is not None:
        return Role.PERSONAL, reason
    if column.present >= _FEW and share >= _NEARLY_ALL:
        if name.has_any(_KEYS):
            return Role.IDENTIFIER, "its name says a key, and hardly a value occurs twice"
        if column.missing == 0 and column.max - column.min + 1 == column.present:
            return Role.IDENTIFIER, "it numbers the rows: whole numbers, each once, without a gap"
    if _is_repeated_key(column, name):
        return Role.IDENTIFIER, _repeated(column)
    if says_category(column.name, column.distinct, column.min, column.max):
        kind = "a code" if name.ends_with(_CODES) else "a part of the calendar"
        return Role.CATEGORICAL, f"its name says {kind}, and it has {column.distinct:,.0f} values"
    return Role.NUMERIC, "its values are whole numbers"


def says_category(name: str, distinct: float, low: float, high: float) -> bool:
    """Whether a column's name says that its whole numbers, so many from low to high, are labels.

    `duration_in_month` says so too, but its values tell that it is no month of a year.
    """
    words = Words(name)
    if words.ends_with(_CODES):
        return distinct <= _MOST_CODES
    return any(words.ends_with((part,)) and 0 <= low <= high <= n for part, n in _CALENDAR.items())


def is_date(text: str) -> bool:
    """Whether a text is a date, perhaps with a time."""
    return _DATE.fullmatch(text.strip()) is not None


def _text_role(column: Evidence) -> tuple[Role, str]:
    """Return the role of a column of text, with a hint where it may be something else."""
    role, reason = _role_of_text(column)
    sample = [value for value in column.sample if isinstance(value, str)]
    if role in (Role.CATEGORICAL, Role.IDENTIFIER) and (hint := _looks_like(sample)):
        reason += f"; {hint}"
    return role, reason


_LOOKS = {
    r"\d{1,2}\.\d{1,2}\.\d{4}.*": "days such as 31.12.2024: timestamp_formats=['%d.%m.%Y']",
    r"\d{1,2}/\d{1,2}/\d{4}.*": "days such as 12/31/2024: timestamp_formats=['%m/%d/%Y']",
    r"-?\d[\d.]*,\d+": "numbers with a decimal comma: decimal=','",
    r"-?\d{1,3}(,\d{3})+(\.\d+)?": "numbers with commas between thousands: take those out",
    r"[$€£]\s?-?[\d.,]+|-?[\d.,]+\s?[$€£%]": "numbers with a sign beside them: take that off",
}


def _looks_like(sample: Sequence[str]) -> str | None:
    """Return what most texts look like, and how to have them read so."""
    for pattern, words in _LOOKS.items():
        alike = sum(re.fullmatch(pattern, value.strip()) is not None for value in sample)
        if alike >= 0.9 * max(len(sample), 1):
            return f"it looks like {words}"
    return None


def _role_of_text(column: Evidence) -> tuple[Role, str]:
    sample = [value for value in column.sample if isinstance(value, str)]
    values = {value.strip().lower() for value in sample}
    if column.distinct <= 2 and values in _FLAGS:
        return Role.BOOLEAN, f"it holds only {' and '.join(map(repr, sorted(sample)))}"
    name = Words(column.name)
    share = column.distinct / column.present
    reason = personal_reason(name, sample, share)
    if reason is not None:
        return Role.PERSONAL, reason
    if sum(map(is_date, sample)) >= 0.9 * max(len(sample), 1):
        return Role.DATETIME, "its strings are dates"
    characters = sum(map(len, sample)) / max(len(sample), 1)
    words = sum(len(value.split()) for value in sample) / max(len(sample), 1)
    if share > 0.5 and column.distinct > _FEW and (characters >= _LONG or words >= _WORDY):
        return Role.TEXT, f"free text of {words:,.0f} words in the mean, hardly two alike"
    if column.present >= _FEW and share >= _NEARLY_ALL:
        return Role.IDENTIFIER, "hardly a value occurs twice"
    if _is_repeated_key(column, name):
        return Role.IDENTIFIER, _repeated(column)
    return Role.CATEGORICAL, f"{column.distinct:,.0f} categories"


def _is_repeated_key(column: Evidence, name: Words) -> bool:
    """Whether the column is a key of something that a few rows each belong to."""
    return (
        name.ends_with(("id", "uuid", "guid", "key"))
        and column.distinct > 50
        and column.present / column.distinct < 5
    )


def _repeated(column: Evidence) -> str:
    return (
        "its name says a key, and a value occurs "
        f"{column.present / column.distinct:.1f} times in the mean"
    )
