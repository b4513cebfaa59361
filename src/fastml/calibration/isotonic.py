"""Isotonic calibration: the rising curve that comes nearest to what came true."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from fastml._native.link import interpolate
from fastml._typing import Bool, Float64
from fastml.calibration.log_odds import NEAREST
from fastml.evaluation.intervals import effective_rows

__all__ = ["Isotonic", "fit_isotonic", "pool_adjacent_violators"]

_TIE = NEAREST  # neighbours no further apart are one: rounding parts them, and lines grow too steep
_WORTH_A_PASS = 0.75


@dataclass(frozen=True, slots=True)
class Isotonic:
    """A rising curve through points, straight between them and level beyond.

    Attributes
    ----------
    given, calibrated : (b,) float64
        Probabilities as predicted, rising, and what becomes of them, never falling.
    """

    given: Float64
    calibrated: Float64

    def __post_init__(self) -> None:
        sound = (
            self.given.ndim == 1
            and self.given.shape == self.calibrated.shape
            and len(self.given) > 0
            and bool((np.diff(self.given) > 0.0).all())
            and bool((np.diff(self.calibrated) >= 0.0).all())
            and bool(self.calibrated[0] >= 0.0 and self.calibrated[-1] <= 1.0)
            and bool(np.isfinite(self.given).all())
        )
        if not sound:
            raise ValueError("the points of an isotonic curve do not rise from 0 to 1")

    def __call__(self, probability: Float64) -> Float64:
        """Calibrate probabilities, shape (n,)."""
        return np.asarray(interpolate(probability, self.given, self.calibrated))

    def __str__(self) -> str:
        levels = len(np.unique(self.calibrated))
        return f"a rising curve of {levels:,} level{'' if levels == 1 else 's'}"

    def state(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {"given": self.given.tolist(), "calibrated": self.calibrated.tolist()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Restore what `state` returned."""
        return cls(np.array(state["given"], np.float64), np.array(state["calibrated"], np.float64))


def fit_isotonic(positive: Bool, probability: Float64, weight: Float64) -> Isotonic:
    """Fit the rising curve of least squares, kept from saying 0 or 1.

    A curve that ends in rows of one class would be certain there, and infinitely wrong at the
    first row that is not; by Laplace's rule of succession n rows leave 1 / (n + 2) to the other
    class.

    Parameters
    ----------
    positive : (n,) bool
    probability, weight : (n,) float64
        Weights above 0.
    """
    order = np.argsort(probability)
    ranked = probability[order]
    first = np.flatnonzero(np.append(True, np.diff(ranked) > _TIE))
    given, total = ranked[first], np.add.reduceat(weight[order], first)
    share = np.add.reduceat((weight * positive)[order], first) / total
    level, starts = pool_adjacent_violators(share, total)
    least = 1.0 / (effective_rows(weight) + 2.0)
    level = np.clip(level, least, 1.0 - least)
    ends = np.append(starts[1:], len(given)) - 1
    points = np.sort(np.concatenate([starts, ends[ends > starts]]))
    return Isotonic(given[points], level[np.searchsorted(starts, points, side="right") - 1])


def pool_adjacent_violators(
    values: Float64, weight: Float64
) -> tuple[Float64, np.ndarray[Any, np.dtype[np.intp]]]:
    """Return the rising sequence nearest to `values` in weighted squares.

    Neighbours that do not rise are of one level, their mean, in whatever order they are pooled
    (Barlow et al. 1972, "Statistical inference under order restrictions"). So whole runs are
    pooled at once for as long as that shrinks the sequence, and one by one what is left, which
    keeps the time linear whatever the values.

    Returns
    -------
    level : (b,) float64
        Rising.
    starts : (b,) int
        Where each level begins.
    """
    sums, starts = values * weight, np.arange(len(values))
    while True:
        level = sums / weight
        first = np.flatnonzero(np.append(True, level[1:] > level[:-1]))
        if len(first) > _WORTH_A_PASS * len(level):
            break
        sums, weight = np.add.reduceat(sums, first), np.add.reduceat(weight, first)
        starts = starts[first]
    if len(first) == len(level):
        return level, starts
    pooled: list[tuple[float, float, int]] = []
    for total, mass, start in zip(sums.tolist(), weight.tolist(), starts.tolist(), strict=True):
        while pooled and pooled[-1][0] / pooled[-1][1] >= total / mass:
            before, more, start = pooled.pop()
            total, mass = total + before, mass + more
        pooled.append((total, mass, start))
    total_of, mass_of, start_of = (np.array(each) for each in zip(*pooled, strict=True))
    return np.asarray(total_of / mass_of), start_of.astype(np.intp)
