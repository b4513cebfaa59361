"""Metrics of a regression, as estimates with their influence on each row."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np

from fastml._typing import Float64
from fastml.evaluation.intervals import Estimate, ratio, undefined
from fastml.evaluation.metrics import within_name

__all__ = ["regression_estimates"]


def regression_estimates(
    truth: Float64,
    predicted: Float64,
    weight: Float64 | None = None,
    within: Sequence[float] = (5.0, 10.0),
) -> dict[str, Estimate]:
    """Estimate the metrics of a regression.

    Parameters
    ----------
    truth, predicted : (n,) float64
    weight : (n,) float64, optional
    within : sequence of float
        Percentages N: the share of rows predicted within N% of the truth is `within_Npct`.

    Returns
    -------
    dict of str to Estimate
        rmse, mae, mape (a share, not in percent; a true 0 counts as the least float64, as in
        scikit-learn), r2 (undefined where the truth is constant but for rounding), within_Npct.
    """
    everyone = np.ones(len(truth))
    error = np.abs(truth - predicted)
    size = np.abs(truth)
    squares = ratio(error * error, everyone, weight)
    return {
        "rmse": _root(squares),
        "mae": ratio(error, everyone, weight),
        "mape": ratio(error / np.maximum(size, np.finfo(np.float64).eps), everyone, weight),
        "r2": _explained(truth, squares, weight),
        **{
            within_name(percent): ratio(
                (100.0 * error <= percent * size).astype(np.float64), everyone, weight
            )
            for percent in within
        },
    }


def _root(squares: Estimate) -> Estimate:
    """Return the square root of an estimate (delta method)."""
    value = sqrt(squares.value)
    return Estimate(
        value,
        lambda: squares.influence() / (2.0 * value) if value > 0 else squares.influence(),
        squares.support,
    )


def _explained(truth: Float64, squares: Estimate, weight: Float64 | None) -> Estimate:
    """Return R², one less the ratio of two mean squares (delta method)."""
    centre = float(np.average(truth, weights=weight))
    spread = ratio((truth - centre) ** 2, np.ones(len(truth)), weight)
    if spread.value == 0 or _constant(truth if weight is None else truth[weight > 0]):
        return undefined(len(truth))
    unexplained = squares.value / spread.value

    def influence() -> Float64:
        return (unexplained * spread.influence() - squares.influence()) / spread.value

    return Estimate(1.0 - unexplained, influence, squares.support)


def _constant(truth: Float64) -> bool:
    """Return whether the values differ by no more than rounding does."""
    low, high = float(truth.min()), float(truth.max())
    return high - low <= float(np.finfo(np.float64).eps) * max(abs(low), abs(high))
