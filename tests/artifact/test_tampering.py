"""Artifacts that pass their checksums and yet do not hold together: refused, never read past."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import fastml
from fastml.errors import ArtifactError

State = tuple[dict[str, Any], dict[str, pa.Table]]


@pytest.fixture(scope="module")
def model() -> fastml.Pipeline:
    rng = np.random.default_rng(3)
    n = 300
    x = rng.normal(size=n)
    table = pa.table(
        {
            "x": x,
            "t": [dt.datetime(2024, 1, 1) + dt.timedelta(hours=31 * i) for i in range(n)],
            "c": rng.choice(["a", "b", "c"], n),
            "y": x + rng.normal(size=n) > 0,
        }
    )
    return fastml.Pipeline(target="y").fit(table)


def with_column(table: pa.Table, name: str, values: Any) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), name, pa.array(values))


def codes_beyond(state: State) -> None:
    table = state[1]["categories"]
    state[1]["categories"] = with_column(table, "code", table["code"].to_numpy() + 1_000_000)


def values_of_another_type(state: State) -> None:
    table = state[1]["categories"]
    state[1]["categories"] = with_column(table, "value", np.arange(len(table)))


def table_cut_short(state: State) -> None:
    state[1]["categories"] = state[1]["categories"].slice(0, 3)


def no_table(state: State) -> None:
    state[1]["categories"] = state[1]["categories"].slice(0, 0)


def unknown_part(state: State) -> None:
    next(f for f in state[0]["plan"]["categorical"] if f["part"])["part"] = "century"


def another_part(state: State) -> None:
    next(f for f in state[0]["plan"]["categorical"] if f["part"] == "weekday")["part"] = "hour"


def part_of_text(state: State) -> None:
    next(f for f in state[0]["plan"]["categorical"] if f["part"])["column"] = "c"


def column_not_there(state: State) -> None:
    state[0]["plan"]["numeric"][0]["column"] = "gone"


def text_as_number(state: State) -> None:
    state[0]["plan"]["numeric"][0]["column"] = "c"


def scale_of_zero(state: State) -> None:
    state[0]["plan"]["numeric"][0]["scale"] = 0.0


def labels_missing(state: State) -> None:
    state[0]["plan"]["categorical"][0]["labels"].pop()


def shares_missing(state: State) -> None:
    state[1]["shares"] = state[1]["shares"].slice(1)


def weights_cut_short(state: State) -> None:
    state[1]["weights"] = state[1]["weights"].slice(1)


def no_lanes(state: State) -> None:
    state[1]["weights"] = pa.table({})


def lanes_of_another_model(state: State) -> None:
    state[1]["weights"] = state[1]["weights"].append_column("lane_1", state[1]["weights"]["lane_0"])


def intercepts_missing(state: State) -> None:
    state[0]["learner"]["intercept"] = []


def threshold_of_words(state: State) -> None:
    state[0]["threshold"] = "half"


@pytest.mark.parametrize(
    "tamper",
    [
        codes_beyond, values_of_another_type, table_cut_short, no_table, unknown_part,
        another_part, part_of_text, column_not_there, text_as_number, scale_of_zero,
        labels_missing, shares_missing, weights_cut_short, no_lanes, lanes_of_another_model,
        intercepts_missing, threshold_of_words,
    ],
    ids=lambda tamper: tamper.__name__,
)  # fmt: skip
def test_parts_that_do_not_belong_together(
    model: fastml.Pipeline, tamper: Callable[[State], None]
) -> None:
    state = model.state()
    fastml.Pipeline.from_state(*state)
    tamper(state)
    with pytest.raises(ArtifactError):
        fastml.Pipeline.from_state(*state)
