"""What there is of a project in the cloud."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastml.sagemaker.launch.cloud import Cloud
from fastml.sagemaker.launch.guards import alarms, scaling_targets
from fastml.sagemaker.launch.place import Place

__all__ = ["Overview", "Thing", "overview"]

_RECENT = 50
_SHOWN = 5
_JOBS = {
    "training job": ("sagemaker.list_training_jobs", "TrainingJobSummaries", "TrainingJob"),
    "tuning job": (
        "sagemaker.list_hyper_parameter_tuning_jobs",
        "HyperParameterTuningJobSummaries",
        "HyperParameterTuningJob",
    ),
    "transform job": ("sagemaker.list_transform_jobs", "TransformJobSummaries", "TransformJob"),
    "processing job": ("sagemaker.list_processing_jobs", "ProcessingJobSummaries", "ProcessingJob"),
}


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing, and how it stands."""

    kind: str
    name: str
    state: str
    more: str = ""


@dataclass(frozen=True, slots=True)
class Overview:
    """The things of a project."""

    things: tuple[Thing, ...]

    def __str__(self) -> str:
        if not self.things:
            return "there is nothing of this project"
        rows = [(t.kind, t.name, t.state, t.more) for t in self.things]
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        return "\n".join(
            "  ".join(
                (*(w.ljust(n) for w, n in zip(row[:3], widths, strict=True)), row[3])
            ).rstrip()
            for row in rows
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the things for machines."""
        return {
            "things": [
                {"kind": t.kind, "name": t.name, "state": t.state, "more": t.more}
                for t in self.things
            ]
        }


def overview(cloud: Cloud, place: Place) -> Overview:
    """Return the endpoint, what watches it, what repeats, and the last jobs of each kind."""
    return Overview(
        (
            *_endpoint(cloud, place),
            *_alarms(cloud, place),
            *_rules(cloud, place),
            *_jobs(cloud, place),
        )
    )


def _endpoint(cloud: Cloud, place: Place) -> Iterator[Thing]:
    found = cloud.find("sagemaker.describe_endpoint", EndpointName=place.name)
    if found is None:
        return
    config = cloud.call(
        "sagemaker.describe_endpoint_config", EndpointConfigName=found["EndpointConfigName"]
    )
    (variant, *_) = config["ProductionVariants"]
    on = variant.get("InstanceType", "serverless")
    (running, *_) = found.get("ProductionVariants") or [{}]  # none while it is created
    count = running.get("CurrentInstanceCount")
    more = f"{variant['ModelName']} on {f'{count} ' if count else ''}{on}"
    yield Thing("endpoint", place.name, found["EndpointStatus"], found.get("FailureReason") or more)
    for each in scaling_targets(cloud, place):
        bounds = f"{each['MinCapacity']} to {each['MaxCapacity']} instances"
        yield Thing("scaling", place.name, "active", bounds)


def _alarms(cloud: Cloud, place: Place) -> Iterator[Thing]:
    for each in alarms(cloud, place):
        more = each.get("AlarmDescription", "")
        yield Thing("alarm", each["AlarmName"], each.get("StateValue", ""), more)


def _rules(cloud: Cloud, place: Place) -> Iterator[Thing]:
    for name in (place.monitoring, place.retraining):
        found = cloud.find("events.describe_rule", Name=name)
        if found is not None:
            when = found.get("ScheduleExpression") or "when the model has drifted"
            yield Thing("rule", name, found["State"], when)


def _jobs(cloud: Cloud, place: Place) -> Iterator[Thing]:
    for kind, (call, key, job) in _JOBS.items():
        listed = cloud.call(
            call,
            NameContains=place.name,
            SortBy="CreationTime",
            SortOrder="Descending",
            MaxResults=_RECENT,
        )[key]
        own = [each for each in listed if _own(place, each[f"{job}Name"])]
        for each in own[:_SHOWN]:
            when = f"{each['CreationTime']:%Y-%m-%d %H:%M}"
            yield Thing(kind, each[f"{job}Name"], each[f"{job}Status"], when)


def _own(place: Place, name: str) -> bool:
    return (
        place.owns(name)
        or name.startswith(f"{place.monitoring}-")
        or place.ran(place.monitoring, name)
        or place.ran(place.retraining, name)
    )
