"""Pipelines whose columns have every type that a request can hold."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import fastml
from fastml.linear_model import LogisticRegression

ROWS = 600


@cache
def table() -> pa.Table:
    """Return rows of numbers, text, dates and times, of which some are missing."""
    rng = np.random.default_rng(5)

    def some(values: list[Any], type_: pa.DataType, missing: float = 0.1) -> pa.Array:
        gone = rng.random(ROWS) < missing
        return pa.array([None if g else v for v, g in zip(values, gone, strict=True)], type_)

    start = datetime.datetime(1965, 3, 1, 4, 5, 6, 789_000)
    moments = [start + datetime.timedelta(hours=int(h)) for h in rng.integers(0, 600_000, ROWS)]
    size = rng.normal(50.0, 12.0, ROWS)
    count = rng.integers(-5, 400, ROWS)
    plan = rng.choice(["gold", "silver", "a,b", 'say "hi"', "Zürich", "line\nbreak", " x "], ROWS)
    score = (size - 50.0) / 6.0 + (plan == "gold") * 2.0 - count / 200.0
    noise = rng.logistic(size=ROWS)
    return pa.table(
        {
            "size": some(size.tolist(), pa.float64()),
            "count": some(count.tolist(), pa.int32()),
            "small": some(rng.normal(size=ROWS).astype(np.float32).tolist(), pa.float32()),
            "member": some((rng.random(ROWS) < 0.4).tolist(), pa.bool_()),
            "plan": some(plan.tolist(), pa.string()),
            "ward": some(rng.choice(["1", "2", "30", "-4"], ROWS).tolist(), pa.string()),
            "joined": some([each.date() for each in moments], pa.date32()),
            "seen": some(moments, pa.timestamp("us")),
            "heard": some(moments[::-1], pa.timestamp("ms", "UTC")),
            "woke": some([each.time() for each in moments], pa.time64("us")),
            "left": pa.array(np.where(score + noise > 0.0, "yes", "no")),
            "state": pa.array(rng.choice(["north", "south", "east"], ROWS)),
            "price": pa.array(100.0 + 3.0 * size + noise),
        }
    )


KINDS: dict[str, Callable[[], fastml.Pipeline]] = {
    "binary": lambda: _fitted("left"),
    "binary, bins and crosses": lambda: _fitted(
        "left", bins={"size": 8, "count": 100}, crosses=[["plan", "member"], ["size", "plan"]]
    ),
    "binary, platt": lambda: _fitted("left").calibrate(table(), "platt"),
    "binary, isotonic": lambda: _fitted("left").calibrate(table(), "isotonic"),
    "binary, temperature": lambda: _fitted("left").calibrate(table(), "temperature"),
    "multiclass": lambda: _fitted("state"),
    "multiclass, temperature": lambda: _fitted("state").calibrate(table(), "temperature"),
    "multiclass, platt": lambda: _fitted("state").calibrate(table(), "platt"),
    "one against the rest": lambda: _fitted(
        "state", learner=LogisticRegression(multi_class="one_vs_rest")
    ),
    "regression": lambda: _fitted("price"),
    "numbers": lambda: fastml.Pipeline(target="left").fit(
        table().select(["size", "count", "small", "left"])
    ),
    "whole numbers as classes": lambda: _fitted("ward", task="multiclass"),
}
BY_PIPELINE = {"multiclass, platt", "one against the rest"}  # what the compiled core lacks


def _fitted(target: str, learner: Any = None, **options: Any) -> fastml.Pipeline:
    others = {"left", "state", "price"} - {target}
    pipeline = fastml.Pipeline(
        learner, target=target, drop=sorted(others), categorical=["ward"], **options
    )
    if target == "ward":
        pipeline = fastml.Pipeline(learner, target=target, drop=sorted(others), **options)
    return pipeline.fit(table().filter(table()[target].is_valid()))


@cache
def model(kind: str) -> fastml.Pipeline:
    return KINDS[kind]()


@pytest.fixture(params=list(KINDS))
def pipeline(request: pytest.FixtureRequest) -> fastml.Pipeline:
    return model(request.param)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model("numbers").save(tmp_path / "model")
    return tmp_path / "model"
