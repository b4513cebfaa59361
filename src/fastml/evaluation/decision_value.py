"""What the outcomes of a decision are worth."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import numpy as np

from fastml._typing import Bool, Float64
from fastml.errors import ConfigError
from fastml.evaluation.intervals import Estimate, ratio

__all__ = ["DecisionValue", "profit_estimate"]


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
