"""Which solver does what, and when training ends."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fastml._native.linear import DesignKernels
from fastml._typing import Bool, Float64
from fastml.engine import default_threads, ordered_map
from fastml.linear_model.footprint import find_room
from fastml.linear_model.lanes import LANES, Lanes
from fastml.linear_model.lbfgs import minimize
from fastml.linear_model.objective import THREADED_ROWS, Objective
from fastml.linear_model.precondition import Preconditioner
from fastml.linear_model.problem import Problem
from fastml.linear_model.settings import Settings
from fastml.linear_model.stochastic import StochasticSolver

__all__ = ["Monitor", "Trained", "Watch", "train"]

Monitor: TypeAlias = Callable[[int, Callable[[], Any]], None]
"""Called after each round of training with its number and what returns the learner as it stands;
it may raise, and so end the training."""

SMALL_ROWS = 50_000
MANY_LANES = 64
"""Lanes at a time on tables so small that the work around a pass takes longer than the pass."""
WARM_UP = 1 / 8
"""Share of the rows that the stochastic warm-up of `auto` sees; more does not save an iteration."""
EXACT = 1e-16
"""Default tolerance of the batch solver on small tables, where convergence costs nothing."""
SINGLE = 1e-11
"""The same of float32 designs, whose rounding is about to show: coefficients are good to 1e-5."""
PRACTICAL = 1e-5
"""Default tolerance on larger tables: far within what having more rows would change."""
PROGRESS = 1e-3
"""Default tolerance of the stochastic solver: the relative gain of an epoch."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What training left behind.

    `n_iter`, `value`, `gap` and `reason` are as in `Minimum`, one for each model, at `weights`
    (rows, lanes); a gap is NaN where it is not known. Stochastic steps leave, as the value, the
    mean loss of the epoch's rows before their steps.
    """

    weights: Float64
    n_iter: NDArray[np.int64]
    value: Float64
    gap: Float64
    reason: tuple[str, ...]

    @classmethod
    def together(cls, groups: Sequence[Trained]) -> Trained:
        """Return what groups of models left behind, side by side."""
        if len(groups) == 1:
            return groups[0]
        return cls(
            np.hstack([each.weights for each in groups]),
            np.concatenate([each.n_iter for each in groups]),
            np.concatenate([each.value for each in groups]),
            np.concatenate([each.gap for each in groups]),
            tuple(reason for each in groups for reason in each.reason),
        )


class Watch:
    """Ends the training of models whose loss on held-out rows no longer improves.

    Parameters
    ----------
    loss : callable
        Takes weights (rows, lanes), gives the loss of each model.
    lanes : Lanes
    patience : int
        Rounds without a better loss.
    monitor : callable, optional
        Called with the number of the round, from 1, and the weights.
    """

    def __init__(
        self,
        loss: Callable[[Float64], Float64],
        lanes: Lanes,
        patience: int,
        monitor: Callable[[int, Float64], None] | None = None,
    ) -> None:
        self._loss = loss
        self._lanes = lanes
        self._patience = patience
        self._monitor = monitor
        self._round = 0
        self._rounds = np.zeros(lanes.n_models, np.int64)
        self._best = np.full(lanes.n_models, np.inf)
        self._value = np.full(lanes.n_models, np.nan)
        self._weights: Float64 | None = None

    def __call__(self, weights: Float64, value: Float64) -> Bool:
        """Judge the weights, where training has the objective `value`; say which are to end."""
        self._round += 1
        if self._monitor is not None:
            self._monitor(self._round, weights)
        loss = self._loss(weights)
        better = loss < self._best
        self._best = np.where(better, loss, self._best)
        self._rounds = np.where(better, 0, self._rounds + 1)
        self._value = np.where(better, value, self._value)
        if self._weights is None:
            self._weights = weights.copy()
        else:
            self._weights = np.where(self._lanes.per_lane(better), weights, self._weights)
        return self._rounds >= self._patience

    def best(self, trained: Trained) -> Trained:
        """Return the weights that were the best of each model, instead of its last."""
        if self._weights is None:
            return trained
        same = self._lanes.per_model((self._weights != trained.weights).any(axis=0)) == 0
        return Trained(
            self._weights,
            trained.n_iter,
            np.where(same, trained.value, self._value),
            np.where(same, trained.gap, np.nan),
            trained.reason,
        )


def train(
    problem: Problem,
    settings: Settings,
    *,
    start: Float64 | None = None,
    validation: Problem | None = None,
    deadline: float = math.inf,
    precondition: Preconditioner | None = None,
    monitor: Callable[[int, Float64], None] | None = None,
) -> Trained:
    """Train the models of a problem, some lanes at a time.

    Of a small table a thread takes the passes of some of the lanes, of a large one it takes part in
    every pass.

    Parameters
    ----------
    problem : Problem
    settings : Settings
        Its penalties and learning rate give way to those of the problem's lanes.
    start : float64 ndarray of shape (rows, lanes), optional
        Default zero.
    validation : Problem, optional
        The same models over rows to watch for the moment to stop (see `patience`).
    deadline : float
        Ends at the first iteration after this `time.monotonic()`.
    precondition : Preconditioner, optional
        For L-BFGS, of a model that all of them resemble.
    monitor : callable, optional
        As of `Watch`; where there is a validation, and all models are trained at once.

    Raises
    ------
    DataError
        If there is no memory for one model.
    """
    small = problem.design.n_rows < THREADED_ROWS
    alone = replace(settings, threads=1) if small else settings
    at_once = (settings.threads or default_threads()) if small else 1
    room = find_room(
        problem,
        settings.solver,
        held_out_rows=0 if validation is None else validation.design.n_rows,
        most=MANY_LANES if small else LANES,
        at_once=at_once,
    )
    parts = list(problem.parts(room.lanes))

    def run(models: slice) -> Trained:
        lanes = problem.lanes.at(models)
        watch = None
        if validation is not None:
            held_out = Objective(
                validation.kernels(models), validation.lanes.at(models), threads=alone.threads
            )
            heard = monitor if len(parts) == 1 else None
            watch = Watch(held_out.mean_loss, lanes, settings.rounds, heard)
        first = models.start * lanes.classes
        trained = _train(
            problem.kernels(models),
            alone,
            lanes,
            None if start is None else start[:, first : first + len(lanes)],
            watch,
            problem.loss.floor,
            deadline,
            precondition and precondition.shared(len(lanes)),
            room.pairs,
        )
        return trained if watch is None else watch.best(trained)

    return Trained.together(list(ordered_map(run, parts, at_once)))


def _train(
    kernels: DesignKernels,
    settings: Settings,
    lanes: Lanes,
    start: Float64 | None,
    watch: Watch | None,
    floor: float,
    deadline: float,
    precondition: Preconditioner | None,
    pairs: int,
) -> Trained:
    n_rows = sum(kernels.block_rows(block) for block in range(kernels.n_blocks))
    weights = np.zeros((kernels.rows, kernels.lanes)) if start is None else start
    if settings.solver == "sgd":
        return _epochs(kernels, settings, lanes, StochasticSolver(weights), watch, deadline)
    objective = Objective(
        kernels, lanes, fit_intercept=settings.fit_intercept, threads=settings.threads
    )
    if settings.solver == "auto" and start is None and n_rows >= SMALL_ROWS:
        weights = _warm_up(kernels, settings, objective)
    tolerance = settings.tolerance
    if tolerance is None:
        # Below what the design's own rounding hides there is nothing to gain.
        exact = SINGLE if kernels.dtype == np.float32 else EXACT
        tolerance = exact if n_rows < SMALL_ROWS else PRACTICAL
    minimum = minimize(
        objective,
        weights,
        tolerance=tolerance,
        max_iter=settings.max_iter,
        floor=floor,
        pairs=pairs,
        deadline=deadline,
        watch=watch,
        precondition=precondition,
    )
    return Trained(objective.weights, minimum.n_iter, minimum.value, minimum.gap, minimum.reason)


def _warm_up(kernels: DesignKernels, settings: Settings, objective: Objective) -> Float64:
    """Return where stochastic steps over some of the rows lead; zero where they lead astray."""
    solver = StochasticSolver(np.zeros(objective.shape))
    loss = solver.run(kernels, settings, objective.lanes, part=(0.0, WARM_UP))
    astray = ~(loss < 2.0 * objective.loss_at_zero())  # or not finite
    return np.where(objective.lanes.per_lane(astray), 0.0, solver.weights)


def _epochs(
    kernels: DesignKernels,
    settings: Settings,
    lanes: Lanes,
    solver: StochasticSolver,
    watch: Watch | None,
    deadline: float,
) -> Trained:
    """Run epochs until one gains less than the tolerance, `patience` times in a row."""
    tolerance = PROGRESS if settings.tolerance is None else settings.tolerance
    n_models = lanes.n_models
    moving = np.ones(n_models, np.bool_)
    best, idle = np.full(n_models, np.inf), np.zeros(n_models, np.int64)
    value, n_iter = np.full(n_models, np.nan), np.zeros(n_models, np.int64)
    reason = np.full(n_models, "epochs", object)

    def end(which: Bool, why: str) -> None:
        nonlocal moving
        reason[moving & which] = why
        moving = moving & ~which

    while moving.any() and solver.epoch < settings.epochs:
        loss = solver.run(kernels, settings, lanes, moving=lanes.per_lane(moving))
        value, n_iter = np.where(moving, loss, value), np.where(moving, solver.epoch, n_iter)
        idle = np.where(loss < best * (1.0 - tolerance), 0, idle + 1)
        best = np.fmin(best, loss)
        end(~np.isfinite(loss), "diverged")
        if watch is not None:
            end(watch(solver.weights, loss), "patience")
        else:
            end(idle >= settings.rounds, "tolerance")
        if time.monotonic() > deadline:
            end(moving, "time_budget")
    gap = np.full(n_models, np.nan)
    return Trained(solver.weights, n_iter, value, gap, tuple(reason.tolist()))
