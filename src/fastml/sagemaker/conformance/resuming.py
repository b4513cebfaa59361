"""Items of a job that is cut off: by SIGTERM, or by a machine that is taken away."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from fastml.sagemaker.conformance.contract import Collected, expect
from fastml.sagemaker.conformance.running import Conditions, Signal
from fastml.sagemaker.conformance.workbench import ended, model_of

if TYPE_CHECKING:
    from pathlib import Path

    from fastml.sagemaker.conformance.workbench import Trained, Workbench
    from fastml.sagemaker.layout import Layout

__all__ = ["RESUMING"]

RESUMING = Collected("model-managed-spot-training, model-checkpoints")

NOTICE = 120.0
"""Seconds between SIGTERM and SIGKILL."""
KILLED = 137
LATEST = 0.8
"""Of the time that the whole training takes."""
WRITTEN = 0.3
"""Seconds until what is seen is whole, and no file that is being written."""
TICK = 0.01
"""Seconds by which a file may seem older than it is."""
_OFTEN = {"FASTML_CHECKPOINT_SECONDS": "0.1"}
"""So that something is saved within the seconds of a test."""


@RESUMING.item(
    "train.sigterm", "on SIGTERM, save and end within 120 s; then go on to the same model"
)
def _sigterm(bench: Workbench) -> str:
    # A spot instance with notice.
    stopped, told = _cut_off(bench, "TERM")
    expect(stopped.code != KILLED, "it ended by SIGKILL")
    expect(stopped.code != 0, "it ended with 0, as if it had trained")
    expect(not stopped.layout.failure.exists(), "being stopped is no failure, but it wrote one")
    expect(not model_of(stopped.layout), "it left a model that is not trained")
    newest = max((each.stat().st_mtime for each in _saved(stopped.layout)), default=0.0)
    expect(newest > told - TICK, "after the signal nothing was saved in /opt/ml/checkpoints")
    return _goes_on(bench, stopped)


@RESUMING.item("train.sigkill", "killed half-way, go on to the same model")
def _sigkill(bench: Workbench) -> str:
    # A spot instance without notice, or a machine that fails.
    killed, _ = _cut_off(bench, "KILL")
    return _goes_on(bench, killed)


def _cut_off(bench: Workbench, signal: Signal) -> tuple[Trained, float]:
    """Train until something is saved, or most of the time has passed; send a signal, say when."""
    layout, latest = bench.job(much=True), LATEST * bench.long.seconds
    with bench.runner.start(layout.root, "train", Conditions(_OFTEN)) as running:
        while not _saved(layout) and time.monotonic() - running.began < latest:
            time.sleep(0.01)
        if _saved(layout):
            time.sleep(WRITTEN)
        running.expect_alive("before it could be cut off; give it more to train")
        told = time.time()
        running.tell(signal)
        return ended(running, layout, NOTICE), told


def _saved(layout: Layout) -> list[Path]:
    return [each for each in layout.checkpoints.rglob("*") if each.is_file()]


def _goes_on(bench: Workbench, cut: Trained) -> str:
    saved = _saved(cut.layout)
    expect(saved, "nothing is saved in /opt/ml/checkpoints")
    size = sum(each.stat().st_size for each in saved)
    done = bench.train(cut.layout, conditions=Conditions(_OFTEN)).expect_done()
    here, there = model_of(done.layout), model_of(bench.long.layout)
    others = sorted(
        name for name in here.keys() | there.keys() if here.get(name) != there.get(name)
    )
    expect(not others, f"the model is another: {', '.join(others)} differ")
    if bench.sample.is_churn:
        expect("resumed: " in done.said, "the model is the same, but nothing of it was resumed")
    return f"{size:,} bytes saved; the same model"
