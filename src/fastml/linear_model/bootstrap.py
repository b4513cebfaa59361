"""How far a model's coefficients would move on other rows: a bootstrap in lanes.

Every replicate is a lane that counts each row as often as a draw with replacement would have, which
for many rows is a Poisson number of mean 1 (Hanley & MacGibbon 2006; Chamandy et al. 2012). All
replicates start from the model that was trained, with its curvature: a few passes move all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastml._native.linear import DesignKernels
from fastml._typing import Float32, Float64
from fastml.errors import ConfigError
from fastml.linear_model.design import Design, DesignBlock
from fastml.linear_model.objective import Objective
from fastml.linear_model.precondition import Preconditioner
from fastml.linear_model.problem import MOST_ROW_GROUPS, Problem, RowGroups
from fastml.linear_model.settings import Settings
from fastml.linear_model.training import train

__all__ = [
    "Replicates",
    "drawn_groups",
    "in_single",
    "percentiles",
    "poisson_counts",
    "replicates_of",
]

CLOSE = 5e-5
"""Tolerance of a replicate: intervals come out half a percent too narrow at most, where the chance
of having drawn a thousand replicates moves their ends by several."""
FARTHEST = 1e3
"""Times the spread of a feature that its values may lie from zero, and still be float32."""
AT_ONCE = 256
"""Replicates whose margins are taken by one kernel."""


@dataclass(frozen=True, slots=True)
class Replicates:
    """The models of a bootstrap.

    Parameters
    ----------
    weights : float32 ndarray of shape (n_features + 1, n_lanes, n_replicates)
        The intercept comes last.
    """

    weights: Float32

    def interval(self, confidence: float = 0.95) -> tuple[Float64, Float64]:
        """Return percentile intervals of the weights, (n_features + 1, n_lanes) each."""
        return percentiles(self.weights, confidence)

    @property
    def n(self) -> int:
        """How many they are."""
        return int(self.weights.shape[2])

    def margins(self, block: DesignBlock, which: slice = slice(None)) -> Float64:
        """Return the margins of a block's rows by some of them, (n_rows, n_lanes, n)."""
        weights = self.weights[:, :, which]
        features, lanes, n = weights.shape
        n_codes = features - 1 - block.dense.shape[1]
        whole: Float64 = np.empty((block.n_rows, lanes, n))
        for first in range(0, n, AT_ONCE):
            some = weights[:, :, first : first + AT_ONCE]
            for lane in range(lanes):
                typed = np.zeros((features + 1, some.shape[2]), block.dense.dtype)
                typed[:-2] = some[:-1, lane]
                kernels = DesignKernels(
                    [(block.dense, block.codes, None, None)], n_codes, some.shape[2]
                )
                margins = np.empty((block.n_rows, some.shape[2]), block.dense.dtype)
                kernels.margins(0, typed, margins)
                whole[:, lane, first : first + AT_ONCE] = margins + some[-1, lane]
        return whole


def percentiles(values: NDArray[np.floating], confidence: float) -> tuple[Float64, Float64]:
    """Return the bounds between which the middle share of the last axis lies.

    Raises
    ------
    ConfigError
        If the confidence is not between 0 and 1.
    """
    if not 0.0 < confidence < 1.0:
        raise ConfigError(f"confidence is {confidence!r}; expected a number between 0 and 1")
    outside = (1.0 - confidence) / 2.0
    bounds = np.quantile(values.astype(np.float64), [outside, 1.0 - outside], axis=-1)
    return np.asarray(bounds[0]), np.asarray(bounds[1])


def drawn_groups(design: Design, n_replicates: int, seed: int, n_classes: int = 1) -> RowGroups:
    """Return how often each replicate draws each row.

    Up to 65,536 rows (over `n_classes`, those that have weights of their own) are drawn one by one,
    more in as many groups at random, whose rows are drawn together: what a sum over the rows varies
    by is the same.
    """
    rng = np.random.default_rng(seed)
    most = MOST_ROW_GROUPS // n_classes
    n_rows = design.n_rows
    of, first = [], 0
    for block in design.blocks:
        if n_rows <= most:
            group = np.arange(first, first + block.n_rows, dtype=np.uint16)
        else:
            group = rng.integers(0, most, block.n_rows, np.uint16)
        of.append(group)
        first += block.n_rows
    return RowGroups(of, poisson_counts(rng, (min(n_rows, most), n_replicates)))


def in_single(design: Design) -> Design:
    """Return the design in float32, which is twice as fast, where no interval shows the rounding.

    It would of features that are far from zero beside what they vary by: those stay as they are.
    """
    if design.dtype == np.float32 or not design.n_rows:
        return design
    rows = [block.dense for block in design.blocks if block.n_rows]
    low = np.min([each.min(axis=0) for each in rows], axis=0)
    high = np.max([each.max(axis=0) for each in rows], axis=0)
    farthest, spread = np.maximum(-low, high), high - low
    small = farthest < np.sqrt(np.finfo(np.float32).max)
    if not (small & ((farthest <= FARTHEST * spread) | (spread == 0.0))).all():
        return design

    def single(part: NDArray[Any] | None) -> Float32 | None:
        return None if part is None else part.astype(np.float32)

    blocks = [
        DesignBlock(b.dense.astype(np.float32), b.codes, single(b.target), single(b.weight))
        for b in design.blocks
    ]
    return replace(design, blocks=blocks)


def poisson_counts(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return Poisson numbers of mean 1, to a resolution of 2^-16: as quick as random bits."""
    return np.take(_POISSON, rng.integers(0, 65_536, shape, np.uint16))


def replicates_of(
    fitted: Problem,
    weights: Float64,
    drawn: Problem,
    settings: Settings,
    finish: Callable[[Float64], Float64] | None = None,
) -> Replicates:
    """Train the replicates of a model.

    Parameters
    ----------
    fitted : Problem
        Of the model.
    weights : float64 ndarray of shape (rows, lanes)
        The model's, in training's units.
    drawn : Problem
        Of the replicates side by side.
    settings : Settings
        The model's.
    finish : callable, optional
        What is done with weights (rows, n_replicates, lanes) when they are trained.
    """
    width = weights.shape[1]
    n = drawn.shape[1] // width
    objective = Objective(
        fitted.kernels(slice(0, fitted.lanes.n_models)),
        fitted.lanes,
        fit_intercept=settings.fit_intercept,
        threads=settings.threads,
    )
    objective.move_to(weights)
    trained = train(
        drawn,
        replace(settings, solver="lbfgs", tolerance=CLOSE),
        start=np.tile(weights, n),
        precondition=Preconditioner(objective, fitted.loss.floor),
    )
    whole = drawn.outward(trained.weights)
    kept = np.delete(whole, -2, axis=0).reshape(-1, n, width)  # without the unknown code
    finished = kept if finish is None else finish(kept)
    return Replicates(np.ascontiguousarray(finished.transpose(0, 2, 1), np.float32))


def _poisson_table() -> NDArray[np.uint8]:
    """Return the count of a Poisson number of mean 1 for each of 65,536 equal shares of chance."""
    chances = np.array([math.exp(-1.0) / math.factorial(k) for k in range(12)])
    edges = np.round(65_536 * np.cumsum(chances)).astype(np.int64)
    return np.searchsorted(edges, np.arange(65_536), side="right").astype(np.uint8)


_POISSON = _poisson_table()
