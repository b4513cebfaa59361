"""How many models may be trained side by side in the memory that there is."""

from __future__ import annotations

import warnings
from typing import NamedTuple

from fastml.engine.budget import memory_budget, resident_memory
from fastml.errors import DataError
from fastml.linear_model.lanes import LANES
from fastml.linear_model.lbfgs import PAIRS
from fastml.linear_model.objective import GROUP_BYTES, MOST_GROUPS
from fastml.linear_model.problem import Problem

__all__ = ["Room", "find_room"]

LEAST_PAIRS = 3
"""Pairs of vectors with which L-BFGS still does more than the preconditioner alone."""
ALWAYS = 64 << 20
"""Bytes that training may take, however little is left."""
_OTHERS = 14
"""Vectors of weights that L-BFGS holds beside its pairs, in float64; measured."""
_STEPS = 3
"""The same of stochastic steps, beside their state."""


class Room(NamedTuple):
    """What the memory has room for.

    Attributes
    ----------
    lanes : int
        Side by side; at least those of one model.
    pairs : int
        Pairs of vectors that L-BFGS keeps.
    """

    lanes: int
    pairs: int


def find_room(
    problem: Problem, solver: str, *, held_out_rows: int = 0, most: int = LANES, at_once: int = 1
) -> Room:
    """Return what training has room for; warn where that makes it slower.

    Fewer lanes at a time are tried first, then fewer pairs.

    Parameters
    ----------
    problem : Problem
    solver : {"auto", "lbfgs", "sgd"}
    held_out_rows : int
        Rows that are watched.
    most : int
        Lanes that are wanted side by side.
    at_once : int
        So many times that, on threads.

    Raises
    ------
    DataError
        If there is no room for one model.
    """
    rows, lanes = problem.shape
    n, itemsize = problem.design.n_rows, problem.design.dtype.itemsize

    def needed(room: Room) -> int:
        weights = 8 * rows * room.lanes * at_once
        if solver == "sgd":
            return (3 * itemsize // 8 + _STEPS) * weights
        margins = itemsize * (2 * n + held_out_rows) * room.lanes * at_once
        sums = max(weights, min(GROUP_BYTES, MOST_GROUPS * weights))
        return (2 * room.pairs + _OTHERS) * weights + sums + margins

    of_one = problem.loss.classes * problem.together
    widest = max(of_one, min(lanes, most) // of_one * of_one)
    rooms = [Room(n_lanes, PAIRS) for n_lanes in range(widest, 0, -of_one)]
    rooms += [Room(of_one, pairs) for pairs in range(PAIRS - 1, LEAST_PAIRS - 1, -1)]
    if needed(rooms[0]) <= ALWAYS:
        return rooms[0]
    left = max(memory_budget(problem.design.memory) - resident_memory(), ALWAYS)
    for room in rooms:
        if needed(room) <= left:
            if room != rooms[0]:
                _warn(room, rooms[0])
            return room
    raise DataError(
        f"training needs {needed(rooms[-1]) / 1e6:,.0f} MB for one model of {rows - 2:,} features, "
        f"and {left / 1e6:,.0f} MB of memory are left: allow more (memory=...), bound the "
        "categories (max_categories)" + ("" if solver == "sgd" else ", or take solver='sgd'")
    )


def _warn(room: Room, wanted: Room) -> None:
    fewer = f"{room.lanes} instead of {wanted.lanes} lanes at a time"
    if room.lanes == wanted.lanes:
        fewer = f"{room.pairs} instead of {wanted.pairs} pairs of vectors in L-BFGS"
    warnings.warn(
        f"memory leaves room for {fewer}: training takes longer; allow more (memory=...)",
        UserWarning,
        stacklevel=5,
    )
