"""Rows with missing values, whatever the table is made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastml.errors import DataError, SchemaError
from fastml.preprocessing import MissingRowDropper

DATA: dict[str, list[Any]] = {
    "number": [1.0, None, 3.0, 4.0],
    "text": ["a", "b", None, "d"],
    "flag": [True, False, True, True],
}


@pytest.mark.parametrize(
    ("columns", "kept"),
    [
        (None, [0, 3]),
        (["number"], [0, 2, 3]),
        ([1], [0, 1, 3]),
        (["flag"], [0, 1, 2, 3]),
        ([], [0, 1, 2, 3]),
    ],
)
@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame, pa.table])
def test_rows_of_a_table(library: Any, columns: Any, kept: list[int]) -> None:
    dropper = MissingRowDropper(columns)
    X, y = dropper.fit_resample(library(DATA), np.arange(4))
    assert y.tolist() == kept
    assert type(X) is type(library(DATA))
    assert list(X["flag"]) == [DATA["flag"][i] for i in kept] or X["flag"].to_pylist() == [
        DATA["flag"][i] for i in kept
    ]


@given(
    st.lists(st.tuples(*[st.sampled_from([1.0, None, float("nan")])] * 3), min_size=1), st.data()
)
def test_the_hook_on_slices(rows: list[tuple[float | None, ...]], data: st.DataObject) -> None:
    columns = list(zip(*rows, strict=True))
    batch = pa.RecordBatch.from_arrays(
        [pa.array(column, pa.float64()) for column in columns], names=list("abc")
    )
    start = data.draw(st.integers(0, len(rows)))
    expected = [all(value == 1.0 for value in row) for row in rows[start:]]
    assert MissingRowDropper().keep(batch.slice(start)).tolist() == expected
    only_b = [row[1] == 1.0 for row in rows[start:]]
    assert MissingRowDropper(["b"]).keep(batch.slice(start)).tolist() == only_b


def test_targets_of_every_library() -> None:
    X = np.array([[1.0], [np.nan], [2.0]])
    dropper = MissingRowDropper()
    for y in ([5, 6, 7], np.array([5, 6, 7]), pd.Series([5, 6, 7]), pl.Series([5, 6, 7])):
        rows, target = dropper.fit_resample(X, y)
        assert rows.tolist() == [[1.0], [2.0]]
        assert list(target) == [5, 7]
    assert dropper.fit_resample(X, pa.array([5, 6, 7]))[1].to_pylist() == [5, 7]
    assert dropper.fit_resample(X.tolist())[1] is None


def test_messages() -> None:
    table = pa.table(DATA)
    with pytest.raises(SchemaError, match="no column 'txt' to drop rows by; the table has the col"):
        MissingRowDropper(["txt"]).fit(table)
    with pytest.raises(SchemaError, match="no column 3 to drop rows by"):
        MissingRowDropper([3]).keep(table)
    with pytest.raises(DataError, match=r"0 sample\(s\)"):
        MissingRowDropper().fit(table.slice(4))
