"""What is removed again: all that costs or acts by itself, and only if asked what was made."""

from __future__ import annotations

from collections.abc import Iterator

from fastml.sagemaker.launch.cloud import Cloud
from fastml.sagemaker.launch.guards import alarms, scaling_targets, unscaling
from fastml.sagemaker.launch.owned import is_own, removal
from fastml.sagemaker.launch.place import Place
from fastml.sagemaker.launch.plan import Plan, Step

__all__ = ["delete_plan"]

_OBJECTS = 1000  # in one request
_FOLDERS = (  # below the prefix; what else lies there was put there by others
    "answers",
    "capture",
    "checkpoints",
    "config",
    "data",
    "failures",
    "jobs",
    "monitor",
    "predictions",
    "registry",
)


def delete_plan(cloud: Cloud, place: Place, *, artifacts: bool = False) -> Plan:
    """Return the plan that removes a project from the cloud.

    Parameters
    ----------
    cloud : Cloud
    place : Place
    artifacts : bool
        Whether also what was uploaded and made: data, models, checkpoints, predictions, reports.
        Jobs, registered models and images stay in any case: they cost nothing, or others use them.
    """
    steps = [
        *_rules(cloud, place),
        *_pipelines(cloud, place),
        *_endpoint(cloud, place),
        *_alarms(cloud, place),
        *_models(cloud, place),
    ]
    if artifacts:
        steps += _objects(cloud, place)
    notes = [] if artifacts else [f"what lies in {place.uri()} stays; --artifacts removes it, too"]
    return Plan(tuple(steps), cloud, tuple(notes), {"project": place.name})


def _rules(cloud: Cloud, place: Place) -> Iterator[Step]:
    for name in (place.monitoring, place.retraining):
        found = cloud.find("events.describe_rule", Name=name)
        if found is None:
            continue
        rule = Step("delete", f"rule {name}", "events.delete_rule", {"Name": name})
        rule = removal(cloud, place, found["Arn"], rule)
        targets = cloud.pages("events.list_targets_by_rule", "Targets", Rule=name)
        ids = [each["Id"] for each in targets]
        if ids and rule.act == "delete":
            request = {"Rule": name, "Ids": ids}
            yield Step("delete", f"target of rule {name}", "events.remove_targets", request)
        yield rule


def _pipelines(cloud: Cloud, place: Place) -> Iterator[Step]:
    for name in (place.monitoring, place.retraining):
        found = cloud.find("sagemaker.describe_pipeline", PipelineName=name)
        if found is not None:
            request = {"PipelineName": name}
            step = Step("delete", f"pipeline {name}", "sagemaker.delete_pipeline", request)
            yield removal(cloud, place, found["PipelineArn"], step)


def _endpoint(cloud: Cloud, place: Place) -> Iterator[Step]:
    found = cloud.find("sagemaker.describe_endpoint", EndpointName=place.name)
    if found is None:
        return
    request = {"EndpointName": place.name}
    step = Step("delete", f"endpoint {place.name}", "sagemaker.delete_endpoint", request)
    step = removal(cloud, place, found["EndpointArn"], step)
    if step.act == "delete" and scaling_targets(cloud, place):
        yield unscaling(place)
    yield step


def _alarms(cloud: Cloud, place: Place) -> Iterator[Step]:
    own = [each for each in alarms(cloud, place) if is_own(cloud, place, each["AlarmArn"])]
    names = [each["AlarmName"] for each in own]
    if names:
        request = {"AlarmNames": names}
        yield Step("delete", f"alarms {', '.join(names)}", "cloudwatch.delete_alarms", request)


def _models(cloud: Cloud, place: Place) -> Iterator[Step]:
    for kind, words, key in (
        ("endpoint_config", "endpoint configuration", "EndpointConfig"),
        ("model", "model", "Model"),
    ):
        listed = cloud.pages(f"sagemaker.list_{kind}s", f"{key}s", NameContains=place.name)
        for each in listed:
            name = each[f"{key}Name"]
            if place.owns(name):
                request = {f"{key}Name": name}
                step = Step("delete", f"{words} {name}", f"sagemaker.delete_{kind}", request)
                yield removal(cloud, place, each[f"{key}Arn"], step)


def _objects(cloud: Cloud, place: Place) -> Iterator[Step]:
    if cloud.find("s3.head_bucket", Bucket=place.bucket, **place.owned) is None:
        return
    for folder in _FOLDERS:
        prefix = f"{place.key(folder)}/"
        listed = cloud.pages(
            "s3.list_objects_v2", "Contents", Bucket=place.bucket, Prefix=prefix, **place.owned
        )
        keys = [{"Key": each["Key"]} for each in listed]
        for at in range(0, len(keys), _OBJECTS):
            some = keys[at : at + _OBJECTS]
            objects = {"Objects": some, "Quiet": True}
            request = {"Bucket": place.bucket, "Delete": objects, **place.owned}
            what = f"{len(some)} objects of {place.uri(folder)}/"
            yield Step("delete", what, "s3.delete_objects", request)
