"""The pipeline that a project file asks for."""

from __future__ import annotations

from typing import Any

from fastml.ensemble import BoostedTrees
from fastml.errors import ConfigError
from fastml.linear_model import LinearRegression, LogisticRegression
from fastml.model_selection import LaneSearch
from fastml.pipeline import Pipeline
from fastml.workflow.learner import Learner
from fastml.workflow.project import Project

__all__ = ["project_pipeline"]

_OF_NUMBERS = ("loss", "quantile")
_OF_CLASSES = ("class_weight", "calibration")


def project_pipeline(project: Project, kind: str, classifies: bool) -> Pipeline:
    """Return the unfitted pipeline of a project.

    Parameters
    ----------
    project : Project
    kind : {"linear", "xgboost"}
        Of the learner: the project's, or the one that it is compared with.
    classifies : bool
        Whether the target holds classes.

    Raises
    ------
    ConfigError
        If a key of [learner] does not fit the target.
    """
    settings = project.learner.chosen(kind)
    for name in _OF_NUMBERS if classifies else _OF_CLASSES:
        if getattr(project.learner, name) is not None:
            kinds = ("numbers", "classes") if classifies else ("classes", "numbers")
            raise ConfigError(f"[learner] {name} is for {kinds[0]}; the target holds {kinds[1]}")
    linear = kind == "linear"
    pipeline = Pipeline(
        _learner(project.learner, kind, classifies, settings),
        target=project.problem.target,
        task=project.problem.task,
        positive=project.problem.positive,
        weight=project.problem.weight,
        bins=project.learner.bins if linear else None,
        crosses=project.learner.crosses if linear else (),
        **project.features.arguments(),
    )
    reading = project.data.options()
    pipeline.reading = {name: value for name, value in reading.items() if name != "format"}
    return pipeline


def _learner(
    asked: Learner, kind: str, classifies: bool, settings: dict[str, Any]
) -> BoostedTrees | LinearRegression | LogisticRegression | LaneSearch:
    if kind == "xgboost":
        return BoostedTrees(**settings)
    learner = (LogisticRegression if classifies else LinearRegression)(**settings)
    return asked.search(learner) if asked.tune else learner
