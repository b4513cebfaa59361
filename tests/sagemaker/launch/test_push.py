"""An image is pushed once for each content, and its password is seen by no one."""

from __future__ import annotations

import sys
from pathlib import Path

import boto3
import pytest

from fastml.errors import ConfigError, LaunchError
from tests.sagemaker.launch.conftest import PROJECT, Launch
from tests.sagemaker.launch.control_plane import ACCOUNT, REGION

NO_IMAGE = PROJECT.replace('image = "images/fastml:1"\n', "")
ENGINE = f"""#!{sys.executable}
import sys
from pathlib import Path

log = Path(__file__).with_suffix(".log")
given = sys.stdin.read() if "--password-stdin" in sys.argv else ""
with log.open("a") as file:
    print(*sys.argv[1:], f"({{len(given)}})" if given else "", file=file)
if "inspect" in sys.argv:
    print("sha256:0123456789abcdef")
if "push" in sys.argv:
    if Path("offline").exists():
        sys.exit("no route to host")
    import json

    import boto3

    manifest = json.dumps({{"mediaType": "application/vnd.oci.image.manifest.v1+json"}})
    repository, _, tag = sys.argv[-1].rpartition(":")
    name = repository.partition("/")[2]
    boto3.client("ecr").put_image(repositoryName=name, imageTag=tag, imageManifest=manifest)
"""


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    program = tmp_path / "engine"
    program.write_text(ENGINE, encoding="utf-8")
    program.chmod(0o755)
    return program


def test_an_image_is_pushed_once(launch: Launch, engine: Path) -> None:
    launcher = launch(NO_IMAGE)
    plan = launcher.push("local", engine=str(engine))
    registry = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
    assert [step.act for step in plan.steps] == ["create", "run", "run", "run"]
    told: list[str] = []
    plan.apply(told.append)
    inspect, login, tag, push = engine.with_suffix(".log").read_text().splitlines()
    assert inspect.startswith("image inspect")
    assert login.startswith(f"login --username AWS --password-stdin {registry} (")
    assert tag.split()[:3] == ["tag", "local", plan.names["image"]]
    assert push.split() == ["push", plan.names["image"]]
    token = boto3.client("ecr").get_authorization_token()["authorizationData"][0]
    assert token["authorizationToken"] not in str(plan.to_dict()) + "".join(told)
    assert [step.act for step in launcher.push("local", engine=str(engine)).steps] == ["keep"]
    (repository,) = boto3.client("ecr").describe_repositories()["repositories"]
    assert repository["imageScanningConfiguration"] == {"scanOnPush": True}


def test_jobs_take_what_was_pushed_last(launch: Launch, engine: Path) -> None:
    launcher = launch(NO_IMAGE)
    launcher.push("local", engine=str(engine)).apply(print)
    create = launcher.train().steps[-2]
    image = create.request["AlgorithmSpecification"]["TrainingImage"]
    assert f"{REGION}.amazonaws.com/fastml@sha256:" in image


def test_jobs_take_no_part_of_an_image(launch: Launch, engine: Path) -> None:
    launcher = launch(NO_IMAGE)
    launcher.push("local", engine=str(engine)).apply(print)
    manifest = '{"mediaType": "application/vnd.oci.image.manifest.v1+json", "config": {}}'
    ecr = boto3.client("ecr")
    part = ecr.put_image(repositoryName="fastml", imageManifest=manifest)["image"]["imageId"]
    whole = launcher.train().steps[-2].request["AlgorithmSpecification"]["TrainingImage"]
    assert part["imageDigest"] not in whole


def test_a_local_version_is_a_tag(
    launch: Launch, engine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastml.sagemaker.launch.image.__version__", "1.0+local")
    plan = launch(NO_IMAGE).push("local", engine=str(engine))
    assert plan.names["image"].endswith(":1.0-local-0123456789ab")


def test_a_push_that_fails(launch: Launch, engine: Path) -> None:
    Path("offline").touch()
    with pytest.raises(LaunchError, match="no route to host"):
        launch(NO_IMAGE).push("local", engine=str(engine)).apply(print)


def test_without_an_engine(launch: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="cannot be run"):
        launch().push(engine="/nonexistent/docker")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ConfigError, match="neither docker nor podman"):
        launch().push()
