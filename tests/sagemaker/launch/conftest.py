"""A project beside the churn table, an empty control plane, and what launches there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from fastml.sagemaker import Launcher
from fastml.sagemaker.launch.place import Place
from fastml.sagemaker.launch.settings import read_launch_settings
from tests.sagemaker.conftest import put_churn
from tests.sagemaker.launch.control_plane import ACCOUNT, REGION, ControlPlane, control_plane

BUCKET = f"sagemaker-{REGION}-{ACCOUNT}"
PROJECT = """\
target = "churn"
task = "binary"
source = "churn.parquet"

[success]
roc_auc = { min = 0.8 }

[sagemaker]
name = "churn"
role = "fastml"
image = "images/fastml:1"

[sagemaker.endpoint]
max_count = 3
capture = 100
shift = "canary"

[sagemaker.tune]
ranges.learner.l2 = { low = 1e-8, high = 1e-2, log = true }
ranges.epochs = { low = 1, high = 20 }
ranges.solver = ["sgd", "lbfgs"]
"""

Launch = Callable[..., Launcher]


@pytest.fixture(scope="session")
def running() -> Iterator[ControlPlane]:
    with control_plane() as plane:
        yield plane


@pytest.fixture
def plane(running: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> ControlPlane:
    """Return a control plane that holds a bucket alone; boto3 is led to it."""
    running.reset()
    for name, value in {
        "AWS_ENDPOINT_URL": running.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/nonexistent",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    where = {"LocationConstraint": REGION}
    boto3.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
    return running


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    put_churn(tmp_path)
    file = tmp_path / "project.toml"
    file.write_text(PROJECT, encoding="utf-8")
    return file


@pytest.fixture(scope="session")
def session() -> boto3.Session:
    """Return a session that reads the services' models once."""
    return boto3.Session(region_name=REGION)


@pytest.fixture
def launch(session: boto3.Session, plane: ControlPlane, project: Path) -> Launch:
    """Return what makes a launcher, of the project or of another text."""

    def make(words: str = PROJECT) -> Launcher:
        project.write_text(words, encoding="utf-8")
        return Launcher(project, session=session, every=0.0)

    return make


@pytest.fixture
def launcher(launch: Launch) -> Launcher:
    return launch()


def a_place(region: str = REGION, partition: str = "aws", **settings: Any) -> Place:
    """Return a place that no one was asked about."""
    suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    read = read_launch_settings({"role": "fastml", **settings})
    return Place("churn", ACCOUNT, region, partition, suffix, read)
