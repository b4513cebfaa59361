"""What watches an endpoint and lets it grow: alarms and a scaling policy."""

from __future__ import annotations

from typing import Any

from fastml.sagemaker.launch.cloud import Cloud
from fastml.sagemaker.launch.owned import check_own
from fastml.sagemaker.launch.place import Place, Request
from fastml.sagemaker.launch.plan import Act, Step
from fastml.sagemaker.launch.serving import VARIANT

__all__ = [
    "alarm_names",
    "alarm_requests",
    "alarm_steps",
    "alarms",
    "scaling_requests",
    "scaling_steps",
    "scaling_target",
    "scaling_targets",
    "unscaling",
    "unscaling_steps",
]

_MICROSECONDS = 1000.0  # of a millisecond: what ModelLatency counts in
_SERVICE = "sagemaker"
_SCALING = "application-autoscaling"
_DIMENSION = "sagemaker:variant:DesiredInstanceCount"


def alarm_requests(place: Place) -> list[Request]:
    """Return the alarms of an endpoint: answers of 5xx, and the time that the model takes."""
    endpoint = place.settings.endpoint
    common: Request = {
        "Namespace": "AWS/SageMaker",
        "Dimensions": [
            {"Name": "EndpointName", "Value": place.name},
            {"Name": "VariantName", "Value": VARIANT},
        ],
        "Period": 60,
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
        "AlarmActions": [endpoint.alarm_topic] if endpoint.alarm_topic else [],
        "Tags": place.tags,
    }
    return [
        {
            "AlarmName": f"{place.name}-errors",
            "AlarmDescription": f"{endpoint.errors} answers of 5xx in a minute",
            "MetricName": "Invocation5XXErrors",
            "Statistic": "Sum",
            "Threshold": float(endpoint.errors),
            **common,
        },
        {
            "AlarmName": f"{place.name}-latency",
            "AlarmDescription": f"the model takes {endpoint.latency_ms:g} ms on average",
            "MetricName": "ModelLatency",
            "Statistic": "Average",
            "Threshold": endpoint.latency_ms * _MICROSECONDS,
            **common,
        },
    ]


def scaling_target(place: Place) -> Request:
    """Return what says which endpoint is scaled."""
    return {
        "ServiceNamespace": _SERVICE,
        "ResourceId": f"endpoint/{place.name}/variant/{VARIANT}",
        "ScalableDimension": _DIMENSION,
    }


def scaling_requests(place: Place) -> tuple[Request, Request]:
    """Return the bounds of an endpoint's size, and the policy by which it changes.

    By invocations a minute and instance, or of an async endpoint by the requests that wait.
    """
    endpoint = place.settings.endpoint
    target = scaling_target(place)
    bounds = {
        **target,
        "MinCapacity": endpoint.count,
        "MaxCapacity": endpoint.max_count or endpoint.count,
    }
    goal: Request
    if endpoint.kind == "async":
        goal = {
            "TargetValue": endpoint.backlog,
            "CustomizedMetricSpecification": {
                "MetricName": "ApproximateBacklogSizePerInstance",
                "Namespace": "AWS/SageMaker",
                "Dimensions": [{"Name": "EndpointName", "Value": place.name}],
                "Statistic": "Average",
            },
        }
    else:
        metric = "SageMakerVariantInvocationsPerInstance"
        goal = {
            "TargetValue": endpoint.invocations,
            "PredefinedMetricSpecification": {"PredefinedMetricType": metric},
        }
    policy = {
        **target,
        "PolicyName": f"{place.name}-scaling",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            **goal,
            "ScaleInCooldown": 600,
            "ScaleOutCooldown": 120,
        },
    }
    return bounds, policy


def alarm_names(place: Place) -> list[str]:
    """Return the names of the alarms of an endpoint."""
    return [each["AlarmName"] for each in alarm_requests(place)]


def alarms(cloud: Cloud, place: Place) -> list[dict[str, Any]]:
    """Return the alarms that there are."""
    names = alarm_names(place)
    return list(cloud.pages("cloudwatch.describe_alarms", "MetricAlarms", AlarmNames=names))


def alarm_steps(cloud: Cloud, place: Place) -> list[Step]:
    """Return what makes the alarms as they are stated."""
    there = {each["AlarmName"]: each for each in alarms(cloud, place)}
    steps = []
    for request in alarm_requests(place):
        name = request["AlarmName"]
        stated = {k: v for k, v in request.items() if k != "Tags"}
        what = f"alarm {name}: {request['AlarmDescription']}"
        found = there.get(name)
        act = _act(found, stated)
        if found is not None and act == "update":
            check_own(cloud, place, found["AlarmArn"], f"alarm {name}")
        steps.append(Step(act, what, "cloudwatch.put_metric_alarm", request))
    return steps


def scaling_targets(cloud: Cloud, place: Place) -> list[dict[str, Any]]:
    """Return the bounds of the endpoint's size, where there are any."""
    target = scaling_target(place)
    return list(
        cloud.pages(
            f"{_SCALING}.describe_scalable_targets",
            "ScalableTargets",
            ServiceNamespace=_SERVICE,
            ResourceIds=[target["ResourceId"]],
        )
    )


def unscaling_steps(cloud: Cloud, place: Place) -> list[Step]:
    """Return what ends the scaling of an endpoint that shall no longer grow."""
    if place.settings.endpoint.max_count is not None or not scaling_targets(cloud, place):
        return []
    return [unscaling(place)]


def unscaling(place: Place) -> Step:
    """Return the step that ends the scaling of an endpoint; its policies go with it."""
    call = f"{_SCALING}.deregister_scalable_target"
    return Step("delete", f"scaling of {place.name}", call, scaling_target(place))


def scaling_steps(cloud: Cloud, place: Place) -> list[Step]:
    """Return what makes an endpoint grow as stated."""
    if place.settings.endpoint.max_count is None:
        return []
    target, there = scaling_target(place), scaling_targets(cloud, place)
    bounds, policy = scaling_requests(place)
    policies = cloud.pages(f"{_SCALING}.describe_scaling_policies", "ScalingPolicies", **target)
    named = {each["PolicyName"]: each for each in policies}
    what = f"scaling from {bounds['MinCapacity']} to {bounds['MaxCapacity']} instances"
    name = policy["PolicyName"]
    return [
        Step(
            _act(there[0] if there else None, bounds),
            what,
            f"{_SCALING}.register_scalable_target",
            bounds,
        ),
        Step(
            _act(named.get(name), policy),
            f"scaling policy {name}",
            f"{_SCALING}.put_scaling_policy",
            policy,
        ),
    ]


def _act(found: dict[str, Any] | None, stated: Request) -> Act:
    """Return what is to be done with a thing that shall be as stated."""
    if found is None:
        return "create"
    return "keep" if all(found.get(key) == value for key, value in stated.items()) else "update"
