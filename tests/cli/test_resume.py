"""A run that is killed at any moment goes on, or begins anew, to the same model."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

KILLS = 20
PROJECT = """
problem.target = "leaves"
data.source = "t.parquet"
[learner]
l1 = 1e-6
tolerance = 1e-12
bootstrap = 8
"""
RUN = "from fastml.cli import main; import sys; sys.argv[0] = 'fastml'; main()"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change to a folder with a project that trains for some tenths of a second."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    n = 36_000
    x, city = rng.normal(size=(n, 6)), rng.integers(0, 500, n)
    margin = x @ rng.normal(size=6) + rng.normal(size=500)[city]
    columns = {f"x{i}": x[:, i] for i in range(6)}
    leaves = np.where(rng.random(n) < 1 / (1 + np.exp(-margin)), "yes", "no")
    table = pa.table({**columns, "city": city.astype(str), "leaves": leaves})
    pq.write_table(table, "t.parquet")
    Path("p.toml").write_text(PROJECT, encoding="utf-8")
    return tmp_path


def start(*options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", RUN, "run", "p.toml", "--threads", "2", *options]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def content(run: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (run / "model").iterdir()}


def left_behind(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_killed_at_twenty_random_moments(folder: Path) -> None:
    began = time.monotonic()
    whole = start("--out", "whole")
    whole.communicate()
    took = time.monotonic() - began
    expected = content(folder / "whole")
    moments = random.Random(7)
    kills = 0
    while kills < KILLS:
        run = start("--out", "again", "--save-every", "0", "--resume")
        try:
            _, said = run.communicate(timeout=moments.uniform(0.2, 1.0) * took)
        except subprocess.TimeoutExpired:
            run.kill()
            run.communicate()
            kills += 1
            continue
        assert run.returncode == 0, said
        assert content(folder / "again") == expected
        assert "training.checkpoint" not in left_behind(folder)
    run = start("--out", "again", "--resume")
    _, said = run.communicate()
    assert run.returncode == 0, said
    assert content(folder / "again") == expected
    assert left_behind(folder) == ["again", "p.toml", "t.parquet", "test-looks.jsonl", "whole"]


def test_terminated_it_saves_and_says_how_to_go_on(folder: Path) -> None:
    whole = start("--out", "whole")
    whole.communicate()
    expected = content(folder / "whole")
    run = start("--out", "again", "--save-every", "0")
    state = folder / "training.checkpoint"
    while not state.exists():  # training has begun
        assert run.poll() is None
        time.sleep(0.005)
    run.send_signal(signal.SIGTERM)
    _, said = run.communicate()
    assert run.returncode == 143, said
    assert "fastml: stopped as asked; what was learned is saved in" in said
    again = "run p.toml --threads 2 --out again --save-every 0 --resume"
    assert f"fastml: `fastml {again}` goes on" in said
    assert "again" not in left_behind(folder)
    run = start("--out", "again", "--resume")
    _, said = run.communicate()
    assert run.returncode == 0, said
    assert "resumed: of what was saved, " in said
    assert content(folder / "again") == expected
    assert not state.exists()
