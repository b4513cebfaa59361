"""Memory for blocks: in huge pages where the system gives them, used again, and bounded."""

from __future__ import annotations

import mmap
import weakref
from collections import deque
from math import prod
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fastml.engine.budget import resident_memory
from fastml.engine.scratch import Scratch

__all__ = ["BlockMemory", "Region"]

# A page fault costs about as much as reading the page's 4 KiB from memory: a block of 65,536 rows
# takes a thousand of them, unless its pages are huge.
_HUGE_PAGE = 2 * 1024 * 1024
_LINE = 64  # bytes of the cache: sixteen lanes that lie in two take a tenth to a quarter longer
_HUGE = getattr(mmap, "MADV_HUGEPAGE", None)
_LET_GO = getattr(mmap, "MADV_DONTNEED", None)


class Region:
    """A piece of memory, or of a mapped file, in which the arrays of a block lie.

    Attributes
    ----------
    content : uint8 array
    mapped : bool
        Whether it is of a file.
    """

    def __init__(
        self, content: NDArray[np.uint8], mapping: mmap.mmap | None = None, start: int = 0
    ) -> None:
        self.content = content
        self.mapped = mapping is not None
        self._mapping, self._start = mapping, start

    def rest(self) -> None:
        """Let the pages go, if of a file: it holds what was written, and they come back when read.

        Until then they do not count as memory of this process.
        """
        if self._mapping is not None and _LET_GO is not None and len(self.content):
            before = self._start % mmap.PAGESIZE
            self._mapping.madvise(_LET_GO, self._start - before, len(self.content) + before)


class BlockMemory:
    """Lends memory to arrays of blocks, and lends again what was given back.

    Threads may share one. What is never given back goes with the arrays that lie in it, and leaves
    its room to others.

    Parameters
    ----------
    room : int, optional
        Bytes that are lent of memory; beyond them it is a temporary file that is lent. Default no
        bound.
    folder : Path, optional
        Where that file takes its space; default `scratch_folder()`.
    budget : int, optional
        Bytes that the process may hold, with all that is done with the blocks; for whoever learns
        from them.
    """

    def __init__(
        self, room: int | None = None, folder: Path | None = None, budget: int | None = None
    ) -> None:
        self.budget = budget
        self._room = room
        self._folder = folder
        self._held = 0  # bytes lent of memory, or spare
        self._spare: list[Region] = []
        self._gone: deque[tuple[int, mmap.mmap | None, int]] = deque()  # with all their arrays
        self._scratch: Scratch | None = None
        self._lock = Lock()

    @classmethod
    def within(cls, budget: int) -> BlockMemory:
        """Return memory for the rows of a training that may hold `budget` bytes.

        Rows have half of what the process does not hold yet; reading and learning the other.
        """
        return cls(max(budget - resident_memory(), 0) // 2, budget=budget)

    @property
    def overflowed(self) -> int:
        """Bytes of the temporary file that were lent so far."""
        return 0 if self._scratch is None else self._scratch.lent

    def arrays(
        self, *wanted: tuple[tuple[int, ...], DTypeLike]
    ) -> tuple[Region, list[NDArray[Any]]]:
        """Return memory, and arrays of the shapes and dtypes wanted that lie in it, not set.

        The arrays begin at multiples of 64 bytes, in memory as in a file.

        Raises
        ------
        DataError
            If there is room neither in memory nor on the disk.
        """
        sizes = [prod(shape) * np.dtype(dtype).itemsize for shape, dtype in wanted]
        starts = np.cumsum([0, *(-(-size // 64) * 64 for size in sizes)]).tolist()
        region = self._take(starts[-1])
        return region, [
            region.content[start : start + size].view(dtype).reshape(shape)
            for start, size, (shape, dtype) in zip(starts, sizes, wanted, strict=False)
        ]

    def give_back(self, region: Region) -> None:
        """Let memory be lent again; no array that lies in it may be used any more."""
        region.rest()
        with self._lock:
            self._spare.append(region)

    def _take(self, size: int) -> Region:
        with self._lock:
            self._count_gone()
            if spare := self._spare_of(size, mapped=False):
                return spare
            self._spare = [each for each in self._spare if each.mapped]  # what is too small goes
            self._count_gone()
            if self._room is None or self._held + size <= self._room:
                content = _allocate(size)
                self._held += len(content)
                return self._lent(content)
            if spare := self._spare_of(size, mapped=True):
                return spare
            if self._scratch is None:
                self._scratch = Scratch(self._folder)
            mapping, start = self._scratch.lend(size)
            return self._lent(np.frombuffer(mapping, np.uint8, size, start), mapping, start)

    def _spare_of(self, size: int, *, mapped: bool) -> Region | None:
        for place in reversed(range(len(self._spare))):
            each = self._spare[place]
            if each.mapped == mapped and len(each.content) >= size:
                return self._spare.pop(place)
        return None

    def _lent(
        self, content: NDArray[np.uint8], mapping: mmap.mmap | None = None, start: int = 0
    ) -> Region:
        """Return memory that will be heard of when no array lies in it any more."""
        gone = weakref.finalize(content, self._gone.append, (len(content), mapping, start))
        gone.atexit = False
        return Region(content, mapping, start)

    def _count_gone(self) -> None:
        while self._gone:
            size, mapping, start = self._gone.popleft()
            if mapping is None:
                self._held -= size
            else:
                content = np.frombuffer(mapping, np.uint8, size, start)
                self._spare.append(self._lent(content, mapping, start))


def _allocate(size: int) -> NDArray[np.uint8]:
    if _HUGE is None or size < _HUGE_PAGE:
        room = np.empty(size + _LINE, np.uint8)
        start = -room.ctypes.data % _LINE
        # A view of an array would not be what arrays that lie in it keep alive.
        return np.frombuffer(room.data[start : start + size], np.uint8)
    whole = -(-size // _HUGE_PAGE) * _HUGE_PAGE
    region = mmap.mmap(-1, whole, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    region.madvise(_HUGE)
    return np.frombuffer(region, np.uint8)
