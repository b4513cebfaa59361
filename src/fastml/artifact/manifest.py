"""Opens an artifact by its manifest, and trusts nothing in it before it has been checked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastml import __version__
from fastml._typing import PathLike
from fastml.artifact.layout import (
    FILE_NAME,
    FORMAT,
    FORMAT_VERSION,
    MANIFEST,
    digest,
    manifest_digest,
)
from fastml.errors import ArtifactError

__all__ = ["Opened", "open_artifact"]


@dataclass(frozen=True, slots=True)
class Opened:
    """An artifact whose manifest has been checked.

    Parameters
    ----------
    path : Path
        The model's own directory.
    manifest : dict
    """

    path: Path
    manifest: dict[str, Any]

    @property
    def digest(self) -> str:
        """The manifest's digest, which is another for every other model."""
        return str(self.manifest["sha256"])

    @property
    def files(self) -> list[str]:
        """The names of the files."""
        return list(self.manifest["files"])

    def read(self, name: str) -> bytes:
        """Return the content of a file.

        Raises
        ------
        ArtifactError
            If it is missing, truncated or altered.
        """
        file, stated = self.path / name, self.manifest["files"][name]
        content = _read_file(file, of=self.path)
        if len(content) != stated.get("bytes"):
            raise ArtifactError(
                f"{file} has {len(content):,} bytes and the manifest says {stated.get('bytes')}: "
                "it is truncated or altered; copy the model again from where it was written"
            )
        if digest(content) != stated.get("sha256"):
            raise ArtifactError(
                f"{file} does not match its digest: it was altered after it was written; "
                "copy the model again from where it was written"
            )
        return content


def open_artifact(path: PathLike) -> Opened:
    """Open a model's directory, or that of a run, which holds the model's as `model`.

    Raises
    ------
    ArtifactError
        If the directory is missing or foreign, or its manifest truncated, altered, or of a newer
        format.
    """
    path = Path(path)
    if (path / "model" / MANIFEST).exists():
        path /= "model"
    return Opened(path, _read_manifest(path))


def _read_manifest(path: Path) -> dict[str, Any]:
    content = _read_file(path / MANIFEST, of=path)
    try:
        manifest = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ArtifactError(
            f"{path / MANIFEST} is not whole JSON ({error}): it is truncated or altered; "
            "copy the model again from where it was written"
        ) from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ArtifactError(
            f"{path / MANIFEST} was not written by fastml (it does not say "
            f'"format": "{FORMAT}"); expected the directory of a saved model'
        )
    _check_version(path, manifest)
    if not _is_sound(manifest):
        raise ArtifactError(
            f"{path / MANIFEST} does not match its own digest: it was altered after it was "
            "written; copy the model again from where it was written"
        )
    return manifest


def _check_version(path: Path, manifest: dict[str, Any]) -> None:
    version = manifest.get("format_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ArtifactError(f"{path / MANIFEST} has format_version {version!r}; expected a number")
    if version > FORMAT_VERSION:
        raise ArtifactError(
            f"the model {path} is of format {version}, written by fastml "
            f"{manifest.get('fastml_version')}; this is fastml {__version__}, which reads formats "
            f"up to {FORMAT_VERSION}; upgrade fastml to open it"
        )


def _is_sound(manifest: dict[str, Any]) -> bool:
    """Whether the manifest matches its digest and has the parts that the format promises."""
    try:
        if manifest.get("sha256") != manifest_digest(manifest):
            return False
    except (TypeError, ValueError, RecursionError):
        return False
    files = manifest.get("files")
    return (
        isinstance(manifest.get("model"), dict)
        and isinstance(files, dict)
        and all(FILE_NAME.fullmatch(name) for name in files)
        and all(isinstance(stated, dict) for stated in files.values())
    )


def _read_file(file: Path, of: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        if not of.exists():
            said = f"there is no model at {of}; give the directory that save or a run wrote"
        elif not of.is_dir():
            said = f"{of} is a file; a saved model is a directory with a {MANIFEST} in it"
        elif file.name == MANIFEST:
            said = f"{of} is not a saved model: it has no {MANIFEST}"
        else:
            said = (
                f"the model {of} is not whole: {file.name} is missing; "
                "copy it again from where it was written"
            )
        raise ArtifactError(said) from None
    except NotADirectoryError:
        raise ArtifactError(
            f"{of} is a file; a saved model is a directory with a {MANIFEST} in it"
        ) from None
    except ValueError as error:
        raise ArtifactError(f"{str(of)!r} cannot be a path: {error}") from None
    except OSError as error:
        raise ArtifactError(f"{file} cannot be read: {error.strerror or error}") from error
