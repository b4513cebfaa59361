"""Every line that can be drawn between scores, and what acting on the rows above it gives."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from fastml._typing import Float64
from fastml.evaluation.checks import checked
from fastml.evaluation.curve import ScoreCurve
from fastml.evaluation.decision_value import DecisionValue

__all__ = ["Cuts"]

_NOBODY = float(np.nextafter(1.0, 2.0))


class Cuts:
    """The lines of some scored rows, from acting on none to acting on all.

    A line lies half way between two scores, so that it holds on rows that were not seen; the
    first is above every score, the last below.

    Parameters
    ----------
    y_true, probability, sample_weight : (n,) array
        As in `evaluate`.

    Attributes
    ----------
    lines : (c,) float64
        Falling.
    hits, misses : (c,) float64
        The weight of the positive rows and of the others above each line.
    positives, negatives : float
        The weight of all of them.
    """

    def __init__(
        self, y_true: ArrayLike, probability: ArrayLike, sample_weight: ArrayLike | None
    ) -> None:
        given = checked("binary", y_true, probability, sample_weight)
        curve = ScoreCurve(given.truth == 1, given.scores, given.weight)
        scores = curve.thresholds
        between = scores[1:] + (scores[:-1] - scores[1:]) / 2
        between = np.where(between > scores[1:], between, scores[:-1])
        self.lines: Float64 = np.concatenate([[_NOBODY], between, [0.0]])
        self.hits: Float64 = np.concatenate([[0.0], curve.true_positives])
        self.misses: Float64 = np.concatenate([[0.0], curve.false_positives])
        self.positives, self.negatives = curve.positives, curve.negatives
        self._scores = scores

    def at(self, threshold: float) -> int:
        """Return which of the lines parts the rows as a threshold does."""
        return int(np.searchsorted(-self._scores, -threshold, side="right"))

    def acted(self) -> Float64:
        """Return the share of the rows above each line."""
        return (self.hits + self.misses) / (self.positives + self.negatives)

    def recall(self) -> Float64:
        """Return the share of the positive rows above each line; 0 where there are none."""
        return self.hits / (self.positives or 1.0)

    def precision(self) -> Float64:
        """Return the share of positive rows among those above each line; NaN above all."""
        return _ratio(self.hits, self.hits + self.misses, np.nan)

    def f_beta(self, beta: float) -> Float64:
        """Return the harmonic mean of precision and recall, recall counted `beta` times."""
        found = (1.0 + beta**2) * self.hits
        return _ratio(found, beta**2 * self.positives + self.hits + self.misses, 0.0)

    def accuracy(self) -> Float64:
        """Return the share of the rows that are on their side of each line."""
        right = self.hits + self.negatives - self.misses
        return right / (self.positives + self.negatives)

    def profit(self, value: DecisionValue) -> Float64:
        """Return the money a row of acting on those above each line."""
        money = (
            self.hits * value.true_positive
            + self.misses * value.false_positive
            + (self.positives - self.hits) * value.false_negative
            + (self.negatives - self.misses) * value.true_negative
        )
        return money / (self.positives + self.negatives)


def _ratio(part: Float64, whole: Float64, otherwise: float) -> Float64:
    return np.divide(part, whole, out=np.full_like(whole, otherwise), where=whole > 0)
