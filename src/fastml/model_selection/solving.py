"""Candidates that are solved for on a sample of the rows, which grows.

A penalty is a prior of the weights: the one that does best on all rows does best on a part of them,
beside losses that add up to less. Steps over all rows do not tell it. Their weights of rare
categories are far from the optimum yet, and look as if they needed no penalty.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fastml._typing import Float64
from fastml.linear_model.lanes import fitting
from fastml.linear_model.objective import Objective
from fastml.linear_model.precondition import Preconditioner
from fastml.linear_model.problem import Problem
from fastml.linear_model.runs import draw_runs
from fastml.linear_model.settings import Settings
from fastml.linear_model.training import train
from fastml.model_selection.racing import Racers, of_candidates, part_ends

__all__ = ["Solving"]

SHARE = 1 / 8
"""Of the rows: what the last candidates are compared on, if those are no fewer than `ROWS`."""
ROWS = 131_072
FEWEST_ROWS = 16_384
"""What candidates are compared on at least."""
ROUGH = 1e-2
"""Tolerance of the solver in the end."""
COARSE = 1e-1
"""The same of where candidates start, and while most of them are still in the race."""
FEW = 4
"""Lanes that take no longer than the eight that the kernels are made for."""


class Solving(Racers):
    """Candidates that race on samples, from where they were on the sample before."""

    factor = 4

    def __init__(
        self, problem: Problem, settings: Settings, n_candidates: int, n_folds: int
    ) -> None:
        coarse = replace(settings, tolerance=COARSE)
        super().__init__(problem, coarse, n_candidates, n_folds)
        n_rows = max(problem.design.n_rows, 1)
        last = min(1.0, max(SHARE, ROWS / n_rows))
        least = min(1.0, FEWEST_ROWS / n_rows)
        self.ends = part_ends(last, least, self.factor, n_candidates)
        self._weights: Float64 = np.zeros((problem.shape[0], 0))

    @property
    def weights(self) -> Float64:
        """Of those that are in, side by side: (rows, lanes)."""
        return self._weights

    def run(self, end: float) -> None:
        """Solve for those that are in on a share of the rows, from where they were."""
        sample = self._sample(end)
        problem = sample.of_variants(self._running, self._n_candidates)
        one, model = self._one(sample)
        n, width = len(problem.lanes), model.shape[1]
        if not self._weights.shape[1]:
            self._weights = np.tile(model, n // width)
        # Some lanes twice, where the kernels are faster so.
        wanted = fitting(n) if width == 1 and n > FEW else n // width
        places = np.minimum(np.arange(wanted), n // width - 1)
        trained = train(
            problem.of_variants(places.tolist(), n // width),
            replace(self._settings, tolerance=ROUGH if end == self.ends[-1] else COARSE),
            start=of_candidates(self._weights, n // width, places.tolist()),
            precondition=_preconditioner(one, model, self._settings),
        )
        self._weights = trained.weights[:, :n]
        diverged = np.array([reason == "diverged" for reason in trained.reason])
        self.strayed = problem.lanes.per_lane(diverged[: problem.lanes.n_models])

    def _one(self, sample: Problem) -> tuple[Problem, Float64]:
        """Return the problem of one model, and its weights there so far, (rows, its lanes).

        The Hessian is taken of it alone: what sets the others apart is little but the penalty.
        """
        place = len(self._running) // 2
        variant = self._running[place] * self._n_folds
        one = sample.of_variants([variant], self._n_candidates * self._n_folds)
        if not self._weights.shape[1]:
            return one, train(one, self._settings).weights
        first = place * self._n_folds
        return one, of_candidates(self._weights, len(self._running) * self._n_folds, [first])

    def keep(self, places: list[int]) -> None:
        """Let the others of those that are in go."""
        self._weights = of_candidates(self._weights, len(self._running), places)
        super().keep(places)

    def _sample(self, share: float) -> Problem:
        """Return the problem over some of the rows; a larger sample has the rows of a smaller."""
        block_rows = [block.n_rows for block in self._whole.design.blocks]
        runs = draw_runs(block_rows, self._settings.seed, (0.0, share))
        return self._whole.of_runs(runs[np.lexsort(runs.T[1::-1])])


def _preconditioner(problem: Problem, weights: Float64, settings: Settings) -> Preconditioner:
    objective = Objective(
        problem.kernels(slice(0, problem.lanes.n_models)),
        problem.lanes,
        fit_intercept=settings.fit_intercept,
        threads=settings.threads,
    )
    objective.move_to(weights)
    return Preconditioner(objective, problem.loss.floor)
