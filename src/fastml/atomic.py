"""Writing a file or a folder so that it appears whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fastml._typing import PathLike
from fastml.errors import DataError

__all__ = ["atomic_path", "clear_torn"]

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.ENOENT, errno.EBUSY,
}  # fmt: skip


@contextmanager
def atomic_path(path: PathLike) -> Iterator[Path]:
    """Yield a path beside `path`, to be made a file or a folder, that takes its place at the end.

    What was written is synced to the disk before it is renamed. If the body raises, it is removed,
    and what stood at `path` before stays. Folders above `path` are made where they are missing.
    What replaces a file or a folder is given its permissions; a symbolic link is followed. What a
    process that was killed has left of its own attempt is removed first.

    Raises
    ------
    DataError
        If the disk is full, the place cannot be written to, or a device or a pipe is there.

    Examples
    --------
    >>> with atomic_path("report.txt") as temporary:  # doctest: +SKIP
    ...     temporary.write_text("done")
    """
    path = Path(path)
    target = path.resolve()
    if not target.name:
        raise DataError(f"{path} was not written: it is the root of all files; name a file in it")
    if target.exists() and not (target.is_file() or target.is_dir()):
        raise DataError(  # the administrator's rename would put a file in the place of /dev/null
            f"{path} was not written: it is a device or a pipe, which a file would replace; "
            "name a file"
        )
    temporary = target.with_name(f".{target.name}.{os.getpid()}-{_US}{secrets.token_hex(4)}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        clear_torn(target)
        try:
            yield temporary
            _sync(temporary)
            _replace(temporary, target)
        finally:
            _remove(temporary)
    except OSError as error:
        if error.errno in _FULL:
            raise DataError(
                f"{path} was not written: the disk is full "
                f"({shutil.disk_usage(target.parent).free / 1e6:,.0f} MB free in "
                f"{target.parent}) or a limit on file sizes is reached; free some "
                "space or write elsewhere. Nothing was left behind"
            ) from error
        if error.errno in _FORBIDDEN:
            raise DataError(
                f"{path} was not written: {error}; choose a folder that can be written to"
            ) from error
        raise


def clear_torn(path: Path) -> None:
    """Remove what processes that were killed left while they wrote to a path.

    If one was killed while it put a new folder in the place of an old one, the old one comes back.
    """
    torn = re.compile(rf"\.{re.escape(path.name)}\.(\d+)-([0-9a-f]{{8}})[0-9a-f]{{8}}\.(tmp|old)")
    for name in os.listdir(path.parent):
        found = torn.fullmatch(name)
        if found is None or _writes(int(found[1]), found[2]):
            continue
        if found[3] == "old" and not path.exists():
            path.with_name(name).rename(path)
        else:
            _remove(path.with_name(name))


_US = secrets.token_hex(4)
"""Tells this process from one of the same number before it, as the first of every container is."""


def _writes(pid: int, which: str) -> bool:
    """Say whether a process of that number may still be writing."""
    if pid == os.getpid():
        return which == _US
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _sync(path: Path) -> None:
    """Bring a file, or a folder and all in it, to the disk."""
    if path.is_dir():
        for child in path.iterdir():
            _sync(child)
    _sync_one(path)


def _sync_one(path: Path) -> None:
    """Bring a file, or a folder's list of names, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _replace(temporary: Path, path: Path) -> None:
    if temporary.is_dir() != path.is_dir() and path.exists():
        kinds = ("a folder", "a file") if path.is_dir() else ("a file", "a folder")
        raise DataError(
            f"{path} is {kinds[0]}; expected {kinds[1]} or nothing there: choose another name"
        )
    if path.exists():
        shutil.copymode(path, temporary)
    if temporary.is_dir() and path.is_dir():
        # A folder cannot be renamed onto one that holds files: the old one steps aside first, and
        # comes back if the new one cannot be put in its place.
        old = temporary.with_suffix(".old")
        path.rename(old)
        try:
            temporary.rename(path)
        finally:
            if not path.exists():  # after an interruption too
                old.rename(path)
        shutil.rmtree(old)
    else:
        temporary.replace(path)
    _sync_one(path.parent)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
