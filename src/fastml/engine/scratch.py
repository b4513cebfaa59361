"""A temporary file that lends what memory has no room for.

The file has no name, so that nothing is left of it, however the process ends. It is mapped:
arrays lie in it as they would in memory, and its pages stay in the system's cache while there is
room for them there.
"""

from __future__ import annotations

import errno
import mmap
import os
import shutil
import tempfile
import weakref
from pathlib import Path
from threading import Lock

from fastml.errors import DataError

__all__ = ["Scratch", "scratch_folder"]

_EXTENT = 64 << 20
_GROWTH = 4
"""A new extent is at least a quarter of the file: each holds a descriptor, and those are few."""
_ZEROS = bytes(1 << 20)


def scratch_folder() -> Path:
    """Return where temporary files go: `TMPDIR`, else /var/tmp, else as Python chooses.

    /tmp is in memory on many systems, and would be of no use.
    """
    if "TMPDIR" not in os.environ and os.access("/var/tmp", os.W_OK | os.X_OK):
        return Path("/var/tmp")
    return Path(tempfile.gettempdir())


class Scratch:
    """A file that grows by extents, each mapped as a whole; threads may share it.

    Parameters
    ----------
    folder : Path, optional
        Where its space is taken; default `scratch_folder()`.

    Attributes
    ----------
    lent : int
        Bytes.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = scratch_folder() if folder is None else folder
        self._lock = Lock()
        try:
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - closed below
        except OSError as error:
            raise self._fault(error) from error
        weakref.finalize(self, self._file.close)  # what is lent keeps the file, without a name
        self._size = 0
        self._extent: mmap.mmap | None = None
        self._used = 0  # of the last extent
        self.lent = 0

    def lend(self, size: int) -> tuple[mmap.mmap, int]:
        """Return a mapping, and where in it a piece of `size` bytes begins that no other has.

        It begins with a page. Its place on the disk is taken, so that writing cannot fail.

        Raises
        ------
        DataError
            If the disk is full, or the folder cannot be written to.
        """
        size = -(-size // mmap.ALLOCATIONGRANULARITY) * mmap.ALLOCATIONGRANULARITY
        with self._lock:
            if self._extent is None or self._used + size > len(self._extent):
                self._extent, self._used = self._grow(size), 0
            start, self._used = self._used, self._used + size
            self.lent += size
            return self._extent, start

    def _grow(self, least: int) -> mmap.mmap:
        unit = mmap.ALLOCATIONGRANULARITY
        size = max(least, _EXTENT, self._size // _GROWTH // unit * unit)
        try:
            _take_space(self._file.fileno(), self._size, size)
            extent = mmap.mmap(self._file.fileno(), size, offset=self._size)
        except OSError as error:
            raise self._fault(error, size) from error
        self._size += size
        return extent

    def _fault(self, error: OSError, size: int = 0) -> DataError:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return DataError(
                f"encoded rows have no room in memory, nor in {self._folder}: {error}; allow more "
                "memory (memory=...), or name a folder for temporary files with TMPDIR"
            )
        free = shutil.disk_usage(self._folder).free
        return DataError(
            f"encoded rows have no room in memory, nor in {self._folder}, which is full "
            f"({self._size / 1e6:,.0f} MB taken, {size / 1e6:,.0f} MB more needed, "
            f"{free / 1e6:,.0f} MB free): free some space, name "
            "another folder with TMPDIR, or allow more memory (memory=...). Nothing was left behind"
        )


def _take_space(descriptor: int, start: int, size: int) -> None:
    """Take space on the disk: a page of a mapping that finds none later would end the process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, start, size)
        return
    for offset in range(start, start + size, len(_ZEROS)):
        os.pwrite(descriptor, _ZEROS[: start + size - offset], offset)
