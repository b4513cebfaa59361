"""The model registry: a version of a model with its metrics and its card."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fastml._typing import Task
from fastml.sagemaker.launch.cloud import Cloud
from fastml.sagemaker.launch.inputs import extra
from fastml.sagemaker.launch.place import Place, Request
from fastml.sagemaker.launch.plan import Step
from fastml.sagemaker.launch.training import final_metrics, task_of
from fastml.sagemaker.metrics import objective
from fastml.workflow.project import Project

__all__ = ["metrics_report", "model_card", "registry_steps"]

_TYPES = [
    "text/csv",
    "application/json",
    "application/jsonlines",
    "application/vnd.apache.arrow.stream",
]
_MOST_TEXT = 2048  # characters, of a field of a card
_REPORTS = {
    "binary": "binary_classification_metrics",
    "multiclass": "multiclass_classification_metrics",
    "regression": "regression_metrics",
}


def registry_steps(
    cloud: Cloud,
    place: Place,
    project: Project,
    job: Mapping[str, Any],
    image: str,
    *,
    approved: bool,
) -> list[Step]:
    """Return what registers the model of a training job, if it is not registered yet."""
    group, data = place.name, job["ModelArtifacts"]["S3ModelArtifacts"]
    name = job["TrainingJobName"]
    steps = []
    if cloud.find("sagemaker.describe_model_package_group", ModelPackageGroupName=group) is None:
        request = {"ModelPackageGroupName": group, "Tags": place.tags}
        call = "sagemaker.create_model_package_group"
        steps.append(Step("create", f"model package group {group}", call, request))
    elif _registered(cloud, group, data):
        return [Step("keep", f"model package of {name}")]
    key = place.key("registry", name, "statistics.json")
    report = json.dumps(metrics_report(task_of(project), final_metrics(job)), indent=1)
    upload = {"Bucket": place.bucket, "Key": key, "Body": report, **extra(place)}
    where = f"s3://{place.bucket}/{key}"
    steps.append(Step("upload", f"metrics as {where}", "s3.put_object", upload))
    statistics = {"ContentType": "application/json", "S3Uri": where}
    status = "Approved" if approved else "PendingManualApproval"
    package: Request = {
        "ModelPackageGroupName": group,
        "ModelPackageDescription": f"trained by {name}",
        "InferenceSpecification": {
            "Containers": [{"Image": image, "ModelDataUrl": data}],
            "SupportedContentTypes": _TYPES,
            "SupportedResponseMIMETypes": _TYPES,
            "SupportedRealtimeInferenceInstanceTypes": [place.settings.endpoint.instance],
        },
        "ModelApprovalStatus": status,
        "ModelMetrics": {"ModelQuality": {"Statistics": statistics}},
        "CustomerMetadataProperties": {"fastml.training_job": name},
        "ModelCard": {
            "ModelCardStatus": "Draft",
            "ModelCardContent": json.dumps(model_card(project, job, image)),
        },
    }
    what = f"model package of {name} ({status})"
    steps.append(Step("create", what, "sagemaker.create_model_package", package))
    return steps


def metrics_report(task: Task, metrics: Mapping[str, float]) -> dict[str, Any]:
    """Return the metrics of the test rows as Model Monitor writes the quality of a model."""
    tested = _of(metrics, "test")
    return {
        _REPORTS[task]: {
            name: {"value": value, "standard_deviation": "NaN"} for name, value in tested.items()
        }
    }


def model_card(project: Project, job: Mapping[str, Any], image: str) -> dict[str, Any]:
    """Return a card as the schema of SageMaker's model packages has it."""
    metrics = final_metrics(job)
    goal = objective(task_of(project))
    groups = [
        {
            "name": part,
            "metric_data": [
                {"name": name, "type": "number", "value": value}
                for name, value in _of(metrics, part).items()
            ],
        }
        for part in ("validation", "test")
        if _of(metrics, part)
    ]
    datasets = [
        each["DataSource"]["S3DataSource"]["S3Uri"] for each in job.get("InputDataConfig", ())
    ]
    purpose = (project.problem.question or f"predicts {project.problem.target}")[:_MOST_TEXT]
    return {
        "model_overview": {
            "model_creator": "fastml",
            "model_artifact": [job["ModelArtifacts"]["S3ModelArtifacts"]],
        },
        "intended_uses": {"purpose_of_model": purpose},
        "training_details": {
            "objective_function": {
                "function": {"function": goal["Type"], "facet": "Other"},
                "notes": goal["MetricName"],
            },
            "training_job_details": {
                "training_arn": job["TrainingJobArn"],
                "training_datasets": datasets,
                "training_environment": {"container_image": [image]},
                "training_metrics": [
                    {"name": name, "value": value} for name, value in _of(metrics, "train").items()
                ],
            },
        },
        "evaluation_details": [{"name": "fastml", "metric_groups": groups}] if groups else [],
    }


def _of(metrics: Mapping[str, float], part: str) -> dict[str, float]:
    """Return the metrics of one part, without its name."""
    ahead = f"{part}:"
    return {k.removeprefix(ahead): v for k, v in metrics.items() if k.startswith(ahead)}


def _registered(cloud: Cloud, group: str, data: str) -> bool:
    listed = cloud.pages(
        "sagemaker.list_model_packages", "ModelPackageSummaryList", ModelPackageGroupName=group
    )
    for each in listed:
        found = cloud.call(
            "sagemaker.describe_model_package", ModelPackageName=each["ModelPackageArn"]
        )
        containers = found.get("InferenceSpecification", {}).get("Containers", ())
        if any(container.get("ModelDataUrl") == data for container in containers):
            return True
    return False
