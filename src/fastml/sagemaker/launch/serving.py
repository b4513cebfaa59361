"""A model and its endpoint, as requests: where it runs, what is captured, how it is exchanged."""

from __future__ import annotations

from collections.abc import Sequence

from fastml.sagemaker.launch.place import Place, Request
from fastml.sagemaker.launch.settings import Endpoint

__all__ = ["VARIANT", "deployment", "endpoint_config_request", "model_request"]

VARIANT = "fastml"


def model_request(place: Place, image: str, data: str) -> Request:
    """Return the request for a model of an image and a `model.tar.gz`, but for its name."""
    return {
        "PrimaryContainer": {"Image": image, "ModelDataUrl": data},
        "ExecutionRoleArn": place.role,
        "EnableNetworkIsolation": place.settings.isolated,
        **place.vpc,
    }


def endpoint_config_request(place: Place, model: str) -> Request:
    """Return the request for an endpoint's configuration, but for its name."""
    endpoint = place.settings.endpoint
    request: Request = {"ProductionVariants": [_variant(endpoint, model)]}
    if endpoint.kind != "serverless":
        request |= place.encrypted("KmsKeyId")
    if endpoint.kind == "async":
        request["AsyncInferenceConfig"] = _async(place, endpoint)
    if endpoint.capture:
        request["DataCaptureConfig"] = {
            "EnableCapture": True,
            "InitialSamplingPercentage": endpoint.capture,
            "DestinationS3Uri": place.uri("capture"),
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
            "CaptureContentTypeHeader": {
                "CsvContentTypes": ["text/csv"],
                "JsonContentTypes": ["application/json", "application/jsonlines"],
            },
            **place.encrypted("KmsKeyId"),
        }
    return request


def deployment(endpoint: Endpoint, alarms: Sequence[str]) -> Request:
    """Return how an endpoint goes over to another model, and what takes it back.

    The new machines stand beside the old ones until the time of `shift_wait` has passed without
    an alarm. A serverless endpoint has no machines of its own to stand beside.
    """
    if endpoint.kind == "serverless":
        return {}
    routing: Request = {
        "Type": endpoint.shift.upper(),
        "WaitIntervalInSeconds": endpoint.shift_wait,
    }
    size = {"Type": "CAPACITY_PERCENT", "Value": endpoint.shift_percent}
    if endpoint.shift == "canary":
        routing["CanarySize"] = size
    elif endpoint.shift == "linear":
        routing["LinearStepSize"] = size
    return {
        "DeploymentConfig": {
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": routing,
                "TerminationWaitInSeconds": 0,
            },
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in alarms]},
        },
    }


def _variant(endpoint: Endpoint, model: str) -> Request:
    variant: Request = {"VariantName": VARIANT, "ModelName": model, "InitialVariantWeight": 1.0}
    if endpoint.kind == "serverless":
        serverless = {
            "MemorySizeInMB": endpoint.memory,
            "MaxConcurrency": endpoint.concurrency,
        }
        if endpoint.provisioned is not None:
            serverless["ProvisionedConcurrency"] = endpoint.provisioned
        return variant | {"ServerlessConfig": serverless}
    return variant | {
        "InstanceType": endpoint.instance,
        "InitialInstanceCount": endpoint.count,
    }


def _async(place: Place, endpoint: Endpoint) -> Request:
    output: Request = {
        "S3OutputPath": place.uri("answers"),
        "S3FailurePath": place.uri("failures"),
        **place.encrypted("KmsKeyId"),
    }
    if endpoint.topics:
        output["NotificationConfig"] = {
            f"{outcome.capitalize()}Topic": topic for outcome, topic in endpoint.topics.items()
        }
    return {"OutputConfig": output}
