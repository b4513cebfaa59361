"""Which solver does what, and when training ends."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from fastml._native.linear import DesignKernels
from fastml._typing import Float64
from fastml.errors import DataError
from fastml.linear_model.lbfgs import Minimum, minimize
from fastml.linear_model.objective import Objective
from fastml.linear_model.settings import Settings
from fastml.linear_model.stochastic import DivergenceError, StochasticSolver

__all__ = ["Trained", "Watch", "train"]

SMALL_ROWS = 50_000
WARM_UP = 1 / 8
"""Share of the rows that the stochastic warm-up of `auto` sees; more does not save an iteration."""
EXACT = 1e-16
"""Default tolerance of the batch solver on small tables, where convergence costs nothing."""
SINGLE = 1e-7
"""The same of float32 designs: below it is the rounding of the design itself."""
PRACTICAL = 1e-5
"""Default tolerance on larger tables: far within what having more rows would change."""
PROGRESS = 1e-3
"""Default tolerance of the stochastic solver: the relative gain of an epoch."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What training left behind.

    `value` and `gap` are as in `Minimum`, at `weights`; the gap is NaN where it is not known.
    Stochastic steps leave, as the value, the mean loss of the epoch's rows before their steps.
    """

    weights: Float64
    n_iter: int
    value: float
    gap: float
    reason: str


class Watch:
    """Ends training when the loss on held-out rows has not improved for `patience` rounds."""

    def __init__(self, loss: Callable[[Float64], float], patience: int) -> None:
        self._loss = loss
        self._patience = patience
        self._rounds = 0
        self._best = math.inf
        self.weights: Float64 | None = None
        self.value = math.nan

    def __call__(self, weights: Float64, value: float) -> bool:
        """Judge the weights, where training has the objective `value`; return whether to end."""
        loss = self._loss(weights)
        if loss < self._best:
            self._best, self._rounds = loss, 0
            self.weights, self.value = weights.copy(), value
        else:
            self._rounds += 1
        return self._rounds >= self._patience


def train(
    kernels: DesignKernels,
    settings: Settings,
    *,
    total_weight: float,
    l2: float,
    l1: float,
    start: Float64 | None = None,
    watch: Watch | None = None,
    floor: float = 0.0,
    deadline: float = math.inf,
) -> Trained:
    """Train the lanes of `kernels` from `start` (default zero) until a `time.monotonic()`."""
    n_rows = sum(kernels.block_rows(block) for block in range(kernels.n_blocks))
    weights = np.zeros((kernels.rows, kernels.lanes)) if start is None else start
    if settings.solver == "sgd":
        solver = StochasticSolver(weights)
        trained = _epochs(kernels, settings, solver, total_weight, l2, l1, watch, deadline)
    else:
        objective = Objective(
            kernels,
            total_weight=total_weight,
            l2=l2,
            l1=l1,
            fit_intercept=settings.fit_intercept,
            threads=settings.threads,
        )
        if settings.solver == "auto" and start is None and n_rows >= SMALL_ROWS:
            weights = _warm_up(kernels, settings, objective, total_weight)
        objective.move_to(weights)
        tolerance = settings.tolerance
        if tolerance is None:
            # Below what the design's own rounding hides there is nothing to gain.
            exact = SINGLE if kernels.dtype == np.float32 else EXACT
            tolerance = exact if n_rows < SMALL_ROWS else PRACTICAL
        minimum = minimize(
            objective,
            tolerance=tolerance,
            max_iter=settings.max_iter,
            floor=floor,
            deadline=deadline,
            watch=watch,
        )
        trained = _from_minimum(objective, minimum)
    if watch is None or watch.weights is None or np.array_equal(watch.weights, trained.weights):
        return trained
    return replace(trained, weights=watch.weights, value=watch.value, gap=math.nan)


def _warm_up(
    kernels: DesignKernels, settings: Settings, objective: Objective, total_weight: float
) -> Float64:
    """Return where stochastic steps over some of the rows lead; zero where they lead astray."""
    solver = StochasticSolver(np.zeros(objective.shape))
    try:
        loss = solver.run(
            kernels,
            settings,
            total_weight=total_weight,
            l2=objective.l2,
            l1=objective.l1,
            share=WARM_UP,
        )
    except DivergenceError:
        return np.zeros(objective.shape)
    return solver.weights if loss < 2.0 * objective.loss_at_zero() else np.zeros(objective.shape)


def _from_minimum(objective: Objective, minimum: Minimum) -> Trained:
    if minimum.reason == "diverged":
        raise DataError(
            f"training diverged after {minimum.n_iter} iterations: the objective is "
            f"{minimum.value:g}, and the gap to its minimum {minimum.gap:g}; scale the features "
            "(StandardScaler), or look for values of extreme size in X or y"
        )
    return Trained(objective.weights, minimum.n_iter, minimum.value, minimum.gap, minimum.reason)


def _epochs(
    kernels: DesignKernels,
    settings: Settings,
    solver: StochasticSolver,
    total_weight: float,
    l2: float,
    l1: float,
    watch: Watch | None,
    deadline: float,
) -> Trained:
    """Run epochs until one gains less than the tolerance, `patience` times in a row."""
    tolerance = PROGRESS if settings.tolerance is None else settings.tolerance
    best, idle, reason = math.inf, 0, "epochs"
    loss = math.nan
    for _ in range(settings.epochs):
        loss = solver.run(kernels, settings, total_weight=total_weight, l2=l2, l1=l1)
        idle = 0 if loss < best * (1.0 - tolerance) else idle + 1
        best = min(best, loss)
        if watch is not None and watch(solver.weights, loss):
            reason = "patience"
        elif watch is None and idle >= settings.patience:
            reason = "tolerance"
        elif time.monotonic() > deadline:
            reason = "time_budget"
        if reason != "epochs":
            break
    return Trained(solver.weights, solver.epoch, loss, math.nan, reason)
