"""Parts of dates that repeat, as categories: a linear model cannot bend a number into a season."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fastml._typing import Int32

__all__ = [
    "PARTS",
    "PER_SECOND",
    "calendar_codes",
    "is_local",
    "part_labels",
    "parts_of",
    "units_per_day",
]

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip
_UTC = ("UTC", "Etc/UTC", "Z", "+00:00")
PER_SECOND: Final = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
"""How many of Arrow's units a second has."""

_CODES: Final[dict[str, Callable[[pa.Array], pa.Array]]] = {
    "month": lambda column: pc.subtract(pc.month(column), 1),
    "weekday": pc.day_of_week,
    "hour": pc.hour,
}
PARTS: Final[dict[str, tuple[str, ...]]] = {
    "month": _MONTHS,
    "weekday": _WEEKDAYS,
    "hour": tuple(f"{hour:02d}h" for hour in range(24)),
}
"""The parts, and a label for each code of a part."""


def part_labels(part: str) -> tuple[str, ...]:
    """Return what each code of a part stands for."""
    return PARTS[part]


def parts_of(type_: pa.DataType) -> list[str]:
    """Return the parts that values of a type have: a date has no hour."""
    if pa.types.is_timestamp(type_):
        return list(PARTS)
    return ["month", "weekday"] if pa.types.is_date(type_) else []


def is_local(type_: pa.DataType) -> bool:
    """Say whether the parts of a type's values depend on the rules of a time zone."""
    return bool(pa.types.is_timestamp(type_)) and type_.tz not in (None, *_UTC)


def units_per_day(type_: pa.DataType) -> int:
    """Return how many units of a type of dates or timestamps a day has."""
    return 86_400 * PER_SECOND[type_.unit] if pa.types.is_timestamp(type_) else 1


def calendar_codes(column: pa.Array, part: str) -> Int32:
    """Return a part of each date (in local time, where the type has a zone); -1 where it is null.

    Parameters
    ----------
    column : pyarrow.Array of n dates or timestamps
    part : {"month", "weekday", "hour"}

    Returns
    -------
    int32 array of shape (n,)
    """
    codes = pc.fill_null(_CODES[part](column), -1)
    return np.asarray(codes.cast(pa.int32()))
