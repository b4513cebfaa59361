"""Memory for blocks: in huge pages where the system gives them, and used again."""

from __future__ import annotations

import mmap
from math import prod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["BlockMemory"]

# A page fault costs about as much as reading the page's 4 KiB from memory: a block of 65,536 rows
# takes a thousand of them, unless its pages are huge.
_HUGE_PAGE = 2 * 1024 * 1024
_HUGE = getattr(mmap, "MADV_HUGEPAGE", None)


class BlockMemory:
    """Lends memory to arrays of blocks, and lends again what was given back.

    Threads may share one. Memory that is never given back goes with the arrays that lie in it.
    """

    def __init__(self) -> None:
        self._spare: list[NDArray[np.uint8]] = []

    def arrays(
        self, *wanted: tuple[tuple[int, ...], DTypeLike]
    ) -> tuple[NDArray[np.uint8], list[NDArray[Any]]]:
        """Return memory, and arrays of the shapes and dtypes wanted that lie in it, not set.

        The arrays begin at multiples of 64 bytes.
        """
        sizes = [prod(shape) * np.dtype(dtype).itemsize for shape, dtype in wanted]
        starts = np.cumsum([0, *(-(-size // 64) * 64 for size in sizes)]).tolist()
        memory = self._take(starts[-1])
        return memory, [
            memory[start : start + size].view(dtype).reshape(shape)
            for start, size, (shape, dtype) in zip(starts, sizes, wanted, strict=False)
        ]

    def give_back(self, memory: NDArray[np.uint8]) -> None:
        """Let memory be lent again; no array that lies in it may be used any more."""
        self._spare.append(memory)

    def _take(self, size: int) -> NDArray[np.uint8]:
        try:
            spare = self._spare.pop()
        except IndexError:
            return _allocate(size)
        return spare if len(spare) >= size else _allocate(size)


def _allocate(size: int) -> NDArray[np.uint8]:
    if _HUGE is None or size < _HUGE_PAGE:
        return np.empty(size, np.uint8)
    whole = -(-size // _HUGE_PAGE) * _HUGE_PAGE
    region = mmap.mmap(-1, whole, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    region.madvise(_HUGE)
    return np.frombuffer(region, np.uint8)
