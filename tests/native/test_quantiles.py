"""Quantiles: NumPy's while exact, within the stated rank error beyond, the same for every cut."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastml._native.quantiles import QuantileSketch
from fastml.testing import statistics
from fastml.testing.strategies import batches, numeric_arrays

pytestmark = pytest.mark.kernel
BLOCK = 65_536
Q = np.linspace(0.01, 0.99, 99)


def one_column(values: object) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array(values)], ["x"])


def by_blocks(batch: pa.RecordBatch) -> QuantileSketch:
    """Return the merged states of the blocks, each told its place in the stream."""
    total = QuantileSketch(batch.num_columns)
    for start in range(0, len(batch), BLOCK):
        part = QuantileSketch(batch.num_columns, start=start)
        part.update(batch.slice(start, BLOCK), range(batch.num_columns))
        total.merge(part)
    return total


@given(st.integers(0, 300).flatmap(lambda n: batches(numeric_arrays(n), rows=n)))
def test_matches_numpy_while_exact(batch: pa.RecordBatch) -> None:
    state = QuantileSketch(batch.num_columns)
    state.update(batch, range(batch.num_columns))
    assert state.exact.all()
    got = state.quantile([0.0, 0.1, 0.5, 0.9, 1.0])
    for i, column in enumerate(batch.columns):
        values = statistics.as_numbers(column)
        values = values[np.isfinite(values)]
        if len(values) == 0:
            assert np.isnan(got[i]).all()
        else:
            expected = np.quantile(values, [0.0, 0.1, 0.5, 0.9, 1.0])
            np.testing.assert_allclose(got[i], expected, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("order", ["random", "ascending", "descending", "periodic"])
def test_rank_error_is_as_stated(order: str) -> None:
    """0.5% with a probability of 99%, at lengths on each side of where the sampler steps."""
    rng = np.random.default_rng(3)
    for rows in (20_000, BLOCK, 4 * BLOCK, 12 * BLOCK):
        values = rng.lognormal(size=rows)
        if order == "ascending":
            values.sort()
        elif order == "descending":
            values = -np.sort(-values)
        elif order == "periodic":
            values = np.tile(np.sort(rng.normal(size=64)), rows // 64 + 1)[:rows]
        got = by_blocks(one_column(values)).quantile(Q)[0]
        errors = statistics.rank_errors(values, Q, got)
        assert np.mean(errors > 0.005) <= 0.01


def test_missing_values_do_not_bias() -> None:
    rng = np.random.default_rng(4)
    values = rng.normal(size=6 * BLOCK)
    mask = rng.random(len(values)) < 0.7
    batch = pa.RecordBatch.from_arrays([pa.array(values, mask=mask)], ["x"])
    got = by_blocks(batch).quantile(Q)[0]
    assert statistics.rank_errors(values[~mask], Q, got).max() < 0.012


@given(st.lists(st.integers(0, 9_000), max_size=5))
def test_any_cut_gives_the_same_sketch(points: list[int]) -> None:
    values = np.random.default_rng(5).normal(size=9_000)
    whole, cut = QuantileSketch(1, start=300_000), QuantileSketch(1, start=300_000)
    whole.update(one_column(values), [0])
    edges = [0, *sorted(points), len(values)]
    for start, stop in pairwise(edges):
        cut.update(one_column(values[start:stop]), [0])
    for a, b in zip(whole.items(0), cut.items(0), strict=True):
        np.testing.assert_array_equal(a, b)


@given(st.integers(0, 3_000), st.integers(0, 3_000))
def test_merging_small_states_stays_exact(a: int, b: int) -> None:
    values = np.random.default_rng(6).normal(size=a + b)
    first, second = QuantileSketch(1), QuantileSketch(1)
    first.update(one_column(values[:a]), [0])
    second.update(one_column(values[a:]), [0])
    first.merge(second)
    assert first.exact[0] == (a + b <= 4096)
    if 0 < a + b <= 4096:
        np.testing.assert_allclose(first.quantile(Q)[0], np.quantile(values, Q), rtol=1e-12)


@given(st.lists(st.integers(1, 20), min_size=2, max_size=6))
def test_weights_add_up(lengths: list[int]) -> None:
    """Nothing is lost or doubled by a merge, in whatever grouping."""
    total = QuantileSketch(1)
    rows = 0
    for i, thousands in enumerate(lengths):
        part = QuantileSketch(1)
        part.update(one_column(np.random.default_rng(i).normal(size=thousands * 1000)), [0])
        total.merge(part)
        rows += thousands * 1000
    assert total.items(0)[1].sum() == rows
    assert len(total.items(0)[0]) <= 8192


def test_a_sketch_stays_small() -> None:
    state = QuantileSketch(1)
    batch = one_column(np.random.default_rng(7).normal(size=BLOCK))
    for _ in range(40):
        state.update(batch, [0])
    assert len(state.items(0)[0]) <= 8192


def test_extremes_of_double_sort() -> None:
    values = np.array([-0.0, 0.0, 5e-324, -5e-324, 1.7e308, -1.7e308] * 1000)
    state = QuantileSketch(1)
    state.update(one_column(values), [0])
    kept, _ = state.items(0)
    assert (np.diff(kept) >= 0).all()
    np.testing.assert_array_equal(state.quantile([0.0, 1.0])[0], [-1.7e308, 1.7e308])


def test_wrong_use_is_refused() -> None:
    with pytest.raises(ValueError, match="not numeric"):
        QuantileSketch(1).update(one_column(["a"]), [0])
    with pytest.raises(ValueError, match="between 0 and 1"):
        QuantileSketch(1).quantile([1.5])
    with pytest.raises(ValueError, match="cannot merge"):
        QuantileSketch(1).merge(QuantileSketch(2))
    with pytest.raises(ValueError, match="expected at least"):
        QuantileSketch(1, start=-1)
    with pytest.raises(IndexError):
        QuantileSketch(1).items(1)
