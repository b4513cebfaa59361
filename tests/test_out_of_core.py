"""Training in bounded memory: the same model, wherever the rows lie."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fastml import Checkpoint, Pipeline
from fastml.checkpoint import State
from fastml.engine import BlockMemory
from fastml.errors import DataError
from fastml.linear_model import LinearRegression, LogisticRegression
from fastml.preprocessing import MissingRowDropper, SimpleImputer

NOTHING = 1  # a byte: every block has to lie in the file
ROWS = 150_000  # of three blocks; a large table for the solvers, which then warm up


def table(rows: int = ROWS, seed: int = 0) -> pa.Table:
    """Return numbers, categories and dates with gaps, and targets of every kind."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 4)) * [1.0, 10.0, 0.1, 1e4] + [0.0, 5.0, 0.0, 1e6]
    city = rng.integers(0, 300, rows) * (rng.random(rows) < 0.7)
    plan = rng.integers(0, 4, rows)
    signal = x[:, 0] + 0.1 * x[:, 1] + 0.3 * plan + np.sin(city)
    chance = 1 / (1 + np.exp(-signal))
    return pa.table(
        {
            "a": pa.array(x[:, 0], mask=rng.random(rows) < 0.1),
            "b": x[:, 1],
            "c": pa.array(np.round(x[:, 2], 1), mask=rng.random(rows) < 0.3),
            "d": x[:, 3],
            "city": pa.array([f"city {i}" for i in city.tolist()], mask=rng.random(rows) < 0.02),
            "plan": pa.array([f"plan {i}" for i in plan.tolist()]).dictionary_encode(),
            "day": pa.array(rng.integers(18_000, 19_000, rows).astype(np.int32), pa.date32()),
            "w": rng.integers(0, 4, rows).astype(np.float64),
            "two": rng.random(rows) < chance,
            "three": pa.array((signal > 0).astype(int) + (signal > 1.5)).cast(pa.string()),
            "number": signal + 0.1 * rng.standard_t(2, rows),
        }
    )


@pytest.fixture(scope="module")
def data() -> pa.Table:
    return table()


def targets(*others: str) -> list[str]:
    return [name for name in ("two", "three", "number") if name not in others]


def weights_of(model: Pipeline) -> bytes:
    learner = model.learner_
    return bytes(learner.weights_.tobytes() + learner.intercept_.tobytes())


CASES: dict[str, Callable[[], Pipeline]] = {
    "two classes": lambda: Pipeline(target="two", drop=targets("two")),
    "of weights": lambda: Pipeline(target="two", drop=targets("two"), weight="w"),
    "stochastic": lambda: Pipeline(
        LogisticRegression(solver="sgd", epochs=2, l1=1e-6), target="two", drop=targets("two")
    ),
    "large batches": lambda: Pipeline(
        LogisticRegression(solver="sgd", epochs=1, batch_size=5000),
        target="two",
        drop=targets("two"),
    ),
    "softmax": lambda: Pipeline(
        LogisticRegression(tolerance=1e-2), target="three", drop=targets("three")
    ),
    "robust": lambda: Pipeline(
        LinearRegression(loss="huber"), target="number", drop=targets("number")
    ),
    "bent": lambda: Pipeline(
        target="two",
        drop=targets("two"),
        bins={"a": 8, "b": 16},
        crosses=[["city", "plan"], ["d", "day.weekday"]],
    ),
    "frequent values": lambda: Pipeline(
        target="two", drop=targets("two"), imputer=SimpleImputer("most_frequent")
    ),
    "whole rows": lambda: Pipeline(target="two", drop=targets("two"), rows=MissingRowDropper()),
}


@pytest.mark.parametrize("case", CASES)
def test_the_model_is_the_same_in_memory_and_out_of_core(case: str, data: pa.Table) -> None:
    found = set()
    for memory, threads in (("10GB", 2), (NOTHING, 1), (NOTHING, 2), ("10GB", 1)):
        model = CASES[case]()
        model.memory, model.threads = memory, threads
        found.add(weights_of(model.fit(data)))
    assert len(found) == 1


def test_some_rows_in_memory_and_some_in_the_file(
    data: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    lent = []

    def within(_budget: int) -> BlockMemory:
        lent.append(BlockMemory(4 << 20))  # of a block and a half
        return lent[-1]

    expected = weights_of(CASES["two classes"]().fit(data))
    monkeypatch.setattr(BlockMemory, "within", within)
    assert weights_of(CASES["two classes"]().fit(data)) == expected
    assert [memory.overflowed > 0 for memory in lent] == [True]


@pytest.mark.parametrize("solver", ["lbfgs", "sgd"])
def test_rows_to_watch_lie_in_the_file_too(solver: Any, data: pa.Table) -> None:
    def fitted(memory: int | str) -> bytes:
        learner = LogisticRegression(solver=solver, patience=1, epochs=4)
        pipeline = Pipeline(learner, target="two", drop=targets("two"), memory=memory)
        return weights_of(pipeline.fit(data.slice(0, 90_000), validation=data.slice(90_000)))

    assert fitted(NOTHING) == fitted("10GB")


def test_blocks_of_no_rows(data: pa.Table) -> None:
    known = np.ones(ROWS, np.bool_)
    known[65_536 : 2 * 65_536] = False  # all of the second block
    unknown = pa.array(data["two"].to_numpy(), mask=~known)
    gap = data.set_column(data.schema.get_field_index("two"), "two", unknown)
    found = []
    for memory in (NOTHING, "10GB"):
        model = CASES["two classes"]()
        model.memory = memory
        found.append(weights_of(model.fit(gap)))
        assert model.missing_targets_ == 65_536
    assert found[0] == found[1]


def test_boosted_trees_are_the_same(data: pa.Table) -> None:
    from fastml.ensemble import BoostedTrees

    def scores(memory: int | str) -> np.ndarray[Any, Any]:
        learner = BoostedTrees(rounds=3, threads=1)
        pipeline = Pipeline(learner, target="two", drop=targets("two"), memory=memory)
        return pipeline.fit(data).predict_proba(data.slice(0, 1000))

    np.testing.assert_array_equal(scores(NOTHING), scores("10GB"))


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    yield tmp_path
    assert not any(tmp_path.iterdir())


@pytest.mark.usefixtures("scratch")
def test_a_full_disk_ends_the_fit_and_leaves_nothing(
    data: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int, _start: int, _size: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    model = CASES["two classes"]()
    model.memory = NOTHING
    with pytest.raises(DataError, match="which is full"):
        model.fit(data)
    assert not hasattr(model, "learner_")


@pytest.mark.usefixtures("scratch")
def test_a_failure_in_the_middle_leaves_nothing(data: pa.Table) -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        yield from data.to_batches(max_chunksize=65_536)
        raise RuntimeError("the source broke")

    model = CASES["two classes"]()
    model.memory = NOTHING
    with pytest.raises(RuntimeError, match="the source broke"):
        model.fit(batches())


FIT = """
import re, sys
from pathlib import Path
from fastml import Pipeline, scan
from fastml.linear_model import LogisticRegression
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024
path, memory, solver = sys.argv[1:]
source = scan(path)
Pipeline(LogisticRegression(solver="sgd", epochs=1), target="y", memory="10GB").fit(
    source.slice(0, 200_000))  # what decoding and learning take, whatever the rows
before = peak()
learner = LogisticRegression(solver=solver, epochs=1, max_iter=3, tolerance=0.1)
Pipeline(learner, target="y", memory=int(memory)).fit(source)
print(peak() - before)
"""


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file whose encoded rows take 192 MB: 1.2 million of 40 numbers."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("wide") / "wide.parquet"
    numbers = rng.normal(size=(40, 100_000)).astype(np.float32)
    columns = {f"x{i}": own for i, own in enumerate(numbers)}
    columns["y"] = (rng.random(100_000) < 1 / (1 + np.exp(-numbers[0]))).astype(np.int8)
    part = pa.table(columns)
    with pq.ParquetWriter(path, part.schema, compression="none", use_dictionary=False) as file:
        for _ in range(12):
            file.write_table(part)
    return path


@pytest.mark.parametrize("solver", ["lbfgs", "sgd"])
def test_peak_memory_does_not_grow_with_the_rows(wide: Path, solver: str) -> None:
    grown = {}
    for memory in (NOTHING, 10**10):
        command = [sys.executable, "-c", FIT, str(wide), str(memory), solver]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
        grown[memory] = int(run.stdout)
    assert grown[10**10] > 200e6
    # Targets and margins stay; and of a stochastic pass, what it reads at sixteen places.
    assert grown[NOTHING] < 150e6, grown


@pytest.mark.parametrize("case", ["two classes", "stochastic"])
def test_cut_off_it_goes_on_in_the_file(
    case: str, data: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastml.checkpoint.SHARE", 0.0)
    whole = CASES[case]()
    whole.memory = NOTHING
    whole.fit(data)
    again = CASES[case]()
    again.memory = NOTHING
    write, written = Checkpoint._write, []

    def cut(self: Checkpoint, path: Path, arrays: State) -> None:
        write(self, path, arrays)
        written.append(path)
        if len(written) == 2:
            raise KeyboardInterrupt

    def fit() -> None:
        with Checkpoint(tmp_path / "state", every=0.0):
            again.fit(data)

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "_write", cut)
        with pytest.raises(KeyboardInterrupt):
            fit()
    with Checkpoint(tmp_path / "state") as checkpoint:
        again.fit(data)
    assert checkpoint.found + checkpoint.resumed > 0
    assert weights_of(again) == weights_of(whole)
