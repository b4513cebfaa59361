"""What is removed again: all that costs or acts by itself, and only if asked what was made."""

from __future__ import annotations

from collections.abc import Iterator

from fastml.sagemaker.launch.cloud import Cloud
from fastml.sagemaker.launch.guards import alarms, scaling_target, scaling_targets
from fastml.sagemaker.launch.place import Place
from fastml.sagemaker.launch.plan import Plan, Step

__all__ = ["delete_plan"]

_OBJECTS = 1000  # in one request


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
        if cloud.find("events.describe_rule", Name=name) is None:
            continue
        targets = cloud.pages("events.list_targets_by_rule", "Targets", Rule=name)
        ids = [each["Id"] for each in targets]
        if ids:
            request = {"Rule": name, "Ids": ids}
            yield Step("delete", f"target of rule {name}", "events.remove_targets", request)
        yield Step("delete", f"rule {name}", "events.delete_rule", {"Name": name})


def _pipelines(cloud: Cloud, place: Place) -> Iterator[Step]:
    for name in (place.monitoring, place.retraining):
        if cloud.find("sagemaker.describe_pipeline", PipelineName=name) is not None:
            request = {"PipelineName": name}
            yield Step("delete", f"pipeline {name}", "sagemaker.delete_pipeline", request)


def _endpoint(cloud: Cloud, place: Place) -> Iterator[Step]:
    if scaling_targets(cloud, place):  # its policies go with it
        call = "application-autoscaling.deregister_scalable_target"
        yield Step("delete", f"scaling of {place.name}", call, scaling_target(place))
    if cloud.find("sagemaker.describe_endpoint", EndpointName=place.name) is not None:
        request = {"EndpointName": place.name}
        yield Step("delete", f"endpoint {place.name}", "sagemaker.delete_endpoint", request)


def _alarms(cloud: Cloud, place: Place) -> Iterator[Step]:
    names = [each["AlarmName"] for each in alarms(cloud, place)]
    if names:
        request = {"AlarmNames": names}
        yield Step("delete", f"alarms {', '.join(names)}", "cloudwatch.delete_alarms", request)


def _models(cloud: Cloud, place: Place) -> Iterator[Step]:
    for kind, words, key in (
        ("endpoint_config", "endpoint configuration", "EndpointConfig"),
        ("model", "model", "Model"),
    ):
        listed = cloud.pages(f"sagemaker.list_{kind}s", f"{key}s", NameContains=place.name)
        for name in (each[f"{key}Name"] for each in listed):
            if place.owns(name):
                request = {f"{key}Name": name}
                yield Step("delete", f"{words} {name}", f"sagemaker.delete_{kind}", request)


def _objects(cloud: Cloud, place: Place) -> Iterator[Step]:
    listed = cloud.pages(
        "s3.list_objects_v2",
        "Contents",
        Bucket=place.bucket,
        Prefix=f"{place.prefix}/",
        **place.owned,
    )
    keys = [{"Key": each["Key"]} for each in listed]
    for at in range(0, len(keys), _OBJECTS):
        some = keys[at : at + _OBJECTS]
        objects = {"Objects": some, "Quiet": True}
        request = {"Bucket": place.bucket, "Delete": objects, **place.owned}
        what = f"{len(some)} objects of {place.uri()}/"
        yield Step("delete", what, "s3.delete_objects", request)
