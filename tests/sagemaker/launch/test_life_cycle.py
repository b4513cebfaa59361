"""A project's whole life in the cloud, by the command line and from Python."""

from __future__ import annotations

import json
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import boto3
import pytest

from fastml.errors import ConfigError
from fastml.sagemaker import Launcher
from fastml.workflow.project import parse_project
from tests.cli.test_commands import fastml
from tests.sagemaker.launch.conftest import BUCKET, PROJECT, Launch
from tests.sagemaker.launch.control_plane import REGION, ControlPlane
from tests.sagemaker.launch.shapes import faults


def sagemaker(*arguments: str, exit_code: int = 0) -> str:
    return fastml("sagemaker", *arguments, exit_code=exit_code).stdout


def acts(output: str, *, but: tuple[str, ...] = ("note:", "wait")) -> set[str]:
    return {line.split()[0] for line in output.splitlines() if not line.startswith(but)}


def objects() -> dict[str, bytes]:
    s3 = boto3.resource("s3").Bucket(BUCKET)
    return {each.key: each.get()["Body"].read() for each in s3.objects.all()}


def test_by_the_command_line(
    plane: ControlPlane,
    project: Path,
    session: boto3.Session,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Each command would read the services' models anew.
    monkeypatch.setattr(boto3, "Session", lambda **_named: session)
    policies = sagemaker("init")
    assert '"sts:AssumeRole"' in policies
    assert "missing: the role fastml" in policies

    planned = sagemaker("train", "--dry-run")
    assert acts(planned) == {"upload", "create"}
    assert not objects()
    assert sagemaker("train", "--yes") == planned
    assert acts(sagemaker("train")) == {"is"}  # and there is nothing to agree to

    assert acts(sagemaker("tune", "--yes", "--no-wait")) == {"create"}
    assert acts(sagemaker("tune", "--yes")) == {"is"}

    assert "endpoint churn (real-time)" in sagemaker("deploy", "--yes")
    assert acts(sagemaker("deploy", "--yes")) == {"is"}

    Path("new.jsonl").write_text('{"tenure": 3}\n', encoding="utf-8")
    assert "predictions: s3://" in sagemaker("transform", "new.jsonl", "--yes", "--join")
    assert acts(sagemaker("transform", "new.jsonl", "--join")) == {"is"}

    assert acts(sagemaker("monitor", "--yes")) == {"create"}
    assert acts(sagemaker("monitor", "--yes")) == {"is"}
    sagemaker("monitor", "--now", "--yes")

    plane.metrics["test:roc_auc"] = 0.9
    found = json.loads(sagemaker("retrain", "--yes", "--promote", "--json"))
    assert found["better"]
    assert "0.9, and was 0.85" in found["why"]
    (update,) = plane.updates
    policy = update["DeploymentConfig"]["BlueGreenUpdatePolicy"]
    assert policy["TrafficRoutingConfiguration"]["Type"] == "CANARY"
    rollback = update["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]
    assert [each["AlarmName"] for each in rollback] == ["churn-errors", "churn-latency"]

    things = json.loads(sagemaker("status", "--json"))["things"]
    kinds = {each["kind"]: each["state"] for each in things}
    assert kinds["endpoint"] == "InService"
    assert kinds["rule"] == "ENABLED"
    assert {"scaling", "alarm", "training job", "tuning job", "processing job"} < set(kinds)
    assert sagemaker("status").splitlines()[0].startswith("endpoint")

    assert acts(sagemaker("delete", "--yes")) == {"delete"}
    assert objects()
    assert acts(sagemaker("delete", "--yes", "--artifacts")) == {"delete"}
    assert not objects()
    assert sagemaker("delete", "--yes", "--artifacts") == "nothing to do\n"
    assert "endpoint" not in sagemaker("status")


ASKED_FOR = {
    "HeadBucket": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "DeleteObjects": "DeleteObject",
}
SERVICES = {"monitoring": "cloudwatch"}


def test_the_policy_of_whoever_launches_suffices_for_requests_that_are_whole(
    plane: ControlPlane, project: Path
) -> None:
    longest = "churn-of-all-our-own"  # 20 characters
    project.write_text(PROJECT.replace('name = "churn"', f'name = "{longest}"'), encoding="utf-8")
    called = set()
    refused = []

    def judge(params: dict[str, Any], model: Any, **_: Any) -> None:
        if model.input_shape is not None:
            refused.extend(faults(params, model.input_shape))

    def note(model: Any, **_: Any) -> None:
        service = model.service_model.signing_name
        called.add(f"{SERVICES.get(service, service)}:{ASKED_FOR.get(model.name, model.name)}")

    session = boto3.Session(region_name=REGION)
    session.events.register("before-call.*", note)
    session.events.register("provide-client-params.*", judge)
    launcher = Launcher(project, session=session, every=0.0)
    policies = launcher.init().policies
    for plan in (
        launcher.train, launcher.tune, launcher.deploy, launcher.monitor, launcher.retrain,
        launcher.deploy, lambda: launcher.monitor(now=True),
        lambda: launcher.transform("churn.parquet"), lambda: launcher.delete(artifacts=True),
    ):  # fmt: skip
        plan().apply(print)
        launcher.status()
    allowed: list[str] = []
    for statement in policies["policy of whoever launches"]["Statement"]:
        actions = statement["Action"]
        allowed += [actions] if isinstance(actions, str) else actions
    called.remove("sts:GetCallerIdentity")  # which no one can be denied
    assert len(called) > 40
    assert not refused
    assert not [call for call in called if not any(fnmatch(call, each) for each in allowed)]


def test_what_a_job_is_given(launcher: Launcher) -> None:
    launcher.train({"l2": "0.01"}).apply(print)
    (name,) = launcher.train({"l2": "0.01"}).names.values()
    job = boto3.client("sagemaker").describe_training_job(TrainingJobName=name)
    assert job["HyperParameters"] == {"l2": "0.01"}
    channels = {
        each["ChannelName"]: each["DataSource"]["S3DataSource"]["S3Uri"]
        for each in job["InputDataConfig"]
    }
    assert set(channels) == {"train", "config"}
    uploaded = objects()
    key = channels["config"].removeprefix(f"s3://{BUCKET}/") + "project.toml"
    given = parse_project(uploaded[key].decode())
    assert given.success == {"roc_auc": {"min": 0.8}}
    assert not given.sagemaker
    assert str(launcher._project.folder) not in given.text
    rows = channels["train"].removeprefix(f"s3://{BUCKET}/") + "churn.parquet"
    assert uploaded[rows] == Path("churn.parquet").read_bytes()
    tags = boto3.client("sagemaker").list_tags(ResourceArn=job["TrainingJobArn"])["Tags"]
    assert {"Key": "fastml:project", "Value": "churn"} in tags


def test_other_rows_are_another_job(launcher: Launcher, launch: Launch) -> None:
    first = launcher.train().names
    again = launch().train().names
    Path("churn.parquet").rename("rows.parquet")
    (Path("parts") / "kind=a").mkdir(parents=True)
    Path("rows.parquet").rename("parts/kind=a/rows.parquet")
    plan = launch(PROJECT.replace("churn.parquet", "parts")).train()
    assert first == again != plan.names
    assert any("kind=a/rows.parquet" in step.what for step in plan.steps)


def test_a_link_is_uploaded_under_its_own_name(launcher: Launcher, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    Path("churn.parquet").rename("elsewhere/rows-of-today.parquet")
    Path("churn.parquet").symlink_to("elsewhere/rows-of-today.parquet")
    uploads = [step.what for step in launcher.train().steps if step.act == "upload"]
    assert uploads[0].startswith("churn.parquet as s3://")


def test_a_change_of_place_alone_changes_no_project(launcher: Launcher, launch: Launch) -> None:
    launcher.train().apply(print)
    other = launch(PROJECT.replace("images/fastml:1", "images/fastml:2")).train()
    assert [step.act for step in other.steps] == ["create", "wait"]


def test_a_job_that_failed_is_tried_under_another_name(
    launcher: Launcher, plane: ControlPlane
) -> None:
    plane.status, plane.reason = "Failed", "there is no column 'churn'"
    first = launcher.train()
    with pytest.raises(RuntimeError, match="there is no column 'churn'"):
        first.apply(print)
    plane.status = "Completed"
    second = launcher.train()
    assert second.names["training_job"] == f"{first.names['training_job']}-2"
    second.apply(print)
    assert not launcher.train().changes


def test_a_tuning_job(launcher: Launcher) -> None:
    plan = launcher.tune()
    plan.apply(print)
    (create,) = (step for step in plan.steps if step.act == "create")
    config = create.request["HyperParameterTuningJobConfig"]
    assert config["HyperParameterTuningJobObjective"]["MetricName"] == "validation:roc_auc"
    names = [each["Name"] for each in config["ParameterRanges"]["ContinuousParameterRanges"]]
    assert names == ["learner.l2"]
    assert launcher.best_job(plan.names["tuning_job"])


@pytest.mark.parametrize(
    ("ranges", "words"),
    [
        ("ranges.epoch = { low = 1, high = 2 }", "did you mean 'epochs'"),
        ('ranges.solver = ["sgd", "adam"]', "solver"),
        ("ranges.epochs = { low = 0, high = 2 }", "at least 1"),
    ],
)
def test_what_a_job_would_refuse_is_not_tuned(launch: Launch, ranges: str, words: str) -> None:
    words_of_file = PROJECT.partition("[sagemaker.tune]")[0] + f"[sagemaker.tune]\n{ranges}\n"
    with pytest.raises(ConfigError, match=words):
        launch(words_of_file).tune()


def test_a_grid_counts_its_jobs_itself(launch: Launch) -> None:
    words = PROJECT.partition("[sagemaker.tune]")[0] + '[sagemaker.tune]\nstrategy = "Grid"\n'
    create = launch(words + 'ranges.solver = ["sgd", "lbfgs"]\n').tune().steps[-2]
    limits = create.request["HyperParameterTuningJobConfig"]["ResourceLimits"]
    assert limits == {"MaxParallelTrainingJobs": 2}
    with pytest.raises(ConfigError, match="lists of values alone"):
        launch(words + "ranges.epochs = { low = 1, high = 2 }\n").tune()


def test_the_space_of_the_project_is_tuned(launch: Launch) -> None:
    words = PROJECT.partition("[sagemaker.tune]")[0]
    space = "[tune]\ntrials = 7\nspace.learner.l2 = { low = 1e-8, high = 1e-2, log = true }\n"
    plan = launch(words + space).tune()
    create = plan.steps[-2]
    config = create.request["HyperParameterTuningJobConfig"]
    assert config["ResourceLimits"]["MaxNumberOfTrainingJobs"] == 7
    (upload,) = (step for step in plan.steps if "the project" in step.what)
    assert parse_project(upload.request["Body"]).tune is None  # no search within each trial
    with pytest.raises(ConfigError, match="nothing to tune"):
        launch(words).tune()


def test_a_model_is_registered_with_metrics_and_a_card(launcher: Launcher) -> None:
    launcher.train().apply(print)
    launcher.deploy().apply(print)
    client = boto3.client("sagemaker")
    listed = client.list_model_packages(ModelPackageGroupName="churn")
    (package,) = listed["ModelPackageSummaryList"]
    found = client.describe_model_package(ModelPackageName=package["ModelPackageArn"])
    assert found["ModelApprovalStatus"] == "Approved"
    where = found["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]
    report = json.loads(objects()[where.removeprefix(f"s3://{BUCKET}/")])
    assert report["binary_classification_metrics"]["roc_auc"]["value"] == 0.85
    create = next(s for s in launcher.deploy().steps if s.what.startswith("model package"))
    assert create.act == "keep"


def test_the_card_tells_of_the_training(launcher: Launcher) -> None:
    launcher.train().apply(print)
    steps = launcher.deploy().steps
    (create,) = (step for step in steps if step.call == "sagemaker.create_model_package")
    card = json.loads(create.request["ModelCard"]["ModelCardContent"])
    assert card["training_details"]["objective_function"]["function"]["function"] == "Maximize"
    groups = card["evaluation_details"][0]["metric_groups"]
    assert {"name": "roc_auc", "type": "number", "value": 0.85} in groups[1]["metric_data"]


def test_a_model_of_elsewhere_is_deployed(launch: Launch) -> None:
    words = PROJECT.replace("max_count = 3\n", "").replace("capture = 100\n", "")
    launcher = launch(words.replace('shift = "canary"', 'kind = "serverless"'))
    plan = launcher.deploy(model_data="s3://bucket/model.tar.gz")
    assert "whether it met its success criteria is not known" in plan.notes
    plan.apply(print)
    assert not launcher.deploy(model_data="s3://bucket/model.tar.gz").changes
    launcher.train().apply(print)
    assert launcher.compare().why == "no model of a known training is in service"
    with pytest.raises(ConfigError, match="taken from S3"):
        launcher.deploy(model_data="model.tar.gz")
    with pytest.raises(ConfigError, match="not both"):
        launcher.deploy("a-job", model_data="s3://bucket/model.tar.gz")


def test_an_endpoint_that_shall_no_longer_grow(launcher: Launcher, launch: Launch) -> None:
    launcher.train().apply(print)
    launcher.deploy().apply(print)
    launcher = launch(PROJECT.replace("max_count = 3\n", ""))
    plan = launcher.deploy()
    assert [step.act for step in plan.steps if "scaling" in step.what] == ["delete"]
    plan.apply(print)
    assert not launcher.deploy().changes


def test_what_watches_follows_the_model(launcher: Launcher, plane: ControlPlane) -> None:
    launcher.train().apply(print)
    launcher.deploy().apply(print)
    launcher.monitor().apply(print)
    launcher.retrain().apply(print)
    plan = launcher.deploy()
    assert {"update"} == {step.act for step in plan.steps if step.what == "pipeline churn-monitor"}
    plan.apply(print)
    definition = json.loads(
        boto3.client("sagemaker").describe_pipeline(PipelineName="churn-monitor")[
            "PipelineDefinition"
        ]
    )
    inputs: list[dict[str, Any]] = definition["Steps"][0]["Arguments"]["ProcessingInputs"]
    assert launcher.compare().why == "it is in service already"
    assert f"/{launcher.compare().job}/" in inputs[1]["S3Input"]["S3Uri"]


def test_what_is_no_longer_captured_hinders_no_deployment(
    launcher: Launcher, launch: Launch
) -> None:
    for plan in (launcher.train, launcher.deploy, launcher.monitor):
        plan().apply(print)
    plan = launch(PROJECT.replace("capture = 100\n", "")).deploy()
    assert "update" in {step.act for step in plan.steps if step.what.startswith("endpoint c")}
    assert any("no longer captured" in note for note in plan.notes)


def test_drift_begins_a_retraining(launch: Launch) -> None:
    words = PROJECT.replace('"churn.parquet"', f'"s3://{BUCKET}/rows/"')
    launcher = launch(words)
    plan = launcher.retrain(on_drift=True)
    plan.apply(print)
    assert not launcher.retrain(on_drift=True).changes
    events = boto3.client("events")
    rule = events.describe_rule(Name="churn-retrain")
    told, sent = json.loads(rule["EventPattern"])["$or"]
    assert told["source"] == ["aws.sagemaker"]
    assert told["detail"] == {
        "ProcessingJobName": [{"prefix": "churn-monitor-"}],
        "ProcessingJobStatus": ["Completed"],
        "ExitMessage": [{"prefix": "CompletedWithViolations"}],
    }
    assert sent["source"] == ["fastml.monitor"]
    assert sent["detail"] == {"endpoint": ["churn"]}
    (target,) = events.list_targets_by_rule(Rule="churn-retrain")["Targets"]
    assert target["Arn"].endswith(":pipeline/churn-retrain")
    definition = json.loads(plan.steps[-3].request["PipelineDefinition"])
    (step,) = definition["Steps"]
    assert step["Type"] == "Training"
    assert step["Arguments"]["TrainingJobName"] == "churn-retrain"  # of each execution's, a prefix
    launcher.delete().apply(print)
    assert launcher.status().things == ()


def test_drift_of_a_local_file_begins_nothing(launcher: Launcher) -> None:
    with pytest.raises(ConfigError, match="local file"):
        launcher.retrain(on_drift=True)
