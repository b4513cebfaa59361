from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastml._native.encode import DenseEncoder, stage_dense
from fastml.testing.strategies import numeric_arrays

pytestmark = pytest.mark.kernel


def as_float64(column: pa.Array) -> np.ndarray:
    number = column.view(pa.int64()) if pa.types.is_timestamp(column.type) else column
    number = number.view(pa.int32()) if pa.types.is_date32(number.type) else number
    return np.array([np.nan if v is None else float(v) for v in number.to_pylist()], np.float64)


def reference(column: pa.Array, shift: float, offset: float, factor: float, fill: float):
    """State the formula of scale.hpp in NumPy."""
    with np.errstate(over="ignore", invalid="ignore"):
        v = (as_float64(column) - shift).astype(np.float32)
        out = (v - np.float32(offset)) * np.float32(factor)
    return np.where(np.isnan(v), np.float32(fill), out), np.isnan(v)


def one_column(column: pa.Array) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([column], names=["x"])


def encoder(shift: float, offset: float, factor: float, fill: float, indicator: int):
    return DenseEncoder(
        np.array([shift], np.float64),
        np.array([offset], np.float32),
        np.array([factor], np.float32),
        np.array([fill], np.float32),
        np.array([0]),
        np.array([indicator]),
    )


numbers = st.floats(-1e6, 1e6, width=32)


@given(column=numeric_arrays(), shift=numbers, offset=numbers, factor=numbers, fill=numbers)
def test_encode_is_the_formula_and_finish_is_encode(
    column: pa.Array, shift: float, offset: float, factor: float, fill: float
) -> None:
    n = len(column)
    batch, first = one_column(column), np.array([0])
    encode = encoder(shift, offset, factor, fill, 1)
    rows = np.full((n, 2), np.nan, np.float32)
    missing, _ = encode.encode(batch, first, rows)
    expected, absent = reference(column, shift, offset, factor, fill)
    np.testing.assert_array_equal(rows[:, 0], expected)
    np.testing.assert_array_equal(rows[:, 1], absent)
    assert missing.tolist() == [absent.sum()]

    staged = np.empty((1, n), np.float32)
    stage_dense(batch, first, np.array([shift]), staged)
    finished = np.full((n, 2), np.nan, np.float32)
    encode.finish(staged, first, finished)
    assert finished.tobytes() == rows.tobytes()


def test_infinities_are_counted() -> None:
    column = pa.array([1.0, float("inf"), None, float("-inf"), float("nan")])
    rows = np.empty((5, 1), np.float32)
    missing, infinite = encoder(0, 0, 1, 7, -1).encode(one_column(column), np.array([0]), rows)
    assert (missing.tolist(), infinite.tolist()) == ([2], [2])
    assert rows[[0, 2, 4], 0].tolist() == [1, 7, 7]


def test_text_is_not_numeric() -> None:
    with pytest.raises(TypeError, match="column 'x' is not numeric"):
        encoder(0, 0, 1, 0, -1).encode(
            one_column(pa.array(["a"])), np.array([0]), np.empty((1, 1), np.float32)
        )


def test_rows_must_fit() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        encoder(0, 0, 1, 0, 1).encode(
            one_column(pa.array([1.0])), np.array([0]), np.empty((1, 1), np.float32)
        )
    with pytest.raises(IndexError):
        encoder(0, 0, 1, 0, -1).encode(
            one_column(pa.array([1.0])), np.array([4]), np.empty((1, 1), np.float32)
        )
