"""Metrics of a classifier, as estimates with their influence on each row."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastml._typing import Bool, Float64
from fastml.evaluation.curve import ScoreCurve
from fastml.evaluation.intervals import Estimate, mean_of, ratio

__all__ = ["binary_estimates", "confusion_matrix", "multiclass_estimates"]

Codes = NDArray[np.int64]


def binary_estimates(
    positive: Bool,
    probability: Float64,
    threshold: float,
    weight: Float64 | None = None,
    clip: float = float(np.finfo(np.float64).eps),
) -> dict[str, Estimate]:
    """Estimate the metrics of a binary classifier.

    Parameters
    ----------
    positive : (n,) bool
    probability : (n,) float64
        Of the positive class.
    threshold : float
        A row is predicted positive where its probability is at least this.
    weight : (n,) float64, optional
    clip : float
        Probabilities are kept this far from 0 and 1 in the log loss, as scikit-learn does.

    Returns
    -------
    dict of str to Estimate
        accuracy, balanced_accuracy, precision, recall, f1, roc_auc, average_precision, log_loss,
        brier. Where a class is absent, roc_auc is undefined, and so is average_precision where it
        is the positive one; balanced_accuracy is the recall of the class that is there.
    """
    predicted = probability >= threshold
    hit, correct = positive & predicted, positive == predicted
    everyone = np.ones(len(positive), np.bool_)
    recalls = [
        ratio(correct & side, side, weight)
        for side in (positive, ~positive)
        if _weight_of(side, weight) > 0
    ]
    curve = ScoreCurve(positive, probability, weight)
    inside = np.clip(probability, clip, 1.0 - clip)
    loss = -np.log(np.where(positive, inside, 1.0 - inside))
    return {
        "accuracy": ratio(correct, everyone, weight),
        "balanced_accuracy": mean_of(recalls),
        "precision": ratio(hit, predicted, weight),
        "recall": ratio(hit, positive, weight),
        "f1": _f1(positive, predicted, hit, weight),
        "roc_auc": curve.roc_auc(),
        "average_precision": curve.average_precision(),
        "log_loss": ratio(loss, everyone, weight),
        "brier": ratio((probability - positive) ** 2, everyone, weight),
    }


def multiclass_estimates(
    codes: Codes,
    probability: Float64,
    weight: Float64 | None = None,
    clip: float = float(np.finfo(np.float64).eps),
) -> dict[str, Estimate]:
    """Estimate the metrics of a classifier of several classes.

    Parameters
    ----------
    codes : (n,) int64
        The true class, in [0, k).
    probability : (n, k) float64
        The class of greatest probability is predicted, at ties the first.
    weight : (n,) float64, optional
    clip : float
        As in `binary_estimates`.

    Returns
    -------
    dict of str to Estimate
        accuracy, balanced_accuracy, log_loss; precision, recall and f1 as plain means over the
        classes that are there (truly or predicted), roc_auc one class against the rest as the
        plain mean over the classes that are truly there.
    """
    predicted = probability.argmax(axis=1)
    rows, classes = probability.shape
    everyone = np.ones(rows, np.bool_)

    def masks(code: int) -> tuple[Bool, Bool, Bool]:
        is_class, is_chosen = codes == code, predicted == code
        return is_class, is_chosen, is_class & is_chosen

    def precision(code: int) -> Estimate:
        _, chosen, hit = masks(code)
        return ratio(hit, chosen, weight)

    def recall(code: int) -> Estimate:
        truth, _, hit = masks(code)
        return ratio(hit, truth, weight)

    def f1(code: int) -> Estimate:
        return _f1(*masks(code), weight)

    def area(code: int) -> Estimate:
        of_class = np.ascontiguousarray(probability[:, code])
        return ScoreCurve(codes == code, of_class, weight).roc_auc()

    true = np.flatnonzero(np.bincount(codes, weight, classes)).tolist()
    counts = np.bincount(codes, minlength=classes) + np.bincount(predicted, minlength=classes)
    met = np.flatnonzero(counts).tolist()
    inside = np.clip(probability[np.arange(rows), codes], clip, 1.0 - clip)
    return {
        "accuracy": ratio(predicted == codes, everyone, weight),
        "balanced_accuracy": mean_of(map(recall, true)),
        "precision": mean_of(map(precision, met)),
        "recall": mean_of(map(recall, met)),
        "f1": mean_of(map(f1, met)),
        "roc_auc": mean_of(map(area, true)),
        "log_loss": ratio(-np.log(inside), everyone, weight),
    }


def confusion_matrix(
    codes: Codes, predicted: NDArray[np.integer], classes: int, weight: Float64 | None = None
) -> Float64:
    """Return the (k, k) weights of the rows of each true class (row) and predicted one (column)."""
    cells = np.bincount(codes * classes + predicted, weight, classes * classes)
    return cells.reshape(classes, classes).astype(np.float64)


def _f1(truth: Bool, chosen: Bool, hit: Bool, weight: Float64 | None) -> Estimate:
    return ratio(2 * hit.astype(np.int8), truth.astype(np.int8) + chosen, weight)


def _weight_of(side: Bool, weight: Float64 | None) -> float:
    return float(side.sum() if weight is None else side @ weight)
