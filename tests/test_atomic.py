"""A file or folder appears whole or not at all."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fastml import atomic
from fastml.atomic import atomic_path, clear_torn
from fastml.errors import DataError


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let writing fail as on a full disk, from `size` bytes on."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_file_appears_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.txt"
    with atomic_path(path) as temporary:
        temporary.write_text("done")
        assert temporary.parent == path.parent
        assert not path.exists()
    assert path.read_text() == "done"
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "model"
    for content in ("old", "new"):
        with atomic_path(path) as temporary:
            (temporary / "deep").mkdir(parents=True)
            (temporary / "deep" / content).write_text(content)
    assert [p.name for p in (path / "deep").iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("folder", [False, True])
@pytest.mark.parametrize("interruption", [ValueError, KeyboardInterrupt])
def test_an_interruption_leaves_what_was_there(
    tmp_path: Path, folder: bool, interruption: type[BaseException]
) -> None:
    path = tmp_path / "out"
    path.write_text("before")

    def write(temporary: Path) -> None:
        if folder:
            temporary.mkdir()
            (temporary / "part").write_text("half")
        else:
            temporary.write_text("half")
        raise interruption

    with pytest.raises(interruption), atomic_path(path) as temporary:
        write(temporary)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interruption_between_two_renames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out"
    path.mkdir()
    (path / "before").write_text("")
    rename = Path.rename

    def interrupted(self: Path, target: Path) -> Path:
        if self.suffix == ".tmp":
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt), atomic_path(path) as temporary:
        temporary.mkdir()
    assert [p.name for p in tmp_path.rglob("*")] == ["out", "before"]


def test_permissions_and_links_stay(tmp_path: Path) -> None:
    file, link, folder = tmp_path / "file", tmp_path / "link", tmp_path / "folder"
    file.write_text("old")
    file.chmod(0o600)
    link.symlink_to(file)
    with atomic_path(link) as temporary:
        temporary.write_text("new")
    assert link.is_symlink()
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("new", 0o600)
    folder.mkdir(mode=0o700)
    with atomic_path(folder) as temporary:
        temporary.mkdir()
    assert folder.stat().st_mode & 0o777 == 0o700


def test_where_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    with atomic_path(".") as temporary:
        temporary.mkdir()
        (temporary / "x").write_text("")
    assert [p.name for p in here.iterdir()] == ["x"]
    with pytest.raises(DataError, match="it is the root of all files"), atomic_path("/"):
        pass


def test_a_full_disk(tmp_path: Path) -> None:
    with (
        pytest.raises(DataError, match=r"out was not written: the disk is full .*Nothing was left"),
        files_of_at_most(1_000),
        atomic_path(tmp_path / "out") as temporary,
    ):
        temporary.write_bytes(bytes(10_000))
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(
            DataError, match=r"was not written: .*choose a folder that can be written to"
        ),
        atomic_path(tmp_path / "file" / "below") as temporary,
    ):
        temporary.write_text("")


def test_a_place_where_nothing_can_be_made() -> None:
    with (
        pytest.raises(DataError, match=r"/proc/1/x was not written: .*choose a folder"),
        atomic_path("/proc/1/x") as temporary,
    ):
        temporary.write_text("")


def test_a_device_is_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(DataError, match="a device or a pipe"), atomic_path(pipe) as temporary:
        temporary.write_text("done")  # pragma: no cover
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


def test_a_file_does_not_replace_a_folder(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with (
        pytest.raises(DataError, match="out is a folder; expected a file or nothing there"),
        atomic_path(tmp_path / "out") as temporary,
    ):
        temporary.write_text("")
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]


WRITES = """
import os, sys
from pathlib import Path
from fastml.atomic import atomic_path
with atomic_path(sys.argv[1]) as temporary:
    temporary.mkdir()
    (temporary / "new").write_text("half")
    os.kill(os.getpid(), 9)
"""


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    for _ in range(2):
        subprocess.run([sys.executable, "-c", WRITES, str(tmp_path / "out")], check=False)
    (torn,) = tmp_path.iterdir()  # the second has removed what the first left
    assert torn.name.endswith(".tmp")
    with atomic_path(tmp_path / "other") as temporary:
        temporary.write_text("")
    assert torn.exists()  # it is not of that path
    with atomic_path(tmp_path / "out") as temporary:
        temporary.write_text("whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "out"]


def test_what_stepped_aside_for_a_killed_process_comes_back(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    aside = tmp_path / f".out.{gone.pid}-00000000ffffffff.old"
    aside.mkdir()
    (aside / "before").write_text("kept")
    (tmp_path / f".out.{gone.pid}-00000000ffffffff.tmp").mkdir()
    with pytest.raises(KeyboardInterrupt), atomic_path(tmp_path / "out"):
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "before"]


def test_what_is_being_written_stays(tmp_path: Path) -> None:
    ours = f".out.{os.getpid()}-{atomic._US}00000000.tmp"
    before_us = f".out.{os.getpid()}-0123456789abcdef.tmp"
    others = f".out.{os.getppid()}-0123456789abcdef.tmp"
    for name in (ours, before_us, others, ".out.tmp", ".out.12.tmp"):
        (tmp_path / name).write_text("")
    clear_torn(tmp_path / "out")
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == sorted([ours, others, ".out.tmp", ".out.12.tmp"])
