"""How far to go along a direction."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fastml._typing import Bool, Float64
from fastml.linear_model.objective import Along

__all__ = ["line_search", "secant", "suffices"]

ENOUGH = 1e-4
FLATTER = 0.5
FARTHEST = 10.0
"""Times the step before."""


def line_search(
    along: Callable[[Float64], Along],
    value: Float64,
    slope: Float64,
    *,
    most: Float64 | float,
    noise: Float64,
    first: Float64 | float = 1.0,
) -> Float64:
    """Return each model's step that satisfies the strong Wolfe conditions; 0 if there is none.

    Newton's method on the slope, kept inside the bracket that convexity gives. The slope has to
    fall to a half: less saves no pass over the table, and more, though a step is judged from kept
    margins and costs little, hardly any.

    Parameters
    ----------
    along : callable
        The objectives, convex, as a function of the steps (n_models,).
    value, slope : float64 ndarray of shape (n_models,)
        At step 0. A model whose slope is not negative stays where it is.
    most : float or float64 ndarray of shape (n_models,)
        The longest step allowed.
    noise : float64 ndarray of shape (n_models,)
        By how much rounding may raise the value.
    first : float or float64 ndarray of shape (n_models,)
        The step to try first.
    """
    searching = slope < 0.0
    low, high = np.zeros(len(slope)), np.full(len(slope), most)
    step = np.where(searching, np.minimum(first, most), 0.0)
    for _ in range(40):
        if not searching.any():
            break
        at = along(step)
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            decreased, flatter = _judge(at.value, at.slope, step, value, slope, noise)
            found = decreased & flatter
            further = decreased & (at.slope < 0.0)
            found |= further & (step == most)
            searching &= ~found
            low = np.where(searching & further, step, low)
            high = np.where(searching & ~further, step, high)  # too far, or not even finite
            lost = searching & (high - low <= 1e-12 * high) & (high < np.inf)
            searching &= ~lost
            step = np.where(lost, low, step)
            step = np.where(searching, _next(step, at, low, high), step)
    return np.where(searching, low, step)


def suffices(
    end_value: Float64, end_slope: Float64, value: Float64, slope: Float64, noise: Float64
) -> Bool:
    """Return which models a whole step, that ends so, takes as far as `line_search` has to."""
    decreased, flatter = _judge(end_value, end_slope, 1.0, value, slope, noise)
    return decreased & flatter


def secant(slope: Float64, end_slope: Float64) -> Float64:
    """Return where slopes at 0 and at 1 say that the slope is zero; no number where there are none.

    Half of the way where the slope at 1 is not finite.
    """
    known = np.isfinite(end_slope) & (slope < end_slope)
    steps = slope / np.where(known, slope - end_slope, slope - 1.0)
    return np.where(known, np.minimum(steps, FARTHEST), 0.5)


def _judge(
    end_value: Float64,
    end_slope: Float64,
    step: Float64 | float,
    value: Float64,
    slope: Float64,
    noise: Float64,
) -> tuple[Bool, Bool]:
    """Return whether the value fell enough, and whether the slope did: both conditions of Wolfe."""
    # Of a convex function a slope says so too, and rounding hides it less than the value.
    decreased = (end_slope <= 0.0) | (end_value <= value + ENOUGH * step * slope + noise)
    return decreased, np.abs(end_slope) <= -FLATTER * slope


def _next(step: Float64, at: Along, low: Float64, high: Float64) -> Float64:
    """Return the steps to try next, inside the brackets."""
    newton = np.where(at.curvature > 0.0, step - at.slope / at.curvature, np.nan)
    inside = (low < newton) & (newton < np.minimum(high, FARTHEST * step))
    outside: NDArray[np.float64] = np.where(np.isinf(high), FARTHEST * step, (low + high) / 2.0)
    return np.where(inside, newton, outside)
