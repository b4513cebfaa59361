"""The metrics that a search may score by: those that rows and scores alone decide."""

from __future__ import annotations

from typing import get_args

from fastml._typing import Task
from fastml.errors import ConfigError, did_you_mean
from fastml.evaluation.checks import Judged
from fastml.evaluation.metrics import Metric, find, metric, metric_names, within
from fastml.evaluation.summary import estimates_of

__all__ = ["check_scoring", "find_scoring", "score_of"]

_NOT_SCORES = ("ece", "profit")
"""Metrics that a threshold or an agreement decides, which a search does not have."""


def check_scoring(scoring: str) -> None:
    """Raise a `ConfigError` if a search cannot score by this metric, whatever the task."""
    names = dict.fromkeys(
        name for task in get_args(Task) for name in metric_names(task) if name not in _NOT_SCORES
    )
    if scoring in _NOT_SCORES:
        raise ConfigError(
            f"scoring is {scoring!r}, which needs a threshold or says nothing of the order of "
            f"rows; choose one of {', '.join(names)}"
        )
    if metric(scoring) is None:
        raise ConfigError(
            f"scoring is {scoring!r}, which is no metric{did_you_mean(scoring, names, listed=True)}"
        )


def find_scoring(scoring: str, task: Task) -> Metric:
    """Return the metric that a search of a task scores by.

    Raises
    ------
    ConfigError
        If there is none of that name, or it measures another task or needs more than scores.
    """
    check_scoring(scoring)
    return find(scoring, task)


def score_of(scoring: Metric, rows: Judged) -> float:
    """Return the metric of scored rows, decisions taken at 0.5; NaN where they do not define it."""
    percent = within(scoring.name)
    percents = () if percent is None else (percent,)
    return float(estimates_of(rows, within=percents)[scoring.name].value)
