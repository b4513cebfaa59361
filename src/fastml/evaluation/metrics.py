"""Which metrics there are: name, task, direction and range, as one table that others read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import inf

import numpy as np

from fastml._typing import Task
from fastml.errors import ConfigError, did_you_mean

__all__ = [
    "METRICS",
    "Metric",
    "chief_metric",
    "find",
    "metric",
    "metric_names",
    "within",
    "within_name",
]

_WITHIN = re.compile(r"within_(\d+(?:\.\d+)?)pct")


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric's name and how to read its value.

    Attributes
    ----------
    name : str
        As scikit-learn calls it.
    tasks : tuple of str
        The tasks that it measures.
    larger_is_better : bool
        Whether more is better.
    low, high : float
        The range of its values.
    share : bool
        Whether it behaves like a share of the rows, so that its interval is Wilson's.
    """

    name: str
    tasks: tuple[Task, ...]
    larger_is_better: bool
    low: float = 0.0
    high: float = 1.0
    share: bool = True


_BOTH: tuple[Task, ...] = ("binary", "multiclass")
_BINARY: tuple[Task, ...] = ("binary",)
_REGRESSION: tuple[Task, ...] = ("regression",)

METRICS = {
    entry.name: entry
    for entry in (
        Metric("accuracy", _BOTH, True),
        Metric("balanced_accuracy", _BOTH, True),
        Metric("precision", _BOTH, True),
        Metric("recall", _BOTH, True),
        Metric("f1", _BOTH, True),
        Metric("roc_auc", _BOTH, True),
        Metric("average_precision", _BINARY, True),
        Metric("log_loss", _BOTH, False, high=inf, share=False),
        Metric("brier", _BINARY, False, share=False),
        Metric("ece", _BOTH, False, share=False),
        Metric("rmse", _REGRESSION, False, high=inf, share=False),
        Metric("mae", _REGRESSION, False, high=inf, share=False),
        Metric("mape", _REGRESSION, False, high=inf, share=False),
        Metric("r2", _REGRESSION, True, low=-inf, share=False),
        Metric("profit", _BINARY, True, low=-inf, high=inf, share=False),
    )
}
"""Every metric but the family `within_Npct`, which has a member for each N."""

_CHIEF: dict[Task, str] = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}


def chief_metric(task: Task) -> str:
    """Return the metric by which two models of `task` are compared unless another is named."""
    return _CHIEF[task]


def within(name: str) -> float | None:
    """Return N of a name `within_Npct`, in percent, or None for any other name."""
    match = _WITHIN.fullmatch(name)
    return None if match is None else float(match[1])


def within_name(percent: float) -> str:
    """Return `within_5pct` for 5: the one name that a percentage has."""
    return f"within_{np.format_float_positional(percent, trim='-')}pct"


def metric(name: str) -> Metric | None:
    """Return the metric called `name`, or None if there is none.

    `within_5.0pct` is `within_5pct`, under which it is measured.
    """
    percent = within(name)
    if percent is not None:
        return Metric(within_name(percent), _REGRESSION, True)
    return METRICS.get(name)


def metric_names(task: Task) -> tuple[str, ...]:
    """Return the names of the metrics of `task`; `within_5pct` stands for its family."""
    names = tuple(entry.name for entry in METRICS.values() if task in entry.tasks)
    return (*names, "within_5pct") if task == "regression" else names


def find(name: str, task: Task) -> Metric:
    """Return the metric called `name`, if it measures `task`.

    Raises
    ------
    ConfigError
        If there is no such metric, or it measures another task.
    """
    found = metric(name)
    if found is None:
        raise ConfigError(
            f"unknown metric {name!r}{did_you_mean(name, metric_names(task), listed=True)}"
        )
    if task not in found.tasks:
        raise ConfigError(
            f"metric {name!r} measures {' and '.join(found.tasks)}, not {task}; "
            f"{task} has {', '.join(metric_names(task))}"
        )
    return found
