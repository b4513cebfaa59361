"""A job that is told to stop saves its training, and goes on to the same model."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fastml.sagemaker.layout import Layout
from tests.sagemaker.conftest import write

HYPERPARAMETERS = {"target": "leaves", "l1": "1e-6", "tolerance": "1e-12", "bootstrap": "8"}


def made(root: Path) -> Layout:
    """Make a job that trains for some tenths of a second."""
    layout = Layout(root)
    rng = np.random.default_rng(0)
    n = 36_000
    x, city = rng.normal(size=(n, 6)), rng.integers(0, 500, n)
    margin = x @ rng.normal(size=6) + rng.normal(size=500)[city]
    columns = {f"x{i}": x[:, i] for i in range(6)}
    leaves = np.where(rng.random(n) < 1 / (1 + np.exp(-margin)), "yes", "no")
    folder = layout.channels / "train"
    folder.mkdir(parents=True)
    table = pa.table({**columns, "city": city.astype(str), "leaves": leaves})
    pq.write_table(table, folder / "t.parquet")
    write(layout.config / "hyperparameters.json", HYPERPARAMETERS)
    return layout


def start(layout: Layout) -> subprocess.Popen[str]:
    """Start a job that saves as often as it can."""
    told = {"SAGEMAKER_BASE_DIR": str(layout.root), "FASTML_CHECKPOINT_SECONDS": "0"}
    return subprocess.Popen(
        [sys.executable, "-m", "fastml.sagemaker", "train"],
        env=os.environ | told,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def model_of(layout: Layout) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in layout.model.iterdir()}


def test_terminated_it_saves_and_goes_on_to_the_same_model(tmp_path: Path) -> None:
    whole, layout = made(tmp_path / "whole"), made(tmp_path / "ml")
    first = start(whole)
    said, _ = first.communicate()
    assert first.returncode == 0, said
    job = start(layout)
    state = layout.checkpoints / "fastml"
    while not state.exists():  # training has begun
        assert job.poll() is None
        time.sleep(0.005)
    job.send_signal(signal.SIGTERM)
    began = time.monotonic()
    said, _ = job.communicate()
    assert time.monotonic() - began < 30
    assert job.returncode == 143, said
    assert "stopped as asked" in said
    assert not layout.failure.exists()
    assert not layout.model.exists()
    assert any(state.iterdir())
    again = start(layout)
    said, _ = again.communicate()
    assert again.returncode == 0, said
    assert "resumed: of what was saved, " in said
    assert model_of(layout) == model_of(whole)
    assert not state.exists()


def test_terminated_before_training_it_ends_at_once(tmp_path: Path) -> None:
    layout = made(tmp_path)
    (layout.channels / "train" / "t.parquet").unlink()
    (layout.channels / "train").rmdir()
    channel = {"train": {"TrainingInputMode": "Pipe"}}
    write(layout.config / "inputdataconfig.json", channel)
    os.mkfifo(layout.channels / "train_0")  # no one writes to it
    job = start(layout)
    while not layout.scratch.exists():
        assert job.poll() is None
        time.sleep(0.005)
    job.send_signal(signal.SIGTERM)
    said, _ = job.communicate(timeout=20)
    assert job.returncode == 143, said
    assert not layout.scratch.exists()
    assert not layout.failure.exists()


def test_it_hears_sigterm_before_it_has_imported_much() -> None:
    """Process 1 hears no signal without a handler, and importing takes a while."""
    code = (
        "import sys, fastml.sagemaker.__main__;"
        "print(*({'numpy', 'pyarrow'} & {name for name in sys.modules}))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert not found.stdout.strip()
