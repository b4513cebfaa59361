"""Parts of dates in an ONNX graph, by whole numbers alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from fastml._typing import Int64
from fastml.artifact.onnx_graph import Graph

__all__ = ["add_calendar"]


def add_calendar(graph: Graph, part: str, times: str, per_day: Int64) -> str:
    """Add the code of a part of each date, as `calendar_codes` has it.

    Parameters
    ----------
    graph : Graph
    part : {"month", "weekday", "hour"}
    times : str
        Numbers as Arrow stores them, int64 (rows, columns).
    per_day : int64 array of shape (columns,)
        How many of each column's units a day has.
    """
    return _PARTS[part](graph, times, per_day)


def _days(graph: Graph, times: str, per_day: Int64) -> str:
    """Divide, rounding down; ONNX rounds towards zero."""
    before = graph.cast(graph.add("Less", times, np.int64(0)), "int64")
    shifted = graph.add("Add", times, before)  # the last moment of a day before 1970 is its -1
    return graph.add("Sub", graph.add("Div", shifted, per_day), before)


def _weekday(graph: Graph, times: str, per_day: Int64) -> str:
    days = _days(graph, times, per_day)
    return graph.add("Mod", graph.add("Add", days, np.int64(3)), np.int64(7))  # from a Thursday on


def _hour(graph: Graph, times: str, per_day: Int64) -> str:
    within = graph.add("Mod", times, per_day)  # at least 0, as Python has it
    return graph.add("Div", graph.add("Mul", within, np.int64(24)), per_day)


def _month(graph: Graph, times: str, per_day: Int64) -> str:
    """Look the day up in 400 years, after which the calendar repeats: a division costs more."""
    cycle = np.arange("1970", "2370", dtype="datetime64[D]").astype("datetime64[M]")
    months = (cycle.astype(np.int64) % 12).astype(np.int8)
    day = graph.add("Mod", _days(graph, times, per_day), np.int64(len(months)))
    return graph.cast(graph.add("Gather", months, day), "int64")


_PARTS: Final[dict[str, Callable[[Graph, str, Int64], str]]] = {
    "month": _month,
    "weekday": _weekday,
    "hour": _hour,
}
