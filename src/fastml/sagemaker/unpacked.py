"""`model.tar.gz`, unpacked: plain files, none outside the folder, no more than it has room for."""

from __future__ import annotations

import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from fastml.errors import ArtifactError

__all__ = ["unpack"]

_MOST = 10_000
"""Files and folders; a model has about ten."""


def unpack(archive: Path, folder: Path) -> None:
    """Unpack an archive into a folder.

    Raises
    ------
    ArtifactError
        If it is no archive, holds a link, a device, or a path that leads out of the folder, or more
        than the disk has room for.
    """
    room = shutil.disk_usage(folder).free
    try:
        with tarfile.open(archive, "r|gz") as opened:  # forwards alone, whatever a header says
            for number, member in enumerate(opened):
                room -= member.size
                if number >= _MOST or room < 0:
                    raise ArtifactError(
                        f"{archive} holds more than {_MOST:,} files, or than the disk of {folder} "
                        "has room for; expected the archive of a training job's model"
                    )
                if not _is_within(member):
                    raise ArtifactError(
                        f"{archive} holds {member.name!r}, which is no plain file within it; "
                        "expected the archive of a training job's model"
                    )
                content = opened.extractfile(member)
                if content is None:
                    continue
                target = folder / member.name
                target.parent.mkdir(parents=True, exist_ok=True)
                with content, target.open("wb") as file:
                    shutil.copyfileobj(content, file)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise ArtifactError(f"{archive} cannot be unpacked: {error}") from error


def _is_within(member: tarfile.TarInfo) -> bool:
    """Say whether it is a plain file, or a folder, of a path that does not lead out."""
    name = PurePosixPath(member.name)
    leads_out = name.is_absolute() or ".." in name.parts or "\0" in member.name
    return (member.isfile() or member.isdir()) and not leads_out
