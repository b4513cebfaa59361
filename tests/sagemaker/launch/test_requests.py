"""Requests are as the services' own models have them."""

from __future__ import annotations

import json
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from fastml.errors import ConfigError
from fastml.sagemaker.launch.guards import alarm_requests, scaling_requests
from fastml.sagemaker.launch.inputs import Inputs
from fastml.sagemaker.launch.policy import execution_policy, launcher_policy, trust_policy
from fastml.sagemaker.launch.repeating import monitor_request, pipeline_definition
from fastml.sagemaker.launch.serving import deployment, endpoint_config_request, model_request
from fastml.sagemaker.launch.training import training_request
from fastml.sagemaker.launch.transforming import transform_request
from fastml.sagemaker.launch.tuning import parameter_ranges
from tests.sagemaker.launch.conftest import a_place
from tests.sagemaker.launch.shapes import faults

CHANNEL = {
    "ChannelName": "train",
    "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/rows/"}},
}
KEY = "11111111-2222-3333-4444-555555555555"
FULL = {
    "spot": True,
    "kms_key": KEY,
    "subnets": ["subnet-1"],
    "security_groups": ["sg-1"],
    "isolated": True,
    "environment": {"FASTML_THREADS": "2"},
}


def check(service: str, operation: str, request: dict[str, Any]) -> None:
    model = botocore.session.get_session().get_service_model(service)
    shape = model.operation_model(operation).input_shape
    report = ParamValidator().validate(request, shape)
    assert not report.has_errors(), report.generate_report()
    assert not list(faults(request, shape))


@pytest.mark.parametrize("settings", [{}, FULL, {"keep_alive": 1800}])
def test_training(settings: dict[str, Any]) -> None:
    place = a_place(**settings)
    channels = Inputs((CHANNEL,), (), remote=True)
    request = training_request(place, "binary", "image", channels, {"l2": "0.1"})
    check("sagemaker", "CreateTrainingJob", {"TrainingJobName": "churn-1", **request})
    names = [each["Name"] for each in request["AlgorithmSpecification"]["MetricDefinitions"]]
    assert "validation:roc_auc" in names
    assert "passed" in names
    stopping = request["StoppingCondition"]
    assert ("MaxWaitTimeInSeconds" in stopping) == request["EnableManagedSpotTraining"]
    warm = request["ResourceConfig"].get("KeepAlivePeriodInSeconds", 0)
    assert warm == settings.get("keep_alive", 0)


@pytest.mark.parametrize(
    "endpoint",
    [
        {},
        {"capture": 20, "max_count": 4, "shift": "linear"},
        {"kind": "serverless", "provisioned": 2},
        {"kind": "async", "topics": {"success": "arn:aws:sns:eu-central-1:123456789012:done"}},
    ],
)
@pytest.mark.parametrize("settings", [{}, {"kms_key": KEY}])
def test_endpoints(settings: dict[str, Any], endpoint: dict[str, Any]) -> None:
    place = a_place(endpoint=endpoint, **settings)
    model = model_request(place, "image", "s3://bucket/model.tar.gz")
    check("sagemaker", "CreateModel", {"ModelName": "churn-1", **model})
    config = endpoint_config_request(place, "churn-1")
    check("sagemaker", "CreateEndpointConfig", {"EndpointConfigName": "churn-1", **config})
    update = deployment(place.settings.endpoint, ["churn-errors"])
    names = {"EndpointName": "churn", "EndpointConfigName": "churn-1"}
    check("sagemaker", "UpdateEndpoint", {**names, **update})
    assert bool(update) == (place.settings.endpoint.kind != "serverless")
    for alarm in alarm_requests(place):
        check("cloudwatch", "PutMetricAlarm", alarm)
    bounds, policy = scaling_requests(place)
    check("application-autoscaling", "RegisterScalableTarget", bounds)
    check("application-autoscaling", "PutScalingPolicy", policy)


def test_latency_is_told_in_microseconds() -> None:
    alarms = alarm_requests(a_place(endpoint={"latency_ms": 20.0}))
    thresholds = {each["MetricName"]: each["Threshold"] for each in alarms}
    assert thresholds["ModelLatency"] == 20_000.0


@pytest.mark.parametrize(
    ("kind", "batch", "split"),
    [("text/csv", "SingleRecord", "None"), ("application/jsonlines", "MultiRecord", "Line")],
)
def test_transform(kind: str, batch: str, split: str) -> None:
    request = transform_request(a_place(), "churn-1", "s3://b/x", kind, "application/jsonlines")
    check("sagemaker", "CreateTransformJob", {"TransformJobName": "churn-1", **request})
    assert request["BatchStrategy"] == batch
    assert request["TransformInput"]["SplitType"] == split


def test_lines_alone_are_joined() -> None:
    lines = "application/jsonlines"
    request = transform_request(a_place(), "churn-1", "s3://b/x", lines, lines, join=True)
    assert request["DataProcessing"] == {"JoinSource": "Input"}
    with pytest.raises(ConfigError, match="joined"):
        transform_request(a_place(), "churn-1", "s3://b/x", "text/csv", lines, join=True)


@pytest.mark.parametrize("settings", [{}, {**FULL, "spot": False}])
def test_monitoring(settings: dict[str, Any]) -> None:
    request = monitor_request(a_place(**settings), "image", "s3://b/model.tar.gz")
    check("sagemaker", "CreateProcessingJob", {"ProcessingJobName": "churn-1", **request})
    assert request["AppSpecification"]["ContainerArguments"] == ["monitor"]
    definition = pipeline_definition("churn-monitor", "Processing", request)
    (step,) = definition["Steps"]
    check("sagemaker", "CreateProcessingJob", step["Arguments"])
    assert step["Arguments"]["ProcessingJobName"] == "churn-monitor"
    assert json.loads(json.dumps(definition)) == definition


def test_ranges() -> None:
    found = parameter_ranges(
        {
            "learner.l2": {"low": 1e-8, "high": 0.01, "log": True},
            "epochs": {"low": 1, "high": 20},
            "solver": ["sgd", "lbfgs"],
            "drop_missing_rows": [True, False],
        }
    )
    assert found == {
        "ContinuousParameterRanges": [
            {
                "Name": "learner.l2",
                "MinValue": "1e-08",
                "MaxValue": "0.01",
                "ScalingType": "Logarithmic",
            }
        ],
        "IntegerParameterRanges": [
            {"Name": "epochs", "MinValue": "1", "MaxValue": "20", "ScalingType": "Linear"}
        ],
        "CategoricalParameterRanges": [
            {"Name": "solver", "Values": ["sgd", "lbfgs"]},
            {"Name": "drop_missing_rows", "Values": ["true", "false"]},
        ],
    }


@pytest.mark.parametrize(
    "stated",
    [
        {"low": 2, "high": 1},
        {"low": 1},
        3,
        [],
        {"low": 0, "hi": 1},
        {"low": 0, "high": 1, "log": True},
        list(range(31)),
    ],
)
def test_a_range_that_is_none_is_refused(stated: Any) -> None:
    with pytest.raises(ConfigError, match="l2"):
        parameter_ranges({"l2": stated})


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-central-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")],
)
def test_policies_name_what_they_allow(region: str, partition: str) -> None:
    place = a_place(region, partition, **FULL)
    whole = json.dumps([execution_policy(place), launcher_policy(place), trust_policy(place)])
    arns = {word.split(":")[1] for word in whole.split('"') if word.startswith("arn:")}
    assert arns == {partition}
    for statement in execution_policy(place)["Statement"]:
        actions = statement["Action"]
        actions = [actions] if isinstance(actions, str) else actions
        assert not any(action.endswith(":*") or action == "*" for action in actions)
        if statement["Resource"] == "*":  # services that know no narrower resource
            services = {action.partition(":")[0] for action in actions}
            assert services <= {"ecr", "cloudwatch", "ec2"}
    assert f"/{place.prefix}/*" in whole


def allowed(policy: dict[str, Any], action: str) -> list[dict[str, Any]]:
    """Return the statements of a policy that name an action."""
    return [each for each in policy["Statement"] if action in each["Action"]]


def test_jobs_may_read_rows_where_they_lie() -> None:
    sources = ["s3://rows/churn/?region=eu-west-1", "/home/churn.parquet"]
    granted = allowed(execution_policy(a_place(), sources), "s3:GetObject")
    assert [each["Resource"] for each in granted][1:] == ["arn:aws:s3:::rows/churn/*"]


def test_jobs_may_run_the_image_that_is_stated() -> None:
    image = "210987654321.dkr.ecr.eu-west-1.amazonaws.com/ml/fastml@sha256:0"
    (granted,) = allowed(execution_policy(a_place(image=image)), "ecr:BatchGetImage")
    assert granted["Resource"] == "arn:aws:ecr:eu-west-1:210987654321:repository/ml/fastml"


def test_whoever_launches_may_encrypt_and_pass_the_role_on_to_two_services_alone() -> None:
    policy = launcher_policy(a_place(kms_key=KEY))
    assert allowed(policy, "kms:CreateGrant")
    (granted,) = allowed(policy, "iam:PassRole")
    assert granted["Condition"]["StringEquals"]["iam:PassedToService"] == [
        "sagemaker.amazonaws.com",
        "events.amazonaws.com",
    ]


def test_policies_reach_no_other_project() -> None:
    place = a_place()
    for policy in (execution_policy(place), launcher_policy(place)):
        whole = json.dumps(policy)
        assert "/*churn" not in whole
        assert "churn*" not in whole


def test_hosts_of_china() -> None:
    assert a_place("cn-north-1", "aws-cn").registry.endswith(".amazonaws.com.cn")


def test_names_are_of_one_project_alone() -> None:
    place = a_place()
    assert place.owns(place.named("anything"))
    assert place.owns(f"{place.named(1)}-2")
    assert not place.owns("churn-eu-0123abcd")
    assert place.ran(place.retraining, "churn-retrain-0a1b2c3d4e5f-A1b2C3d4E5-0")
    assert not place.ran(place.retraining, "old-churn-retrain-0a1b2c3d4e5f-A1b2C3d4E5-0")
    assert not place.ran(place.retraining, "churn-retrain-0a1b2c3d-2")
    assert place.named({"a": 1, "b": 2}) == place.named({"b": 2, "a": 1}) != place.named({"a": 1})
