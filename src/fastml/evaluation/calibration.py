"""How far predicted probabilities lie from the shares that came true."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastml._typing import Bool, Float64
from fastml.evaluation.intervals import Interval

__all__ = ["BINS", "Calibration", "calibration"]

BINS = 15
_DRAWS = 2000


@dataclass(frozen=True, slots=True)
class Calibration:
    """Predicted and observed shares in bins of the predicted probability.

    Attributes
    ----------
    predicted, observed : (b,) float64
        The mean prediction and the share of positive rows in each bin that has rows.
    weight : (b,) float64
        Each bin's share of the rows.
    error : (b,) float64
        The standard error of `observed - predicted`: the greater of what the rows of the bin show
        and of what its predictions would have if they were right, since a few rows that all came
        out alike show none.
    """

    predicted: Float64
    observed: Float64
    weight: Float64
    error: Float64

    @property
    def ece(self) -> float:
        """The expected calibration error: the mean distance of the two shares over the rows."""
        return float(self.weight @ np.abs(self.observed - self.predicted))

    def interval(self, confidence: float) -> Interval:
        """Return the interval of `ece`.

        A distance has a corner at zero and no normal limit there, so this is the one metric with a
        bootstrap: the bins' noise is drawn from its normal limits (a fixed seed; 2,000 draws). By
        the triangle inequality `ece` is off by at most the mean length of that noise, whose
        quantile is the reach on both sides. So the interval is right at least as often as it says,
        also for a perfect calibration, of which `ece` itself is always too high.
        """
        noise = np.random.default_rng(0).standard_normal((_DRAWS, len(self.error)))
        lengths = np.abs(noise * self.error) @ self.weight
        reach = float(np.quantile(lengths, confidence))
        return max(0.0, self.ece - reach), min(1.0, self.ece + reach)


def calibration(
    positive: Bool, probability: Float64, weight: Float64 | None = None, bins: int = BINS
) -> Calibration:
    """Compare predicted with observed shares in bins of equal width.

    Parameters
    ----------
    positive : (n,) bool
    probability : (n,) float64
        Between 0 and 1.
    weight : (n,) float64, optional
    bins : int
        Bins of equal width, each closed above: [0, 1/bins], (1/bins, 2/bins], ..., as in Guo et
        al. 2017, "On calibration of modern neural networks".

    Returns
    -------
    Calibration
    """
    index = np.searchsorted(np.linspace(0.0, 1.0, bins + 1)[1:-1], probability)
    weight = np.ones(len(probability)) if weight is None else weight
    weight = weight / weight.sum()
    share = np.bincount(index, weight, bins).astype(np.float64)
    used = share > 0
    total = np.where(used, share, 1.0)
    predicted = np.bincount(index, weight * probability, bins) / total
    observed = np.bincount(index, weight * positive, bins) / total
    noise = positive - probability - (observed - predicted)[index]
    squares = np.bincount(index, weight**2, bins)
    shown = np.bincount(index, (weight * noise) ** 2, bins)
    # Around the bin's own mean noise is too small by (m - 1) / m for m rows of equal weight.
    rows = np.divide(share**2, squares, out=np.zeros(bins), where=squares > 0)
    shown = np.divide(shown * rows, rows - 1.0, out=np.zeros(bins), where=rows > 1.0)
    claimed = np.bincount(index, weight**2 * probability * (1.0 - probability), bins)
    error = np.sqrt(np.maximum(shown, claimed)) / total
    return Calibration(predicted[used], observed[used], share[used], error[used])
