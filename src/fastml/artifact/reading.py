"""Opens an artifact directory."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from fastml._typing import PathLike
from fastml.artifact.layout import TABLE
from fastml.artifact.manifest import Opened, open_artifact
from fastml.errors import ArtifactError

__all__ = ["read_artifact", "read_opened"]


def read_artifact(path: PathLike) -> tuple[dict[str, Any], dict[str, pa.Table]]:
    """Open a model's directory and return what `write_artifact` was given.

    Parameters
    ----------
    path : str or Path
        The directory, or that of a run, which holds the model's as `model`.

    Returns
    -------
    manifest : dict
        The model's facts.
    tables : dict of str to pyarrow.Table
        The model's tables by name.

    Raises
    ------
    ArtifactError
        If the directory is missing, foreign, truncated, altered, or of a newer format.
    """
    return read_opened(open_artifact(path))


def read_opened(opened: Opened) -> tuple[dict[str, Any], dict[str, pa.Table]]:
    """Return what `read_artifact` does of an artifact whose manifest was read before.

    Raises
    ------
    ArtifactError
        If a file is missing, truncated, altered, or another model's that has replaced it.
    """
    contents = {name: opened.read(name) for name in opened.files}  # other files are checked, too
    tables = {
        name.removesuffix(TABLE): _table(content, f"{opened.path / name}")
        for name, content in contents.items()
        if name.endswith(TABLE)
    }
    model: dict[str, Any] = opened.manifest["model"]
    return model, tables


def _table(content: bytes, name: str) -> pa.Table:
    try:
        table = pa.ipc.open_file(pa.py_buffer(content)).read_all()
        table.validate(full=True)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise ArtifactError(f"{name} is not an Arrow file: {error}") from error
    return table
