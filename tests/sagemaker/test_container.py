"""Containers are removed however a test of them ends; an engine's place is taken by a script."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from fastml.sagemaker.conformance import container
from fastml.sagemaker.conformance.container import Container
from fastml.sagemaker.conformance.contract import BrokenError
from fastml.sagemaker.conformance.running import Conditions
from fastml.sagemaker.conformance.sample import Churn
from fastml.sagemaker.conformance.workbench import Workbench

ENGINE = """
import os, signal, sys, time
from pathlib import Path

here, (verb, *rest) = Path(__file__).parent, sys.argv[1:]
name = next((each[7:] for each in rest if each.startswith("--name=")), "")
if verb == "image":
    print("[{}]")
elif verb == "inspect":
    print("true" if (here / "starts").exists() else "false")
elif verb == "run" and name:
    (here / f"{name}.pid.new").write_text(str(os.getpid()))
    (here / f"{name}.pid.new").rename(here / f"{name}.pid")
    time.sleep(60)
elif verb == "run":
    (here / "cleared").write_text(" ".join(rest))
elif verb == "rm":
    place = here / f"{rest[-1]}.pid"
    while not place.exists():
        time.sleep(0.01)
    os.kill(int(place.read_text()), signal.SIGKILL)
    place.unlink()
"""


@pytest.fixture
def engine(tmp_path: Path) -> Container:
    (tmp_path / "engine.py").write_text(ENGINE)
    return Container("image", f"{sys.executable} {tmp_path / 'engine.py'}", tmp_path)


def left(folder: Path) -> list[str]:
    return [each.name for each in folder.glob("*.pid*")]


def _interrupt(_seconds: float) -> None:
    raise KeyboardInterrupt


def test_interrupted_before_it_has_started(
    engine: Container, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container.time, "sleep", _interrupt)
    with pytest.raises(KeyboardInterrupt):
        engine.start(tmp_path, "serve", Conditions())
    assert left(tmp_path) == []


def test_an_engine_that_does_not_start_it(
    engine: Container, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "START", 0.3)
    with pytest.raises(BrokenError, match="the engine had not started it after"):
        engine.start(tmp_path, "serve", Conditions())
    assert left(tmp_path) == []


@pytest.mark.parametrize("interrupted", [True, False])
def test_a_relay_that_does_not_lead(
    engine: Container, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interrupted: bool
) -> None:
    (tmp_path / "starts").touch()
    with engine.start(tmp_path, "serve", Conditions()) as running:
        if interrupted:
            monkeypatch.setattr(container.time, "sleep", _interrupt)
        monkeypatch.setattr(container, "START", 0.3)
        with pytest.raises(KeyboardInterrupt if interrupted else BrokenError):
            running.connect(1.0)
    assert left(tmp_path) == []


def test_names_are_of_one_test_alone(engine: Container, tmp_path: Path) -> None:
    """Processes of two machines, or of two containers, may have the same number."""
    (tmp_path / "starts").touch()
    other = Container("image", f"{sys.executable} {tmp_path / 'engine.py'}", tmp_path)
    with engine.start(tmp_path, "", Conditions()), other.start(tmp_path, "", Conditions()):
        while len(found := left(tmp_path)) < 2 or any(".new" in each for each in found):
            os.sched_yield()
    assert left(tmp_path) == []


def test_what_containers_have_written_is_removed_by_one(engine: Container, tmp_path: Path) -> None:
    with Workbench(engine, Churn(), tmp_path):
        pass
    said = (tmp_path / "cleared").read_text()
    assert said.startswith(f"--rm --network=none --volume={tmp_path}:/fastml-test --user=0:0")
    assert "rmtree" in said
