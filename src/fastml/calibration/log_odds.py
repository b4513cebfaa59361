"""Between probabilities and log-odds, without overflow."""

from __future__ import annotations

import numpy as np

from fastml._typing import Float64

__all__ = ["NEAREST", "log_odds"]

NEAREST = float(np.finfo(np.float64).eps)
"""How near to 0 and 1 a probability is told apart from them: log-odds within 36."""


def log_odds(probability: Float64) -> Float64:
    """Return ``log(p / (1 - p))``, with p kept `NEAREST` from 0 and 1."""
    inside = np.clip(probability, NEAREST, 1.0 - NEAREST)
    return np.asarray(np.log(inside) - np.log1p(-inside))
