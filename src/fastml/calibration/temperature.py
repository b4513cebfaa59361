"""Temperature scaling: every class's log-odds stretched alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fastml._native.link import temper
from fastml._typing import Float64
from fastml.calibration.log_odds import NEAREST
from fastml.calibration.targets import certainty
from fastml.linear_model.link import softmax

__all__ = ["Temperature", "fit_temperature"]

_COLDEST, _HOTTEST = 1e-3, 1e3
_STEPS = 200
_EXACT = 1e-12


@dataclass(frozen=True, slots=True)
class Temperature:
    """``softmax(log(p) / temperature)``: above 1 less sure, below 1 more.

    Guo et al. 2017, "On calibration of modern neural networks". The likeliest class stays so.
    """

    temperature: float

    def __post_init__(self) -> None:
        if not 0.0 < self.temperature < inf:
            raise ValueError(f"no temperature: {self.temperature}")

    def __call__(self, probability: Float64) -> Float64:
        """Calibrate probabilities of the positive class, (n,), or of each class, (n, k)."""
        found = temper(_of_classes(probability), self.temperature)
        return np.ascontiguousarray(found[:, 1]) if probability.ndim == 1 else found

    def __str__(self) -> str:
        return f"log-odds / {self.temperature:.4g}"

    def state(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {"temperature": self.temperature}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Restore what `state` returned."""
        return cls(float(state["temperature"]))


def fit_temperature(truth: NDArray[np.int64], probability: Float64, weight: Float64) -> Temperature:
    """Minimise the log loss to Platt's smoothed targets, by Newton's method in a bracket.

    Parameters
    ----------
    truth : (n,) int64
        Codes of the classes, of at least two.
    probability : (n,) or (n, k) float64
    weight : (n,) float64
        Above 0.
    """
    logs = _logs(probability)
    classes = logs.shape[1]
    sure = np.array([certainty(truth == code, weight) for code in range(classes)])[truth]
    own = logs[np.arange(len(truth)), truth]
    others = (logs.sum(axis=1) - own) / (classes - 1)
    weight = weight / weight.sum()
    aim = float(weight @ (sure * own + (1.0 - sure) * others))

    def slope_and_curve(sharpness: float) -> tuple[float, float]:
        chance = softmax(sharpness * logs)
        mean = (chance * logs).sum(axis=1)
        spread = (chance * np.square(logs - mean[:, None])).sum(axis=1)
        return float(weight @ mean) - aim, float(weight @ spread)

    return Temperature(1.0 / _rising_root(slope_and_curve, 1.0 / _HOTTEST, 1.0 / _COLDEST))


def _logs(probability: Float64) -> Float64:
    """Return the logarithm of every class's probability, (n, k)."""
    return np.log(np.clip(_of_classes(probability), NEAREST, 1.0))


def _of_classes(probability: Float64) -> Float64:
    """Return every class's probability, (n, k)."""
    if probability.ndim == 1:
        return np.column_stack([1.0 - probability, probability])
    return probability


def _rising_root(
    function: Callable[[float], tuple[float, float]], low: float, high: float
) -> float:
    """Return where a rising function is zero; the nearer end where that is outside the bracket.

    `function` gives its value and its slope.
    """
    if function(low)[0] >= 0.0:
        return low
    if function(high)[0] <= 0.0:
        return high
    at = 1.0
    for _ in range(_STEPS):
        value, slope = function(at)
        low, high = (at, high) if value < 0.0 else (low, at)
        step = value / slope if slope > 0.0 else high
        following = at - step if low < at - step < high else (low * high) ** 0.5
        if abs(following - at) <= _EXACT * at:
            break
        at = following
    return at
