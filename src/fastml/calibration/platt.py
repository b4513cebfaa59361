"""Platt scaling: log-odds moved and stretched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any, Self

import numpy as np

from fastml._native.link import platt
from fastml._typing import Bool, Float64
from fastml.calibration.log_odds import log_odds
from fastml.calibration.targets import certainty
from fastml.linear_model.link import logistic

__all__ = ["Platt", "fit_platt"]

_STEPS = 100
_GAIN = 1e-14  # of a Newton step, relative to the loss: nothing but rounding
_CONSTANT = 1e-8  # a spread of log-odds that rounding may have made


@dataclass(frozen=True, slots=True)
class Platt:
    """``logistic(slope * log_odds(p) + intercept)``, with a slope of at least 0.

    A slope below 0 would be likelier where scores are worse than chance; but to calibrate is not
    to turn a ranking around, so there the probability is the same for every row.
    """

    slope: float
    intercept: float

    def __post_init__(self) -> None:
        if not (0.0 <= self.slope < inf and isfinite(self.intercept)):
            raise ValueError(f"no Platt scaling: slope {self.slope}, intercept {self.intercept}")

    def __call__(self, probability: Float64) -> Float64:
        """Calibrate probabilities, shape (n,)."""
        return np.asarray(platt(probability, self.slope, self.intercept))

    def __str__(self) -> str:
        sign = "-" if self.intercept < 0 else "+"
        return f"log-odds × {self.slope:.4g} {sign} {abs(self.intercept):.4g}"

    def state(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {"slope": self.slope, "intercept": self.intercept}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Restore what `state` returned."""
        return cls(float(state["slope"]), float(state["intercept"]))


def fit_platt(positive: Bool, probability: Float64, weight: Float64) -> Platt:
    """Minimise the log loss of a scaling to Platt's smoothed targets, by Newton's method.

    Lin, Lin and Weng 2007, "A note on Platt's probabilistic outputs for support vector machines".

    Parameters
    ----------
    positive : (n,) bool
        Of both classes.
    probability, weight : (n,) float64
        Weights above 0.
    """
    sure = certainty(positive, weight), certainty(~positive, weight)
    target = np.where(positive, sure[0], 1.0 - sure[1])
    weight = weight / weight.sum()
    share = float(weight @ target)
    alone = Platt(0.0, float(np.log(share / (1.0 - share))))  # the best of slope 0
    odds = log_odds(probability)
    mean = float(weight @ odds)
    spread = float(np.sqrt(weight @ (odds - mean) ** 2))
    if spread <= _CONSTANT * (1.0 + abs(mean)):
        return alone
    slope, intercept = _newton((odds - mean) / spread, target, weight, alone.intercept)
    if slope <= 0.0:
        return alone
    return Platt(slope / spread, intercept - slope * mean / spread)


def _newton(x: Float64, target: Float64, weight: Float64, intercept: float) -> tuple[float, float]:
    """Minimise ``sum_i w_i (log(1 + exp(u_i)) - t_i u_i)`` of ``u = slope x + intercept``."""

    def loss(at: Float64) -> float:
        u = at[0] * x + at[1]
        return float(weight @ (np.logaddexp(0.0, u) - target * u))

    at = np.array([0.0, intercept])
    value = loss(at)
    for _ in range(_STEPS):
        chance = logistic(at[0] * x + at[1])
        off, curve = weight * (chance - target), weight * chance * (1.0 - chance)
        gradient = np.array([off @ x, off.sum()])
        across = curve @ x
        hessian = np.array([[curve @ x**2, across], [across, curve.sum()]])
        hessian += np.eye(2) * (1e-12 * np.trace(hessian))
        step = np.linalg.solve(hessian, gradient)
        if gradient @ step <= _GAIN * value:
            break
        while (lower := loss(at - step)) > value:
            step /= 2.0
        at, value = at - step, lower
    return float(at[0]), float(at[1])
