"""Distinct counts: exact while few, within the stated error beyond, and merged by the maximum."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given

from fastml._native.distinct import DistinctCounts
from fastml.testing import statistics
from fastml.testing.strategies import batches

pytestmark = pytest.mark.kernel
SIGMA = 1.04 / 2**7


def estimate(*arrays: pa.Array) -> float:
    state = DistinctCounts(1)
    for array in arrays:
        state.update(pa.RecordBatch.from_arrays([array], ["a"]), [0])
    return float(state.estimate()[0])


@given(batches())
def test_exact_while_few(batch: pa.RecordBatch) -> None:
    state = DistinctCounts(batch.num_columns)
    state.update(batch, range(batch.num_columns))
    assert state.exact.all()
    storage = [
        c.cast(pa.int32() if c.type.bit_width == 32 else pa.int64())
        if pa.types.is_temporal(c.type)
        else c
        for c in batch.columns
    ]
    assert state.estimate().tolist() == [statistics.distinct(column) for column in storage]


@pytest.mark.parametrize(
    "make", [np.arange, lambda n: np.arange(n) / 7, lambda n: np.arange(n) * 2**20]
)
def test_error_is_as_stated(make: Callable[[int], np.ndarray]) -> None:
    """The root mean square over many sets is near sigma, for sizes on both sides of 2^14."""
    for size in (2_000, 20_000, 60_000):
        values = make(size * 25)
        errors = [
            estimate(pa.array(values[i * size : (i + 1) * size])) / size - 1 for i in range(25)
        ]
        assert np.sqrt(np.mean(np.square(errors))) < 1.4 * SIGMA
        assert abs(np.mean(errors)) < SIGMA


def test_strings() -> None:
    array = pa.array([f"customer-{i}" for i in range(50_000)])
    assert abs(estimate(array) / 50_000 - 1) < 4 * SIGMA
    assert estimate(array) == estimate(array.dictionary_encode())


def test_doubled_values_change_nothing() -> None:
    values = pa.array(np.random.default_rng(0).normal(size=20_000))
    assert estimate(values) == estimate(values, values)


@pytest.mark.parametrize(("a", "b"), [(10, 20), (10, 9_000), (9_000, 10), (9_000, 30_000)])
def test_merge_law(a: int, b: int) -> None:
    parts = [pa.array(np.arange(a)), pa.array(np.arange(b) + 5)]
    states = [DistinctCounts(1), DistinctCounts(1)]
    for state, part in zip(states, parts, strict=True):
        state.update(pa.RecordBatch.from_arrays([part], ["a"]), [0])
    states[0].merge(states[1])
    assert states[0].estimate()[0] == estimate(*parts)


def test_wrong_use_is_refused() -> None:
    batch = pa.RecordBatch.from_arrays([pa.array([[1]])], ["lists"])
    with pytest.raises(ValueError, match="'lists' is neither text nor numeric"):
        DistinctCounts(1).update(batch, [0])
    with pytest.raises(ValueError, match="index 3 is not below 1"):
        DistinctCounts(1).update(batch, [3])
    with pytest.raises(ValueError, match="cannot merge"):
        DistinctCounts(1).merge(DistinctCounts(2))


@given(batches())
def test_few_are_counted_as_well_where_more_is_not_asked(batch: pa.RecordBatch) -> None:
    whole, few = DistinctCounts(batch.num_columns), DistinctCounts(batch.num_columns, range(1))
    for state in (whole, few):
        state.update(batch, range(batch.num_columns))
    assert few.estimate().tolist() == whole.estimate().tolist()


def test_more_than_few_are_many_however_they_come() -> None:
    def counted(*parts: np.ndarray) -> DistinctCounts:
        state = DistinctCounts(1, [0])
        for part in parts:
            state.update(pa.record_batch({"a": part}), [0])
        return state

    values = np.arange(1025.0)
    assert counted(values[:1024]).estimate().tolist() == [1024]
    for state in (counted(values), counted(values, values), counted(values[:600], values[500:])):
        assert state.estimate().tolist() == [np.inf]
        assert not state.exact.any()
    for one, other in ((values[:600], values[500:]), (values, values[:3]), (values[:3], values)):
        state = counted(one)
        state.merge(counted(other))
        assert state.estimate().tolist() == [np.inf]
    with pytest.raises(ValueError, match="few names the column 1 of 1"):
        DistinctCounts(1, [1])
