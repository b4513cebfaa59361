"""From margins to probabilities."""

from __future__ import annotations

import numpy as np

from fastml._typing import Float64

__all__ = ["logistic", "softmax"]


def logistic(margins: Float64) -> Float64:
    """Return ``1 / (1 + exp(-margin))``."""
    small = np.exp(-np.abs(margins))
    return np.where(margins >= 0, 1.0, small) / (1.0 + small)


def softmax(margins: Float64) -> Float64:
    """Return the probabilities of the classes, (n_rows, n_classes)."""
    exponents = np.exp(margins - margins.max(axis=1, keepdims=True))
    return np.asarray(exponents / exponents.sum(axis=1, keepdims=True))
