"""Memory that is lent: of the system while there is room, then of a temporary file."""

from __future__ import annotations

import errno
import gc
import os
from pathlib import Path

import numpy as np
import pytest

from fastml.engine import BlockMemory, ordered_map
from fastml.engine.budget import resident_memory
from fastml.engine.scratch import scratch_folder
from fastml.errors import DataError

BLOCK = ((1000, 50), np.float32), ((1000, 3), np.int32)
BLOCK_BYTES = 200_000 + 12_032  # each array begins at a multiple of 64


def descriptors() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def test_what_has_no_room_in_memory_lies_in_a_file() -> None:
    memory = BlockMemory(2 * BLOCK_BYTES)
    regions = [memory.arrays(*BLOCK)[0] for _ in range(5)]
    assert [region.mapped for region in regions] == [False, False, True, True, True]
    assert memory.overflowed >= 3 * BLOCK_BYTES


def test_without_a_bound_there_is_no_file() -> None:
    memory = BlockMemory()
    assert not any(memory.arrays(*BLOCK)[0].mapped for _ in range(5))
    assert memory.overflowed == 0


@pytest.mark.parametrize("room", [None, 0, 3 * BLOCK_BYTES])
def test_arrays_lie_apart_aligned_and_keep_what_was_written(room: int | None) -> None:
    memory = BlockMemory(room)
    lent = [memory.arrays(*BLOCK) for _ in range(7)]
    for i, (region, arrays) in enumerate(lent):
        for array, (shape, dtype) in zip(arrays, BLOCK, strict=True):
            assert (array.shape, array.dtype) == (shape, dtype)
            assert array.ctypes.data % 64 == 0
            array[:] = i
        region.rest()
    for i, (region, arrays) in enumerate(lent):
        assert all((array == i).all() for array in arrays)
        region.rest()
        assert all((array == i).all() for array in arrays)


def test_what_is_given_back_is_lent_again() -> None:
    memory = BlockMemory(BLOCK_BYTES)
    first, second = (memory.arrays(*BLOCK)[0] for _ in range(2))
    memory.give_back(second)
    memory.give_back(first)
    assert {id(memory.arrays(*BLOCK)[0]) for _ in range(2)} == {id(first), id(second)}
    assert memory.arrays(*BLOCK)[0].mapped


def test_what_is_too_small_to_be_lent_again_makes_room() -> None:
    memory = BlockMemory(BLOCK_BYTES)
    memory.give_back(memory.arrays(((10,), np.float32))[0])
    assert not memory.arrays(*BLOCK)[0].mapped


def test_what_goes_with_its_arrays_leaves_its_room() -> None:
    memory = BlockMemory(2 * BLOCK_BYTES)
    held = [memory.arrays(*BLOCK) for _ in range(4)]
    taken = memory.overflowed
    for _ in range(20):
        codes = [arrays[1] for _, arrays in held]
        del held
        assert memory.arrays(*BLOCK)[0].mapped  # a part of each keeps the whole
        assert len(codes) == 4
        del codes
        held = [memory.arrays(*BLOCK) for _ in range(4)]
        assert sum(region.mapped for region, _ in held) == 2
    assert memory.overflowed <= taken + 2 * BLOCK_BYTES


def test_arrays_of_nothing() -> None:
    for room in (None, 0):
        _, (dense, codes) = BlockMemory(room).arrays(((0, 5), np.float32), ((0, 2), np.int32))
        assert (dense.shape, codes.shape) == ((0, 5), (0, 2))


def test_threads_share_one() -> None:
    memory = BlockMemory(10 * BLOCK_BYTES)

    def write(i: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        region, (dense, _) = memory.arrays(*BLOCK)
        dense[:] = i
        region.rest()
        return dense

    for i, dense in enumerate(list(ordered_map(write, range(200), 8))):
        assert (dense == i).all()


def test_resting_pages_do_not_count_as_memory() -> None:
    memory = BlockMemory(0)
    size = 50 << 20
    region, (array,) = memory.arrays(((size,), np.uint8))
    before = resident_memory()
    array[:] = 1
    assert resident_memory() - before > 0.9 * size
    region.rest()
    assert resident_memory() - before < 0.1 * size
    assert array.all()


def test_the_file_has_no_name_and_goes_with_its_arrays(tmp_path: Path) -> None:
    before = descriptors()
    memory = BlockMemory(0, tmp_path)
    lent = [memory.arrays(((30 << 20,), np.uint8))[1][0] for _ in range(5)]
    assert not any(tmp_path.iterdir())
    assert before < descriptors() < before + 5
    lent[0][:] = 7
    del memory, lent[1:]
    assert (lent[0] == 7).all()  # what is left keeps its part
    del lent[:]
    assert descriptors() == before


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int, _start: int, _size: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = descriptors()
    monkeypatch.setattr(os, "posix_fallocate", full)
    memory = BlockMemory(0, tmp_path)
    with pytest.raises(DataError, match=r"no room in memory, nor in .*, which is full .*TMPDIR"):
        memory.arrays(*BLOCK)
    del memory
    assert not any(tmp_path.iterdir())
    assert descriptors() == before


def test_space_is_taken_where_the_system_cannot_promise_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "posix_fallocate")
    _, (array,) = BlockMemory(0, tmp_path).arrays(((1000,), np.float64))
    array[:] = 3.0
    assert (array == 3.0).all()


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="name a folder for temporary files with TMPDIR"):
        BlockMemory(0, tmp_path / "absent").arrays(*BLOCK)


def test_temporary_files_go_where_the_user_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TMPDIR", raising=False)
    assert scratch_folder() == Path("/var/tmp")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    assert scratch_folder() == tmp_path
