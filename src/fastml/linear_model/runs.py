"""Runs: stretches of consecutive rows, in which a table is drawn from at random."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = ["Runs", "draw_runs"]

Runs = NDArray[np.int64]
"""Of shape (n_runs, 3): the block, the first row there, and the end."""

LARGE = 1024 * 4096
"""Rows from which on there are more runs instead of longer ones."""


def draw_runs(
    block_rows: Sequence[int],
    seed: int | tuple[int, ...],
    part: tuple[float, float] = (0.0, 1.0),
    *,
    many: int = 1024,
) -> Runs:
    """Cut blocks into runs, shuffle these and return a part of them.

    Parameters
    ----------
    block_rows : sequence of int
        Rows of each block.
    seed : int or tuple of int
        Of the order, which is the same whatever part of it is asked for.
    part : pair of float
        Where it begins and ends, as shares; at least one run is in it.
    many : int
        About so many runs, more of a table so large that they would be too long.
    """
    length = max(min(sum(block_rows), LARGE) // many, 1)
    runs = [
        (block, start, stop)
        for block, n in enumerate(block_rows)
        for start, stop in pairwise([*range(0, n, length), n])
    ]
    order = np.random.default_rng(seed).permutation(len(runs))
    first, end = (round(share * len(runs)) for share in part)
    kept = order[min(first, len(runs) - 1) : max(end, first + 1)]
    return np.array(runs, np.int64).reshape(-1, 3)[kept]
