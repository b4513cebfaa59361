"""The points of a report's drawings, thinned so that a page stays small."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastml._typing import Float64
from fastml.evaluation.curve import ScoreCurve

__all__ = ["precision_recall", "roc", "thinned"]

_POINTS = 160


def roc(
    y: NDArray[np.integer], scores: Float64, weight: Float64 | None = None
) -> tuple[Float64, Float64]:
    """Return the false and the true positive rate at falling thresholds, from (0, 0) to (1, 1)."""
    curve = ScoreCurve(y == 1, scores, weight)
    return thinned(
        np.append(0.0, curve.false_positives / (curve.negatives or 1.0)),
        np.append(0.0, curve.true_positives / (curve.positives or 1.0)),
    )


def precision_recall(
    y: NDArray[np.integer], scores: Float64, weight: Float64 | None = None
) -> tuple[Float64, Float64]:
    """Return recall and precision at falling thresholds."""
    curve = ScoreCurve(y == 1, scores, weight)
    found = curve.true_positives + curve.false_positives
    some = found > 0  # rows without weight may stand first
    precision = curve.true_positives[some] / found[some]
    return thinned(curve.true_positives[some] / (curve.positives or 1.0), precision)


def thinned(x: Float64, y: Float64, points: int = _POINTS) -> tuple[Float64, Float64]:
    """Return at most `points` of a curve's points, the first and the last among them."""
    if len(x) <= points:
        return x, y
    keep = np.unique(np.linspace(0, len(x) - 1, points).round().astype(int))
    return x[keep], y[keep]
