"""Puts a model into service: from a training job to an endpoint that is watched."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fastml.errors import LaunchError
from fastml.sagemaker.launch.cloud import Cloud
from fastml.sagemaker.launch.guards import alarm_names, alarm_steps, scaling_steps, unscaling_steps
from fastml.sagemaker.launch.image import image_uri
from fastml.sagemaker.launch.owned import check_own
from fastml.sagemaker.launch.place import Place, Request
from fastml.sagemaker.launch.plan import Plan, Step
from fastml.sagemaker.launch.registry import registry_steps
from fastml.sagemaker.launch.serving import deployment, endpoint_config_request, model_request
from fastml.sagemaker.launch.training import final_metrics
from fastml.sagemaker.launch.watched import watch
from fastml.workflow.project import Project

__all__ = ["deploy_plan", "image_of", "model_steps", "served_job"]

_MODEL_OF = re.compile(r".*/([^/]+)/output/model\.tar\.gz")  # where SageMaker puts a job's model


def deploy_plan(
    cloud: Cloud,
    place: Place,
    project: Project,
    job: Mapping[str, Any] | None,
    data: str,
    *,
    despite_gate: bool = False,
) -> Plan:
    """Return the plan that leads an endpoint to a model.

    Parameters
    ----------
    cloud : Cloud
    place : Place
    project : Project
    job : mapping, optional
        The training job, where the model is of one.
    data : str
        The address of `model.tar.gz`.
    despite_gate : bool
        Whether to deploy a model that did not meet its success criteria.

    Raises
    ------
    LaunchError
        If the model did not meet its criteria, or the endpoint is being changed.
    """
    passed = _passed(job)
    if passed is False and not despite_gate:
        name = (job or {}).get("TrainingJobName")
        raise LaunchError(
            f"the model of {name} did not meet its success criteria (its metric `passed` is 0); "
            "--despite-gate deploys it all the same"
        )
    image = image_of(cloud, place, job)
    steps = []
    if job is not None and place.settings.registry:
        steps += registry_steps(cloud, place, project, job, image, approved=passed is True)
    model, found = model_steps(cloud, place, image, data)
    steps += found
    request = endpoint_config_request(place, model)
    config = place.named(request)
    if cloud.find("sagemaker.describe_endpoint_config", EndpointConfigName=config):
        steps.append(Step("keep", f"endpoint configuration {config}"))
    else:
        whole = {"EndpointConfigName": config, **request, "Tags": place.tags}
        what = f"endpoint configuration {config}"
        steps.append(Step("create", what, "sagemaker.create_endpoint_config", whole))
    steps += alarm_steps(cloud, place)
    steps += unscaling_steps(cloud, place)  # before: an endpoint that is scaled changes no machine
    steps += _endpoint_steps(cloud, place, config)
    notes = [f"the model of {job['TrainingJobName']}" if job else f"the model {data}"]
    if passed is None:
        notes.append("whether it met its success criteria is not known")
    steps += scaling_steps(cloud, place)
    return Plan(tuple(steps), cloud, tuple(notes), {"endpoint": place.name, "model": model})


def model_steps(cloud: Cloud, place: Place, image: str, data: str) -> tuple[str, list[Step]]:
    """Return the name of a model, and what creates it where it is not there."""
    request = model_request(place, image, data)
    name = place.named(request)
    if cloud.find("sagemaker.describe_model", ModelName=name):
        return name, [Step("keep", f"model {name}")]
    whole = {"ModelName": name, **request, "Tags": place.tags}
    return name, [Step("create", f"model {name}", "sagemaker.create_model", whole)]


def image_of(cloud: Cloud, place: Place, job: Mapping[str, Any] | None) -> str:
    """Return the image in which a model was trained; where that is not known, that of jobs."""
    image = (job or {}).get("AlgorithmSpecification", {}).get("TrainingImage")
    return str(image) if image else image_uri(cloud, place)


def served_job(cloud: Cloud, place: Place) -> dict[str, Any] | None:
    """Return the training job whose model is in service, if there is one and it is known."""
    endpoint = cloud.find("sagemaker.describe_endpoint", EndpointName=place.name)
    if endpoint is None:
        return None
    config = cloud.call(
        "sagemaker.describe_endpoint_config", EndpointConfigName=endpoint["EndpointConfigName"]
    )
    model = cloud.call(
        "sagemaker.describe_model", ModelName=config["ProductionVariants"][0]["ModelName"]
    )
    job = _MODEL_OF.fullmatch(model["PrimaryContainer"]["ModelDataUrl"])
    return cloud.find("sagemaker.describe_training_job", TrainingJobName=job[1]) if job else None


def _endpoint_steps(cloud: Cloud, place: Place, config: str) -> list[Step]:
    name, settings = place.name, place.settings.endpoint
    what = f"endpoint {name} ({settings.kind})"
    asked: Request = {"EndpointName": name, "EndpointConfigName": config}
    found = cloud.find("sagemaker.describe_endpoint", EndpointName=name)
    call = "sagemaker.describe_endpoint"
    waiting = watch(call, f"endpoint {name}", {"EndpointName": name}, EndpointConfigName=config)
    if found is None:
        whole = {**asked, "Tags": place.tags}
        return [Step("create", what, "sagemaker.create_endpoint", whole), *waiting]
    check_own(cloud, place, found["EndpointArn"], f"endpoint {name}")
    status = found["EndpointStatus"]
    going = found.get("PendingDeploymentSummary", found)["EndpointConfigName"]
    if status in ("Creating", "Updating") and going == config:  # no one waited for it
        return [Step("keep", f"{what}, {status}"), *waiting]
    if status not in ("InService", "OutOfService"):
        raise LaunchError(
            f"endpoint {name} is {status}: wait until it is in service, or `fastml sagemaker "
            "delete` it"
        )
    if found["EndpointConfigName"] == config:
        return [Step("keep", what)]
    if settings.max_count is not None:  # how many machines there are is the policy's to say
        asked["RetainAllVariantProperties"] = True
        asked["ExcludeRetainedVariantProperties"] = [{"VariantPropertyType": "DataCaptureConfig"}]
    whole = {**asked, **deployment(settings, alarm_names(place))}
    return [Step("update", what, "sagemaker.update_endpoint", whole), *waiting]


def _passed(job: Mapping[str, Any] | None) -> bool | None:
    """Return whether a model met its success criteria; None where that is not known."""
    passed = final_metrics(job or {}).get("passed")
    return None if passed is None else passed >= 1
