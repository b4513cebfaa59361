"""Ends training when held-out rows have nothing to gain from it any more."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fastml._typing import Bool, Float64
from fastml.checkpoint import State
from fastml.linear_model.lanes import Lanes
from fastml.linear_model.trained import Trained
from fastml.progress import tell

__all__ = ["Watch"]


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
        tell("validation", loss)
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

    def state(self) -> State:
        """Return what the next round depends on."""
        weights = {} if self._weights is None else {"weights": self._weights}
        return weights | {
            "round": np.array([self._round]),
            "rounds": self._rounds,
            "best": self._best,
            "value": self._value,
        }

    def restore(self, state: State) -> None:
        """Go on from what `state` returned."""
        self._round = int(state["round"][0])
        self._rounds, self._best = state["rounds"].copy(), state["best"].copy()
        self._value = state["value"].copy()
        self._weights = state["weights"].copy() if "weights" in state else None
