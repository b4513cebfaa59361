"""Numbers as people read them in a sentence."""

from __future__ import annotations

from math import isfinite

__all__ = ["amount", "how_many", "signed"]

_THOUSAND = 1000


def amount(value: float, digits: int = 4) -> str:
    """Write a number with `digits` digits that count, all before the point, and thousands apart."""
    if not isfinite(value):
        return "not defined"
    short = f"{value:.{digits}g}"
    if abs(float(short)) < _THOUSAND:
        return short
    return f"{value:,.{max(digits - _before_the_point(value), 0)}f}"


def signed(value: float, digits: int = 4) -> str:
    """Write a number as `amount` does, with its sign."""
    return amount(value, digits) if value < 0 else f"+{amount(value, digits)}"


def how_many(count: int, what: str) -> str:
    """Write a count with its noun: "1 row", "2,000 rows"."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _before_the_point(value: float) -> int:
    return len(f"{abs(value):.0f}")
