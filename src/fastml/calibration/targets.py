"""What calibration aims at: the truth, less what a few rows cannot be sure of."""

from __future__ import annotations

from fastml._typing import Bool, Float64
from fastml.evaluation.intervals import effective_rows

__all__ = ["certainty"]


def certainty(of_class: Bool, weight: Float64) -> float:
    """Return how sure n rows of one class make that the next is one, too: ``(n+1) / (n+2)``.

    Platt 1999, "Probabilistic outputs for support vector machines", section 2.2, aims at this in
    place of 1, so that rows which are told apart without fault leave a finite slope. Weighted
    rows count as those of equal weight that are worth as much.
    """
    rows = effective_rows(weight[of_class])
    return (rows + 1.0) / (rows + 2.0)
