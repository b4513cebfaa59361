"""`model.tar.gz`, unpacked: files alone, and none outside the folder."""

from __future__ import annotations

import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from fastml.errors import ArtifactError

__all__ = ["unpack"]


def unpack(archive: Path, folder: Path) -> None:
    """Unpack an archive into a folder.

    Raises
    ------
    ArtifactError
        If it is no archive, or holds a link, a device, or a path that leads out of the folder.
    """
    try:
        with tarfile.open(archive) as opened:
            for member in opened:
                name = PurePosixPath(member.name)
                if (
                    name.is_absolute()
                    or ".." in name.parts
                    or not (member.isfile() or member.isdir())
                ):
                    raise ArtifactError(
                        f"{archive} holds {member.name!r}, which is no plain file within it; "
                        "expected the archive of a training job's model"
                    )
                content = opened.extractfile(member)
                if content is None:
                    continue
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                with content, target.open("wb") as file:
                    shutil.copyfileobj(content, file)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise ArtifactError(f"{archive} cannot be unpacked: {error}") from error
