"""What watches an endpoint and lets it grow: alarms and a scaling policy, as requests."""

from __future__ import annotations

from fastml.sagemaker.launch.place import Place, Request
from fastml.sagemaker.launch.serving import VARIANT

__all__ = ["alarm_requests", "scaling_requests", "scaling_target"]

_MICROSECONDS = 1000.0  # of a millisecond: what ModelLatency counts in
_SERVICE = "sagemaker"
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
