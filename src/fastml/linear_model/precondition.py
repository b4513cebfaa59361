"""An approximate inverse of the Hessian, for L-BFGS to start each direction from.

One-hot features are as uneven as the categories are: a frequent one has a thousand times the
curvature of a rare one, and L-BFGS would spend its iterations on learning that. The diagonal of
the Hessian gives it away in one pass. The dense features and the intercept, which correlate, take
the whole block of theirs, and so do the categories that weigh most: of a small table that is every
feature, and the first direction is Newton's. What neither can see, the shifts between a column's
categories and the intercept, `Levels` adds.
"""

from __future__ import annotations

import math
from copy import copy
from typing import Self

import numpy as np
from numpy.typing import NDArray

from fastml._native.linear import MOST_DENSE, cholesky, cholesky_solve
from fastml._typing import Float64
from fastml.checkpoint import State
from fastml.engine import ordered_map
from fastml.errors import DataError
from fastml.linear_model.lanes import Lanes
from fastml.linear_model.levels import Levels
from fastml.linear_model.objective import Objective

__all__ = ["Preconditioner"]

MOST_WHOLE = 256
"""Features whose block of the Hessian is taken whole: its factorisation takes milliseconds."""
WHOLE_BYTES = 64 << 20
"""Most memory for those blocks over all lanes."""
ALIKE = 0.1
"""Share of a penalty that another may differ by, and count as the same."""


class Preconditioner:
    """The inverse of the Hessian's block over the heaviest features, of its diagonal over the rest.

    The sum of that and of the inverse along the `Levels` of the columns of codes.

    Parameters
    ----------
    objective : Objective
        Taken where it stands.
    floor : float
        Added to the curvature of each row's loss, where losses may be flat.

    Attributes
    ----------
    rows : (n,) intp
        Rows of the weights whose block is whole.

    Raises
    ------
    DataError
        If a second derivative is not finite.
    """

    def __init__(self, objective: Objective, floor: float) -> None:
        diagonal = objective.curvature(floor)
        if not np.isfinite(diagonal).all():
            feature = int(np.argmin(np.isfinite(diagonal).all(axis=1)))
            raise DataError(
                f"feature {feature} (from 0) has values so large that their squares overflow; "
                "scale the features (StandardScaler)"
            )
        self._diagonal = diagonal
        self._l2 = objective.lanes.l2
        self._threads = objective.threads
        self._inverse = _inverse(diagonal)
        self._levels = Levels(objective, diagonal)
        self._blocks: list[_Block] = []
        self.rows = _heaviest(objective, diagonal)
        if not len(self.rows):
            return
        hessian = objective.hessian(floor, self.rows)
        penalised = self.rows != objective.shape[0] - 1
        ridge = math.sqrt(objective.epsilon)
        self._blocks = [
            _Block(_whole(hessian[lane], diagonal[self.rows, lane], l2 * penalised, ridge), [lane])
            for lane, l2 in enumerate(objective.lanes.l2.tolist())
        ]

    def state(self) -> State:
        """Return what it is made of."""
        blocks = [block.whole for block in self._blocks]
        return {"diagonal": self._diagonal, "rows": self.rows} | {
            **{f"block.{lane}": whole for lane, whole in enumerate(blocks)},
            **{f"levels.{name}": array for name, array in self._levels.state().items()},
        }

    @classmethod
    def restored(cls, objective: Objective, state: State) -> Self:
        """Return the one that `state` was taken of."""
        self = cls.__new__(cls)
        self._diagonal, self.rows = state["diagonal"].copy(), state["rows"].copy()
        self._l2, self._threads = objective.lanes.l2, objective.threads
        self._inverse = _inverse(self._diagonal)
        blocks = sum(name.startswith("block.") for name in state)
        self._blocks = [_Block(state[f"block.{lane}"].copy(), [lane]) for lane in range(blocks)]
        begin = "levels."
        levels = {k.removeprefix(begin): v for k, v in state.items() if k.startswith(begin)}
        self._levels = Levels.restored(objective, levels)
        return self

    def shared(self, lanes: Lanes) -> Preconditioner:
        """Return it for lanes of models that resemble this one, on about the same rows.

        Their ridge penalties are their own.
        """
        width = len(self._l2)
        n_models = len(lanes) // width
        more = lanes.l2 - np.tile(self._l2, n_models)
        whole = copy(self)
        whole._l2 = lanes.l2
        whole._diagonal = np.tile(self._diagonal, n_models)
        whole._diagonal[:-2] += more
        whole._inverse = _inverse(whole._diagonal)
        whole._levels = self._levels.shared(lanes)
        penalised = self.rows != len(self._diagonal) - 1
        alike: dict[tuple[int, float], list[int]] = {}
        for lane, penalty in enumerate(lanes.l2.tolist()):
            of = lane % width
            alike.setdefault((of, _more(penalty, float(self._l2[of]))), []).append(lane)
        whole._blocks = [
            _Block(self._blocks[of].whole + np.diag(own * penalised), own_lanes)
            for (of, own), own_lanes in alike.items()
            if self._blocks
        ]
        return whole

    def __call__(self, gradient: Float64, fixed: NDArray[np.bool_] | None = None) -> Float64:
        """Return the approximate inverse Hessian times `gradient` (rows, lanes).

        The inverse is that of the weights that are not `fixed`; the product is zero for those.
        """
        product = self._inverse * gradient

        def solve(block: _Block) -> None:
            at = self.rows[:, None], np.array(block.lanes)
            product[at] = block.solve(gradient[at], None if fixed is None else ~fixed[at])

        for _ in ordered_map(solve, self._blocks, self._threads):
            pass
        if fixed is not None:
            product[fixed] = 0.0
        self._levels.add(gradient, product)
        return product

    def diagonal(self, gradient: Float64) -> Float64:
        """Return the inverse of the Hessian's diagonal times `gradient` (rows, lanes)."""
        return self._inverse * gradient


def _more(penalty: float, base: float) -> float:
    """Return what a penalty is more than a base; nothing where it is about the same.

    So a factor serves all replicates of a model, whose penalties are one over the rows they drew.
    """
    return 0.0 if abs(penalty - base) <= ALIKE * base else penalty - base


def _inverse(diagonal: Float64) -> Float64:
    # A weight that nothing depends on (a constant feature without penalty) must stay put.
    moving = diagonal > 1e-12 * diagonal.max(axis=0)
    return np.asarray(np.where(moving, 1.0, 0.0) / np.where(moving, diagonal, 1.0))


def _heaviest(objective: Objective, diagonal: Float64) -> NDArray[np.intp]:
    """Return the rows of the weights that are solved for together.

    They are the dense features, the intercept and the codes of the greatest curvature, as many as
    memory and the time of a factorisation allow; none where the dense features are too many.
    """
    lanes = objective.shape[1]
    most = min(MOST_WHOLE, math.isqrt(WHOLE_BYTES // (8 * lanes)))
    n_dense = objective.n_dense
    if n_dense > min(MOST_DENSE, most - 1):
        return np.empty(0, np.intp)
    weight = diagonal[n_dense:-2].sum(axis=1)
    n_codes = min(most - n_dense - 1, int(np.count_nonzero(weight)))
    codes = np.argsort(-weight, kind="stable")[:n_codes]
    return np.concatenate([np.arange(n_dense), [objective.shape[0] - 1], n_dense + np.sort(codes)])


class _Block:
    """A symmetric block of some lanes, with its factors over the unknowns that were free last."""

    def __init__(self, block: Float64, lanes: list[int]) -> None:
        self.whole = block
        self.lanes = lanes
        self._factors: dict[int | None, tuple[NDArray[np.bool_], Float64]] = {}

    def solve(self, right: Float64, free: NDArray[np.bool_] | None) -> Float64:
        """Return the solutions, (n, lanes), over the unknowns that are free; zero for the others.

        None: all are.
        """
        solution = np.array(right, order="C")
        if free is None:
            every = np.ones(len(right), np.bool_)
            cholesky_solve(self._factor(None, every), solution)
            return solution
        for lane, own in enumerate(free.T):
            column = np.where(own, right[:, lane], 0.0)[:, None]
            cholesky_solve(self._factor(lane, own), column)
            solution[:, lane] = column[:, 0]
        return solution

    def _factor(self, lane: int | None, free: NDArray[np.bool_]) -> Float64:
        held = self._factors.get(lane)
        if held is None or not np.array_equal(free, held[0]):
            factor = np.where(free[:, None] & free, self.whole, 0.0)
            cholesky(factor)
            held = self._factors[lane] = free, factor
        return held[1]


def _whole(lower: Float64, diagonal: Float64, penalty: Float64, ridge: float) -> Float64:
    """Return a block with the correlations of `lower` and the diagonal of the whole table.

    Parameters
    ----------
    lower : lower triangle of sums of second derivatives over some rows
    diagonal : means of second derivatives over all rows, with `penalty`; zero where fixed
    ridge : added to the diagonal, relative to it, which keeps near copies apart
    """
    block = lower + np.tril(lower, -1).T
    sums = np.diag(block)
    moving = (diagonal > penalty) & (sums > 0.0)
    scale = np.sqrt(np.where(moving, diagonal - penalty, 0.0) / np.where(moving, sums, 1.0))
    block = block * scale[:, None] * scale
    np.fill_diagonal(block, diagonal * (1.0 + ridge))
    return block
