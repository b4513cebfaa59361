"""How far weights are above the optimum of logistic regression, by code that no side shares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.jobs.encoded import encoded_design, read_encoded
from benchmarks.tables import Layout

__all__ = ["objective", "relative_gap"]

ROWS = 65_536


def relative_gap(path: Path, layout: Layout, found: Any) -> float:
    """Return how far, relatively, weights (features, then the intercept) are above the optimum.

    The optimum is bounded from below by what holds for an objective of curvature l2 at least,
    whoever found the weights w: F(w) - |gradient|^2 / (2 l2). At weights that float64 has polished
    the bound is within 1e-9 of F, or an error says that it is not.
    """
    import numpy as np

    from fastml.linear_model import LogisticRegression

    table = read_encoded(path, layout)
    polished = LogisticRegression(tolerance=1e-14).fit_design(
        encoded_design(path, layout, np.float64), classes=[0, 1]
    )
    best, gradient = objective(table, np.append(polished.weights_, polished.intercept_))
    slack = float(gradient @ gradient) * len(table[3]) / 2
    if slack > 1e-9 * best:
        raise RuntimeError(f"the optimum is known to a relative {slack / best:.1g} only")
    return float(objective(table, found)[0] / (best - slack) - 1)


def objective(table: tuple[Any, Any, int, Any], found: Any) -> tuple[float, Any]:
    """Return the objective of `batch_solver` at weights, and its gradient, by NumPy in float64.

    Parameters
    ----------
    table : as `read_encoded` returns it
    found : ndarray of shape (n_features + 1,)
        The intercept is the last.
    """
    import numpy as np

    numbers, codes, n_codes, y = table
    n, d = numbers.shape
    dense, coded, intercept = found[:d], found[d:-1], found[-1]
    loss, gradient = 0.0, np.zeros(len(found))
    for first in range(0, n, ROWS):
        rows = slice(first, first + ROWS)
        x, of_rows, target = numbers[rows].astype(np.float64), codes[rows], y[rows].astype(float)
        margins = x @ dense + coded[of_rows].sum(axis=1) + intercept
        loss += float((np.logaddexp(0.0, margins) - target * margins).sum())
        slope = np.exp(-np.logaddexp(0.0, -margins)) - target
        gradient[:d] += x.T @ slope
        for column in of_rows.T:
            gradient[d:-1] += np.bincount(column, slope, n_codes)
        gradient[-1] += slope.sum()
    weights = found[:-1]
    gradient /= n
    gradient[:-1] += weights / n
    return loss / n + float(weights @ weights) / (2 * n), gradient
