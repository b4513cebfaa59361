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
from fastml.evaluation.metrics import find
from fastml.evaluation.summary import evaluate
from fastml.linear_model.design import Design
from fastml.model_selection.folds import Folds

__all__ = ["HeldOut"]

SAMPLE_ROWS = 262_144
"""Rows on which models are compared while most of them are still in the race."""


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
    scoring : str
        A metric of `fastml.evaluation`.
    scores : callable
        From margins (n_rows, width) to what the metric is measured on.
    threads : int, optional
    """

    design: Design
    folds: Sequence[Folds] | None
    n_folds: int
    width: int
    task: Task
    scoring: str
    scores: Callable[[Float64], Float64]
    threads: int | None = None

    @property
    def larger_is_better(self) -> bool:
        """Whether more of the metric is better."""
        return find(self.scoring, self.task).larger_is_better

    def judge(self, weights: Float64, *, sample: bool) -> Float64:
        """Measure models on the rows that they did not see.

        Parameters
        ----------
        weights : float64 ndarray of shape (rows, lanes)
            In the units of the target.
        sample : bool
            Whether some of the rows will do.

        Returns
        -------
        float64 ndarray of shape (n_candidates, n_folds)

        Raises
        ------
        DataError
            If the metric is not defined on the rows of a fold.
        """
        blocks = self._sample() if sample else list(range(len(self.design.blocks)))
        n_candidates = weights.shape[1] // (self.n_folds * self.width)
        typed = weights.astype(self.design.dtype)
        typed[-1] = 0.0  # an intercept may be far larger than what float32 tells apart

        def scored(number: int) -> list[Float64]:
            block = self.design.blocks[number]
            kernels = DesignKernels(
                [(block.dense, block.codes, None, None)], self.design.n_codes, weights.shape[1]
            )
            margins = np.empty((block.n_rows, weights.shape[1]), self.design.dtype)
            kernels.margins(0, typed, margins)
            block.rest()
            shape = n_candidates, self.n_folds, self.width
            whole = margins.reshape(block.n_rows, *shape)
            intercepts = weights[-1].reshape(shape)
            fold = None if self.folds is None else self.folds[number]
            scores = []
            for candidate in range(n_candidates):
                if fold is None:
                    own = whole[:, candidate, 0] + intercepts[candidate, 0]
                else:
                    own = whole[np.arange(block.n_rows), candidate, fold]
                    own = own + intercepts[candidate, fold]
                scores.append(self.scores(own))
            return scores

        by_block = list(ordered_map(scored, blocks, self.threads))
        fold = np.zeros(sum(self.design.blocks[number].n_rows for number in blocks), np.uint16)
        if self.folds is not None:
            fold = np.concatenate([self.folds[number] for number in blocks])
        truth, weight = self._truth(blocks)
        rows = [np.flatnonzero(fold == each) for each in range(self.n_folds)]
        measured = np.empty((n_candidates, self.n_folds))
        for candidate in range(n_candidates):
            scores = np.concatenate([each[candidate] for each in by_block])
            for number, of_fold in enumerate(rows):
                measured[candidate, number] = self._measure(truth, scores, weight, of_fold)
        return measured

    def _measure(
        self, truth: NDArray[Any], scores: Float64, weight: Float64 | None, rows: NDArray[np.intp]
    ) -> float:
        """Measure scores on some rows; a model that went astray is the worst there is."""
        if len(rows) == len(truth):
            rows = slice(None)  # type: ignore[assignment]
        truth, scores = truth[rows], scores[rows]
        weight = None if weight is None else weight[rows]
        if self.scoring == "log_loss":
            value = float(np.average(_log_loss(truth, scores), weights=weight))
        elif self.scoring == "rmse":
            value = float(np.sqrt(np.average((truth - scores) ** 2, weights=weight)))
        else:
            found = evaluate(self.task, truth, scores, sample_weight=weight, intervals=False)
            value = found.metrics[self.scoring]
            if not np.isfinite(value):
                raise DataError(
                    f"{self.scoring} is not defined on the {len(truth):,} rows that were held out: "
                    "a class is missing among them; use fewer folds or another scoring"
                )
        return value

    def _truth(self, blocks: list[int]) -> tuple[NDArray[Any], Float64 | None]:
        kept = [self.design.blocks[number] for number in blocks]
        truth = np.concatenate([np.asarray(block.target, np.float64) for block in kept])
        weights = [block.weight for block in kept if block.weight is not None]
        weight = np.concatenate(weights).astype(np.float64) if weights else None
        return truth if self.task == "regression" else truth.astype(np.int64), weight

    def _sample(self) -> list[int]:
        """Return some blocks, from all over the table."""
        n = len(self.design.blocks)
        wanted = min(n, max(1, SAMPLE_ROWS // max(self.design.blocks[0].n_rows, 1)))
        return [n * (2 * part + 1) // (2 * wanted) for part in range(wanted)]


def _log_loss(truth: NDArray[Any], scores: Float64) -> Float64:
    if scores.ndim == 2:
        chance = scores[np.arange(len(truth)), truth]
    else:
        chance = np.where(truth == 1, scores, 1.0 - scores)
    tiny = np.finfo(np.float64).tiny
    losses: Float64 = -np.log(np.maximum(chance, tiny))
    return losses
