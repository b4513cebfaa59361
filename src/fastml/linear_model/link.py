"""From margins to probabilities."""

from __future__ import annotations

from fastml._native import link
from fastml._typing import Float64

__all__ = ["logistic", "softmax"]


def logistic(margins: Float64) -> Float64:
    """Return ``1 / (1 + exp(-margin))``."""
    found: Float64 = link.logistic(margins)
    return found


def softmax(margins: Float64) -> Float64:
    """Return the probabilities of the classes, (n_rows, n_classes)."""
    found: Float64 = link.softmax(margins)
    return found
