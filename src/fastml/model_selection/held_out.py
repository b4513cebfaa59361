"""How well models in lanes do on rows that they were not trained with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastml._native.linear import DesignKernels
from fastml._typing import Float64, Task
from fastml.engine import ordered_map
from fastml.errors import DataError
from fastml.evaluation.checks import checked
from fastml.evaluation.metrics import Metric
from fastml.linear_model.design import Design, DesignBlock
from fastml.linear_model.lanes import fitting
from fastml.linear_model.runs import draw_runs
from fastml.model_selection.folds import Folds
from fastml.model_selection.scoring import score_of

__all__ = ["HeldOut"]

RUNS = 256
"""In which rows are drawn, where not all are judged on."""
LANES_AT_ONCE = 128
"""Whose margins of a block are held at a time: 33 MB of a thread."""
SCORES_AT_ONCE = 1 << 22
"""Of the candidates that one pass over the rows judges, where their scores are held: 34 MB."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """Some rows of a block: what they are judged by, and the fold in which each is left out."""

    block: DesignBlock
    truth: NDArray[Any]
    weight: Float64
    fold: NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Rows to judge models on, each row by those models that did not see it.

    The models of a candidate, one for each fold, lie side by side, `width` lanes each.

    Parameters
    ----------
    design : Design
        With targets.
    folds : sequence of uint16 ndarrays of shape (n_rows,), optional
        The fold of each row, block by block, in which it was left out; default: all models are
        judged on all rows.
    n_folds : int
        1 without folds.
    width : int
        Lanes of a model.
    task : {"binary", "multiclass", "regression"}
    scoring : Metric
    scores : callable
        From margins (n_rows, width) to what the metric is measured on.
    threads : int, optional
    """

    design: Design
    folds: Sequence[Folds] | None
    n_folds: int
    width: int
    task: Task
    scoring: Metric
    scores: Callable[[Float64], Float64]
    threads: int | None = None

    @property
    def _adds_up(self) -> bool:
        """Whether the metric is of a sum over the rows, whose scores need not be held."""
        return self.scoring.name in ("log_loss", "rmse")

    def judge(self, weights: Float64, *, most_rows: int | None = None) -> Float64:
        """Measure models on the rows that they did not see.

        Parameters
        ----------
        weights : float64 ndarray of shape (rows, lanes)
            In the units of the target.
        most_rows : int, optional
            So many of the rows will do.

        Returns
        -------
        float64 ndarray of shape (n_candidates, n_folds)

        Raises
        ------
        DataError
            If the metric is not defined on the rows of a fold, or these have no weight.
        """
        parts = self._parts(most_rows)
        lanes = self.n_folds * self.width
        room = LANES_AT_ONCE // lanes
        if not self._adds_up:
            n_rows = sum(rows.block.n_rows for rows in parts)
            room = min(room, SCORES_AT_ONCE // max(n_rows * self.width, 1))
        at_once = max(1, room) * lanes
        return np.concatenate(
            [
                self._judged(parts, weights[:, first : first + at_once])
                for first in range(0, weights.shape[1], at_once)
            ]
        )

    def _judged(self, parts: Sequence[_Rows], weights: Float64) -> Float64:
        """Measure some candidates, (n_candidates, n_folds)."""

        def scored(rows: _Rows) -> Float64:
            return self._scored(rows, weights)

        def summed(rows: _Rows) -> Float64:
            return self._sums(rows, scored(rows))

        if self._adds_up:
            sums: Float64 = sum(ordered_map(summed, parts, self.threads), np.zeros(1))
            if not sums[-1].all():
                lacking = np.argmin(sums[-1])
                raise self._without_weight(sum(int((r.fold == lacking).sum()) for r in parts))
            mean: Float64 = sums[:-1] / sums[-1]
            return np.asarray(np.sqrt(mean)) if self.scoring.name == "rmse" else mean
        scores = np.concatenate(list(ordered_map(scored, parts, self.threads)))
        truth, weight, fold = (
            np.concatenate([getattr(rows, name) for rows in parts])
            for name in ("truth", "weight", "fold")
        )
        measured = np.empty((scores.shape[1], self.n_folds))
        for number in range(self.n_folds):
            own = fold == number
            for candidate in range(scores.shape[1]):
                measured[candidate, number] = self._measure(
                    truth[own], scores[own, candidate], weight[own]
                )
        return measured

    def blocks(self, most_rows: int) -> list[DesignBlock]:
        """Return the rows that `judge` takes of so many."""
        return [rows.block for rows in self._parts(most_rows)]

    def _parts(self, most_rows: int | None) -> list[_Rows]:
        """Return the rows to judge on, or some of them from all over the table."""
        block_rows = [block.n_rows for block in self.design.blocks]
        runs = [(number, 0, n) for number, n in enumerate(block_rows)]
        if most_rows is not None and sum(block_rows) > most_rows:
            share = most_rows / sum(block_rows)
            runs = draw_runs(block_rows, 0, (0.0, share), many=RUNS).tolist()
        return [self._rows(number, slice(first, end)) for number, first, end in runs]

    def _rows(self, number: int, rows: slice) -> _Rows:
        block = self.design.blocks[number].rows(rows.start, rows.stop)
        n = block.n_rows
        truth = np.asarray(block.target, np.float64 if self.task == "regression" else np.int64)
        weight = np.ones(n) if block.weight is None else np.asarray(block.weight, np.float64)
        fold = np.zeros(n, np.intp)
        if self.folds is not None:
            fold = self.folds[number][rows].astype(np.intp)
        return _Rows(block, truth, weight, fold)

    def _scored(self, rows: _Rows, weights: Float64) -> Float64:
        """Return the scores by each candidate's model that did not see a row.

        Returns
        -------
        float64 ndarray of shape (n_rows, n_candidates), or (n_rows, n_candidates, n_outputs)
        """
        n, n_models = rows.block.n_rows, weights.shape[1] // self.width
        n_candidates = n_models // self.n_folds
        own = np.empty((n, n_candidates, self.width))
        of_fold = [np.flatnonzero(rows.fold == number) for number in range(self.n_folds)]
        at_once = max(1, LANES_AT_ONCE // self.width)
        for first in range(0, n_models, at_once):
            models = range(first, min(first + at_once, n_models))
            lanes = slice(models.start * self.width, models.stop * self.width)
            margins = self._margins(rows.block, weights[:, lanes])
            for model, of_model in zip(models, np.split(margins, len(models), axis=1), strict=True):
                candidate, number = divmod(model, self.n_folds)
                at = of_fold[number] if self.n_folds > 1 else slice(None)
                own[at, candidate] = of_model[at]
        rows.block.rest()
        scores = self.scores(own.reshape(n * n_candidates, self.width))
        return scores.reshape(n, n_candidates, *scores.shape[1:])

    def _margins(self, block: DesignBlock, weights: Float64) -> Float64:
        """Return the margins of a block's rows in some lanes, (n_rows, lanes)."""
        lanes = weights.shape[1]
        typed = np.zeros((len(weights), fitting(lanes)), self.design.dtype)
        typed[:, :lanes] = weights
        typed[-1] = 0.0  # an intercept may be far larger than what float32 tells apart
        kernels = DesignKernels(
            [(block.dense, block.codes, None, None)], self.design.n_codes, typed.shape[1]
        )
        margins = np.empty((block.n_rows, typed.shape[1]), self.design.dtype)
        kernels.margins(0, typed, margins)
        whole: Float64 = margins[:, :lanes] + weights[-1]
        return whole

    def _sums(self, rows: _Rows, scores: Float64) -> Float64:
        """Return the sums of each candidate's losses by fold, and last those of the weights."""
        truth, of_classes = rows.truth[:, None], self.scoring.name == "log_loss"
        losses = _log_loss(truth, scores) if of_classes else (truth - scores) ** 2
        weighted = [*(losses * rows.weight[:, None]).T, rows.weight]
        return np.array([np.bincount(rows.fold, each, self.n_folds) for each in weighted])

    def _measure(self, truth: NDArray[Any], scores: Float64, weight: Float64) -> float:
        if not weight.any():
            raise self._without_weight(len(truth))
        value = score_of(self.scoring, checked(self.task, truth, scores, weight))
        if not np.isfinite(value):
            raise DataError(
                f"{self.scoring.name} is not defined on the {len(truth):,} rows that were held "
                "out: a class is missing among them; use fewer folds or another scoring"
            )
        return value

    def _without_weight(self, n_rows: int) -> DataError:
        return DataError(
            f"none of {n_rows:,} rows that were held out together has any weight; use fewer folds, "
            "or leave rows without weight out"
        )


def _log_loss(truth: NDArray[Any], scores: Float64) -> Float64:
    """Return the losses (n, n_candidates) of scores, at truths (n, 1)."""
    if scores.ndim == 3:
        chance = np.take_along_axis(scores, truth[:, :, None], axis=2)[:, :, 0]
    else:
        chance = np.where(truth == 1, scores, 1.0 - scores)
    losses: Float64 = -np.log(np.maximum(chance, np.finfo(np.float64).tiny))
    return losses
