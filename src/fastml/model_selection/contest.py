"""Candidates of a search, trained side by side in lanes and judged on held-out rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fastml._typing import Bool, Float64
from fastml.engine import default_threads, ordered_map
from fastml.linear_model import LinearRegression, LogisticRegression
from fastml.linear_model.design import Design
from fastml.linear_model.lanes import LANES
from fastml.linear_model.problem import Problem, RowGroups
from fastml.linear_model.settings import Settings
from fastml.linear_model.stochastic import StochasticSolver, blank_state
from fastml.linear_model.training import train
from fastml.model_selection.held_out import HeldOut

__all__ = ["Contest", "LinearLearner", "Outcome"]

LinearLearner: TypeAlias = LogisticRegression | LinearRegression

EXACT = 1e-7
"""Tolerance of the batch solver while candidates are compared, where the learner states none."""
FIRST_PART = 1 / 16
"""Of an epoch: the least that candidates are compared after."""
FEWEST_LANES = 8
"""Lanes that are worth a thread of their own: fewer take hardly less time."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the candidates.

    Parameters
    ----------
    scores : float64 ndarray of shape (n_candidates, n_folds)
        When each was judged last; NaN of models that went astray.
    epochs : float64 ndarray of shape (n_candidates,)
        Over how many times the table each was trained; NaN: to convergence.
    best : int
    start : float64 ndarray of shape (n_features + 2, lanes of a model)
        The mean of the best one's models, in the target's units.
    """

    scores: Float64
    epochs: Float64
    best: int
    start: Float64


class _Steps(NamedTuple):
    """What stochastic steps left of some candidates, side by side."""

    state: NDArray[np.floating]  # (rows, 3, lanes), as in StochasticSolver
    strayed: Bool  # (lanes,)


@dataclass(frozen=True)
class Contest:
    """Candidates over a design, each with a model for every fold, which leaves the fold out.

    Parameters
    ----------
    learner : LogisticRegression or LinearRegression
    candidates : sequence of dict
        Parameters of the learner that set each candidate apart.
    design : Design
    classes : ndarray or None
        Labels of the classes that the targets are indices of.
    held_out : HeldOut
        Knows the folds.
    threads : int, optional
    """

    learner: LinearLearner
    candidates: Sequence[dict[str, Any]]
    design: Design
    classes: NDArray[Any] | None
    held_out: HeldOut
    threads: int | None = None

    @cached_property
    def settings(self) -> Settings:
        """The settings that the candidates have in common."""
        return self.learner._settings(self.threads)

    @cached_property
    def problem(self) -> Problem:
        """What is minimised for the models of all candidates, side by side."""
        n_folds = self.held_out.n_folds
        variants: list[Any] = [
            self.learner.clone().set_params(**candidate)
            for candidate in self.candidates
            for _ in range(n_folds)
        ]
        for variant in variants:
            variant._settings()
        groups = None
        if self.held_out.folds is not None:
            kept = np.tile(1.0 - np.eye(n_folds), len(self.candidates))
            groups = RowGroups(self.held_out.folds, kept)
        if isinstance(self.learner, LogisticRegression):
            assert self.classes is not None
            return self.learner.problem(self.design, self.classes, variants, groups)
        return self.learner.problem(self.design, variants, groups)

    def converge(self) -> Outcome:
        """Train every candidate with the batch solver, and judge all of them on all rows."""
        tolerance = EXACT if self.settings.tolerance is None else self.settings.tolerance
        trained = train(self.problem, replace(self.settings, tolerance=tolerance))
        diverged = np.array([reason == "diverged" for reason in trained.reason])
        strayed = self.problem.lanes.per_lane(diverged)
        scores = self._judged(self.problem, trained.weights, strayed, sample=False)
        best = self._ranked(scores)[0]
        width = trained.weights.shape[1] // len(self.candidates)
        own = trained.weights[:, best * width : (best + 1) * width]
        return Outcome(scores, np.full(len(scores), np.nan), best, self._start(best, own))

    def halve(self) -> Outcome:
        """Let candidates race by stochastic steps: after each part the worse half is out.

        The lanes of those that are out go to the next ones; who is in goes on from where it was.
        """
        running = list(range(len(self.candidates)))
        scores = np.full((len(running), self.held_out.n_folds), np.nan)
        epochs = np.zeros(len(running))
        steps: list[_Steps] = []
        begin, ends = 0.0, self._ends()
        for end in ends:
            steps = self._continue(running, steps, begin, end)
            strayed = np.concatenate([each.strayed for each in steps])
            weights = np.hstack([each.state[:, 0].astype(np.float64) for each in steps])
            problem = self.problem.of_variants(running, len(self.candidates))
            judged = self._judged(problem, weights, strayed, sample=end != ends[-1])
            scores[running], epochs[running] = judged, end
            ranked = self._ranked(judged)
            kept = sorted(ranked[: 1 if end == ends[-1] else -(-len(ranked) // 2)])
            running, steps = [running[i] for i in kept], [steps[i] for i in kept]
            begin = end
        best = running[0]
        own = steps[0].state[:, 0].astype(np.float64)
        return Outcome(scores, epochs, best, self._start(best, own))

    def _ends(self) -> list[float]:
        """Return after how many epochs candidates are compared: each time as many again."""
        budget = float(self.settings.epochs if self.settings.solver == "sgd" else 1)
        rounds = max(1, math.ceil(math.log2(max(len(self.candidates), 2))))
        ends = [max(budget / 2**k, FIRST_PART) for k in reversed(range(rounds))]
        return list(dict.fromkeys(end if end < 1.0 else float(math.ceil(end)) for end in ends))

    def _continue(
        self, running: list[int], before: list[_Steps], begin: float, end: float
    ) -> list[_Steps]:
        """Make the steps of a part of the race; return what they left of each candidate."""
        lanes = len(self.problem.lanes) // len(self.candidates)
        threads = self.threads or default_threads()
        together = min(LANES // lanes, max(-(-len(running) // threads), FEWEST_LANES // lanes))
        n_parts = -(-len(running) // max(1, together))
        cuts = [len(running) * part // n_parts for part in range(n_parts + 1)]

        def run(part: int) -> list[_Steps]:
            places = range(cuts[part], cuts[part + 1])
            columns = [slice(i * lanes, (i + 1) * lanes) for i in range(len(places))]
            problem = self.problem.of_variants(
                [running[place] for place in places], len(self.candidates)
            ).padded()
            state = blank_state(problem.shape, problem.design.dtype)
            strayed = np.zeros(len(problem.lanes), np.bool_)
            for place, own in zip(places if before else (), columns, strict=False):
                state[:, :, own] = before[place].state
                strayed[own] = before[place].strayed
            solver = StochasticSolver(state[:, 0].astype(np.float64), None, int(begin), state)
            kernels = problem.kernels(slice(0, problem.lanes.n_models))
            at = begin
            while at < end:
                stop = min(end, solver.epoch + 1.0)
                share = (at - solver.epoch, stop - solver.epoch)
                loss = solver.run(
                    kernels, self.settings, problem.lanes, moving=~strayed, part=share
                )
                strayed |= ~problem.lanes.per_lane(np.isfinite(loss))
                at = stop
            return [_Steps(state[:, :, own].copy(), strayed[own]) for own in columns]

        parts = ordered_map(run, range(n_parts), threads)
        return [steps for part in parts for steps in part]

    def _judged(
        self, problem: Problem, weights: Float64, strayed: Bool, *, sample: bool
    ) -> Float64:
        """Return the scores of candidates, (n_candidates, n_folds); NaN of what went astray."""
        safe = np.where(strayed, 0.0, weights)
        scores = self.held_out.judge(problem.outward(safe), sample=sample)
        lost = strayed.reshape(*scores.shape, -1).any(axis=-1)
        return np.where(lost, np.nan, scores)

    def _ranked(self, scores: Float64) -> list[int]:
        """Return the candidates from the best to the worst, those that went astray last."""
        mean = scores.mean(axis=1)
        key = -mean if self.held_out.larger_is_better else mean
        order: list[int] = np.argsort(np.nan_to_num(key, nan=np.inf), kind="stable").tolist()
        return order

    def _start(self, candidate: int, weights: Float64) -> Float64:
        """Return the mean of a candidate's models (rows, lanes) in the units of the target."""
        problem = self.problem.of_variants([candidate], len(self.candidates))
        outward = problem.outward(weights)
        return np.asarray(outward.reshape(len(outward), self.held_out.n_folds, -1).mean(axis=1))
