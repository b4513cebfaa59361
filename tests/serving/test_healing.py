"""Workers that end, models that fail, and signals that come at the wrong moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from .running import ROW, Running, started

FORKING = """
import os, signal, sys
from pathlib import Path
from fastml.serving import server

fork, forked = os.fork, []

def forks():
    pid = fork()
    forked.append(pid)
    if len(forked) == 1 and (pid == 0) == (sys.argv[2] == "child"):
        os.kill(os.getpid(), signal.SIGTERM)
    return pid

os.fork = forks
server.serve(Path(sys.argv[1]), host="127.0.0.1", port=0)
"""


def test_a_signal_while_a_worker_is_forked_reaches_it(folder: Path) -> None:
    with (folder.parent / "log").open("w") as sink:
        process = subprocess.Popen(
            [sys.executable, "-c", FORKING, str(folder), "parent"], stderr=sink
        )
    try:
        assert process.wait(10) == 0
    finally:
        process.kill()
    assert Running(process, folder.parent / "log").events("draining")  # type: ignore[arg-type]


def test_a_signal_to_a_worker_that_was_just_forked_is_its_own(folder: Path) -> None:
    log = folder.parent / "log"
    with log.open("w") as sink:
        process = subprocess.Popen(
            [sys.executable, "-c", FORKING, str(folder), "child"], stderr=sink, text=True
        )
    running = Running(process, log)
    try:
        running.wait_until(lambda: bool(running.events("a worker is ready")))
        (ended,) = running.events("a worker ended")
        assert ended["code"] == -signal.SIGTERM
        assert not running.events("draining")
    finally:
        process.terminate()
        assert process.wait(20) == 0


def test_workers_that_end_again_and_again_are_replaced_more_slowly(folder: Path) -> None:
    with started(folder) as running:
        for replaced in range(4):
            (worker,) = running.workers()
            os.kill(worker, signal.SIGKILL)
            running.wait_until(
                lambda before=replaced: len(running.events("a worker is ready")) == before + 2  # type: ignore[misc]
            )
        pauses = [event["replaced_in"] for event in running.events("a worker ended")]
        assert pauses == [0.0, 0.1, 0.2, 0.4]


SLOW = """
import sys, time
from fastml.serving import worker

load = worker._load

def slowly(model):
    import os, pathlib
    if pathlib.Path(str(model) + ".slow").exists():
        time.sleep(1.5)
    what = pathlib.Path(str(model) + ".fails")
    if what.exists():
        left = int(what.read_text()) - 1
        what.write_text(str(left)) if left else what.unlink()
        raise KeyError("strange")
    return load(model)

worker._load = slowly
worker.AGAIN = (0.1, 0.1)
from fastml.cli import main
sys.argv[0] = "fastml"
main()
"""


def test_a_replacement_answers_only_with_its_model(folder: Path) -> None:
    with started(folder, "--workers", "2", program=("-c", SLOW)) as running:
        folder.with_name("model.slow").touch()
        os.kill(running.workers()[0], signal.SIGKILL)
        while len(running.events("a worker is ready")) < 3:
            assert running.ask("/invocations", ROW)[0] == 200
        assert len(running.events("a worker ended")) == 1


def test_a_first_worker_refuses_until_its_model_is_loaded(folder: Path) -> None:
    folder.with_name("model.slow").touch()
    with started(folder, program=("-c", SLOW), ready=False) as running:
        running.wait_until(lambda: bool(running.events("listening")))
        assert running.ask()[0] == 503
        running.wait_until(lambda: running.ask()[0] == 200)


def test_once_a_server_is_ready_no_worker_says_that_it_is_not(folder: Path) -> None:
    """The first worker, which listens before its model is loaded, is the slow one."""
    folder.with_name("model.slow").touch()
    with started(folder, "--workers", "3", program=("-c", SLOW), ready=False) as running:
        running.wait_until(lambda: bool(running.events("listening")))
        running.wait_until(lambda: len(running.workers()) == 1)
        folder.with_name("model.slow").unlink()  # the others would be ready before it
        running.wait_until(lambda: running.ask()[0] == 200)
        while len(running.events("a worker is ready")) < 3:
            assert running.ask("/invocations", ROW)[0] == 200


def test_whatever_ends_the_first_load_is_said_and_ends_the_server(folder: Path) -> None:
    folder.with_name("model.fails").write_text("100")
    with started(folder, program=("-c", SLOW), ready=False) as running:
        assert running.process.wait(30) == 2
        assert [event["kind"] for event in running.events("a worker failed")] == ["KeyError"] * 3


def test_whatever_fails_while_another_model_is_taken_up_is_tried_again(folder: Path) -> None:
    with started(folder, program=("-c", SLOW)) as running:
        before = running.ask("/invocations", ROW)[1]
        folder.with_name("model.fails").write_text("2")
        os.utime(folder / "manifest.json")
        running.wait_until(lambda: bool(running.events("took up a new model")))
        failed = running.events("the new model was not taken up")
        assert [event["kind"] for event in failed] == ["KeyError", "KeyError"]
        metrics = running.ask("/metrics")[1]
        assert b"fastml_failed_reloads_total 2" in metrics
        # One that fails each time is left, and the next one is taken up.
        folder.with_name("model.fails").write_text("3")
        os.utime(folder / "manifest.json")
        running.wait_until(lambda: len(running.events("the new model was not taken up")) == 5)
        assert running.events("the new model was not taken up")[-1]["again_in"] is None
        assert running.ask("/invocations", ROW) == (200, before)
        os.utime(folder / "manifest.json")
        running.wait_until(lambda: len(running.events("took up a new model")) == 2)
