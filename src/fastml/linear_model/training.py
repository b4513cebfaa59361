"""Which solver does what, and when training ends."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any, TypeAlias

import numpy as np

from fastml._native.linear import DesignKernels
from fastml._typing import Float64
from fastml.checkpoint import Saver, current
from fastml.engine import default_threads, ordered_map
from fastml.fingerprint import fingerprint
from fastml.linear_model.epochs import train_epochs
from fastml.linear_model.footprint import Room, find_room
from fastml.linear_model.lanes import LANES, Lanes
from fastml.linear_model.lbfgs import minimize
from fastml.linear_model.objective import THREADED_ROWS, Objective
from fastml.linear_model.precondition import Preconditioner
from fastml.linear_model.problem import Problem
from fastml.linear_model.settings import Settings
from fastml.linear_model.stochastic import StochasticSolver
from fastml.linear_model.trained import Trained
from fastml.linear_model.watch import Watch

__all__ = ["Monitor", "train"]

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
    # What a monitor hears cannot be saved.
    checkpoint = None if monitor is not None else current()

    @cache
    def key() -> str:
        held_out = () if validation is None else validation.identity()
        given = replace(settings, threads=None), start
        return fingerprint(*given, *problem.identity(), *held_out)

    earlier = None if checkpoint is None else checkpoint.earlier(key)
    if earlier is not None:  # there may be another room now, but a model of it would be another
        room = Room(*earlier["room"].tolist())
    parts = list(problem.parts(room.lanes))

    def run(models: slice, saver: Saver) -> Trained:
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
            precondition and precondition.shared(lanes),
            room.pairs,
            saver,
        )
        return trained if watch is None else watch.best(trained)

    def saved(models: slice) -> Trained:
        """Train some of the models, unless they have been."""
        if checkpoint is None:
            return run(models, Saver())
        part = f"{models.start}-{models.stop}"
        state = checkpoint.training(
            key,
            part,
            lambda saver: run(models, saver).state(),
            facts={"room": np.array(room)},
            saves=min(at_once, len(parts)) == 1,
        )
        return Trained.from_state(state)

    return Trained.together(list(ordered_map(saved, parts, at_once)))


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
    saver: Saver,
) -> Trained:
    n_rows = sum(kernels.block_rows(block) for block in range(kernels.n_blocks))
    weights = np.zeros((kernels.rows, kernels.lanes)) if start is None else start
    if watch is not None:
        saver.keep("watch", watch)
    if settings.solver == "sgd":
        solver = StochasticSolver(weights)
        return train_epochs(
            kernels, settings, lanes, solver, watch=watch, deadline=deadline, saver=saver
        )
    objective = Objective(
        kernels, lanes, fit_intercept=settings.fit_intercept, threads=settings.threads
    )

    def begin() -> Float64:
        if settings.solver == "auto" and start is None and n_rows >= SMALL_ROWS:
            return _warm_up(kernels, settings, objective)
        return weights

    tolerance = settings.tolerance
    if tolerance is None:
        # Below what the design's own rounding hides there is nothing to gain.
        exact = SINGLE if kernels.dtype == np.float32 else EXACT
        tolerance = exact if n_rows < SMALL_ROWS else PRACTICAL
    minimum = minimize(
        objective,
        begin,
        tolerance=tolerance,
        max_iter=settings.max_iter,
        floor=floor,
        pairs=pairs,
        deadline=deadline,
        watch=watch,
        precondition=precondition,
        saver=saver,
    )
    return Trained(objective.weights, minimum.n_iter, minimum.value, minimum.gap, minimum.reason)


def _warm_up(kernels: DesignKernels, settings: Settings, objective: Objective) -> Float64:
    """Return where stochastic steps over some of the rows lead; zero where they lead astray."""
    solver = StochasticSolver(np.zeros(objective.shape))
    loss = solver.run(kernels, settings, objective.lanes, part=(0.0, WARM_UP))
    astray = ~(loss < 2.0 * objective.loss_at_zero())  # or not finite
    return np.where(objective.lanes.per_lane(astray), 0.0, solver.weights)
