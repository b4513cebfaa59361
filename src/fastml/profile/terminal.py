"""A profile as text: plain lines for any output, and a table for a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from fastml.profile.column import ColumnProfile
from fastml.schema import Role

__all__ = ["as_rich", "as_text"]

_HEADER = ("column", "type", "role", "missing", "distinct", "values")
_WIDEST = (28, 12, 11, 7, 10, 56)
_RIGHT = (3, 4)


def as_text(rows: int, columns: Iterable[ColumnProfile]) -> str:
    """Return lines of plain text, one a column, then why some are not to be learned from."""
    columns = list(columns)
    cells = [_HEADER, *map(_cells, columns)]
    widths = [min(max(len(line[i]) for line in cells), widest) for i, widest in enumerate(_WIDEST)]
    lines = [_title(rows, columns), ""]
    lines += [_line(line, widths) for line in cells]
    aside = _set_aside(columns)
    if aside:
        lines += ["", "Not to be learned from:"]
        lines += [f"  {column.name}: {column.role}, {column.reason}" for column in aside]
    guessed = [column for column in columns if column.role.learnable and _is_guessed(column)]
    if guessed:
        lines += ["", "Guessed:"]
        lines += [f"  {column.name}: {column.role}, {column.reason}" for column in guessed]
    return "\n".join(lines)


def as_rich(rows: int, columns: Iterable[ColumnProfile]) -> Any:
    """Return a `rich` table, one row a column."""
    from rich.table import Table
    from rich.text import Text

    columns = list(columns)
    table = Table(title=_title(rows, columns), title_justify="left", header_style="bold")
    for i, name in enumerate(_HEADER):
        table.add_column(name, justify="right" if i in _RIGHT else "left", overflow="fold")
    for column in columns:
        cells = [Text(cell) for cell in _cells(column)]
        if _is_guessed(column):
            cells[-1].append(f"\n{column.reason}", style="dim")
        if not column.role.learnable:
            cells[2].stylize("yellow")
            cells[-1] = Text(column.reason, style="dim")
        table.add_row(*cells)
    return table


def _title(rows: int, columns: Sequence[ColumnProfile]) -> str:
    return f"{rows:,} rows, {len(columns):,} columns"


def _set_aside(columns: Sequence[ColumnProfile]) -> list[ColumnProfile]:
    return [column for column in columns if not column.role.learnable]


def _is_guessed(column: ColumnProfile) -> bool:
    """Whether a column's name or looks, and not its type, decided what it is."""
    by_name = column.role is Role.CATEGORICAL and column.kind.lstrip("u").startswith("int")
    return by_name or "looks like" in column.reason


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    parts = []
    for i, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        cut = cell if len(cell) <= width else cell[: width - 1] + "…"
        parts.append(cut.rjust(width) if i in _RIGHT else cut.ljust(width))
    return "  ".join(parts).rstrip()


def _cells(column: ColumnProfile) -> tuple[str, ...]:
    missing = column.nulls / column.count if column.count else 0.0
    about = "" if column.distinct_exact else "~"
    distinct = "" if math.isnan(column.distinct) else f"{about}{column.distinct:,.0f}"
    return (
        column.name,
        column.kind,
        str(column.role),
        "" if column.nulls == 0 else _percent(missing),
        distinct,
        _values(column),
    )


def _percent(share: float) -> str:
    """Return a share of rows, never rounded to none or all of them."""
    if 0 < share < 0.001:
        return "<0.1%"
    if 0.999 < share < 1:
        return ">99.9%"
    return f"{share:.1%}"


def _values(column: ColumnProfile) -> str:
    if column.role in (Role.PERSONAL, Role.IDENTIFIER, Role.TEXT, Role.UNSUPPORTED):
        return ""
    if column.role is Role.CONSTANT:
        return ""
    top = column.top(4)
    if top:
        said = [f"{_shortened(value)} {_percent(rows / column.count)}" for value, rows in top]
        return ", ".join(said)
    if math.isnan(column.min):
        return ""
    if isinstance(column.moment(column.min), str):
        return f"{column.moment(column.min)} to {column.moment(column.max)}"
    low, median, high = (_number(float(v)) for v in (column.min, column.quantile(0.5), column.max))
    return f"{low} to {high}, median {median}, mean {_number(column.mean)}"


def _shortened(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 20 else f"{text[:19]}…"


def _number(value: float) -> str:
    """Return a number in four significant digits, whole ones in full; years without a comma."""
    if value.is_integer() and abs(value) < 1e15:
        return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.0f}"
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"
