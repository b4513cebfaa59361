"""Moments and correlations against NumPy; the merge law; any cut gives the same bits."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastml._native.moments import NumericMoments
from fastml.testing import statistics
from fastml.testing.strategies import batches, numeric_arrays

pytestmark = pytest.mark.kernel
BLOCK = 65_536
PANEL = 256  # kMomentPanel


def folded(batch: pa.RecordBatch, correlations: bool = True) -> NumericMoments:
    state = NumericMoments(batch.num_columns, correlations)
    state.update(batch, range(batch.num_columns))
    return state


def table(rows: int, missing: float = 0.1, seed: int = 0) -> pa.RecordBatch:
    """Return columns of far apart sizes, correlated, half of them with missing values."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=rows)
    columns = []
    for i in range(7):
        values = 10.0 ** (i - 3) * (common * (i % 3) + rng.normal(size=rows)) + 1e6 * (i == 5)
        mask = rng.random(rows) < missing if i % 2 else None
        columns.append(pa.array(values, mask=mask))
    return pa.RecordBatch.from_arrays(columns, names=[f"x{i}" for i in range(7)])


def assert_same(a: NumericMoments, b: NumericMoments, exact: bool = True) -> None:
    equal = np.testing.assert_array_equal if exact else np.testing.assert_allclose
    options = {} if exact else {"rtol": 1e-9, "atol": 1e-9}
    for name in ("count", "nulls", "nans", "infinite", "min", "max"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    equal(a.mean, b.mean, **options)
    equal(a.variance(), b.variance(), **options)
    np.testing.assert_array_equal(a.pair_counts(), b.pair_counts())
    equal(a.correlation(), b.correlation(), **options)


@given(st.integers(0, 300).flatmap(lambda n: batches(numeric_arrays(n), rows=n)))
def test_matches_numpy(batch: pa.RecordBatch) -> None:
    state = folded(batch)
    columns = [statistics.as_numbers(column) for column in batch.columns]
    np.testing.assert_array_equal(state.nulls, [c.null_count for c in batch.columns])
    np.testing.assert_array_equal(state.infinite, [np.isinf(c).sum() for c in columns])
    np.testing.assert_array_equal(
        state.nans, [np.isnan(c).sum() - a.null_count for c, a in zip(columns, batch, strict=True)]
    )
    np.testing.assert_array_equal(state.count, [np.isfinite(c).sum() for c in columns])
    for i, column in enumerate(columns):
        finite = column[np.isfinite(column)]
        if len(finite) == 0:
            assert np.isnan([state.mean[i], state.min[i], state.max[i], state.variance()[i]]).all()
            continue
        scale = np.abs(finite).max()
        assert state.min[i] == finite.min()
        assert state.max[i] == finite.max()
        np.testing.assert_allclose(state.mean[i], finite.mean(), rtol=1e-12, atol=1e-12 * scale)
        np.testing.assert_allclose(
            state.variance()[i], np.var(finite), rtol=1e-10, atol=1e-22 * scale**2
        )
    np.testing.assert_array_equal(state.pair_counts(), statistics.pair_counts(columns))
    np.testing.assert_allclose(
        state.correlation(), statistics.correlation(columns), rtol=1e-6, atol=1e-6
    )


def test_matches_pandas_over_several_blocks() -> None:
    batch = table(2 * BLOCK + 777)
    state = folded(batch)
    frame = batch.to_pandas()
    np.testing.assert_allclose(state.correlation(), frame.corr(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(state.mean, frame.mean(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(state.variance(ddof=1), frame.var(), rtol=1e-10)


def test_one_batch_equals_its_blocks_bit_for_bit() -> None:
    batch = table(2 * BLOCK + 500)
    parts = NumericMoments(7, correlations=True)
    for start in range(0, len(batch), BLOCK):
        parts.update(batch.slice(start, BLOCK), range(7))
    assert_same(parts, folded(batch))


def test_merging_block_states_in_order_gives_the_same_bits() -> None:
    batch = table(3 * BLOCK)
    merged = NumericMoments(7, correlations=True)
    for start in range(0, len(batch), BLOCK):
        merged.merge(folded(batch.slice(start, BLOCK)))
    assert_same(merged, folded(batch))


@given(st.integers(1, 299))
def test_merge_law(cut: int) -> None:
    batch = table(300)
    merged = folded(batch.slice(0, cut))
    merged.merge(folded(batch.slice(cut)))
    assert_same(merged, folded(batch), exact=False)


def test_large_sums_are_not_subtracted() -> None:
    """A mean of 1e9 leaves the variance of 1 its digits, a naive sum of squares none."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=100_000)
    y = 0.5 * x + rng.normal(size=100_000)
    batch = pa.RecordBatch.from_arrays([pa.array(x + 1e9), pa.array(y - 1e9)], ["x", "y"])
    state = folded(batch)
    np.testing.assert_allclose(state.variance(), [x.var(), y.var()], rtol=1e-6)
    np.testing.assert_allclose(state.correlation()[0, 1], np.corrcoef(x, y)[0, 1], rtol=1e-6)


def test_an_outlier_beside_missing_values_does_not_cancel() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(2, 1000))
    x[500] = 1e15
    y[500] = np.nan
    state = folded(pa.RecordBatch.from_arrays([pa.array(x), pa.array(y)], ["x", "y"]))
    rest = np.delete(np.arange(1000), 500)
    expected = np.corrcoef(x[rest], y[rest])[0, 1]
    np.testing.assert_allclose(state.correlation()[0, 1], expected, rtol=1e-9)


@pytest.mark.parametrize("value", [0.1, 1e300, -7.0])
def test_a_constant_has_no_variance_and_no_correlation(value: float) -> None:
    batch = pa.RecordBatch.from_arrays([pa.array([value] * 999), pa.array(range(999))], ["a", "b"])
    state = folded(batch)
    assert state.variance()[0] == 0.0
    assert np.isnan(state.correlation()[0]).all()
    assert state.correlation()[1, 1] == 1.0


def test_huge_values_keep_a_finite_mean() -> None:
    batch = pa.RecordBatch.from_arrays([pa.array([1.5e308] * 10 + [1.6e308])], ["a"])
    np.testing.assert_allclose(folded(batch).mean, np.mean(np.array([1.5] * 10 + [1.6])) * 1e308)


def test_columns_are_chosen_by_index() -> None:
    batch = table(100)
    state = NumericMoments(2)
    state.update(batch, [4, 1])
    np.testing.assert_array_equal(state.mean, folded(batch).mean[[4, 1]])


def wide(columns: int, rows: int) -> pa.RecordBatch:
    rng = np.random.default_rng(columns)
    values = rng.normal(size=(columns, rows)) + rng.normal(size=rows)
    masks = [rng.random(rows) < 0.2 if i % 3 == 0 else None for i in range(columns)]
    arrays = [pa.array(x, mask=mask) for x, mask in zip(values, masks, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, [f"x{i}" for i in range(columns)])


def test_wide_tables_pair_every_column_with_every_other() -> None:
    batch = wide(2 * PANEL + 5, 90)
    state = folded(batch)
    frame = batch.to_pandas()
    present = frame.notna().to_numpy().astype(int)
    np.testing.assert_array_equal(state.pair_counts(), present.T @ present)
    np.testing.assert_allclose(state.correlation(), frame.corr(), rtol=1e-9, atol=1e-12)


def test_a_pair_has_the_same_bits_whatever_stands_beside_it() -> None:
    batch = wide(2 * PANEL + 5, 90)
    few = [0, PANEL - 1, PANEL, 2 * PANEL + 4]
    alone = NumericMoments(len(few), correlations=True)
    alone.update(batch, few)
    np.testing.assert_array_equal(
        alone.correlation(), folded(batch).correlation()[np.ix_(few, few)]
    )


def test_a_block_of_a_wide_table_takes_little_beside_its_state() -> None:
    columns = 1500
    code = f"""
import resource
import numpy as np, pyarrow as pa
from fastml._native.moments import NumericMoments
batch = pa.RecordBatch.from_arrays([pa.array(np.arange(9.0))] * {columns}, ["x"] * {columns})
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = peak()
state = NumericMoments({columns}, correlations=True)
state.update(batch, range({columns}))
print(peak() - before)
"""
    grown = int(subprocess.check_output([sys.executable, "-c", code]))
    unit = 1 if sys.platform == "darwin" else 1024  # bytes
    assert grown * unit < 1.5 * 24 * columns**2


def test_wrong_use_is_refused() -> None:
    batch = pa.RecordBatch.from_arrays([pa.array(["a"]), pa.array([1])], ["text", "number"])
    with pytest.raises(ValueError, match="'text' is not numeric"):
        NumericMoments(1).update(batch, [0])
    with pytest.raises(ValueError, match="index 2 is not below 2"):
        NumericMoments(1).update(batch, [2])
    with pytest.raises(ValueError, match="2 column indices for a state of 1"):
        NumericMoments(1).update(batch, [1, 1])
    with pytest.raises(ValueError, match="cannot merge"):
        NumericMoments(1).merge(NumericMoments(1, correlations=True))
    with pytest.raises(ValueError, match="correlations=True"):
        NumericMoments(1).correlation()
    with pytest.raises(AttributeError):
        NumericMoments(1).update([1.0], [0])
