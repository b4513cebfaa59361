"""A pipeline with some of its settings changed, as a trial tries it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fastml.ensemble import BoostedTrees
from fastml.errors import ConfigError
from fastml.model_selection.lane_search import LaneSearch
from fastml.pipeline.fitted import Learner
from fastml.preprocessing import CorrelationPruner, OneHotEncoder, SimpleImputer
from fastml.preprocessing.scalers import SCALERS

if TYPE_CHECKING:
    from fastml.model_selection.pipeline_space import PipelineSpace
    from fastml.pipeline import Pipeline

__all__ = ["kind_of", "variant", "without_replicates"]

_STEPS = {"imputer": SimpleImputer, "encoder": OneHotEncoder, "pruner": CorrelationPruner}


def kind_of(learner: Learner | LaneSearch | None) -> str:
    """Return the kind of a learner, as a project file has it."""
    return "xgboost" if isinstance(learner, BoostedTrees) else "linear"


def variant(
    pipeline: Pipeline, default: Learner, space: PipelineSpace, params: Mapping[str, Any]
) -> Pipeline:
    """Return an unfitted pipeline with the settings of a trial.

    Parameters
    ----------
    pipeline : Pipeline
        Its other settings stay. A learner of another kind than its own begins from defaults, but
        for the class weights; boosted trees take no bins and no crosses. Settings of the learner
        of a `LaneSearch` are those that its candidates have in common.
    default : learner
        A linear one, of the task.
    space : PipelineSpace
    params : mapping of name to value

    Raises
    ------
    ConfigError
        If the learner of the task has no such parameter.
    """
    made = pipeline.clone()
    own = default if pipeline.learner is None else pipeline.learner
    kind = params.get("learner.kind", space.kinds[0])
    learner: Learner | LaneSearch = (
        own.clone() if kind == kind_of(own) else _other(kind, own, default)
    )
    for setting in space.settings:
        if setting.name not in params or setting.name == "learner.kind":
            continue
        value = params[setting.name]
        if setting.part == "learner":
            _set_parameter(learner, setting.parameter, value)
        elif setting.part == "scaler":
            made.scaler = SCALERS[value]()
        elif setting.part == "bins":
            made.bins = value
        else:
            step = getattr(made, setting.part) or _STEPS[setting.part]()
            changed = step.get_params() | {setting.parameter: value}
            setattr(made, setting.part, type(step)(**changed))
    if kind == "xgboost":
        made.bins, made.crosses = None, ()
    made.learner = learner
    return made


def without_replicates(learner: Learner | LaneSearch) -> Learner | LaneSearch:
    """Return a copy of a learner that draws no bootstrap, which no score depends on."""
    copy = learner.clone()
    inner = copy.learner if isinstance(copy, LaneSearch) else copy
    if "bootstrap" in inner.get_params():
        inner.set_params(bootstrap=0)
    return copy


def _other(kind: str, own: Learner | LaneSearch, default: Learner) -> Learner:
    learner: Learner = BoostedTrees() if kind == "xgboost" else default.clone()
    if isinstance(own, LaneSearch):
        own = own.learner
    if "class_weight" in learner.get_params():
        learner.set_params(class_weight=getattr(own, "class_weight", None))
    return learner


def _set_parameter(learner: Learner | LaneSearch, name: str, value: Any) -> None:
    if isinstance(learner, LaneSearch):
        learner = learner.learner
    if name not in learner.get_params():
        what = "classes" if hasattr(learner, "multi_class") else "numbers"
        raise ConfigError(
            f"learner.{name} is no parameter of a {type(learner).__name__}, which learns {what}"
        )
    learner.set_params(**{name: value})
