"""What goes on by itself: watching an endpoint by the clock, retraining when it has drifted.

Each is a pipeline of one step, which an EventBridge rule starts
(docs/decisions/0022-pipelines-of-one-step.md).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fastml.errors import ConfigError
from fastml.sagemaker.launch.cloud import Cloud
from fastml.sagemaker.launch.image import image_uri
from fastml.sagemaker.launch.inputs import inputs
from fastml.sagemaker.launch.jobs import job_plan
from fastml.sagemaker.launch.owned import check_own
from fastml.sagemaker.launch.place import Place, Request
from fastml.sagemaker.launch.plan import Act, Plan, Step
from fastml.sagemaker.launch.serving import VARIANT
from fastml.sagemaker.launch.training import task_of, training_request
from fastml.workflow.project import Project

__all__ = [
    "drift_pattern",
    "monitor_plan",
    "monitor_request",
    "pipeline_definition",
    "retrain_rule_plan",
]

_IN, _OUT = "/opt/ml/processing/input", "/opt/ml/processing/output"
_HOUR = 3600
_TARGET = "pipeline"


def monitor_plan(cloud: Cloud, place: Place, image: str, data: str, *, now: bool = False) -> Plan:
    """Return the plan that compares what an endpoint was asked to what its model was trained on.

    Parameters
    ----------
    cloud : Cloud
    place : Place
    image : str
    data : str
        The address of the `model.tar.gz` in service.
    now : bool
        Whether to do so once, at once, and not by the clock.

    Raises
    ------
    ConfigError
        If the endpoint does not keep what it is asked.
    """
    if not place.settings.endpoint.capture:
        raise ConfigError(
            "the endpoint keeps nothing of what it is asked; state which share it shall keep, in "
            "percent: [sagemaker.endpoint] capture = 100, and deploy again"
        )
    request = monitor_request(place, image, data)
    if not now:
        schedule = {"ScheduleExpression": place.settings.monitor.schedule}
        return _rule_plan(cloud, place, place.monitoring, "Processing", request, schedule)
    base = f"{place.monitoring}-{place.named(request).rpartition('-')[2]}"
    notes = [f"reports: {place.uri('monitor')}"]
    return job_plan(
        cloud, place, "processing_job", base, lambda _name: request, notes=notes, again=True
    )


def retrain_rule_plan(cloud: Cloud, place: Place, project: Project) -> Plan:
    """Return the plan that retrains whenever a monitoring job tells of drift.

    Raises
    ------
    ConfigError
        If the rows do not lie in S3: those of a local file would be the same each time.
    """
    if "://" not in project.source:
        raise ConfigError(
            f"[data] source = {project.data.source!r} is a local file: retraining by itself would "
            "train on the same rows again; put rows into S3 as they arrive, and name that prefix"
        )
    channels = inputs(cloud, place, project)
    request = training_request(place, task_of(project), image_uri(cloud, place), channels, {})
    execution = {"Get": "Execution.PipelineExecutionId"}
    folder = {"Std:Join": {"On": "/", "Values": [place.uri("checkpoints"), execution]}}
    request |= {"CheckpointConfig": {"S3Uri": folder}, "Tags": place.tags}
    event = {"EventPattern": json.dumps(drift_pattern(place))}
    plan = _rule_plan(cloud, place, place.retraining, "Training", request, event)
    notes = (
        *plan.notes,
        "what it trains is not deployed: `fastml sagemaker retrain --last --promote` compares it",
    )
    return Plan((*channels.steps, *plan.steps), cloud, notes, plan.names)


def drift_pattern(place: Place) -> dict[str, Any]:
    """Return the pattern of the events that begin a retraining.

    A monitoring job whose message says so, as SageMaker tells its end; or an event that someone
    sends, such as a check of their own.
    """
    told = {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Processing Job State Change"],
        "detail": {
            "ProcessingJobName": [{"prefix": f"{place.monitoring}-"}],
            "ProcessingJobStatus": ["Completed"],
            "ExitMessage": [{"prefix": "CompletedWithViolations"}],
        },
    }
    sent = {
        "source": ["fastml.monitor"],
        "detail-type": ["Model drift"],
        "detail": {"endpoint": [place.name]},
    }
    return {"$or": [told, sent]}


def monitor_request(place: Place, image: str, data: str) -> Request:
    """Return the request for a monitoring job, but for its name.

    Folders and variables are those of the containers of Model Monitor.
    """
    settings = place.settings
    captured = ["endpointInput", "endpointOutput"]
    network = {**place.vpc, "EnableNetworkIsolation": settings.isolated}
    return {
        "AppSpecification": {"ImageUri": image, "ContainerArguments": ["monitor"]},
        "RoleArn": place.role,
        "ProcessingInputs": [
            _input("endpoint", place.uri("capture", place.name, VARIANT)),
            _input("model", data),
        ],
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": "report",
                    "S3Output": {
                        "S3Uri": place.uri("monitor"),
                        "LocalPath": _OUT,
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ],
            **place.encrypted("KmsKeyId"),
        },
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceCount": 1,
                "InstanceType": settings.monitor.instance,
                "VolumeSizeInGB": settings.monitor.volume,
                **place.encrypted("VolumeKmsKeyId"),
            }
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": _HOUR},
        "Environment": {
            "dataset_format": json.dumps({"sagemakerCaptureJson": {"captureIndexNames": captured}}),
            "dataset_source": f"{_IN}/endpoint",
            "output_path": _OUT,
            "publish_cloudwatch_metrics": "Enabled",
            "sagemaker_endpoint_name": place.name,
            "sagemaker_monitoring_schedule_name": place.monitoring,
        },
        "NetworkConfig": network,
        "Tags": place.tags,
    }


def pipeline_definition(name: str, kind: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a pipeline of one step.

    Its name is the prefix of its jobs' names, at most 38 characters: the step's alone would be cut
    off at 20, and neither a policy nor a rule could tell by it whose jobs they are.
    """
    step = {"Name": name, "Type": kind, "Arguments": {f"{kind}JobName": name, **request}}
    return {"Version": "2020-12-01", "Parameters": [], "Steps": [step]}


def _input(name: str, uri: str) -> Request:
    return {
        "InputName": name,
        "S3Input": {
            "S3Uri": uri,
            "LocalPath": f"{_IN}/{name}",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
        },
    }


def _rule_plan(
    cloud: Cloud, place: Place, name: str, kind: str, request: Request, when: Request
) -> Plan:
    """Return the plan of a pipeline of one step, and of the rule that starts it."""
    definition = json.dumps(pipeline_definition(name, kind, request), sort_keys=True)
    steps = [
        _pipeline_step(cloud, place, name, definition),
        *_rule_steps(cloud, place, name, when),
    ]
    return Plan(tuple(steps), cloud, names={"pipeline": name, "rule": name})


def _pipeline_step(cloud: Cloud, place: Place, name: str, definition: str) -> Step:
    what = f"pipeline {name}"
    asked = {"PipelineName": name, "PipelineDefinition": definition, "RoleArn": place.role}
    found = cloud.find("sagemaker.describe_pipeline", PipelineName=name)
    if found is None:
        return Step("create", what, "sagemaker.create_pipeline", {**asked, "Tags": place.tags})
    same = json.loads(found["PipelineDefinition"]) == json.loads(definition)
    if same and found["RoleArn"] == place.role:
        return Step("keep", what)
    check_own(cloud, place, found["PipelineArn"], what)
    return Step("update", what, "sagemaker.update_pipeline", asked)


def _rule_steps(cloud: Cloud, place: Place, name: str, when: Request) -> list[Step]:
    what = f"rule {name}: {when.get('ScheduleExpression', 'when monitoring tells of drift')}"
    found = cloud.find("events.describe_rule", Name=name)
    target = {
        "Id": _TARGET,
        "Arn": place.arn("sagemaker", f"pipeline/{name}"),
        "RoleArn": place.role,
        "SageMakerPipelineParameters": {"PipelineParameterList": []},
    }
    if found and found["State"] == "ENABLED" and all(found.get(k) == v for k, v in when.items()):
        there = cloud.pages("events.list_targets_by_rule", "Targets", Rule=name)
        if [(each["Id"], each["Arn"], each.get("RoleArn")) for each in there] == [
            (_TARGET, target["Arn"], place.role)
        ]:
            return [Step("keep", what)]
    rule = {"Name": name, **when, "State": "ENABLED"}
    if found:
        check_own(cloud, place, found["Arn"], f"rule {name}")
    else:
        rule["Tags"] = place.tags
    act: Act = "update" if found else "create"
    asked = {"Rule": name, "Targets": [target]}
    return [
        Step(act, what, "events.put_rule", rule),
        Step(act, f"its target pipeline {name}", "events.put_targets", asked),
    ]
