"""What is not the project's is neither changed nor removed; what was begun is gone on with."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from fastml.errors import LaunchError
from fastml.sagemaker import Launcher
from fastml.sagemaker.launch.cloud import Cloud
from fastml.sagemaker.launch.plan import Step
from tests.sagemaker.launch.conftest import BUCKET, PROJECT, Launch
from tests.sagemaker.launch.control_plane import ControlPlane


@pytest.fixture
def deployed(launcher: Launcher) -> Launcher:
    for plan in (launcher.train, launcher.deploy, launcher.monitor):
        plan().apply(print)
    return launcher


def disown(service: str, arn: str) -> None:
    """Take the tag of a project from a thing, as if another had made it."""
    client = boto3.client(service)
    key = "ResourceArn" if service == "sagemaker" else "ResourceARN"
    remove = client.delete_tags if service == "sagemaker" else client.untag_resource
    remove(**{key: arn}, TagKeys=["fastml:project"])


def endpoint() -> dict[str, Any]:
    return boto3.client("sagemaker").describe_endpoint(EndpointName="churn")


def test_an_endpoint_of_others_is_not_touched(deployed: Launcher) -> None:
    disown("sagemaker", endpoint()["EndpointArn"])
    with pytest.raises(LaunchError, match=r"endpoint churn is there, but not of this project"):
        deployed.deploy()
    plan = deployed.delete()
    assert not {"endpoint churn", "scaling of churn"} & {
        step.what for step in plan.steps if step.act == "delete"
    }
    plan.apply(print)
    assert endpoint()["EndpointStatus"] == "InService"


def test_a_rule_and_a_pipeline_of_others_stay(deployed: Launcher, launch: Launch) -> None:
    events, sagemaker = boto3.client("events"), boto3.client("sagemaker")
    disown("events", events.describe_rule(Name="churn-monitor")["Arn"])
    pipeline = sagemaker.describe_pipeline(PipelineName="churn-monitor")["PipelineArn"]
    disown("sagemaker", pipeline)
    deployed.delete().apply(print)
    assert events.list_targets_by_rule(Rule="churn-monitor")["Targets"]
    assert sagemaker.describe_pipeline(PipelineName="churn-monitor")


def test_alarms_of_others_stay(deployed: Launcher, launch: Launch) -> None:
    watch = boto3.client("cloudwatch")
    (alarm,) = watch.describe_alarms(AlarmNames=["churn-errors"])["MetricAlarms"]
    disown("cloudwatch", alarm["AlarmArn"])
    with pytest.raises(LaunchError, match="alarm churn-errors is there"):
        launch(PROJECT.replace("capture = 100", "capture = 100\nerrors = 9")).deploy()
    deployed.delete().apply(print)
    left = watch.describe_alarms()["MetricAlarms"]
    assert [each["AlarmName"] for each in left] == ["churn-errors"]


def test_models_of_others_stay(deployed: Launcher) -> None:
    sagemaker = boto3.client("sagemaker")
    (model,) = sagemaker.list_models()["Models"]
    disown("sagemaker", model["ModelArn"])
    deployed.delete().apply(print)
    assert sagemaker.list_models()["Models"]
    assert not sagemaker.list_endpoint_configs()["EndpointConfigs"]


def test_rows_of_ones_own_below_the_prefix_stay(deployed: Launcher) -> None:
    s3 = boto3.client("s3")
    s3.put_object(Bucket=BUCKET, Key="fastml/churn/rows/1.csv", Body=b"a\n1\n")
    deployed.delete(artifacts=True).apply(print)
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET)["Contents"]] == [
        "fastml/churn/rows/1.csv"
    ]


def test_nothing_is_removed_where_there_is_no_bucket(launcher: Launcher) -> None:
    boto3.client("s3").delete_bucket(Bucket=BUCKET)
    assert not launcher.delete(artifacts=True).steps
    with pytest.raises(LaunchError, match="init"):
        launcher.train()


@pytest.mark.parametrize("status", ["Creating", "Updating"])
def test_an_endpoint_that_no_one_waited_for(
    deployed: Launcher, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    find = Cloud.find

    def found(cloud: Cloud, call: str, /, **request: Any) -> dict[str, Any] | None:
        answer = find(cloud, call, **request)
        if call == "sagemaker.describe_endpoint" and answer is not None:
            answer["EndpointStatus"] = status
            answer.pop("ProductionVariants")
            if status == "Updating":
                pending = {"EndpointConfigName": answer["EndpointConfigName"]}
                answer |= {"EndpointConfigName": "before", "PendingDeploymentSummary": pending}
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(Cloud, "find", found)
        acts = {step.act for step in deployed.deploy().steps if step.what.startswith("endpoint c")}
        if status == "Creating":
            assert deployed.status().things[0].state == status
    assert acts == {"keep", "wait"}


def test_scaling_ends_before_an_endpoint_changes_its_machines(
    deployed: Launcher, launch: Launch
) -> None:
    words = PROJECT.replace("max_count = 3", 'instance = "ml.c5.large"')
    steps = [step.what for step in launch(words).deploy().steps if step.act != "keep"]
    assert steps.index("scaling of churn") < steps.index("endpoint churn (real-time)")


@pytest.mark.parametrize(
    "answer",
    [
        {"FailedEntryCount": 1, "FailedEntries": [{"TargetId": "pipeline", "ErrorCode": "No"}]},
        {"Errors": [{"Key": "a", "Code": "No"}]},
    ],
)
def test_a_part_that_is_refused_is_told(
    plane: ControlPlane, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any]
) -> None:
    monkeypatch.setattr(Cloud, "call", lambda *_, **__: answer)
    with pytest.raises(LaunchError, match="1 refused of the things"):
        Cloud("eu-central-1").do(
            Step("delete", "the things", "s3.delete_objects"), print, stop=False
        )
