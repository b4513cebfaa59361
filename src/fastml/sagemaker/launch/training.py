"""Training jobs and tuning jobs, as requests and as plans."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastml._typing import Task
from fastml.errors import ConfigError, LaunchError
from fastml.sagemaker.launch.cloud import Cloud
from fastml.sagemaker.launch.image import image_uri
from fastml.sagemaker.launch.inputs import Inputs, inputs
from fastml.sagemaker.launch.jobs import job_plan
from fastml.sagemaker.launch.place import Place, Request
from fastml.sagemaker.launch.plan import Plan
from fastml.sagemaker.launch.settings import MOST_SECONDS
from fastml.sagemaker.metrics import metric_definitions
from fastml.workflow.project import Project, parse_project
from fastml.workflow.source import open_source

__all__ = ["final_metrics", "newest_job", "task_of", "train_plan", "training_request"]

_MAY_DIFFER = "rows in S3 may have changed since; `fastml sagemaker retrain` trains on them again"


def task_of(project: Project) -> Task:
    """Return the task: what SageMaker shall find in the log depends on it.

    Raises
    ------
    ConfigError
        If the project does not state it.
    """
    if project.problem.task is None:
        raise ConfigError(
            "[problem] task is missing: SageMaker must know it before the data are read; task = "
            '"binary", "multiclass" or "regression"'
        )
    return project.problem.task


def training_request(
    place: Place,
    task: Task,
    image: str,
    channels: Inputs,
    hyperparameters: Mapping[str, str],
) -> Request:
    """Return the request for a training job, but for its name and what depends on it.

    What a tuning job and a pipeline have in common with a job alone.
    """
    settings = place.settings
    stopping: Request = {"MaxRuntimeInSeconds": settings.max_runtime}
    if settings.spot:
        stopping["MaxWaitTimeInSeconds"] = settings.max_wait or min(
            2 * settings.max_runtime, MOST_SECONDS
        )
    resources = {
        "InstanceType": settings.instance,
        "InstanceCount": 1,
        "VolumeSizeInGB": settings.volume,
        **place.encrypted("VolumeKmsKeyId"),
    }
    if settings.keep_alive:
        resources["KeepAlivePeriodInSeconds"] = settings.keep_alive
    return {
        "AlgorithmSpecification": {
            "TrainingImage": image,
            "TrainingInputMode": settings.input_mode,
            "MetricDefinitions": metric_definitions(task),
        },
        "RoleArn": place.role,
        "InputDataConfig": list(channels.channels),
        "OutputDataConfig": {"S3OutputPath": place.uri("jobs"), **place.encrypted("KmsKeyId")},
        "ResourceConfig": resources,
        "StoppingCondition": stopping,
        "HyperParameters": dict(hyperparameters),
        "EnableManagedSpotTraining": settings.spot,
        "EnableNetworkIsolation": settings.isolated,
        **({"Environment": settings.environment} if settings.environment else {}),
        **place.vpc,
    }


def train_plan(
    cloud: Cloud,
    place: Place,
    project: Project,
    hyperparameters: Mapping[str, str],
    *,
    again: bool = False,
) -> Plan:
    """Return the plan of a training job, named by all that it depends on.

    Parameters
    ----------
    cloud : Cloud
    place : Place
    project : Project
    hyperparameters : mapping of str to str
        Keys that take the place of the project's.
    again : bool
        Whether to train though such a job has been completed.
    """
    # What the job would refuse is refused here, where it costs nothing.
    changed = parse_project(project.text, project.folder, changes=hyperparameters)
    task = task_of(project)
    channels = inputs(cloud, place, project)
    if not channels.remote:
        open_source(changed)
    request = training_request(place, task, image_uri(cloud, place), channels, hyperparameters)
    return job_plan(
        cloud,
        place,
        "training_job",
        place.named(request),
        lambda name: {**request, "CheckpointConfig": {"S3Uri": place.uri("checkpoints", name)}},
        before=channels.steps,
        notes=_notes(place),
        kept=[_MAY_DIFFER] if channels.remote else [],
        again=again,
    )


def newest_job(cloud: Cloud, place: Place) -> dict[str, Any]:
    """Return the description of the project's training job that was completed last.

    Raises
    ------
    LaunchError
        If there is none.
    """
    listed = cloud.pages(
        "sagemaker.list_training_jobs",
        "TrainingJobSummaries",
        NameContains=place.name,
        StatusEquals="Completed",
        SortBy="CreationTime",
        SortOrder="Descending",
    )
    for each in listed:
        name = each["TrainingJobName"]
        if place.owns(name) or place.ran(place.retraining, name):
            return cloud.call("sagemaker.describe_training_job", TrainingJobName=name)
    raise LaunchError(
        f"no training of {place.name!r} has been completed; `fastml sagemaker train` begins one"
    )


def final_metrics(job: Mapping[str, Any]) -> dict[str, float]:
    """Return the metrics that SageMaker found in the log of a job."""
    return {each["MetricName"]: each["Value"] for each in job.get("FinalMetricDataList", ())}


def _notes(place: Place) -> tuple[str, ...]:
    settings = place.settings
    hours = f"{settings.max_runtime / 3600:.3g}"
    notes = [f"{settings.instance}, at most {hours} h{', spot' if settings.spot else ''}"]
    if settings.keep_alive:
        notes.append(f"the instance is kept warm, and billed, for {settings.keep_alive} s after")
    return tuple(notes)
