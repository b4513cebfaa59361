"""Tuning jobs: SageMaker tries settings of a project in training jobs of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from fastml.errors import ConfigError
from fastml.sagemaker.launch.cloud import Cloud
from fastml.sagemaker.launch.image import image_uri
from fastml.sagemaker.launch.inputs import inputs
from fastml.sagemaker.launch.jobs import job_plan
from fastml.sagemaker.launch.place import Place, Request
from fastml.sagemaker.launch.plan import Plan
from fastml.sagemaker.launch.settings import Tuning
from fastml.sagemaker.launch.training import task_of, training_request
from fastml.sagemaker.metrics import objective
from fastml.workflow.project import Project, parse_project

__all__ = ["parameter_ranges", "tune_plan"]

_MOST_VALUES = 30
_OWN = ("sagemaker", "tune")  # a search within every trial would be one too many


def tune_plan(cloud: Cloud, place: Place, project: Project) -> Plan:
    """Return the plan of a tuning job over [sagemaker.tune], or over the space of [tune].

    Raises
    ------
    ConfigError
        If neither says what to try, or a name or a value does not fit the project.
    """
    tuning = _tuning(place, project)
    stated = dict(_flat(tuning.ranges))
    ranges = parameter_ranges(stated)
    _check(project, stated)
    task = task_of(project)
    channels = inputs(cloud, place, project, without=["tune"])
    definition = training_request(place, task, image_uri(cloud, place), channels, {})
    goal = objective(task, tuning.metric)
    request = {
        "HyperParameterTuningJobConfig": _config(tuning, goal, ranges),
        "TrainingJobDefinition": _definition(definition),
        **_warm_start(tuning),
    }
    jobs = "all" if tuning.strategy == "Grid" else tuning.jobs
    notes = (
        f"{jobs} training jobs on {place.settings.instance}, {tuning.parallel} at a time, "
        f"by {goal['MetricName']}",
    )
    return job_plan(
        cloud,
        place,
        "hyper_parameter_tuning_job",
        place.named(request),
        lambda _name: request,
        before=channels.steps,
        notes=notes,
    )


def parameter_ranges(stated: Mapping[str, Any]) -> Request:
    """Return `ParameterRanges` for ranges as a project file has them.

    { low, high, log } of whole numbers or of numbers, or a list of values.

    Raises
    ------
    ConfigError
        If a range is neither.
    """
    found: dict[str, list[Request]] = {}
    for name, each in stated.items():
        kind, request = _range(name, each)
        found.setdefault(f"{kind}ParameterRanges", []).append(request)
    return found


def _range(name: str, stated: Any) -> tuple[str, Request]:
    if isinstance(stated, list) and 0 < len(stated) <= _MOST_VALUES:
        values = [each if isinstance(each, str) else json.dumps(each) for each in stated]
        return "Categorical", {"Name": name, "Values": values}
    known = {"low", "high", "log"}
    if not (isinstance(stated, Mapping) and {"low", "high"} <= set(stated) <= known):
        raise ConfigError(
            f"[sagemaker.tune] {name}: expected a list of 1 to {_MOST_VALUES} values or "
            f"{{ low, high }} with log = true where it spans powers of ten, found {stated!r}"
        )
    low, high = stated["low"], stated["high"]
    if not all(isinstance(end, (int, float)) for end in (low, high)) or not low < high:
        raise ConfigError(f"[sagemaker.tune] {name}: low must be less than high; found {stated!r}")
    if stated.get("log") and low <= 0:
        raise ConfigError(f"[sagemaker.tune] {name}: with log = true, low must be above 0")
    whole = isinstance(low, int) and isinstance(high, int)
    return "Integer" if whole else "Continuous", {
        "Name": name,
        "MinValue": str(low),
        "MaxValue": str(high),
        "ScalingType": "Logarithmic" if stated.get("log") else "Linear",
    }


def _flat(ranges: Mapping[str, Any], ahead: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each range with its whole name: TOML reads `learner.l2` as a table in a table."""
    for name, stated in ranges.items():
        if isinstance(stated, Mapping) and not {"low", "high"} & set(stated):
            yield from _flat(stated, f"{ahead}{name}.")
        else:
            yield f"{ahead}{name}", stated


def _tuning(place: Place, project: Project) -> Tuning:
    if place.settings.tune is not None:
        return place.settings.tune
    if project.tune is not None:
        return Tuning(ranges=project.tune.space, jobs=project.tune.trials or Tuning({}).jobs)
    raise ConfigError(
        "there is nothing to tune; say what in [sagemaker.tune]: "
        "ranges.learner.l2 = { low = 1e-8, high = 1e-2, log = true }"
    )


def _check(project: Project, ranges: Mapping[str, Any]) -> None:
    """Check that a job would take every name and the ends of every range."""
    for name, stated in ranges.items():
        ends = stated if isinstance(stated, list) else [stated["low"], stated["high"]]
        for end in ends:
            words = end if isinstance(end, str) else json.dumps(end)
            try:
                parse_project(project.text, project.folder, changes={name: words}, without=_OWN)
            except ConfigError as fault:
                raise ConfigError(f"[sagemaker.tune] {name}: {fault}") from fault


def _config(tuning: Tuning, goal: Mapping[str, str], ranges: Request) -> Request:
    limits = {"MaxParallelTrainingJobs": min(tuning.parallel, tuning.jobs)}
    if tuning.strategy != "Grid":  # which tries all there is, and says itself how many that are
        limits["MaxNumberOfTrainingJobs"] = tuning.jobs
    elif set(ranges) != {"CategoricalParameterRanges"}:
        raise ConfigError('[sagemaker.tune] strategy = "Grid" takes lists of values alone')
    return {
        "Strategy": tuning.strategy,
        "HyperParameterTuningJobObjective": dict(goal),
        "ResourceLimits": limits,
        "ParameterRanges": ranges,
        "TrainingJobEarlyStoppingType": "Auto" if tuning.early_stopping else "Off",
        **({"RandomSeed": tuning.seed} if tuning.seed is not None else {}),
    }


def _definition(request: Request) -> Request:
    """Return a training job's request as a tuning job takes it.

    Trials have no checkpoint: they would share one folder. One that is cut off begins anew.
    """
    static = request.pop("HyperParameters")
    request["ResourceConfig"].pop("KeepAlivePeriodInSeconds", None)
    return {**request, "StaticHyperParameters": static}


def _warm_start(tuning: Tuning) -> Request:
    if not tuning.warm_start:
        return {}
    parents = [{"HyperParameterTuningJobName": name} for name in tuning.warm_start]
    return {
        "WarmStartConfig": {
            "ParentHyperParameterTuningJobs": parents,
            "WarmStartType": "TransferLearning",
        }
    }
