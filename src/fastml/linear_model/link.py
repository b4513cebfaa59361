"""From margins to probabilities."""

from __future__ import annotations

import numpy as np

from fastml._typing import Float64

__all__ = ["logistic"]


def logistic(margins: Float64) -> Float64:
    """Return ``1 / (1 + exp(-margin))``."""
    small = np.exp(-np.abs(margins))
    return np.where(margins >= 0, 1.0, small) / (1.0 + small)
