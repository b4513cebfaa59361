"""The rows in order of their score: one sort, from which every ranking metric is read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastml._typing import Bool, Float64
from fastml.evaluation.intervals import Estimate, effective_rows, undefined

__all__ = ["ScoreCurve"]


class ScoreCurve:
    """What lies at and above each distinct score, from the highest down.

    Rows with equal scores are one step, since no threshold can part them; so nothing here depends
    on the order of the rows.

    Parameters
    ----------
    positive : (n,) bool
        Whether a row is of the positive class.
    scores : (n,) float64
        Larger means more likely positive.
    weight : (n,) float64, optional

    Attributes
    ----------
    thresholds : (s,) float64
        The distinct scores, from the highest down.
    true_positives, false_positives : (s,) float64
        The weight of the positive and negative rows with a score at or above each threshold.
    positives, negatives : float
        The weight of all positive and negative rows.
    """

    def __init__(self, positive: Bool, scores: Float64, weight: Float64 | None = None) -> None:
        order = np.argsort(-scores)
        ordered = scores[order]
        last = np.empty(len(order), dtype=bool)
        last[-1:] = True
        np.not_equal(ordered[1:], ordered[:-1], out=last[:-1])
        ends = np.flatnonzero(last)
        hits = positive[order]
        if weight is None:
            true_positives = np.cumsum(hits)[ends].astype(np.float64)
            false_positives = (ends + 1) - true_positives
        else:
            weights = weight[order]
            true_positives = np.cumsum(weights * hits)[ends]
            false_positives = np.cumsum(weights * ~hits)[ends]
        self.thresholds: Float64 = ordered[ends]
        self.true_positives: Float64 = true_positives
        self.false_positives: Float64 = false_positives
        self.positives = float(true_positives[-1]) if len(ends) else 0.0
        self.negatives = float(false_positives[-1]) if len(ends) else 0.0
        self._positive = positive
        self._weight = weight
        self._order = order
        self._last = last

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self._positive)

    def roc_auc(self) -> Estimate:
        """Estimate the chance that a positive row scores above a negative one, ties a half.

        The influences are the placement values of DeLong, DeLong and Clarke-Pearson 1988,
        "Comparing the areas under two or more correlated receiver operating characteristic
        curves" (with m where they divide by m - 1).
        """
        if self.positives == 0 or self.negatives == 0:
            return undefined(self.rows)
        hits = _steps(self.true_positives)
        value = min(float(self._below() @ hits) / self.positives, 1.0)
        total = self.positives + self.negatives

        def influence() -> Float64:
            above = (self.true_positives - _steps(self.true_positives) / 2) / self.positives
            return self._per_row(
                (self._below() - value) * (total / self.positives),
                (above - value) * (total / self.negatives),
            )

        support = min(self._support(self._positive), self._support(~self._positive))
        return Estimate(value, influence, support)

    def average_precision(self) -> Estimate:
        """Estimate the precision averaged over the positive rows, each at its own score.

        The influence is the functional derivative of that average, in which a row counts as a
        positive at its own score and as one of the rows at or above each lower one.
        """
        if self.positives == 0:
            return undefined(self.rows)
        total = self.positives + self.negatives
        share, hits = self._selected_share(self.true_positives), _steps(self.true_positives)
        value = min(float(share @ hits) / self.positives, 1.0)

        def influence() -> Float64:
            precision = self._selected_share(self.true_positives)
            each = self._selected_share(_steps(self.true_positives))
            gained = np.cumsum(each[::-1])[::-1]
            lost = np.cumsum((each * precision)[::-1])[::-1]
            scale = total / self.positives
            return self._per_row(scale * (precision - value + gained - lost), -scale * lost)

        return Estimate(value, influence, self._support(self._positive))

    def _below(self) -> Float64:
        """Return the share of the negatives below each score, ties a half."""
        misses = _steps(self.false_positives)
        return (self.negatives - self.false_positives + misses / 2) / self.negatives

    def _selected_share(self, part: Float64) -> Float64:
        """Return a part of the rows at or above each score as their share.

        Rows of no weight may lead the order; they have no precision and no share in the average.
        """
        selected = self.true_positives + self.false_positives
        return np.divide(part, selected, out=np.zeros_like(selected), where=selected > 0)

    def _support(self, side: Bool) -> float:
        weight = side.astype(np.float64) if self._weight is None else self._weight[side]
        return effective_rows(weight)

    def _per_row(self, of_positive: Float64, of_negative: Float64) -> Float64:
        """Give each row the value of its step and class."""
        step: NDArray[np.intp] = np.cumsum(self._last)
        step -= self._last
        hits = self._positive[self._order]
        rows = np.empty(self.rows)
        rows[self._order] = np.where(hits, of_positive[step], of_negative[step])
        return rows


def _steps(cumulative: Float64) -> Float64:
    return np.diff(cumulative, prepend=0.0)
