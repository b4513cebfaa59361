"""A made /opt/ml, with the churn table that comes with fastml in its channels."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import pytest

from fastml.sagemaker.job import Job
from fastml.sagemaker.layout import Layout

MakeJob = Callable[..., Layout]

CLOUD_CHANNEL = {
    "TrainingInputMode": "File",
    "S3DistributionType": "FullyReplicated",
    "RecordWrapperType": "None",
}
CLOUD_RESOURCES = {
    "current_host": "algo-1",
    "current_instance_type": "ml.m5.large",
    "current_group_name": "homogeneousCluster",
    "hosts": ["algo-1"],
    "instance_groups": [
        {
            "instance_group_name": "homogeneousCluster",
            "instance_type": "ml.m5.large",
            "hosts": ["algo-1"],
        }
    ],
    "network_interface_name": "eth0",
}
CHURN = {"target": "churn", "task": "binary"}


def write(file: Path, content: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content), encoding="utf-8")


def put_churn(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with as_file(files("fastml.workflow.demo") / "telco_churn_mlc.parquet") as table:
        return Path(shutil.copy(table, folder / "churn.parquet"))


@pytest.fixture(autouse=True)
def _own_environment() -> Iterator[None]:
    """Take back the variables that a job sets."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def cloud(tmp_path: Path) -> MakeJob:
    """Return what makes a job as the cloud does: every file, and the churn table to train on."""

    def make(hyperparameters: dict[str, str] | None = None, **channels: Any) -> Layout:
        layout = Layout(tmp_path / "ml")
        put_churn(layout.channels / "train")
        write(layout.config / "hyperparameters.json", CHURN | (hyperparameters or {}))
        stated = {"train": CLOUD_CHANNEL, **channels}
        write(layout.config / "inputdataconfig.json", stated)
        write(layout.config / "resourceconfig.json", CLOUD_RESOURCES)
        place = {"LocalPath": str(layout.checkpoints), "S3Uri": "s3://bucket/state"}
        write(layout.config / "checkpointconfig.json", place)
        layout.model.mkdir(parents=True)
        layout.output_data.mkdir(parents=True)
        return layout

    return make


@pytest.fixture
def job(cloud: MakeJob) -> Callable[..., Job]:
    return lambda *args, **channels: Job.read(cloud(*args, **channels))
