"""Items of a job that is cut off: by SIGTERM, or by a machine that is taken away."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from fastml.sagemaker.conformance.contract import Collected, expect
from fastml.sagemaker.conformance.running import Conditions, Signal
from fastml.sagemaker.conformance.workbench import ended, model_of

if TYPE_CHECKING:
    from fastml.sagemaker.conformance.workbench import Trained, Workbench

__all__ = ["RESUMING"]

RESUMING = Collected("model-managed-spot-training, model-checkpoints")

NOTICE = 120.0
"""Seconds between SIGTERM and SIGKILL."""
KILLED = 137
_OFTEN = {"FASTML_CHECKPOINT_SECONDS": "0.1"}
"""So that something is saved within the seconds of a test."""


@RESUMING.item(
    "train.sigterm", "on SIGTERM, save and end within 120 s; then go on to the same model"
)
def _sigterm(bench: Workbench) -> str:
    # A spot instance with notice.
    stopped = _cut_off(bench, "TERM")
    expect(stopped.code != KILLED, "it ended by SIGKILL")
    expect(stopped.code != 0, "it ended with 0, as if it had trained")
    expect(not stopped.layout.failure.exists(), "being stopped is no failure, but it wrote one")
    expect(not model_of(stopped.layout), "it left a model that is not trained")
    return _goes_on(bench, stopped)


@RESUMING.item("train.sigkill", "killed half-way, go on to the same model")
def _sigkill(bench: Workbench) -> str:
    # A spot instance without notice, or a machine that fails.
    return _goes_on(bench, _cut_off(bench, "KILL"))


def _cut_off(bench: Workbench, signal: Signal) -> Trained:
    """Train until half-way, as a training that went through tells, and send a signal."""
    half = bench.long.seconds / 2
    layout = bench.job(much=True)
    with bench.runner.start(layout.root, "train", Conditions(_OFTEN)) as running:
        time.sleep(max(0.0, running.began + half - time.monotonic()))
        running.expect_alive("before it could be cut off; give it more to train")
        running.tell(signal)
        return ended(running, layout, NOTICE)


def _goes_on(bench: Workbench, cut: Trained) -> str:
    saved = [each for each in cut.layout.checkpoints.rglob("*") if each.is_file()]
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
