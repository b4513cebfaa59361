"""Writes an artifact directory: whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from fastml import __version__
from fastml._typing import PathLike
from fastml.artifact.layout import (
    FORMAT,
    FORMAT_VERSION,
    MANIFEST,
    PREDICTOR,
    TABLE,
    TABLE_NAME,
    digest,
    manifest_digest,
)
from fastml.atomic import atomic_path
from fastml.errors import ArtifactError

__all__ = ["write_artifact"]


def write_artifact(
    path: PathLike,
    manifest: Mapping[str, Any],
    tables: Mapping[str, pa.Table],
    predictor: bytes | None = None,
) -> None:
    """Write a model as a directory.

    An artifact that stands at `path` is replaced; anything else there is left alone.

    Parameters
    ----------
    path : str or Path
        The directory to write.
    manifest : mapping
        The model's facts; what JSON can hold (finite numbers).
    tables : mapping of str to pyarrow.Table
        The model's tables by name: letters, digits, `-` and `_`.
    predictor : bytes, optional
        The compiled form (`fastml.compiled`) of a model that can be served.

    Raises
    ------
    ArtifactError
        If `path` holds something that is not an artifact, a name is not allowed, or the manifest
        is not JSON.
    DataError
        If the disk is full or the place cannot be written to; nothing is left behind.
    """
    path = Path(path)
    _refuse_to_replace(path)
    files = {}
    for name, table in tables.items():
        if not TABLE_NAME.fullmatch(name):
            raise ArtifactError(
                f"{name!r} cannot name a table of an artifact; use letters, digits, '-' and '_'"
            )
        files[name + TABLE] = _ipc_file(table)
    if predictor is not None:
        files[PREDICTOR] = predictor
    files[MANIFEST] = _manifest_file(manifest, files)
    with atomic_path(path) as directory:
        directory.mkdir()
        for name, content in files.items():
            (directory / name).write_bytes(content)


def _refuse_to_replace(path: Path) -> None:
    if not path.exists():
        return
    if not path.is_dir():
        raise ArtifactError(f"{path} is a file; a model is saved as a directory of its own")
    if any(path.iterdir()) and not (path / MANIFEST).is_file():
        raise ArtifactError(
            f"{path} is a directory with other files in it and no {MANIFEST}; "
            "save the model to a directory of its own"
        )


def _ipc_file(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _manifest_file(model: Mapping[str, Any], files: Mapping[str, bytes]) -> bytes:
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "fastml_version": __version__,
        "model": dict(model),
        "files": {
            name: {"bytes": len(content), "sha256": digest(content)}
            for name, content in files.items()
        },
    }
    try:
        manifest["sha256"] = manifest_digest(manifest)
        return (json.dumps(manifest, indent=1, allow_nan=False) + "\n").encode()
    except (TypeError, ValueError) as error:
        raise ArtifactError(f"the model's facts cannot be written as JSON: {error}") from error
