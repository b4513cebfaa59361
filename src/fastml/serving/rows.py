"""How many rows a body may have, found before they are read: few bytes may be many rows."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from fastml.serving.refused import RefusedError

if TYPE_CHECKING:
    from fastml.serving.predictor import TextForm

__all__ = ["MOST_ROWS", "check_text", "too_many_rows"]

MOST_ROWS: Final = 2_000_000
"""Rows of a request, where nothing else is said.

An answer has some 60 bytes a row, 120 as JSON, and each column some 8: a request then takes a few
hundred megabytes at most. 100 MB of text whose rows have 50 bytes and more are below it.
"""
MOST_CELLS: Final = 1 << 20
"""Values of a line of delimited text: the reader holds one line at a time, 40 bytes a value."""
_WINDOW = 1 << 16


def check_text(body: bytes, form: TextForm, columns: int, most: int, delimiter: str = ",") -> None:
    """Refuse a body of text that may have too many rows, or too many values in one.

    It takes a nanosecond a byte at most, in steps between which others run.

    Parameters
    ----------
    body : bytes
    form : {"csv", "json", "lines"}
    columns : int
        Those of a row, at least.
    most : int
        Rows.
    delimiter : str
        Of delimited text.

    Raises
    ------
    RefusedError
        413.
    """
    between = delimiter if form == "csv" else ","
    lines = returns = commas = unbroken = 0
    for more_lines, more_returns, more_commas in _counts(body, f"\n\r{between}".encode()):
        lines, returns, commas = lines + more_lines, returns + more_returns, commas + more_commas
        # A line of so many values is much longer than a window.
        unbroken = 0 if more_lines or more_returns else unbroken + more_commas
        if form == "csv" and unbroken > MOST_CELLS:
            raise RefusedError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"a line of the body has more than {MOST_CELLS:,} values; send fewer columns",
            )
    # Rows of JSON, and values of one that has columns, stand between commas, whatever form it has.
    rows = commas // max(columns, 1) if form == "json" else max(lines, returns)
    if rows > most:
        raise too_many_rows(most)


def _counts(body: bytes, characters: bytes) -> Iterator[list[int]]:
    """Yield how often each window has each character."""
    for first in range(0, len(body), _WINDOW):
        yield [body.count(each, first, first + _WINDOW) for each in characters]


def too_many_rows(most: int) -> RefusedError:
    """Return the refusal of a body that has, or may have, too many rows."""
    return RefusedError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"the body has more than {most:,} rows; send fewer at a time",
    )
