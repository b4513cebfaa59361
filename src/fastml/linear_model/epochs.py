"""Training by epochs of stochastic steps, and when it ends."""

from __future__ import annotations

import time

import numpy as np

from fastml._native.linear import DesignKernels
from fastml._typing import Bool, Float64
from fastml.checkpoint import Saver, State
from fastml.linear_model.lanes import Lanes
from fastml.linear_model.settings import Settings
from fastml.linear_model.stochastic import StochasticSolver
from fastml.linear_model.trained import Trained
from fastml.linear_model.watch import Watch
from fastml.progress import tell

__all__ = ["train_epochs"]

PROGRESS = 1e-3
"""Default tolerance: the relative gain of an epoch."""


class _Epochs:
    """Which models still move, and how far each has come."""

    def __init__(self, solver: StochasticSolver, n_models: int) -> None:
        self.solver = solver
        self.moving = np.ones(n_models, np.bool_)
        self.best, self.idle = np.full(n_models, np.inf), np.zeros(n_models, np.int64)
        self.value, self.n_iter = np.full(n_models, np.nan), np.zeros(n_models, np.int64)
        self.reason = np.full(n_models, "epochs", object)

    def record(self, loss: Float64, tolerance: float) -> None:
        """Take in the losses of an epoch."""
        self.value = np.where(self.moving, loss, self.value)
        self.n_iter = np.where(self.moving, self.solver.epoch, self.n_iter)
        self.idle = np.where(loss < self.best * (1.0 - tolerance), 0, self.idle + 1)
        self.best = np.fmin(self.best, loss)

    def end(self, which: Bool, why: str) -> None:
        """Let those of the moving models end that `which` names."""
        self.reason[self.moving & which] = why
        self.moving = self.moving & ~which

    def state(self) -> State:
        """Return what the next epoch depends on."""
        assert self.solver.state is not None
        return {
            "steps": self.solver.state,
            "weights": self.solver.weights,
            "epoch": np.array([self.solver.epoch]),
            "moving": self.moving,
            "best": self.best,
            "idle": self.idle,
            "value": self.value,
            "n_iter": self.n_iter,
            "reason": self.reason.astype(str),
        }

    def restore(self, state: State) -> None:
        """Go on from what `state` returned."""
        self.solver.resume(state["weights"], int(state["epoch"][0]), state["steps"])
        for name in ("moving", "best", "idle", "value", "n_iter"):
            setattr(self, name, state[name].copy())
        self.reason = state["reason"].astype(object)


def train_epochs(
    kernels: DesignKernels,
    settings: Settings,
    lanes: Lanes,
    solver: StochasticSolver,
    *,
    watch: Watch | None,
    deadline: float,
    saver: Saver,
) -> Trained:
    """Run epochs until one gains less than the tolerance, `patience` times in a row."""
    tolerance = PROGRESS if settings.tolerance is None else settings.tolerance
    done = _Epochs(solver, lanes.n_models)
    saver.keep("epochs", done)
    while done.moving.any() and solver.epoch < settings.epochs:
        loss = solver.run(kernels, settings, lanes, moving=lanes.per_lane(done.moving))
        done.record(loss, tolerance)
        tell("train", loss)
        done.end(~np.isfinite(loss), "diverged")
        if watch is not None:
            done.end(watch(solver.weights, loss), "patience")
        else:
            done.end(done.idle >= settings.rounds, "tolerance")
        if time.monotonic() > deadline:
            done.end(done.moving, "time_budget")
        saver.save_if_due()
    gap = np.full(lanes.n_models, np.nan)
    return Trained(solver.weights, done.n_iter, done.value, gap, tuple(done.reason.tolist()))
