"""What a checkpoint writes, finds, refuses and leaves behind."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import fastml
from fastml.checkpoint import Checkpoint, Saver, State, current
from fastml.errors import ConfigError, StoppedError

FACTS = {"room": np.array([1, 2])}


class Count:
    """Counts up; all that it is in the middle of is a number."""

    def __init__(self) -> None:
        self.at = 0

    def state(self) -> State:
        return {"at": np.array([self.at]), "name": np.array(["Łódź", "b"])}

    def restore(self, state: State) -> None:
        self.at = int(state["at"][0])
        assert state["name"].tolist() == ["Łódź", "b"]


def count_to(end: int, saver: Saver, stop_at: int | None = None) -> State:
    count = Count()
    saver.keep("count", count)
    while count.at < end:
        saver.save_if_due()
        count.at += 1
        if count.at == stop_at:
            raise KeyboardInterrupt
    return {"end": np.array([count.at])}


def train(key: str = "k", end: int = 5, stop_at: int | None = None) -> State:
    checkpoint = current()
    assert checkpoint is not None
    return checkpoint.training(
        lambda: key, "0-1", lambda saver: count_to(end, saver, stop_at), facts=FACTS
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return where to save, at every opportunity."""
    monkeypatch.setattr("fastml.checkpoint.SHARE", 0.0)
    yield tmp_path / "state"
    assert current() is None


def interrupted(folder: Path) -> None:
    """Leave a training that is done, and one that was under way."""

    def body() -> None:
        with Checkpoint(folder, every=0.0):
            train("first")
            train(stop_at=3)

    with pytest.raises(KeyboardInterrupt):
        body()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_is_done_is_found_and_what_was_under_way_goes_on(folder: Path) -> None:
    interrupted(folder)
    assert names(folder) == ["first.0-1.done.training", "k.0-1.state.training"]
    with Checkpoint(folder) as checkpoint:
        assert train("first")["end"] == 5
        assert checkpoint.earlier(lambda: "k")["room"].tolist() == [1, 2]  # type: ignore[index]
        assert train()["end"] == 5
        assert (checkpoint.found, checkpoint.resumed) == (1, 1)
        assert not checkpoint.of_no_use
    assert not folder.exists()


def test_what_has_another_fingerprint_is_of_no_use(folder: Path) -> None:
    interrupted(folder)
    with Checkpoint(folder) as checkpoint:
        train("other")
        assert checkpoint.earlier(lambda: "other") is None
        assert checkpoint.of_no_use
    assert names(folder) == ["first.0-1.done.training", "k.0-1.state.training"]  # another's


def test_without_resume_nothing_is_read_nor_removed_before_the_end(folder: Path) -> None:
    interrupted(folder)
    before = names(folder)
    with Checkpoint(folder, resume=False) as checkpoint:
        assert checkpoint.holds_something
        assert not checkpoint.looks
        train("first")
        train()
        assert checkpoint.resumed == 0
        assert names(folder) == before
    assert not folder.exists()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda content: content[:-1], "not whole"),
        (lambda content: b"", "cannot be read"),
        (lambda content: b"x" + content[1:], "not whole"),
        (lambda content: content[:70] + b"\xff" + content[71:], "altered or damaged"),
        (lambda content: content[:8] + b"\x09" + content[9:], "of format 9; this is 1"),
        (lambda content: content + content, "not whole"),
    ],
    ids=["cut", "empty", "foreign", "altered", "newer", "doubled"],
)
def test_a_damaged_file_is_told_and_the_training_begins_anew(
    spoil: object, said: str, folder: Path
) -> None:
    interrupted(folder)
    path = folder / "k.0-1.state.training"
    path.write_bytes(spoil(path.read_bytes()))  # type: ignore[operator]
    with Checkpoint(folder) as checkpoint:
        train("first")
        with pytest.warns(RuntimeWarning, match=said):
            assert train()["end"] == 5
        assert (checkpoint.found, checkpoint.resumed) == (1, 0)
    assert not folder.exists()


def test_asked_to_stop_it_saves_and_stops(folder: Path) -> None:
    with Checkpoint(folder) as checkpoint:
        assert not checkpoint.stop()  # nothing is under way

    def stopping(saver: Saver) -> State:
        assert checkpoint.stop()
        assert not checkpoint.stop()  # it was asked before
        return count_to(5, saver)

    with Checkpoint(folder) as checkpoint:
        train("first")
        with pytest.raises(StoppedError, match=f"saved in {folder}") as caught:
            checkpoint.training(lambda: "k", "0-1", stopping, facts=FACTS)
        assert names(folder) == ["first.0-1.done.training", "k.0-1.state.training"]
    assert not hasattr(caught.value, "__notes__")


def test_results_wait_for_the_next_saving(folder: Path) -> None:
    with Checkpoint(folder):
        train()
        assert not folder.exists()

    def body() -> None:
        with Checkpoint(folder, every=0.0):
            train()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        body()
    assert caught.value.__notes__ == [f"what was learned until it was last saved is in {folder}"]
    assert names(folder) == ["k.0-1.done.training"]


def test_many_results_do_not_wait(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastml.checkpoint.UNWRITTEN", 8)
    with Checkpoint(folder):
        train("a")
        assert not folder.exists()
        train("b")
        assert len(names(folder)) == 2


def test_a_full_disk_ends_no_training(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted(folder)
    before = names(folder)

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def body() -> None:
        with Checkpoint(folder, every=0.0):
            assert train()["end"] == 5
            assert names(folder) == before  # the state goes when the result is written
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with (
            pytest.warns(RuntimeWarning, match="the disk is full.*training goes on"),
            pytest.raises(KeyboardInterrupt),
        ):
            body()
    with Checkpoint(folder) as checkpoint:
        assert train()["end"] == 5
        assert checkpoint.resumed == 1


def test_other_files_and_torn_ones(folder: Path) -> None:
    interrupted(folder)
    (folder / "notes.txt").write_text("mine")
    with subprocess.Popen([sys.executable, "-c", ""]) as killed:
        pass
    torn = f".k.0-1.state.training.{killed.pid}-1a2b3c4d1a2b3c4d.tmp"
    (folder / torn).write_bytes(b"torn")
    with Checkpoint(folder):
        train("first")
        train()
    assert names(folder) == ["notes.txt"]


def test_other_threads_see_none(folder: Path) -> None:
    seen = []
    with Checkpoint(folder):
        thread = threading.Thread(target=lambda: seen.append(current()))
        thread.start()
        thread.join()
    assert seen == [None]


def test_settings_are_checked(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="is a file; name a folder"):
        fastml.Checkpoint(tmp_path / "file")
    with pytest.raises(ConfigError, match="every is -1; expected a number of seconds"):
        fastml.Checkpoint(tmp_path, every=-1)
