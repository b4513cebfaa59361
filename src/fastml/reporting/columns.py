"""What is in a table, as HTML: a row for each column, and a page of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from fastml.reporting.numbers import amount, percent
from fastml.reporting.page import Html, cards, page, paragraph, section, table

__all__ = ["columns_table", "profile_page"]

_TOP = 3
_CLOSE = 0.8
_MOST_PAIRS = 50
_MOST = 400  # columns, so that a page stays small


def columns_table(profile: Mapping[str, Any]) -> Html:
    """Return a table of the columns of a profile, as `TableProfile.to_dict` gives it."""
    columns = profile["columns"]
    shown = table(
        ("column", "type", "role", "missing", "distinct", "values"),
        [
            (
                column["name"],
                _type(column["type"]),
                Html(
                    f"{escape(column['role'])}<br><span class=soft>"
                    f"{escape(column['reason'])}</span>"
                ),
                percent(column["nulls"] / column["count"]) if column["count"] else "",
                _distinct(column),
                _values(column),
            )
            for column in columns[:_MOST]
        ],
        numbers=[3, 4],
    )
    if len(columns) > _MOST:
        rest = f"and {len(columns) - _MOST:,} more columns; the JSON of the profile has them all"
        shown = Html(shown + paragraph(rest, soft=True))
    return shown


def profile_page(name: str, profile: Mapping[str, Any]) -> str:
    """Return a page on what is in the table called `name`."""
    rows, columns = profile["rows"], profile["columns"]
    facts = cards([("rows", f"{rows:,}"), ("columns", f"{len(columns):,}")])
    return page(
        name,
        [
            f"<h1>{escape(name)}</h1>",
            facts,
            section("Columns", columns_table(profile)),
            section(
                "Columns that go together",
                _correlated(profile["correlation"]),
                note=f"Pairs of numbers with a correlation of at least {_CLOSE}, by its size.",
            ),
        ],
    )


def _correlated(correlation: Mapping[str, Any]) -> Html:
    names, matrix = correlation["columns"], correlation["matrix"]
    pairs = [
        (r, names[i], names[j])
        for i, row in enumerate(matrix)
        for j, r in enumerate(row[:i])
        if r is not None and abs(r) >= _CLOSE
    ]
    pairs.sort(key=lambda pair: -abs(pair[0]))
    return table(
        ("column", "and column", "correlation"),
        [(first, second, f"{r:.3f}") for r, first, second in pairs[:_MOST_PAIRS]],
        numbers=[2],
    )


def _values(column: Mapping[str, Any]) -> str:
    """Say what the values are: a range and its middle, or the most frequent ones."""
    top: Sequence[Sequence[Any]] = column["top"]
    if top:
        return ", ".join(f"{v} ({percent(count / column['count'])})" for v, count in top[:_TOP])
    if column["min"] is None:
        return ""
    middle = {"median": column["quantiles"].get("0.5"), "mean": column["mean"]}
    said = [f"{name} {_plain(value)}" for name, value in middle.items() if value is not None]
    return ", ".join([f"{_plain(column['min'])} to {_plain(column['max'])}", *said])


def _type(name: str) -> str:
    """Return the type of a column's values: a dictionary is a way to store them."""
    return name.removeprefix("dictionary<values=").partition(",")[0] if "<v" in name else name


def _distinct(column: Mapping[str, Any]) -> str:
    if column["distinct"] is None:  # lists and the like are not counted
        return ""
    return f"{'' if column['distinct_exact'] else 'about '}{column['distinct']:,}"


def _plain(value: Any) -> str:
    return amount(value) if isinstance(value, (int, float)) else str(value)
