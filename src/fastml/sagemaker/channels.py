"""The channels of a job: where their rows are, whichever way they come.

In the modes File and FastFile a channel is a folder of files. FastFile fetches them as they are
read, and is quick where they are read from start to end, as text is and Parquet nearly. In Pipe
mode a channel is a pipe for each pass over the data; a run reads its rows more than once, so that
the first pass is kept in a file, and no other is asked for.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastml.errors import ConfigError, DataError, did_you_mean
from fastml.sagemaker.job import Job

__all__ = ["CONFIG", "TABLES", "tables"]

CONFIG = "config"
TABLES = {"train": "source", "training": "source", "validation": "validation", "test": "test"}
"""Channels that hold rows, and the key of [data] that each is; SageMaker's SDK says `training`
where a user names no channel."""
_CHUNK = 8 << 20


def tables(job: Job, kept: Path) -> dict[str, str]:
    """Return where the rows of each part are, by the key of [data].

    Parameters
    ----------
    job : Job
    kept : Path
        A folder for what comes through a pipe.

    Raises
    ------
    ConfigError
        If a channel has a name much like one that is known, comes in a way that is not, or there
        are two of the training rows.
    DataError
        If a channel is empty or cannot be read.
    """
    found: dict[str, str] = {}
    for name, stated in job.channels.items():
        key = TABLES.get(name)
        if key is None:
            _check_other(name)
        elif key in found:
            raise ConfigError("there are a channel 'train' and a channel 'training'; give one")
        else:
            _check_whole(job, name, stated)
            found[key] = str(_place(job, name, stated, kept))
    return found


def _check_other(name: str) -> None:
    """Refuse a name that was mistyped; others are of the platform, or of the user's own."""
    meant = did_you_mean(name, (CONFIG, *TABLES))
    if name != CONFIG and meant:
        raise ConfigError(f"the channel {name!r} is not known{meant}")


def _check_whole(job: Job, name: str, stated: Mapping[str, Any]) -> None:
    """Refuse rows that are only a part of the channel's, or wrapped."""
    if stated.get("S3DistributionType") == "ShardedByS3Key" and len(job.hosts) > 1:
        raise ConfigError(
            f"the channel {name!r} is dealt out to {len(job.hosts)} machines (ShardedByS3Key), but "
            "one machine trains and would see its part alone; say FullyReplicated, or one machine"
        )
    if stated.get("RecordWrapperType", "None") not in ("None", None):
        raise ConfigError(
            f"the channel {name!r} is wrapped as {stated['RecordWrapperType']}; "
            "expected RecordWrapperType None"
        )


def _place(job: Job, name: str, stated: Mapping[str, Any], kept: Path) -> Path:
    folder = job.layout.channels / name
    if stated.get("TrainingInputMode") != "Pipe":
        if not folder.exists():
            raise DataError(f"the channel {name!r} is stated, but there is no folder {folder}")
        return folder
    pipe = folder.with_name(f"{name}_0")
    try:
        with pipe.open("rb") as rows, (kept / name).open("wb") as file:
            shutil.copyfileobj(rows, file, _CHUNK)
    except OSError as error:
        raise DataError(
            f"the channel {name!r} could not be read from {pipe} into {kept}: {error}"
        ) from error
    return kept / name
