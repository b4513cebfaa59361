"""Candidates of a search, trained side by side in lanes and judged on held-out rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fastml._typing import Bool, Float64
from fastml.linear_model import LinearRegression, LogisticRegression
from fastml.linear_model.design import Design, DesignBlock
from fastml.linear_model.problem import Problem, RowGroups
from fastml.linear_model.runs import draw_runs
from fastml.linear_model.settings import Settings
from fastml.linear_model.training import train
from fastml.model_selection.held_out import HeldOut
from fastml.model_selection.racing import Racers
from fastml.model_selection.solving import Solving
from fastml.model_selection.stepping import Stepping

__all__ = ["Contest", "LinearLearner", "Outcome"]

LinearLearner: TypeAlias = LogisticRegression | LinearRegression

EXACT = 1e-7
"""Tolerance of the batch solver while candidates are compared, where the learner states none."""
ENOUGH_ITERATIONS = 100
"""The same of its iterations: what still moves then has next to no penalty, and changes little."""
SAMPLE_ROWS = 1 << 16
"""Rows that candidates are judged on while most of them are still in the race."""
FINAL_ROWS = 1 << 20
"""The same of the last."""
ENOUGH = 100
"""Rows of a second class, for each fold, in the samples that candidates are compared on."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the candidates.

    Parameters
    ----------
    scores : float64 ndarray of shape (n_candidates, n_folds)
        When each was judged last; NaN of models that went astray.
    epochs : float64 ndarray of shape (n_candidates,)
        Over how many times the table, or on what part of it, each was trained; NaN: to convergence
        on all of it.
    best : int
    start : float64 ndarray of shape (n_features + 2, lanes of a model)
        The mean of the best one's models, in the target's units.
    """

    scores: Float64
    epochs: Float64
    best: int
    start: Float64


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
        settings = replace(
            self.settings,
            tolerance=EXACT if self.settings.tolerance is None else self.settings.tolerance,
            max_iter=min(ENOUGH_ITERATIONS, self.settings.max_iter),
        )
        trained = train(self.problem, settings)
        diverged = np.array([reason == "diverged" for reason in trained.reason])
        strayed = self.problem.lanes.per_lane(diverged)
        scores = self._judged(self.problem, trained.weights, strayed, most_rows=None)
        best = self._ranked(scores)[0]
        width = trained.weights.shape[1] // len(self.candidates)
        own = trained.weights[:, best * width : (best + 1) * width]
        return Outcome(scores, np.full(len(scores), np.nan), best, self._start(best, own))

    def race(self) -> Outcome:
        """Train candidates part by part; only the best of each part go on (see `Racers`).

        Where a sample would hold too few rows of a second class, all are trained on all rows.
        """
        kind: type[Racers] = Stepping if self.settings.solver == "sgd" else Solving
        n = len(self.candidates)
        racers = kind(self.problem, self.settings, n, self.held_out.n_folds)
        if not self._tells(racers.ends[0]):
            return self.converge()
        running = list(range(n))
        scores, epochs = np.full((n, self.held_out.n_folds), np.nan), np.zeros(n)
        for end in racers.ends:
            last = end == racers.ends[-1]
            racers.run(end)
            problem = self.problem.of_variants(running, n)
            judged = self._judged(
                problem,
                racers.weights,
                racers.strayed,
                most_rows=FINAL_ROWS if last else SAMPLE_ROWS,
            )
            scores[running], epochs[running] = judged, end
            ranked = self._ranked(judged)
            kept = sorted(ranked[: 1 if last else -(-len(ranked) // racers.factor)])
            running = [running[place] for place in kept]
            racers.keep(kept)
        return Outcome(scores, epochs, running[0], self._start(running[0], racers.weights))

    def _tells(self, share: float) -> bool:
        """Whether samples have enough rows of two classes: of a rare one they may have none."""
        if self.classes is None:
            return True
        block_rows = [block.n_rows for block in self.design.blocks]
        runs = draw_runs(block_rows, self.settings.seed, (0.0, min(share, 1.0)))
        samples = self.problem.of_runs(runs).design.blocks, self.held_out.blocks(SAMPLE_ROWS)
        return all(_of_second_class(each) >= ENOUGH * self.held_out.n_folds for each in samples)

    def _judged(
        self, problem: Problem, weights: Float64, strayed: Bool, *, most_rows: int | None
    ) -> Float64:
        """Return the scores of candidates, (n_candidates, n_folds); NaN of what went astray."""
        safe = np.where(strayed, 0.0, weights)
        scores = self.held_out.judge(problem.outward(safe), most_rows=most_rows)
        lost = strayed.reshape(*scores.shape, -1).any(axis=-1)
        return np.where(lost, np.nan, scores)

    def _ranked(self, scores: Float64) -> list[int]:
        """Return the candidates from the best to the worst, those that went astray last."""
        mean = scores.mean(axis=1)
        key = -mean if self.held_out.scoring.larger_is_better else mean
        order: list[int] = np.argsort(np.nan_to_num(key, nan=np.inf), kind="stable").tolist()
        return order

    def _start(self, candidate: int, weights: Float64) -> Float64:
        """Return the mean of a candidate's models (rows, lanes) in the units of the target."""
        problem = self.problem.of_variants([candidate], len(self.candidates))
        outward = problem.outward(weights)
        return np.asarray(outward.reshape(len(outward), self.held_out.n_folds, -1).mean(axis=1))


def _of_second_class(blocks: Iterable[DesignBlock]) -> int:
    """Return how many rows that weigh anything are of the second most frequent class."""
    counts = np.zeros(2, np.intp)
    for block in blocks:
        assert block.target is not None
        target = block.target if block.weight is None else block.target[block.weight > 0.0]
        more = np.bincount(target.astype(np.intp), minlength=len(counts))
        counts = np.pad(counts, (0, len(more) - len(counts))) + more
    return int(np.sort(counts)[-2])
