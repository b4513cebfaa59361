"""L-BFGS, and OWL-QN where there is an l1 penalty.

Nocedal & Wright, Numerical Optimization (2006), algorithm 7.4; Andrew & Gao, Scalable Training of
L1-Regularized Log-Linear Models (2007). Two things are our own: directions start from a
preconditioner instead of a multiple of the identity, and an OWL-QN step goes along the straight
line to the projected point. That line stays in its orthant, where the penalty is linear, so the
line search needs no pass over the data there either.

Every lane has its own steps, penalties and curvature; one that has ended waits for the others.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastml._typing import Bool, Float64
from fastml.checkpoint import Saver, State
from fastml.linear_model.lanes import Lanes
from fastml.linear_model.line_search import line_search, secant, suffices
from fastml.linear_model.objective import Objective
from fastml.linear_model.precondition import Preconditioner
from fastml.progress import tell

__all__ = ["Minimum", "minimize"]

PAIRS = 10
"""Pairs of vectors that are kept, where there is room."""
SURE = 0.1
"""A gap of this share of the tolerance ends the minimisation, however large the last decrease was:
the gap is an estimate, but not off by so much."""
NOTHING = 1e-30
"""What rounding leaves of an objective whose terms are about 1: no share of it can be gained."""
REFRESH = (0, 8, 24, 72, 216)
"""Iterations before which the preconditioner is taken anew."""


@dataclass(frozen=True, slots=True)
class Minimum:
    """Where a minimisation ended, for each model.

    Parameters
    ----------
    value : float64 ndarray of shape (n_models,)
        The objective.
    n_iter : int64 ndarray of shape (n_models,)
        Iterations made.
    gap : float64 ndarray of shape (n_models,)
        Estimate of what is left to gain, relative to the value.
    reason : tuple of {"tolerance", "precision", "max_iter", "time_budget", "patience", "diverged"}
        Why it ended; "precision" where rounding allows no further decrease, "diverged" where the
        value or the gap is not finite.
    """

    value: Float64
    n_iter: NDArray[np.int64]
    gap: Float64
    reason: tuple[str, ...]


_PAIR = ("step", "change", "inverse")


class History:
    """The last steps and changes of the gradient: the L-BFGS estimate of the inverse Hessian."""

    def __init__(self, lanes: Lanes, pairs: int) -> None:
        self._lanes = lanes
        # Each with one over its curvature, and 0 for models that it says nothing of.
        self._pairs: deque[tuple[Float64, Float64, Float64]] = deque(maxlen=pairs)

    def add(self, step: Float64, change: Float64) -> None:
        """Remember a pair, but for models where rounding has taken its curvature."""
        dot = self._lanes.dot
        curvature = dot(step, change)
        known = curvature > 1e-14 * np.sqrt(dot(step, step) * dot(change, change))
        inverse = np.where(known, 1.0, 0.0) / np.where(known, curvature, 1.0)
        self._pairs.append((step, change, inverse))

    def clear(self, models: Bool) -> Bool:
        """Forget all of some models; return for which of them there was anything."""
        had = np.zeros(len(models), np.bool_)
        for _, _, inverse in self._pairs:
            had |= models & (inverse > 0.0)
            inverse[models] = 0.0
        return had

    def state(self) -> State:
        """Return the pairs, the oldest first."""
        return {
            f"{i}.{name}": array
            for i, pair in enumerate(self._pairs)
            for name, array in zip(_PAIR, pair, strict=True)
        }

    def restore(self, state: State) -> None:
        """Remember what `state` returned."""
        for i in range(len(state) // len(_PAIR)):
            step, change, inverse = (state[f"{i}.{name}"].copy() for name in _PAIR)
            self._pairs.append((step, change, inverse))

    def product(
        self, gradient: Float64, precondition: Preconditioner, fixed: Bool | None = None
    ) -> Float64:
        """Return the inverse Hessian's estimate times `gradient`, by the two loops."""
        dot, per_lane = self._lanes.dot, self._lanes.per_lane
        product = gradient.copy()
        shares = []
        for step, change, inverse in reversed(self._pairs):
            shares.append(dot(step, product) * inverse)
            product -= per_lane(shares[-1]) * change
        product = precondition(product, fixed)
        for (step, change, inverse), share in zip(self._pairs, reversed(shares), strict=True):
            product += step * per_lane(share - dot(change, product) * inverse)
        return product


class _Progress:
    """Which models are still moving, and how those ended that are not."""

    def __init__(self, n_models: int) -> None:
        self.moving = np.ones(n_models, np.bool_)
        self._n_iter = np.zeros(n_models, np.int64)
        self._gap = np.full(n_models, np.nan)
        self._reason = np.full(n_models, "", object)

    def end(self, which: Bool, reason: str, n_iter: int, gap: Float64) -> None:
        """Let those of the moving models end that `which` names."""
        ended = self.moving & which
        self._n_iter[ended], self._gap[ended], self._reason[ended] = n_iter, gap[ended], reason
        self.moving = self.moving & ~ended

    def minimum(self, value: Float64) -> Minimum:
        return Minimum(value, self._n_iter, self._gap, tuple(self._reason.tolist()))

    def state(self) -> State:
        """Return all of it."""
        reason = self._reason.astype(str)
        return {"moving": self.moving, "n_iter": self._n_iter, "gap": self._gap, "reason": reason}

    def restore(self, state: State) -> None:
        """Be as when `state` returned this."""
        self.moving, self._n_iter = state["moving"].copy(), state["n_iter"].copy()
        self._gap, self._reason = state["gap"].copy(), state["reason"].astype(object)


class _Descent:
    """Where a minimisation stands between two iterations."""

    def __init__(
        self, objective: Objective, pairs: int, precondition: Preconditioner | None
    ) -> None:
        lanes = objective.lanes
        self._objective = objective
        self.history = History(lanes, pairs)
        self.progress = _Progress(lanes.n_models)
        self.precondition = precondition
        self.given = precondition is not None
        self.decrease = self.last = np.full(lanes.n_models, np.inf)
        self.stuck = np.zeros(lanes.n_models, np.bool_)
        self.n_iter = 0

    def begin(self, start: Float64) -> None:
        """Stand at the first weights."""
        self.value, self.gradient = self._objective.ahead(start)
        self._objective.go_ahead()
        self.noise = 4.0 * self._objective.epsilon * np.abs(self.value)
        self.least = np.maximum(1e-12 * np.abs(self.value), NOTHING)

    def state(self) -> State:
        """Return what the next iteration depends on, but for the objective's own state."""
        state = {name: getattr(self, name) for name in _ARRAYS}
        state["n_iter"] = np.array([self.n_iter])
        parts = {"history": self.history.state(), "progress": self.progress.state()}
        if not self.given and self.precondition is not None:
            parts["precondition"] = self.precondition.state()
        for name, part in parts.items():
            state |= {f"{name}:{key}": array for key, array in part.items()}
        return state

    def restore(self, state: State) -> None:
        """Go on from what `state` returned."""
        parts: dict[str, dict[str, NDArray[Any]]] = {}
        for name, array in state.items():
            part, _, key = name.rpartition(":")
            parts.setdefault(part, {})[key] = array
        for name in _ARRAYS:
            setattr(self, name, parts[""][name].copy())
        self.n_iter = int(state["n_iter"][0])
        self.history.restore(parts.get("history", {}))
        self.progress.restore(parts["progress"])
        if "precondition" in parts:
            self.precondition = Preconditioner.restored(self._objective, parts["precondition"])


_ARRAYS = ("value", "gradient", "noise", "least", "decrease", "last", "stuck")


def minimize(
    objective: Objective,
    start: Callable[[], Float64],
    *,
    tolerance: float,
    max_iter: int,
    floor: float = 0.0,
    pairs: int = PAIRS,
    deadline: float = math.inf,
    watch: Callable[[Float64, Float64], Bool] | None = None,
    precondition: Preconditioner | None = None,
    saver: Saver | None = None,
) -> Minimum:
    """Move each model of `objective` to its minimum.

    Parameters
    ----------
    objective : Objective
    start : callable
        Returns the weights to begin at, (rows, lanes), where there is no saved state.
    tolerance : float
        Ends when both the last two decreases together and the decrease that a whole step promises
        (the gap) are below this share of the value, or the gap is well below it.
    max_iter : int
        Ends after so many iterations.
    floor : float
        For the preconditioner.
    pairs : int
        Pairs of vectors to keep.
    deadline : float
        Ends at the first iteration after this `time.monotonic()`.
    watch : callable, optional
        Called with the weights and the values after each iteration; says which models are to end.
    precondition : Preconditioner, optional
        Default: taken where the objective stands, and anew now and then.
    saver : Saver, optional
        Saves where it stands, now and then; one that has a saved state goes on from there.
    """
    lanes = objective.lanes
    at = _Descent(objective, pairs, precondition)
    saver = saver or Saver()
    saver.keep("objective", objective)
    if not saver.keep("descent", at):
        at.begin(start())
    progress = at.progress
    while True:
        saver.save_if_due()
        n_iter = at.n_iter
        if at.precondition is None or (n_iter in REFRESH and not at.given):
            at.precondition = Preconditioner(objective, floor)
        steepest = _steepest(objective, at.gradient)
        direction = _direction(objective, steepest, at.history, at.precondition)
        if at.stuck.any():
            safe = -at.precondition.diagonal(steepest)
            direction = np.where(lanes.per_lane(at.stuck), safe, direction)
        slope = lanes.dot(steepest, direction)
        size = np.maximum(np.abs(at.value), at.least)
        gap = -slope / 2.0 / size
        progress.end(~(np.isfinite(at.value) & np.isfinite(gap)), "diverged", n_iter, gap)
        small = at.decrease + at.last <= np.maximum(tolerance * size, at.noise)
        enough = np.where(small, tolerance, SURE * tolerance)
        progress.end(np.abs(gap) <= enough, "tolerance", n_iter, gap)
        if n_iter >= max_iter:
            progress.end(progress.moving, "max_iter", n_iter, gap)
        if time.monotonic() > deadline:
            progress.end(progress.moving, "time_budget", n_iter, gap)
        if not progress.moving.any():
            return progress.minimum(at.value)
        direction = np.where(lanes.per_lane(progress.moving), direction, 0.0)
        before, weights, smooth = at.value, objective.weights, at.gradient
        if lanes.l1.any():
            step = _step_in_orthant(objective, at.value, steepest, direction, at.noise)
            at.value, at.gradient = objective.gradient(step)
        else:
            step, at.value, at.gradient = _step(objective, at.value, slope, direction, at.noise)
        # What an orthant leaves of a direction need not lead down; of the gradient it does.
        still = progress.moving & (step == 0.0)
        progress.end(still & at.stuck, "precision", n_iter, gap)
        at.stuck = still & ~at.history.clear(still)
        at.history.add(objective.weights - weights, at.gradient - smooth)
        at.last = np.where(step > 0.0, at.decrease, at.last)
        at.decrease = np.where(step > 0.0, before - at.value, at.decrease)
        at.n_iter += 1
        tell("train", at.value)
        if watch is not None:
            progress.end(watch(objective.weights, at.value), "patience", at.n_iter, gap)


def _direction(
    objective: Objective, steepest: Float64, history: History, precondition: Preconditioner
) -> Float64:
    """Return the quasi-Newton direction.

    Where there is an l1 penalty, weights at zero leave it only against their subgradient.
    """
    l1 = objective.lanes.l1
    if not l1.any():
        return -history.product(steepest, precondition)
    at_zero = (objective.weights == 0.0) & (l1 > 0.0)
    direction = -history.product(steepest, precondition, at_zero & (steepest == 0.0))
    at_zero[-2:] = False
    direction[at_zero & (direction * steepest >= 0.0)] = 0.0
    return direction


def _step(
    objective: Objective, value: Float64, slope: Float64, direction: Float64, noise: Float64
) -> tuple[Float64, Float64, Float64]:
    """Take each model's step along a direction; return the steps, and value and gradient there.

    Most whole steps do. One pass over the table judges them and takes them, which else takes three:
    to choose the direction, to judge the step along it, and for the gradient at its end.
    """
    lanes = objective.lanes
    moving = lanes.per_model((direction != 0.0).any(axis=0)) > 0.0
    end, gradient = objective.ahead(objective.weights + direction)
    with np.errstate(invalid="ignore", over="ignore"):
        end_slope = lanes.dot(gradient, direction)
        enough = suffices(end, end_slope, value, slope, noise)
    if (enough | ~moving).all():
        objective.go_ahead()
        return moving.astype(np.float64), np.where(moving, end, value), gradient
    objective.aim_ahead()
    first = np.where(enough, 1.0, secant(slope, end_slope))
    step = line_search(objective.along, value, slope, most=np.inf, noise=noise, first=first)
    return step, *objective.gradient(step)


def _step_in_orthant(
    objective: Objective, value: Float64, steepest: Float64, direction: Float64, noise: Float64
) -> Float64:
    """Search the line to the projection of the quasi-Newton point onto the orthant.

    Weights that end at zero bend the direction; where the best step along it is short, a shorter
    direction bends fewer of them. Of models without an l1 penalty the line is the whole direction.

    Returns
    -------
    float64 ndarray of shape (n_models,)
        The steps; 0 where the direction does not lead down.
    """
    lanes = objective.lanes
    sparse = lanes.per_model(lanes.l1) > 0.0
    going = lanes.per_model((direction != 0.0).any(axis=0)) > 0
    reach = np.ones(lanes.n_models)
    for _ in range(8):
        projected = _to_orthant(objective, steepest, lanes.per_lane(reach) * direction)
        slope = lanes.dot(steepest, projected)
        objective.aim(projected)
        most = np.where(sparse, 1.0, np.inf)
        step = line_search(objective.along, value, slope, most=most, noise=noise)
        short = sparse & going & (step <= 0.3)
        if not short.any():
            break
        reach = np.where(short, reach * np.maximum(step, 0.1), reach)
    return step


def _steepest(objective: Objective, gradient: Float64) -> Float64:
    """Return the subgradient of least norm: the gradient itself where there is no l1 penalty."""
    l1 = objective.lanes.l1
    if not l1.any():
        return gradient
    weights = objective.weights[:-2]
    smooth = gradient[:-2]
    at_zero = np.sign(smooth) * np.maximum(np.abs(smooth) - l1, 0.0)
    steepest = gradient.copy()
    steepest[:-2] = np.where(weights == 0.0, at_zero, smooth + l1 * np.sign(weights))
    return steepest


def _to_orthant(objective: Objective, steepest: Float64, direction: Float64) -> Float64:
    """Cut `direction` so that a whole step ends in the orthant of the weights, or on its border."""
    l1 = objective.lanes.l1
    if not l1.any():
        return direction
    weights = objective.weights[:-2]
    target = weights + direction[:-2]
    orthant = np.where(weights == 0.0, -np.sign(steepest[:-2]), np.sign(weights))
    beyond = (target * orthant <= 0.0) & (l1 > 0.0)
    cut = direction.copy()
    cut[:-2][beyond] = -weights[beyond]
    return cut
