"""Where to draw the line between acting and not: the threshold that earns most."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastml._typing import Bool, Float64
from fastml.errors import ConfigError
from fastml.evaluation.checks import checked
from fastml.evaluation.curve import ScoreCurve
from fastml.evaluation.intervals import Estimate, ratio

__all__ = ["DecisionValue", "Threshold", "best_f1_threshold", "best_threshold", "profit_estimate"]

_CURVE_POINTS = 201
_NOBODY = float(np.nextafter(1.0, 2.0))


@dataclass(frozen=True, slots=True)
class DecisionValue:
    """What each outcome of a binary decision is worth, in money.

    Attributes
    ----------
    true_positive, false_positive : float
        Acting on a row that is positive, and on one that is not.
    true_negative, false_negative : float
        Leaving a row that is not positive, and one that is.
    """

    true_positive: float
    false_positive: float
    true_negative: float = 0.0
    false_negative: float = 0.0

    def __post_init__(self) -> None:
        for name in ("true_positive", "false_positive", "true_negative", "false_negative"):
            if not isfinite(getattr(self, name)):
                raise ConfigError(f"{name} is {getattr(self, name)}; expected an amount of money")
        if self.true_positive <= self.false_negative and self.false_positive <= self.true_negative:
            raise ConfigError(
                f"acting never pays: a true positive ({self.true_positive:g}) is worth no more "
                f"than a false negative ({self.false_negative:g}), and a false positive "
                f"({self.false_positive:g}) no more than a true negative "
                f"({self.true_negative:g}); state a greater true_positive"
            )


@dataclass(frozen=True, slots=True)
class Threshold:
    """The decision that earned most.

    Attributes
    ----------
    threshold : float
        Act where the probability is at least this; just above 1 where acting never pays.
    profit : float
        Money a row at this threshold, on the rows where it was chosen.
    profit_all, profit_none : float
        Money a row if acting on every row, and on none.
    curve : dict of str to float64 arrays
        "acted" (the share of rows acted on), "threshold" and "profit", at up to 201 points from
        acting on none to acting on all, the best among them.
    """

    threshold: float
    profit: float
    profit_all: float
    profit_none: float
    curve: dict[str, Float64]

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {
            "threshold": self.threshold,
            "profit": self.profit,
            "profit_all": self.profit_all,
            "profit_none": self.profit_none,
            "curve": {name: values.tolist() for name, values in self.curve.items()},
        }


def best_threshold(
    y_true: ArrayLike,
    probability: ArrayLike,
    value: DecisionValue,
    sample_weight: ArrayLike | None = None,
) -> Threshold:
    """Find the threshold of greatest profit; where several earn the same, the fewest actions.

    Choose it on the validation split; then `evaluate(..., threshold=..., value=...)` says what it
    earns on the test split.

    Parameters
    ----------
    y_true : (n,) array
        1 for the positive class, else 0.
    probability : (n,) array
        Of the positive class.
    value : DecisionValue
    sample_weight : (n,) array, optional

    Returns
    -------
    Threshold

    Raises
    ------
    DataError
        If there are no rows, the shapes disagree, or a value is out of its range.
    """
    curve, hits, misses, lines = _cuts(y_true, probability, sample_weight)
    total = curve.positives + curve.negatives
    profit = (
        hits * value.true_positive
        + misses * value.false_positive
        + (curve.positives - hits) * value.false_negative
        + (curve.negatives - misses) * value.true_negative
    ) / total
    best = int(profit.argmax())
    evenly = np.linspace(0, len(profit) - 1, _CURVE_POINTS - 1).astype(np.int64)
    shown = np.unique(np.append(evenly, best))
    return Threshold(
        float(lines[best]),
        float(profit[best]),
        float(profit[-1]),
        float(profit[0]),
        {
            "acted": ((hits + misses) / total)[shown],
            "threshold": lines[shown],
            "profit": profit[shown],
        },
    )


def best_f1_threshold(
    y_true: ArrayLike, probability: ArrayLike, sample_weight: ArrayLike | None = None
) -> tuple[float, float]:
    """Find the threshold of greatest F1, and that F1; at ties the fewest predicted positive.

    Parameters and errors as `best_threshold`'s.
    """
    curve, hits, misses, lines = _cuts(y_true, probability, sample_weight)
    below = curve.positives + hits + misses
    f1 = np.divide(2.0 * hits, below, out=np.zeros_like(below), where=below > 0)
    best = int(f1.argmax())
    return float(lines[best]), float(f1[best])


def profit_estimate(
    positive: Bool, acted: Bool, value: DecisionValue, weight: Float64 | None = None
) -> Estimate:
    """Estimate the money a row of acting on some rows."""
    worth = np.where(
        acted,
        np.where(positive, value.true_positive, value.false_positive),
        np.where(positive, value.false_negative, value.true_negative),
    )
    return ratio(worth, np.ones(len(worth)), weight)


def _cuts(
    y_true: ArrayLike, probability: ArrayLike, sample_weight: ArrayLike | None
) -> tuple[ScoreCurve, Float64, Float64, Float64]:
    """Return the weights of both classes above each line that can be drawn, and the lines.

    A line lies half way between two scores, so that it holds on rows that were not seen; the
    first is above every score, the last below.
    """
    given = checked("binary", y_true, probability, sample_weight)
    curve = ScoreCurve(given.truth == 1, given.scores, given.weight)
    scores = curve.thresholds
    between = scores[1:] + (scores[:-1] - scores[1:]) / 2
    between = np.where(between > scores[1:], between, scores[:-1])
    lines = np.concatenate([[_NOBODY], between, [0.0]])
    return (
        curve,
        np.concatenate([[0.0], curve.true_positives]),
        np.concatenate([[0.0], curve.false_positives]),
        lines,
    )
