"""The affine map from columns to rows, bit for bit beside a reference in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastml._native import encode

pytestmark = pytest.mark.kernel

TYPES = [
    pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(),
    pa.uint32(), pa.uint64(), pa.float32(), pa.float64(), pa.date32(), pa.timestamp("us"),
]  # fmt: skip
TILE = 256


def reference(column: pa.Array, shift: float, offset: Any, factor: Any, fill: Any) -> Any:
    """Return what scale.hpp says, one operation at a time: (output, missing, infinite)."""
    missing = np.array([value is None for value in column.to_pylist()], dtype=bool)
    storage = {pa.bool_(): pa.uint8(), pa.date32(): pa.int32(), pa.timestamp("us"): pa.int64()}
    plain = column.cast(storage.get(column.type, column.type))
    filled = pa.array([0 if v is None else v for v in plain.to_pylist()], plain.type)
    x = filled.to_numpy(zero_copy_only=False).astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        v = (x - shift).astype(np.float32)
        missing |= np.isnan(v)
        out = (v - np.float32(offset)) * np.float32(factor)
    infinite = int((np.isinf(out) & ~missing).sum())
    return np.where(missing, np.float32(fill), out), missing, infinite


def encoder(shift: float, offset: float, factor: float, fill: float, indicator: int = -1) -> Any:
    single = (np.array([value], np.float32) for value in (offset, factor, fill))
    places = np.array([0], np.int64), np.array([indicator], np.int64)
    return encode.DenseEncoder(np.array([shift]), *single, *places)


@st.composite
def columns(draw: st.DrawFn) -> pa.Array:
    """A slice of a column of any numeric type, of lengths around the kernel's tiles."""
    type_ = draw(st.sampled_from(TYPES))
    n = draw(st.sampled_from([0, 1, 7, 63, 64, 65, TILE - 1, TILE, TILE + 1, 3 * TILE + 5]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    if pa.types.is_boolean(type_):
        values = rng.random(n) < 0.5
    elif pa.types.is_floating(type_):
        values = rng.normal(0.0, 10.0 ** draw(st.integers(-3, 5)), n).astype(
            type_.to_pandas_dtype()
        )
        values[rng.random(n) < draw(st.sampled_from([0.0, 0.3]))] = np.nan
    else:
        width = type_.bit_width
        whole = np.dtype(f"u{width // 8}" if str(type_).startswith("u") else f"i{width // 8}")
        limits = np.iinfo(whole)
        values = rng.integers(limits.min, limits.max, n, dtype=whole, endpoint=True)
        values = pa.array(values).cast(type_)
    null = rng.random(n) < draw(st.sampled_from([0.0, 0.05, 0.5, 1.0]))
    column = pa.array(values, type_)
    if draw(st.booleans()):
        buffers = column.buffers()
        valid = pa.array(~null).buffers()[1]
        column = pa.Array.from_buffers(type_, n, [valid, buffers[1]])
    start = draw(st.integers(0, n))
    return column.slice(start, draw(st.integers(0, n - start)))


@given(columns(), st.floats(-1e3, 1e3), st.floats(-10, 10), st.sampled_from([1.0, -0.37, 1e-6]))
def test_the_map(column: pa.Array, shift: float, offset: float, factor: float) -> None:
    expected, missing, infinite = reference(column, shift, offset, factor, 0.25)
    batch = pa.RecordBatch.from_arrays([column], names=["x"])
    rows = np.full((len(column), 3), 9.0, np.float32)
    found = encoder(shift, offset, factor, 0.25, indicator=2).encode(
        batch, np.array([0], np.int64), rows
    )
    np.testing.assert_array_equal(rows[:, 0], expected)
    np.testing.assert_array_equal(rows[:, 1], 9.0)
    np.testing.assert_array_equal(rows[:, 2], missing)
    assert [each.tolist() for each in found] == [[int(missing.sum())], [infinite]]


@given(columns(), st.floats(-1e3, 1e3))
def test_staged_values_finish_to_the_same_bits(column: pa.Array, shift: float) -> None:
    batch = pa.RecordBatch.from_arrays([column], names=["x"])
    first = np.array([0], np.int64)
    direct, finished = np.empty((2, len(column), 1), np.float32)
    to = encoder(shift, 0.5, 3.7, -1.25)
    to.encode(batch, first, direct)
    staged = np.empty((1, len(column)), np.float32)
    encode.stage_dense(batch, first, np.array([shift]), staged)
    to.finish(staged, first, finished)
    np.testing.assert_array_equal(direct.view(np.uint32), finished.view(np.uint32))


@given(columns(), st.data())
def test_any_cut_gives_the_same_bits(column: pa.Array, data: st.DataObject) -> None:
    batch = pa.RecordBatch.from_arrays([column], names=["x"])
    first = np.array([0], np.int64)
    whole, cut = np.empty((2, len(column), 1), np.float32)
    to = encoder(12.5, 0.5, 3.7, -1.25)
    to.encode(batch, first, whole)
    at = data.draw(st.integers(0, len(column)))
    to.encode(batch.slice(0, at), first, cut[:at])
    to.encode(batch.slice(at), first, cut[at:])
    np.testing.assert_array_equal(whole.view(np.uint32), cut.view(np.uint32))


def test_infinities_are_counted_and_nulls_hide_what_is_under_them() -> None:
    values = np.array([np.inf, -np.inf, 1e300, np.nan, 1.0, np.inf])
    valid = pa.array([True, True, True, True, True, False]).buffers()[1]
    column = pa.Array.from_buffers(pa.float64(), 6, [valid, pa.py_buffer(values)])
    rows = np.empty((6, 1), np.float32)
    batch = pa.RecordBatch.from_arrays([column], names=["x"])
    found = encoder(0.0, 0.0, 1.0, 0.0).encode(batch, np.array([0], np.int64), rows)
    assert [each.tolist() for each in found] == [[2], [3]]
    assert rows[3:, 0].tolist() == [0.0, 1.0, 0.0]


def test_a_shift_keeps_what_float32_would_lose() -> None:
    values = 1.7e15 + np.arange(5.0)  # microseconds, one apart
    batch = pa.RecordBatch.from_arrays([pa.array(values)], names=["x"])
    rows = np.empty((5, 1), np.float32)
    encoder(1.7e15, 2.0, 1.0, 0.0).encode(batch, np.array([0], np.int64), rows)
    assert rows[:, 0].tolist() == [-2.0, -1.0, 0.0, 1.0, 2.0]


@pytest.mark.parametrize("k", [1, 2, 4, 15, 16, 17, 37, 300])
@pytest.mark.parametrize("n", [1, 3, 66, 5000])
@pytest.mark.parametrize("order", ["in order", "shuffled", "with indicators"])
def test_many_columns_share_a_row(k: int, n: int, order: str) -> None:
    rng = np.random.default_rng(k * n)
    table = rng.normal(size=(k, n))
    table[:, ::5] = np.nan
    batch = pa.RecordBatch.from_arrays(list(map(pa.array, table)), names=list(map(str, range(k))))
    place, flags = np.arange(k), np.full(k, -1)
    if order == "shuffled":
        place = rng.permutation(k)
    if order == "with indicators":
        flags[::3] = k + np.arange(len(flags[::3]))
    offset, factor, fill = rng.normal(size=(3, k)).astype(np.float32)
    width = max(place.max(), flags.max()) + 1
    rows = np.full((n, width + 1), 9.0, np.float32)
    to = encode.DenseEncoder(np.zeros(k), offset, factor, fill, place, flags)
    missing, infinite = to.encode(batch, np.arange(k), rows)
    assert missing.tolist() == [len(range(0, n, 5))] * k
    assert not infinite.any()
    expected = np.full((n, width + 1), 9.0, np.float32)
    for j in range(k):
        scaled = (table[j].astype(np.float32) - offset[j]) * factor[j]
        expected[:, place[j]] = np.where(np.isnan(table[j]), fill[j], scaled)
        if flags[j] >= 0:
            expected[:, flags[j]] = np.isnan(table[j])
    np.testing.assert_array_equal(rows, expected)
