"""Metrics as lines of the log, and the regular expressions by which SageMaker finds them.

SageMaker knows of a training what its log says. So each metric is a line such as
`[fastml] validation:roc_auc=0.8437`, and a job or a tuning job is created with the definitions
that are published here.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator

from fastml._typing import Task
from fastml.evaluation.metrics import chief_metric, find, metric_names
from fastml.reporting.outcome import Outcome, finite

__all__ = ["LossLines", "metric_definitions", "metric_lines", "objective"]

_NUMBER = r"([-+]?[0-9.]+(?:e[-+]?[0-9]+)?)"
_SPLITS = ("train", "validation", "test")
_PASSED = "passed"
_LOSSES = ("train:loss", "validation:loss")
_SECONDS = 1.0


class LossLines:
    """Prints the loss of a training that goes on, of each part at most once a second."""

    def __init__(self) -> None:
        self._next: dict[str, float] = {}

    def __call__(self, part: str, loss: float) -> None:
        """Hear of a loss, as `fastml.progress` tells of it."""
        now = time.monotonic()
        if now >= self._next.get(part, 0.0) and math.isfinite(loss):
            self._next[part] = now + _SECONDS
            print(f"[fastml] {part}:loss={loss!r}", flush=True)


def metric_lines(outcome: Outcome) -> Iterator[str]:
    """Yield the lines of what a run found; a metric that is not defined has none."""
    for split, evaluation in outcome.splits.items():
        for name, value in finite(evaluation.metrics).items():
            if value is not None:
                yield f"[fastml] {split}:{name}={float(value)!r}"
    yield f"[fastml] {_PASSED}={int(outcome.passed)}"


def metric_definitions(task: Task) -> list[dict[str, str]]:
    """Return the metrics of a task, as `MetricDefinitions` of a training job takes them.

    `passed` among them is 1 where the model meets its success criteria, else 0. `train:loss` and
    `validation:loss` are of the training while it goes on, once a second.

    Parameters
    ----------
    task : {"binary", "multiclass", "regression"}

    Returns
    -------
    list of {"Name": str, "Regex": str}
        At most 40, which is SageMaker's bound.

    Examples
    --------
    >>> [each["Name"] for each in metric_definitions("binary")][-3:]
    ['train:loss', 'validation:loss', 'passed']
    """
    names = [f"{split}:{name}" for split in _SPLITS for name in metric_names(task)]
    return [_definition(name) for name in (*names, *_LOSSES, _PASSED)]


def objective(task: Task, metric: str | None = None) -> dict[str, str]:
    """Return what a tuning job goes by, as `HyperParameterTuningJobObjective` takes it.

    Parameters
    ----------
    task : {"binary", "multiclass", "regression"}
    metric : str, optional
        Measured on the validation rows; default the one by which models of the task are compared.

    Raises
    ------
    ConfigError
        If the task has no such metric.
    """
    found = find(metric or chief_metric(task), task)
    return {
        "Type": "Maximize" if found.larger_is_better else "Minimize",
        "MetricName": f"validation:{found.name}",
    }


def _definition(name: str) -> dict[str, str]:
    return {"Name": name, "Regex": rf"\[fastml\] {re.escape(name)}={_NUMBER}"}
