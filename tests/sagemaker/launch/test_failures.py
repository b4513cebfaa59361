"""What goes wrong is told in words, and what to do about it."""

from __future__ import annotations

import io
import sys
import time
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from fastml.cli.launch import train
from fastml.errors import ConfigError, DataError, LaunchError, SchemaError
from fastml.sagemaker import Launcher
from fastml.sagemaker.launch.cloud import Cloud
from tests.cli.test_commands import fastml
from tests.sagemaker.launch.conftest import PROJECT, Launch
from tests.sagemaker.launch.control_plane import ControlPlane


def refusing(code: str, message: str) -> Any:
    """Return a session of which every call is refused."""

    class Client:
        def __getattr__(self, operation: str) -> Any:
            def call(**_request: Any) -> Any:
                raise ClientError({"Error": {"Code": code, "Message": message}}, operation)

            return call

    class Session:
        region_name = "eu-central-1"

        def client(self, *_args: Any, **_named: Any) -> Client:
            return Client()

    return Session()


@pytest.mark.parametrize(
    ("code", "message", "words"),
    [
        ("AccessDeniedException", "no identity-based policy", "prints a policy"),
        ("AccessDeniedException", "not authorized to perform: iam:PassRole", "iam:PassRole"),
        ("ResourceLimitExceeded", "0 instances of ml.m5.xlarge", "Service Quotas"),
        ("ThrottlingException", "Rate exceeded", "try again"),
        ("ResourceInUse", "already exists", "run the command again"),
        ("ExpiredTokenException", "expired", "sign in again"),
        ("ValidationException", "1 validation error", "1 validation error"),
    ],
)
def test_a_refusal_says_what_to_do(code: str, message: str, words: str) -> None:
    cloud = Cloud(session=refusing(code, message))
    with pytest.raises(LaunchError, match=words) as error:
        cloud.call("sagemaker.create_training_job")
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ValidationException", "Requested resource not found."),
        ("ValidationException", "Could not find endpoint."),
        ("ResourceNotFound", "no such thing"),
        ("RepositoryNotFoundException", "no such repository"),
        ("NoSuchEntity", "no such role"),
        ("404", "Not Found"),
    ],
)
def test_what_is_not_there_is_none(code: str, message: str) -> None:
    assert Cloud(session=refusing(code, message)).find("sagemaker.describe_model") is None


def test_a_refusal_is_not_taken_for_an_absence() -> None:
    with pytest.raises(LaunchError):
        Cloud(session=refusing("AccessDenied", "not found")).find("sagemaker.describe_model")


def test_without_credentials(
    plane: ControlPlane, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(LaunchError, match="aws configure"):
        Launcher(project)
    assert "aws configure" in fastml("sagemaker", "status", exit_code=2).stderr


def test_who_may_do_nothing_is_told_the_policies(
    launcher: Launcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: Any, **__: Any) -> None:
        raise LaunchError("iam.get_role: AccessDenied: no")

    monkeypatch.setattr(Cloud, "find", denied)
    found = launcher.init()
    assert len(found.policies) == 3
    assert "perhaps the role fastml" in found.missing[0]
    assert "AccessDenied" in found.missing[0]


def test_without_a_region(
    plane: ControlPlane, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(ConfigError, match="AWS_DEFAULT_REGION"):
        Launcher(project)


def test_without_the_extra(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(ConfigError, match=r"pip install 'fastml\[sagemaker\]'"):
        Launcher(project)


def test_without_a_task(launch: Launch) -> None:
    with pytest.raises(ConfigError, match=r"\[problem\] task is missing"):
        launch(PROJECT.replace('task = "binary"\n', "")).train()


def test_without_an_image(launch: Launch) -> None:
    with pytest.raises(ConfigError, match="fastml sagemaker push"):
        launch(PROJECT.replace('image = "images/fastml:1"\n', "")).train()


def test_without_data(launcher: Launcher) -> None:
    Path("churn.parquet").unlink()
    with pytest.raises(DataError, match=r"churn\.parquet"):
        launcher.train()


@pytest.mark.parametrize("source", ["https://host/rows.csv", "s3://bucket/*.csv"])
def test_data_that_a_job_cannot_reach(launch: Launch, source: str) -> None:
    with pytest.raises(ConfigError, match="read"):
        launch(PROJECT.replace("churn.parquet", source)).train()


def test_a_hyperparameter_that_is_not_known(launcher: Launcher) -> None:
    with pytest.raises(ConfigError, match="did you mean 'epochs'"):
        launcher.train({"epoch": "3"})


def test_a_target_that_is_not_there(launcher: Launcher) -> None:
    with pytest.raises(SchemaError, match="did you mean 'churn'"):
        launcher.train({"target": "churm"})


def test_nothing_is_done_without_a_yes(plane: ControlPlane, project: Path) -> None:
    error = fastml("sagemaker", "train", exit_code=2).stderr
    assert "--yes" in error
    assert not boto3.client("sagemaker").list_training_jobs()["TrainingJobSummaries"]
    assert "KEY=VALUE" in fastml("sagemaker", "train", "--set", "l2", exit_code=2).stderr


def test_an_interrupt_between_steps_does_not_say_that_nothing_was_done(
    plane: ControlPlane, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Cloud, "do", interrupted)
    told = fastml("sagemaker", "train", "--yes", exit_code=130).stderr
    assert "nothing was written" not in told
    assert "half done: upload    churn.parquet" in told


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_whoever_is_asked_may_say_no(
    plane: ControlPlane, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = boto3.client("sagemaker").list_training_jobs
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    with pytest.raises(ConfigError, match="nothing was done"):
        train(project=str(project))
    assert not jobs()["TrainingJobSummaries"]
    monkeypatch.setattr(sys, "stdin", Terminal("yes\n"))
    train(project=str(project))
    assert len(jobs()["TrainingJobSummaries"]) == 1


def test_the_gate(launcher: Launcher, plane: ControlPlane) -> None:
    with pytest.raises(LaunchError, match="fastml sagemaker train"):
        launcher.deploy()
    plane.metrics["passed"] = 0.0
    launcher.train().apply(print)
    with pytest.raises(LaunchError, match="--despite-gate"):
        launcher.deploy()
    assert not launcher.compare().better
    plan = launcher.deploy(despite_gate=True)
    assert any("PendingManualApproval" in step.what for step in plan.steps)
    plan.apply(print)


def test_a_model_that_is_not_better_is_not_promoted(
    launcher: Launcher, plane: ControlPlane
) -> None:
    launcher.train().apply(print)
    launcher.deploy().apply(print)
    plane.metrics["test:roc_auc"] = 0.7
    told = fastml("sagemaker", "retrain", "--yes", "--promote", exit_code=3)
    assert "is not better: test:roc_auc is 0.7, and was 0.85" in told.stderr
    assert not plane.updates


def test_a_dry_run_promotes_nothing(launcher: Launcher, plane: ControlPlane) -> None:
    launcher.train().apply(print)
    launcher.deploy().apply(print)
    plane.metrics["test:roc_auc"] = 0.9
    launcher.retrain().apply(print)
    told = fastml("sagemaker", "retrain", "--last", "--promote", "--dry-run", "--yes")
    assert "update    endpoint churn" in told.stdout
    assert not plane.updates


def test_what_trains_later_is_not_promoted_now(plane: ControlPlane, project: Path) -> None:
    told = fastml("sagemaker", "retrain", "--on-drift", "--promote", exit_code=2)
    assert "--promote" in told.stderr


def test_an_update_that_was_rolled_back(launcher: Launcher, plane: ControlPlane) -> None:
    launcher.train().apply(print)
    launcher.deploy().apply(print)
    launcher.retrain().apply(print)
    plane.rolls_back = True
    with pytest.raises(LaunchError, match="rolled back"):
        launcher.deploy().apply(print)


def test_monitoring_needs_what_was_asked(launch: Launch) -> None:
    with pytest.raises(LaunchError, match="deploy one"):
        launch().monitor()
    launcher = launch(PROJECT.replace("capture = 100\n", ""))
    launcher.train().apply(print)
    launcher.deploy().apply(print)
    with pytest.raises(ConfigError, match="capture = 100"):
        launcher.monitor()


@pytest.mark.parametrize("stop", [False, True])
def test_an_interrupt(
    launcher: Launcher, plane: ControlPlane, monkeypatch: pytest.MonkeyPatch, stop: bool
) -> None:
    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    plane.status = "InProgress"
    monkeypatch.setattr(time, "sleep", interrupt)
    plan = launcher.train()
    name = plan.names["training_job"]
    with pytest.raises(KeyboardInterrupt) as caught:
        plan.apply(print, stop_on_interrupt=stop)
    (note,) = caught.value.__notes__
    assert plane.stopped == ([name] if stop else [])
    if not stop:
        assert f"aws sagemaker stop-training-job --training-job-name {name}" in note
        assert [step.act for step in launcher.train().steps] == ["keep", "wait"]
