"""The objective that every solver minimises, as folds over the blocks of a design.

    F(W) = sum_i w_i loss(x_i W, y_i) / sum_i w_i  +  l2 / 2 |W|^2  +  l1 |W|_1

with the intercepts free of penalties.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastml._native.linear import DesignKernels
from fastml._typing import Float64, Int32
from fastml.checkpoint import State
from fastml.engine import default_threads, ordered_map
from fastml.linear_model.lanes import Lanes

__all__ = ["Along", "Objective"]

MOST_GROUPS = 16
GROUP_BYTES = 256 << 20
SAMPLE_SHARE = 8
"""One in so many rows is what an estimate is taken from: second derivatives of a row take ten times
as long as its gradient."""
LEAST_SAMPLE = 16_384
MOST_SAMPLE = 131_072
THREADED_ROWS = 20_000
"""Below so many rows a pass takes less time than handing it to threads."""


class Along(NamedTuple):
    """An objective along a direction, as a function of the step; float64 arrays (n_models,)."""

    value: Float64
    slope: Float64
    curvature: Float64


class Objective:
    """A loss over a design in every lane, at a point that is moved along directions.

    Margins are affine in the weights, so they are kept: a step along a direction is judged from
    the margins and the direction's margins alone, without a pass over the table. Both passes
    that an iteration needs (a direction's margins, a point's gradient) run over fixed groups of
    blocks, whose sums are added in order: the result does not depend on the number of threads.

    Parameters
    ----------
    kernels : DesignKernels
        The design, with targets and weights, and the loss.
    lanes : Lanes
        As many as the kernels have. Steps, values and slopes are one for each of their models.
    fit_intercept : bool
        Without it the intercepts stay where they are.
    threads : int, optional
        Default `default_threads()`; a small table has one.
    """

    def __init__(
        self,
        kernels: DesignKernels,
        lanes: Lanes,
        *,
        fit_intercept: bool = True,
        threads: int | None = None,
    ) -> None:
        self.lanes = lanes
        self._kernels = kernels
        self.epsilon = float(np.finfo(kernels.dtype).eps)
        self._fit_intercept = fit_intercept
        blocks = range(kernels.n_blocks)
        self._n_codes: int = kernels.n_codes
        self._rows = [kernels.block_rows(block) for block in blocks]
        small = sum(self._rows) < THREADED_ROWS
        self.threads = 1 if small else threads or default_threads()
        weights_bytes = 8 * kernels.rows * kernels.lanes
        n_groups = max(1, min(MOST_GROUPS, len(blocks), GROUP_BYTES // weights_bytes))
        self._groups = [blocks[part[0] : part[-1] + 1] for part in _split(len(blocks), n_groups)]
        self._margins = [self._empty(block) for block in blocks]
        self._direction_margins = [self._empty(block) for block in blocks]
        self._direction: Float64 | None = None
        self._ahead: Float64 | None = None
        self._code_columns: list[slice] | None = None
        self._penalty_along = (np.zeros(lanes.n_models),) * 3
        self.shape: tuple[int, int] = (kernels.rows, kernels.lanes)
        self.weights: Float64 = np.zeros(self.shape)

    def move_to(self, weights: Float64) -> None:
        """Stand at `weights`: one pass over the table."""
        self.weights = weights.copy()
        self._fill(self._margins, weights)

    def aim(self, direction: Float64) -> None:
        """Choose the direction of the next steps: one pass over the table.

        With an l1 penalty no weight may change its sign before step 1, so that the penalty is
        linear along the direction.
        """
        self._choose(direction)
        self._fill(self._direction_margins, direction)

    def aim_ahead(self) -> None:
        """Choose the direction to the weights that `ahead` was called with last: no pass."""
        assert self._ahead is not None
        self._choose(self._ahead - self.weights)
        self._ahead = None

        def subtract(group: range) -> None:
            for block in group:
                self._direction_margins[block] -= self._margins[block]

        for _ in ordered_map(subtract, self._groups, self.threads):
            pass

    def _choose(self, direction: Float64) -> None:
        self._direction = direction
        lanes, weights, change = self.lanes, self.weights[:-2], direction[:-2]
        growth = np.where(weights == 0.0, np.abs(change), np.sign(weights) * change).sum(axis=0)
        penalties = (
            lanes.l2 / 2 * (weights * weights).sum(axis=0) + lanes.l1 * np.abs(weights).sum(axis=0),
            lanes.l2 * (weights * change).sum(axis=0) + lanes.l1 * growth,
            lanes.l2 * (change * change).sum(axis=0),
        )
        value, slope, curvature = map(lanes.per_model, penalties)
        self._penalty_along = value, slope, curvature

    def along(self, step: Float64) -> Along:
        """Value, slope and curvature of the objective at steps (n_models,) along the direction."""
        steps = self.lanes.per_lane(step)

        def add(block: int, sums: Float64) -> None:
            self._kernels.along(
                block, self._margins[block], self._direction_margins[block], steps, sums
            )

        loss, slope, curvature = self._mean_per_model(self._fold(add, (len(self.lanes), 3)).T)
        value0, slope0, curvature0 = self._penalty_along
        return Along(
            loss + value0 + step * (slope0 + step * curvature0 / 2),
            slope + slope0 + step * curvature0,
            curvature + curvature0,
        )

    def gradient(self, step: Float64 | None = None) -> tuple[Float64, Float64]:
        """Take steps (n_models,), if any.

        Returns
        -------
        value : float64 ndarray of shape (n_models,)
        gradient : float64 ndarray of shape (rows, lanes)
            Of all but the l1 penalty.
        """
        steps = np.zeros(self.shape[1]) if step is None else self.lanes.per_lane(step)
        if step is not None:
            assert self._direction is not None
            self.weights = self.weights + steps * self._direction

        def add(block: int, gradient: Float64, loss: Float64) -> None:
            along = None if step is None else self._direction_margins[block]
            self._kernels.gradient(block, self._margins[block], along, steps, gradient, loss)

        return self._with_penalties(add, self.weights)

    def ahead(self, weights: Float64) -> tuple[Float64, Float64]:
        """Return value and gradient, as `gradient` does, at other weights: one pass in all.

        `go_ahead` then stands there, and `aim_ahead` looks there; else the direction has to be
        chosen anew.
        """
        self._ahead, self._direction = weights, None
        typed = np.ascontiguousarray(weights, dtype=self._kernels.dtype)

        def add(block: int, gradient: Float64, loss: Float64) -> None:
            margins = self._direction_margins[block]
            self._kernels.gradient_at(block, typed, margins, gradient, loss)

        return self._with_penalties(add, weights)

    def go_ahead(self) -> None:
        """Stand at the weights that `ahead` was called with last."""
        assert self._ahead is not None
        self.weights, self._ahead = self._ahead, None
        self._margins, self._direction_margins = self._direction_margins, self._margins

    def _with_penalties(
        self, add: Callable[[int, Float64, Float64], None], weights: Float64
    ) -> tuple[Float64, Float64]:
        """Fold gradients and losses over the blocks; return value and gradient at the weights."""
        rows, n = self.shape
        sums = self._fold(lambda block, sums: add(block, sums[:rows], sums[rows]), (rows + 1, n))
        sums /= self.lanes.total_weight
        gradient = self._without_fixed(sums[:rows])
        penalised = weights[:-2]
        gradient[:-2] += self.lanes.l2 * penalised
        penalty = self.lanes.l2 / 2 * (penalised * penalised).sum(axis=0)
        penalty += self.lanes.l1 * np.abs(penalised).sum(axis=0)
        return self.lanes.per_model(sums[rows] + penalty), gradient

    def state(self) -> State:
        """Return where it stands: margins are sums of steps, which from weights come out anew."""
        return {"weights": self.weights} | {
            f"margins.{block}": margins for block, margins in enumerate(self._margins)
        }

    def restore(self, state: State) -> None:
        """Stand where `state` was taken."""
        self.weights = state["weights"].copy()
        for block, margins in enumerate(self._margins):
            margins[:] = state[f"margins.{block}"]

    def mean_loss(self, weights: Float64) -> Float64:
        """Return each model's mean loss at `weights`, without penalties, and stand there."""
        self.move_to(weights)
        still = np.zeros(len(self.lanes))

        def add(block: int, sums: Float64) -> None:
            self._kernels.along(block, self._margins[block], self._margins[block], still, sums)

        losses: Float64 = self._mean_per_model(self._fold(add, (len(self.lanes), 3)).T)[0]
        return losses

    def _mean_per_model(self, sums: Float64) -> Float64:
        return self.lanes.per_model(sums / self.lanes.total_weight)

    def curvature(self, floor: float) -> Float64:
        """Return the diagonal of the Hessian, its losses' curvature raised by `floor`: one pass."""

        def add(block: int, sums: Float64) -> None:
            self._kernels.curvature(block, self._margins[block], floor, sums)

        curvature = self._fold(add, self.shape) / self.lanes.total_weight
        curvature[:-2] += self.lanes.l2
        return self._without_fixed(curvature)

    def hessian(self, floor: float, features: NDArray[np.intp]) -> Float64:
        """Return the Hessian over some of the features, from some of the rows.

        Parameters
        ----------
        floor : float
            Added to the curvature of each row's loss.
        features : (n,) intp
            Rows of the weights: all dense features, the intercept, then any codes.

        Returns
        -------
        float64 ndarray of shape (lanes, n, n)
            Of the sum of losses, without penalties; lower triangles.
        """
        n_dense = self.n_dense
        places = np.full(self._n_codes + 1, -1, np.int32)
        places[features[n_dense + 1 :] - n_dense] = np.arange(n_dense + 1, len(features))

        def add(block: int, sums: Float64) -> None:
            self._kernels.hessian(block, self._margins[block], floor, places, sums)

        blocks = [range(block, block + 1) for block in self._sample()]
        return self._fold(add, (self.shape[1], len(features), len(features)), blocks)

    def code_columns(self) -> list[slice]:
        """Return the rows of the weights of each column's codes: one pass over the codes.

        Columns without a known code are left out; none are given where columns share codes.
        """
        if self._code_columns is None:
            n = self._kernels.n_columns

            def read(group: range) -> tuple[Int32, Int32]:
                first, last = np.full(n, self._n_codes, np.int32), np.full(n, -1, np.int32)
                for block in group:
                    self._kernels.widen_code_ranges(block, first, last)
                return first, last

            firsts, lasts = zip(*ordered_map(read, self._groups, self.threads), strict=True)
            ends = zip(np.min(firsts, axis=0).tolist(), np.max(lasts, axis=0).tolist(), strict=True)
            found = sorted((first, last + 1) for first, last in ends if first <= last)
            apart = all(one[1] <= other[0] for one, other in pairwise(found))
            d = self.n_dense
            self._code_columns = [slice(d + a, d + b) for a, b in found] if apart else []
        return self._code_columns

    @property
    def n_dense(self) -> int:
        """Dense features: the first rows of the weights."""
        return self.shape[0] - 2 - self._n_codes

    def loss_at_zero(self) -> Float64:
        """Return each model's mean loss at weights of zero, on some of the rows."""
        sums = np.zeros((len(self.lanes), 3))
        blocks = self._sample()
        for block in blocks:
            nothing = np.zeros_like(self._margins[block])
            self._kernels.along(block, nothing, nothing, np.zeros(len(self.lanes)), sums)
        share = sum(self._rows[block] for block in blocks) / max(sum(self._rows), 1)
        return np.asarray(self._mean_per_model(sums.T)[0] / share)

    def _sample(self) -> list[int]:
        """Return some blocks, from all over the table."""
        filled = [block for block, rows in enumerate(self._rows) if rows]
        rows = min(max(sum(self._rows) // SAMPLE_SHARE, LEAST_SAMPLE), MOST_SAMPLE)
        n = len(filled)
        wanted = min(n, max(1, rows // max(self._rows, default=1)))
        return [filled[n * (2 * part + 1) // (2 * wanted)] for part in range(wanted)]

    def _without_fixed(self, sums: Float64) -> Float64:
        sums[-2] = 0.0
        if not self._fit_intercept:
            sums[-1] = 0.0
        return sums

    def _empty(self, block: int) -> Any:
        return np.empty((self._rows[block], self._kernels.lanes), self._kernels.dtype)

    def _fill(self, margins: list[Any], weights: Float64) -> None:
        typed = np.ascontiguousarray(weights, dtype=self._kernels.dtype)

        def fill(group: range) -> None:
            for block in group:
                self._kernels.margins(block, typed, margins[block])

        for _ in ordered_map(fill, self._groups, self.threads):
            pass

    def _fold(
        self,
        add: Callable[[int, Float64], None],
        shape: tuple[int, ...],
        groups: list[range] | None = None,
    ) -> Float64:
        def fold(group: range) -> Float64:
            sums = np.zeros(shape)
            for block in group:
                add(block, sums)
            return sums

        total: Float64 = np.zeros(shape)
        for sums in ordered_map(fold, self._groups if groups is None else groups, self.threads):
            total += sums
        return total


def _split(n: int, parts: int) -> list[range]:
    """Cut range(n) into consecutive parts of nearly equal length, leaving out empty ones."""
    cuts = [n * part // parts for part in range(parts + 1)]
    return [range(a, b) for a, b in pairwise(cuts) if a < b]
