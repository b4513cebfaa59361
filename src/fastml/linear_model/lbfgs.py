"""L-BFGS, and OWL-QN where there is an l1 penalty.

Nocedal & Wright, Numerical Optimization (2006), algorithm 7.4; Andrew & Gao, Scalable Training of
L1-Regularized Log-Linear Models (2007). Two things are our own: directions start from a
preconditioner instead of a multiple of the identity, and an OWL-QN step goes along the straight
line to the projected point. That line stays in its orthant, where the penalty is linear, so the
line search needs no pass over the data there either.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fastml._typing import Float64
from fastml.linear_model.line_search import line_search
from fastml.linear_model.objective import Objective, dot
from fastml.linear_model.precondition import Preconditioner

__all__ = ["Minimum", "minimize"]

SURE = 0.1
"""A gap of this share of the tolerance ends the minimisation, however large the last decrease was:
the gap is an estimate, but not off by so much."""
NOTHING = 1e-30
"""What rounding leaves of an objective whose terms are about 1: no share of it can be gained."""
REFRESH = (0, 8, 24, 72, 216)
"""Iterations before which the preconditioner is taken anew."""


@dataclass(frozen=True, slots=True)
class Minimum:
    """Where a minimisation ended.

    Parameters
    ----------
    value : float
        The objective.
    n_iter : int
        Iterations made.
    gap : float
        Estimate of what is left to gain, relative to the value.
    reason : {"tolerance", "precision", "max_iter", "time_budget", "patience", "diverged"}
        Why it ended; "precision" where rounding allows no further decrease, "diverged" where the
        value or the gap is not finite.
    """

    value: float
    n_iter: int
    gap: float
    reason: str


class History:
    """The last steps and changes of the gradient: the L-BFGS estimate of the inverse Hessian."""

    def __init__(self, memory: int) -> None:
        self._pairs: deque[tuple[Float64, Float64, float]] = deque(maxlen=memory)

    def add(self, step: Float64, change: Float64) -> None:
        """Remember a pair, unless rounding has taken its curvature."""
        curvature = dot(step, change)
        if curvature > 1e-14 * math.sqrt(dot(step, step) * dot(change, change)):
            self._pairs.append((step, change, curvature))

    def clear(self) -> bool:
        """Forget all; return whether there was anything."""
        had = bool(self._pairs)
        self._pairs.clear()
        return had

    def product(
        self,
        gradient: Float64,
        precondition: Preconditioner,
        fixed: NDArray[np.bool_] | None = None,
    ) -> Float64:
        """Return the inverse Hessian's estimate times `gradient`, by the two loops."""
        product = gradient.copy()
        shares = []
        for step, change, curvature in reversed(self._pairs):
            shares.append(dot(step, product) / curvature)
            product -= shares[-1] * change
        product = precondition(product, fixed)
        for (step, change, curvature), share in zip(self._pairs, reversed(shares), strict=True):
            product += step * (share - dot(change, product) / curvature)
        return product


def minimize(
    objective: Objective,
    *,
    tolerance: float,
    max_iter: int,
    floor: float = 0.0,
    memory: int = 10,
    deadline: float = math.inf,
    watch: Callable[[Float64, float], bool] | None = None,
) -> Minimum:
    """Move `objective` to its minimum.

    Parameters
    ----------
    objective : Objective
        Starts where it stands.
    tolerance : float
        Ends when both the last decrease and the decrease that a whole step promises (the gap) are
        below this share of the value, or the gap is well below it.
    max_iter : int
        Ends after so many iterations.
    floor : float
        For the preconditioner.
    memory : int
        Pairs of vectors to keep.
    deadline : float
        Ends at the first iteration after this `time.monotonic()`.
    watch : callable, optional
        Called with the weights and the value after each iteration; ends where it returns True.
    """
    value, gradient = objective.gradient()
    noise = 4.0 * objective.epsilon * abs(value)
    least = max(1e-12 * abs(value), NOTHING)
    history = History(memory)
    precondition: Preconditioner | None = None
    decrease = math.inf
    n_iter = 0
    while True:
        if n_iter in REFRESH or precondition is None:
            precondition = Preconditioner(objective, floor)
        steepest = _steepest(objective, gradient)
        if objective.l1 == 0.0:
            direction = -history.product(steepest, precondition)
        else:
            fixed = (steepest == 0.0) & (objective.weights == 0.0)
            direction = -history.product(steepest, precondition, fixed)
            direction = _leave_zero_downhill(objective, steepest, direction)
        gap = -dot(steepest, direction) / 2.0 / max(abs(value), least)
        if not (math.isfinite(value) and math.isfinite(gap)):
            return Minimum(value, n_iter, gap, "diverged")
        small = decrease <= max(tolerance * max(abs(value), least), noise)
        if abs(gap) <= (tolerance if small else SURE * tolerance):
            return Minimum(value, n_iter, gap, "tolerance")
        if n_iter >= max_iter:
            return Minimum(value, n_iter, gap, "max_iter")
        if time.monotonic() > deadline:
            return Minimum(value, n_iter, gap, "time_budget")
        if objective.l1 == 0.0:
            step = _step_along(objective, value, steepest, direction, noise)
        else:
            step = _step_in_orthant(objective, value, steepest, direction, noise)
        if step == 0.0:
            if history.clear():
                continue
            return Minimum(value, n_iter, gap, "precision")
        before, weights, smooth = value, objective.weights, gradient
        value, gradient = objective.gradient(step)
        history.add(objective.weights - weights, gradient - smooth)
        decrease = before - value
        n_iter += 1
        if watch is not None and watch(objective.weights, value):
            return Minimum(value, n_iter, gap, "patience")


def _step_along(
    objective: Objective,
    value: float,
    steepest: Float64,
    direction: Float64,
    noise: float,
    most: float = math.inf,
) -> float:
    """Aim and search; return the step, 0 where the direction does not lead down."""
    slope = dot(steepest, direction)
    if slope >= 0.0:
        return 0.0
    objective.aim(direction)
    return line_search(objective.along, value, slope, most=most, noise=noise)


def _step_in_orthant(
    objective: Objective, value: float, steepest: Float64, direction: Float64, noise: float
) -> float:
    """Search the line to the projection of the quasi-Newton point onto the orthant.

    Weights that end at zero bend the direction; where the best step along it is short, a shorter
    direction bends fewer of them.
    """
    reach, step = 1.0, 0.0
    for _ in range(8):
        projected = _to_orthant(objective, steepest, reach * direction)
        step = _step_along(objective, value, steepest, projected, noise, most=1.0)
        if step > 0.3:
            break
        reach *= max(step, 0.1)
    return step


def _steepest(objective: Objective, gradient: Float64) -> Float64:
    """Return the subgradient of least norm: the gradient itself where there is no l1 penalty."""
    l1 = objective.l1
    if l1 == 0.0:
        return gradient
    weights = objective.weights[:-2]
    smooth = gradient[:-2]
    at_zero = np.sign(smooth) * np.maximum(np.abs(smooth) - l1, 0.0)
    steepest = gradient.copy()
    steepest[:-2] = np.where(weights == 0.0, at_zero, smooth + l1 * np.sign(weights))
    return steepest


def _leave_zero_downhill(objective: Objective, steepest: Float64, direction: Float64) -> Float64:
    """Cut `direction` so that weights at zero leave it only against their subgradient."""
    stay = (objective.weights[:-2] == 0.0) & (direction[:-2] * steepest[:-2] >= 0.0)
    cut = direction.copy()
    cut[:-2][stay] = 0.0
    return cut


def _to_orthant(objective: Objective, steepest: Float64, direction: Float64) -> Float64:
    """Cut `direction` so that a whole step ends in the orthant of the weights, or on its border."""
    weights = objective.weights[:-2]
    target = weights + direction[:-2]
    orthant = np.where(weights == 0.0, -np.sign(steepest[:-2]), np.sign(weights))
    cut = direction.copy()
    cut[:-2] = np.where(target * orthant > 0.0, target, 0.0) - weights
    return cut
