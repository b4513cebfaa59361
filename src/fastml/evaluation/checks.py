"""What truth and scores must look like before anything is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastml._typing import Float64, Task
from fastml.errors import ConfigError, DataError

__all__ = ["Judged", "checked"]


@dataclass(frozen=True, slots=True)
class Judged:
    """Truth, scores and weights that agree with each other and with the task.

    Attributes
    ----------
    task : str
    truth : (n,) int64 codes, or float64 for a regression
    scores : (n,) float64, or (n, k) for several classes
    weight : (n,) float64 or None
    clip : float
        The precision of the scores as given: how near to 0 and 1 a probability may come.
    """

    task: Task
    truth: NDArray[Any]
    scores: Float64
    weight: Float64 | None
    clip: float

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.truth)

    @property
    def classes(self) -> int:
        """The number of classes."""
        return self.scores.shape[1] if self.scores.ndim == 2 else 2


def checked(
    task: Task, y_true: ArrayLike, scores: ArrayLike, sample_weight: ArrayLike | None = None
) -> Judged:
    """Return truth, scores and weights as the metrics want them.

    Raises
    ------
    ConfigError
        If the task is unknown.
    DataError
        If there are no rows, the shapes disagree, or a value is out of its range.
    """
    if task not in get_args(Task):
        raise ConfigError(f"unknown task {task!r}; expected one of {', '.join(get_args(Task))}")
    truth, found = np.asarray(y_true), np.asarray(scores)
    clip = float(np.finfo(found.dtype).eps) if found.dtype.kind == "f" else 0.0
    clip = clip or float(np.finfo(np.float64).eps)
    if truth.ndim != 1:
        raise DataError(f"y_true has shape {truth.shape}; expected one value a row")
    if len(truth) == 0:
        raise DataError("there are no rows to evaluate")
    ndim = 2 if task == "multiclass" else 1
    if found.ndim != ndim or len(found) != len(truth):
        wanted = f"({len(truth)}, k)" if ndim == 2 else f"({len(truth)},)"
        raise DataError(f"scores has shape {found.shape}; expected {wanted} for {task}")
    found = found.astype(np.float64, copy=False)
    _require_finite(found, "scores")
    if task == "regression":
        truth = truth.astype(np.float64, copy=False)
        _require_finite(truth, "y_true")
    else:
        truth = _codes(truth, found.shape[1] if ndim == 2 else 2)
        _require_probabilities(found)
    return Judged(task, truth, found, _weights(sample_weight, len(truth)), clip)


def _codes(truth: NDArray[Any], classes: int) -> NDArray[np.int64]:
    if truth.dtype.kind not in "biu":
        raise DataError(f"y_true is of type {truth.dtype}; expected the codes 0 to {classes - 1}")
    codes = truth.astype(np.int64)
    outside = (codes < 0) | (codes >= classes)
    if outside.any():
        row = int(outside.argmax())
        raise DataError(
            f"y_true has the code {codes[row]} at row {row:,}; expected 0 to {classes - 1}"
        )
    return codes


def _require_probabilities(scores: Float64) -> None:
    outside = (scores < 0) | (scores > 1)
    if outside.any():
        row = int(outside.reshape(len(scores), -1).any(axis=1).argmax())
        raise DataError(
            f"scores has {scores[outside][0]:g} at row {row:,}; "
            "expected probabilities between 0 and 1"
        )
    if scores.ndim == 2:
        total = scores.sum(axis=1)
        off = np.abs(total - 1.0) > 1e-3
        if off.any():
            row = int(off.argmax())
            raise DataError(
                f"the scores of row {row:,} sum to {total[row]:.6g}; "
                "expected the probabilities of all classes, which sum to 1"
            )


def _weights(sample_weight: ArrayLike | None, rows: int) -> Float64 | None:
    if sample_weight is None:
        return None
    weight = np.asarray(sample_weight, dtype=np.float64)
    if weight.shape != (rows,):
        raise DataError(f"sample_weight has shape {weight.shape}; expected ({rows},)")
    _require_finite(weight, "sample_weight")
    if (weight < 0).any():
        row = int((weight < 0).argmax())
        raise DataError(
            f"sample_weight has {weight[row]:g} at row {row:,}; expected no negative weights"
        )
    if not weight.any():
        raise DataError("every sample_weight is zero; expected at least one row that counts")
    return weight


def _require_finite(values: Float64, name: str) -> None:
    finite = np.isfinite(values)
    if not finite.all():
        row = int((~finite).reshape(len(values), -1).any(axis=1).argmax())
        count = values.size - int(finite.sum())
        raise DataError(
            f"{name} has {count:,} values that are not finite numbers, the first at row {row:,}"
        )
