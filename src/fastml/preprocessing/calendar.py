"""Parts of dates that repeat, as categories: a linear model cannot bend a number into a season."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fastml._typing import Int32

__all__ = ["PARTS", "calendar_codes", "part_labels", "parts_of"]

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip

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
