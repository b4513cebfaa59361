"""How far to go along a direction."""

from __future__ import annotations

import math
from collections.abc import Callable

from fastml.linear_model.objective import Along

__all__ = ["line_search"]

ENOUGH = 1e-4
FLATTER = 0.1


def line_search(
    along: Callable[[float], Along],
    value: float,
    slope: float,
    *,
    first: float = 1.0,
    most: float = math.inf,
    noise: float = 0.0,
) -> float:
    """Return a step that satisfies the strong Wolfe conditions, or 0 if there is none.

    Newton's method on the slope, kept inside the bracket that convexity gives. It is close to
    exact (slope down to a tenth), since a step is judged from kept margins and costs little.

    Parameters
    ----------
    along : callable
        The objective, convex, as a function of the step.
    value, slope : float
        At step 0; `slope` is negative.
    first : float
        The step to try first.
    most : float
        The longest step allowed.
    noise : float
        By how much rounding may raise the value.
    """
    low, high, step = 0.0, most, min(first, most)
    for _ in range(40):
        at = along(step)
        decreased = at.value <= value + ENOUGH * step * slope + noise
        if decreased and abs(at.slope) <= -FLATTER * slope:
            return step
        if decreased and at.slope < 0.0:
            if step == most:
                return step
            low = step
        else:  # too far, or not even finite
            high = step
        if high - low <= 1e-12 * high < math.inf:
            break
        newton = step - at.slope / at.curvature if at.curvature > 0.0 else math.nan
        if low < newton < min(high, 10.0 * step):
            step = newton
        elif high == math.inf:
            step *= 10.0
        else:
            step = (low + high) / 2.0
    return low
