"""Every metric of a task with its interval, in one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastml._typing import Float64, Task
from fastml.errors import DataError
from fastml.evaluation.calibration import Calibration, calibration
from fastml.evaluation.checks import Judged, checked
from fastml.evaluation.classification import (
    binary_estimates,
    confusion_matrix,
    multiclass_estimates,
)
from fastml.evaluation.decision_value import DecisionValue, profit_estimate
from fastml.evaluation.intervals import Estimate, Interval, interval
from fastml.evaluation.metrics import find
from fastml.evaluation.numbers import amount, how_many
from fastml.evaluation.regression import regression_estimates

__all__ = ["Evaluation", "evaluate"]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How good a model's predictions of some rows are.

    Attributes
    ----------
    task : str
    rows : int
    metrics : dict of str to float
        Under scikit-learn's names; NaN where the rows do not define a metric. For several classes
        precision, recall, f1 and roc_auc (one against the rest) are plain means over the classes.
    intervals : dict of str to (float, float)
        Of each metric that is defined; empty where none were asked for.
    confidence : float
        Of the intervals.
    threshold : float or None
        At which a binary decision was taken.
    classes : tuple
        The names of the classes; empty for a regression.
    confusion : (k, k) float64 or None
        The weight of the rows of each true class (row) and predicted class (column).
    calibration : Calibration or None
        Predicted against observed shares (of several classes: of the predicted class).
    """

    task: Task
    rows: int
    metrics: dict[str, float]
    intervals: dict[str, Interval]
    confidence: float
    threshold: float | None = None
    classes: tuple[object, ...] = ()
    confusion: Float64 | None = None
    calibration: Calibration | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold; a metric that is not defined is None."""
        return {
            "task": self.task,
            "rows": self.rows,
            "metrics": {n: v if isfinite(v) else None for n, v in self.metrics.items()},
            "intervals": {name: list(bounds) for name, bounds in self.intervals.items()},
            "confidence": self.confidence,
            "threshold": self.threshold,
            "classes": list(self.classes),
            "confusion": None if self.confusion is None else self.confusion.tolist(),
        }

    def __str__(self) -> str:
        lines = [f"{how_many(self.rows, 'row')}, {100 * self.confidence:g}% intervals"]
        for name, value in self.metrics.items():
            bounds = self.intervals.get(name)
            reach = "" if bounds is None else f"  [{amount(bounds[0])}, {amount(bounds[1])}]"
            lines.append(f"  {name:<18} {amount(value):>12}{reach}")
        return "\n".join(lines)


def evaluate(
    task: Task,
    y_true: ArrayLike,
    scores: ArrayLike,
    *,
    classes: Sequence[object] | None = None,
    threshold: float = 0.5,
    sample_weight: ArrayLike | None = None,
    confidence: float = 0.95,
    intervals: bool = True,
    within: Sequence[float] = (5.0, 10.0),
    value: DecisionValue | None = None,
) -> Evaluation:
    """Measure predictions against the truth.

    Parameters
    ----------
    task : {"binary", "multiclass", "regression"}
    y_true : (n,) array
        binary: 1 for the positive class, else 0; multiclass: codes in [0, k); regression: numbers.
    scores : (n,) or (n, k) array
        binary: the probability of the positive class; multiclass: of each class; regression: the
        predicted numbers.
    classes : sequence, optional
        The names of the classes, in the order of their codes.
    threshold : float
        binary: a row is predicted positive where its score is at least this.
    sample_weight : (n,) array, optional
        Not negative; every metric and interval is weighted by it.
    confidence : float
        Of the intervals.
    intervals : bool
        Whether to compute intervals; they take about as long as the metrics.
    within : sequence of float
        regression: percentages N of the metrics `within_Npct`.
    value : DecisionValue, optional
        binary: what a decision is worth; adds the metric `profit`, money a row.

    Returns
    -------
    Evaluation

    Raises
    ------
    DataError
        If there are no rows, the shapes disagree, or a value is out of its range.
    ConfigError
        If the task is unknown or the confidence is not between 0 and 1.
    """
    given = checked(task, y_true, scores, sample_weight)
    if classes is not None and task != "regression" and len(classes) != given.classes:
        raise DataError(
            f"{len(classes)} classes are named, but the scores are of {given.classes} classes"
        )
    estimates = estimates_of(given, threshold, within, value)
    bounds: dict[str, Interval] = {}
    if intervals:
        bounds = {
            name: interval(find(name, task), estimate, given.weight, confidence)
            for name, estimate in estimates.items()
            if estimate.defined
        }
    metrics = {name: estimate.value for name, estimate in estimates.items()}
    if task == "regression":
        return Evaluation(task, given.rows, metrics, bounds, confidence)
    if task == "binary":
        predicted = (given.scores >= threshold).astype(np.int64)
        calibrated = calibration(given.truth == 1, given.scores, given.weight)
    else:
        predicted = given.scores.argmax(axis=1)
        calibrated = calibration(given.truth == predicted, given.scores.max(axis=1), given.weight)
    metrics["ece"] = calibrated.ece
    if intervals:
        bounds["ece"] = calibrated.interval(confidence)
    count = given.classes
    return Evaluation(
        task,
        given.rows,
        metrics,
        bounds,
        confidence,
        threshold if task == "binary" else None,
        tuple(range(count)) if classes is None else tuple(classes),
        confusion_matrix(given.truth.astype(np.int64), predicted, count, given.weight),
        calibrated,
    )


def estimates_of(
    given: Judged,
    threshold: float = 0.5,
    within: Sequence[float] = (),
    value: DecisionValue | None = None,
) -> dict[str, Estimate]:
    """Return every metric that has an influence on each row (all but `ece`)."""
    if given.task == "regression":
        return regression_estimates(given.truth, given.scores, given.weight, within)
    if given.task == "multiclass":
        return multiclass_estimates(
            given.truth.astype(np.int64), given.scores, given.weight, given.clip
        )
    positive = given.truth == 1
    found = binary_estimates(positive, given.scores, threshold, given.weight, given.clip)
    if value is not None:
        found["profit"] = profit_estimate(positive, given.scores >= threshold, value, given.weight)
    return found
