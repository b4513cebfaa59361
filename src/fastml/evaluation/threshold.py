"""Where to draw the line between acting and not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite, nan
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from fastml._typing import Float64
from fastml.errors import ConfigError
from fastml.evaluation.cuts import Cuts
from fastml.evaluation.decision_value import DecisionValue
from fastml.evaluation.numbers import amount
from fastml.evaluation.threshold_rule import Stated, ThresholdRule, parse_threshold_rule

__all__ = ["Threshold", "choose_threshold"]

_CURVE_POINTS = 201
_ROUNDING = 1e-12  # of sums of weights, which a target must not fail by


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold, how it was chosen and what it reached where it was.

    Attributes
    ----------
    threshold : float
        Act where the probability is at least this; just above 1 where it is best to act on none.
    rule : str
        How it was chosen, in words.
    reached : dict of str to float
        Precision, recall, and what was maximised or has a value, at this threshold; precision is
        NaN where it acts on none.
    met : bool
        Whether the recall or precision that was asked for is reached. Where none of the lines
        reaches that precision, the threshold is that of the greatest precision.
    curve : dict of str to float64 arrays
        "acted" (the share of rows acted on), "threshold" and, where a decision has a value,
        "profit" (money a row), at up to 201 points from acting on none to acting on all, the
        chosen one among them. It is not saved.
    """

    threshold: float
    rule: str
    reached: Mapping[str, float]
    met: bool = True
    curve: Mapping[str, Float64] = field(default_factory=dict, compare=False)

    def __str__(self) -> str:
        reached = ", ".join(f"{name} {amount(value)}" for name, value in self.reached.items())
        short = "" if self.met else ", which is out of reach; the most"
        return f"{amount(self.threshold)}, {self.rule}{short}: {reached}"

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold; what is not defined is None."""
        reached = {name: v if isfinite(v) else None for name, v in self.reached.items()}
        return {
            "threshold": self.threshold,
            "rule": self.rule,
            "reached": reached,
            "met": self.met,
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Restore what `to_dict` returned."""
        reached = {k: nan if v is None else float(v) for k, v in state["reached"].items()}
        threshold = float(state["threshold"])
        return cls(threshold, str(state["rule"]), reached, bool(state["met"]))


def choose_threshold(
    y_true: ArrayLike,
    probability: ArrayLike,
    rule: Stated,
    sample_weight: ArrayLike | None = None,
    *,
    value: DecisionValue | None = None,
) -> Threshold:
    """Choose from which probability on to act; where several serve alike, the fewest actions.

    Choose it on the validation split; then `evaluate(..., threshold=...)` says what it is worth
    on the test split.

    Parameters
    ----------
    y_true : (n,) array
        1 for the positive class, else 0.
    probability : (n,) array
        Of the positive class.
    rule : str, float or mapping
        "profit" (of `value`), "f1", "accuracy", `{"recall": 0.8}`, `{"precision": 0.9}`,
        `{"f_beta": 2}` or a probability; see `parse_threshold_rule`.
    sample_weight : (n,) array, optional
    value : DecisionValue, optional
        What each outcome is worth.

    Returns
    -------
    Threshold
        `met` is False where the precision that was asked for is out of reach.

    Raises
    ------
    ConfigError
        If the rule is unknown, or is "profit" and no value is given.
    DataError
        If there are no rows, the shapes disagree, or a value is out of its range.
    """
    asked = parse_threshold_rule(rule)
    if asked.kind == "profit" and value is None:
        raise ConfigError("a threshold by profit needs what a decision is worth: value=")
    cuts = Cuts(y_true, probability, sample_weight)
    measured = {"precision": cuts.precision(), "recall": cuts.recall()}
    if asked.kind == "accuracy":
        measured["accuracy"] = cuts.accuracy()
    elif asked.kind == "f_beta":
        measured[f"f{asked.level:g}"] = cuts.f_beta(asked.level)
    if value is not None:
        measured["profit"] = cuts.profit(value)
    best, met = _best(asked, cuts, measured)
    return Threshold(
        asked.level if asked.kind == "fixed" else float(cuts.lines[best]),
        str(asked),
        {name: float(each[best]) for name, each in measured.items()},
        met,
        _curve(cuts, best, measured.get("profit")),
    )


def _best(rule: ThresholdRule, cuts: Cuts, measured: Mapping[str, Float64]) -> tuple[int, bool]:
    """Return the line that a rule chooses, and whether it reaches what was asked for."""
    if rule.kind == "fixed":
        return cuts.at(rule.level), True
    if rule.kind in ("recall", "precision"):
        recall, precision = measured["recall"], np.nan_to_num(measured["precision"])
        asked, wanted = (recall, precision) if rule.kind == "recall" else (precision, recall)
        reached = asked >= rule.level - _ROUNDING
        if reached.any():
            return _first_of_most(np.where(reached, wanted, -1.0), asked), True
        return _first_of_most(asked, wanted), False
    chief = f"f{rule.level:g}" if rule.kind == "f_beta" else rule.kind
    return int(measured[chief].argmax()), True


def _first_of_most(chief: Float64, then: Float64) -> int:
    """Return the first place of the greatest `chief`, where that is a tie of the most `then`."""
    tied = np.flatnonzero(chief == chief.max())
    return int(tied[then[tied].argmax()])


def _curve(cuts: Cuts, best: int, profit: Float64 | None) -> dict[str, Float64]:
    evenly = np.linspace(0, len(cuts.lines) - 1, _CURVE_POINTS - 1).astype(np.int64)
    shown = np.unique(np.append(evenly, best))
    curve = {"acted": cuts.acted()[shown], "threshold": cuts.lines[shown]}
    return curve if profit is None else {**curve, "profit": profit[shown]}
