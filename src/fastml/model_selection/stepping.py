"""Candidates that go on by stochastic steps over the rows, from where they were."""

from __future__ import annotations

import math

import numpy as np

from fastml._typing import Float64
from fastml.engine import default_threads, ordered_map
from fastml.linear_model.lanes import LANES
from fastml.linear_model.problem import Problem
from fastml.linear_model.settings import Settings
from fastml.linear_model.stochastic import StochasticSolver, blank_state
from fastml.model_selection.racing import Racers, of_candidates, part_ends

__all__ = ["Stepping"]

FIRST_PART = 1 / 16
"""Of an epoch: the least that candidates are compared after."""
FEWEST_LANES = 8
"""Lanes that are worth a thread of their own: fewer take hardly less time."""


class Stepping(Racers):
    """Candidates that race by epochs, of which each has as many as its learner in the end."""

    factor = 2

    def __init__(
        self, problem: Problem, settings: Settings, n_candidates: int, n_folds: int
    ) -> None:
        super().__init__(problem, settings, n_candidates, n_folds)
        ends = part_ends(float(settings.epochs), FIRST_PART, self.factor, n_candidates)
        whole = [end if end < 1.0 else float(math.ceil(end)) for end in ends]
        self.ends = list(dict.fromkeys(whole))
        self._at = 0.0
        self._state = blank_state(problem.shape, problem.design.dtype)

    @property
    def weights(self) -> Float64:
        """Of those that are in, side by side: (rows, lanes)."""
        return self._state[:, 0].astype(np.float64)

    def run(self, end: float) -> None:
        """Make the steps of a part of the race."""
        problem = self._whole.of_variants(self._running, self._n_candidates)
        n = len(self._running) * self._n_folds
        width = len(problem.lanes) // n
        threads = self._settings.threads or default_threads()
        most = min(LANES, max(-(-len(problem.lanes) // threads), FEWEST_LANES))
        n_parts = -(-n // max(1, most // width))
        cuts = [n * part // n_parts for part in range(n_parts + 1)]

        def step(part: int) -> None:
            variants = range(cuts[part], cuts[part + 1])
            own = slice(variants.start * width, variants.stop * width)
            self._step(problem.of_variants(variants, n).padded(), own, end)

        for _ in ordered_map(step, range(n_parts), threads):
            pass
        self._at = end

    def _step(self, problem: Problem, own: slice, end: float) -> None:
        """Make the steps of some lanes, beside others that stand still."""
        n = own.stop - own.start
        state = blank_state(problem.shape, problem.design.dtype)
        state[:, :, :n] = self._state[:, :, own]
        strayed = np.zeros(len(problem.lanes), np.bool_)
        strayed[:n] = self.strayed[own]
        solver = StochasticSolver(state[:, 0].astype(np.float64), None, int(self._at), state)
        kernels = problem.kernels(slice(0, problem.lanes.n_models))
        at = self._at
        while at < end:
            stop = min(end, solver.epoch + 1.0)
            share = (at - solver.epoch, stop - solver.epoch)
            loss = solver.run(kernels, self._settings, problem.lanes, moving=~strayed, part=share)
            strayed |= ~problem.lanes.per_lane(np.isfinite(loss))
            at = stop
        self._state[:, :, own] = state[:, :, :n]
        self.strayed[own] = strayed[:n]

    def keep(self, places: list[int]) -> None:
        """Let the others of those that are in go."""
        self._state = of_candidates(self._state, len(self._running), places)
        super().keep(places)
