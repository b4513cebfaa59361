"""How good predictions are, in NumPy alone, so that every side is measured by the same code."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["log_loss", "rmse", "roc_auc"]


def log_loss(y: ArrayLike, probability: ArrayLike) -> float:
    p = np.clip(np.asarray(probability, np.float64), 1e-12, 1 - 1e-12)
    positive = np.asarray(y) == 1
    return float(-np.where(positive, np.log(p), np.log1p(-p)).mean())


def roc_auc(y: ArrayLike, score: ArrayLike) -> float:
    """Return the share of pairs in the right order, ties counting half (Mann and Whitney)."""
    _, place, count = np.unique(np.asarray(score), return_inverse=True, return_counts=True)
    middle = np.cumsum(count) - (count - 1) / 2  # mean rank of each distinct score
    positive = np.asarray(y) == 1
    n, m = int(positive.sum()), int((~positive).sum())
    return float((middle[place][positive].sum() - n * (n + 1) / 2) / (n * m))


def rmse(y: ArrayLike, prediction: ArrayLike) -> float:
    return float(np.sqrt(np.mean((np.asarray(y, float) - np.asarray(prediction, float)) ** 2)))
