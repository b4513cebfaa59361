"""What a job reads: local files are uploaded under a digest of their content, once."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fastml.data.files import find_files
from fastml.data.formats import only_tables
from fastml.errors import ConfigError
from fastml.sagemaker.channels import CONFIG, TABLES
from fastml.sagemaker.launch.cloud import Cloud
from fastml.sagemaker.launch.place import Place, Request, digest
from fastml.sagemaker.launch.plan import Step
from fastml.workflow.project import Project, parse_project

__all__ = ["Inputs", "extra", "inputs", "located"]

_BLOCK = 1 << 20
_FILE = "project.toml"


@dataclass(frozen=True, slots=True)
class Inputs:
    """The channels of a job, what uploads them, and whether rows lie in the cloud already."""

    channels: tuple[Request, ...]
    steps: tuple[Step, ...]
    remote: bool


def inputs(cloud: Cloud, place: Place, project: Project, *, without: Iterable[str] = ()) -> Inputs:
    """Return the channels `train`, `validation`, `test` and `config` of a project's job.

    Parameters
    ----------
    cloud : Cloud
    place : Place
    project : Project
    without : iterable of str
        Sections of the project file that the job shall not see.

    Raises
    ------
    ConfigError
        If data are elsewhere than in files and in S3.
    DataError
        If there are no files.
    """
    mode = place.settings.input_mode
    stated = {"train": project.data.source, **project.data.apart}
    found = {name: located(cloud, place, project.address(at)) for name, at in stated.items()}
    channels = [_channel(name, uri, mode) for name, (uri, _) in found.items()]
    # What is in the file counts from where it stands, and means nothing to the job.
    own = {f"data.{TABLES[name]}": f'"{name}"' for name in found}
    parsed = parse_project(
        project.text, project.folder, changes=own, without=("sagemaker", *without)
    )
    folder = f"config/{digest(parsed.text)}"
    key = place.key(folder, _FILE)
    steps = [step for _, steps in found.values() for step in steps]
    if key not in _there(cloud, place, place.key(folder)):
        request = {"Bucket": place.bucket, "Key": key, "Body": parsed.text, **extra(place)}
        steps.append(
            Step("upload", f"the project as s3://{place.bucket}/{key}", "s3.put_object", request)
        )
    channels.append(_channel(CONFIG, place.uri(folder) + "/", "File"))
    remote = "://" in project.source
    return Inputs(tuple(channels), tuple(steps), remote)


def located(cloud: Cloud, place: Place, address: str) -> tuple[str, list[Step]]:
    """Return where data lie in S3, or will once the steps have been carried out."""
    if address.startswith("s3://"):
        if glob.has_magic(address.split("?")[0]):
            raise ConfigError(
                f"{address}: a job reads all below a prefix; give one without a pattern"
            )
        return address.split("?")[0], []
    if "://" in address:
        raise ConfigError(f"{address}: jobs read from S3; copy it there, or to a local file")
    files = _local(address)
    content = hashlib.sha256()
    for name, path in files.items():
        content.update(f"{name}\0{path.stat().st_size}\0".encode())
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                content.update(block)
    folder = f"data/{content.hexdigest()[:16]}"
    there = _there(cloud, place, place.key(folder))
    steps = [
        Step(
            "upload",
            f"{name} as s3://{place.bucket}/{place.key(folder, name)}",
            "s3.upload_file",
            {
                "Filename": str(path),
                "Bucket": place.bucket,
                "Key": place.key(folder, name),
                "ExtraArgs": extra(place),
            },
        )
        for name, path in files.items()
        if there.get(place.key(folder, name)) != path.stat().st_size
    ]
    return place.uri(folder) + "/", steps


def _local(address: str) -> dict[str, Path]:
    """Return the files of a source by their names from where they begin to differ."""
    paths = sorted(
        Path(os.path.abspath(file.path)) for file in only_tables(find_files(address), address)
    )
    base = Path(os.path.abspath(address))
    while glob.has_magic(str(base)) or base.is_file():
        base = base.parent
    # By the names that they have here, and not by those that links lead to.
    return {path.relative_to(base).as_posix(): path for path in paths}


def _there(cloud: Cloud, place: Place, prefix: str) -> dict[str, int]:
    """Return the sizes of the objects below a prefix, in bytes, by their keys."""
    pages = cloud.pages(
        "s3.list_objects_v2", "Contents", Bucket=place.bucket, Prefix=f"{prefix}/", **place.owned
    )
    return {each["Key"]: each["Size"] for each in pages}


def extra(place: Place) -> Request:
    """Return the keys of an upload that say whose bucket it is and how it is encrypted."""
    key = place.encrypted("SSEKMSKeyId")
    return {**place.owned, **key, **({"ServerSideEncryption": "aws:kms"} if key else {})}


def _channel(name: str, uri: str, mode: str) -> Request:
    return {
        "ChannelName": name,
        "InputMode": mode,
        "DataSource": {
            "S3DataSource": {
                "S3DataType": "S3Prefix",
                "S3Uri": uri,
                "S3DataDistributionType": "FullyReplicated",
            }
        },
    }
