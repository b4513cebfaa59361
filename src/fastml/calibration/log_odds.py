"""Between probabilities and log-odds, without overflow.

A probability nearer than `NEAREST` to 0 or 1 is not told apart from them: log-odds are within 36.
"""

from __future__ import annotations

import numpy as np

from fastml._native.link import NEAREST
from fastml._typing import Float64

__all__ = ["NEAREST", "log_odds"]


def log_odds(probability: Float64) -> Float64:
    """Return ``log(p / (1 - p))``, with p kept `NEAREST` from 0 and 1."""
    inside = np.clip(probability, NEAREST, 1.0 - NEAREST)
    return np.asarray(np.log(inside) - np.log1p(-inside))
