"""The pruner drops the fewest columns: beside every subset on small graphs."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastml.errors import ConfigError
from fastml.preprocessing import CorrelationPruner
from fastml.preprocessing.vertex_cover import EXACT_SIZE, independent_set


@st.composite
def correlations(draw: st.DrawFn, most: int = 9) -> np.ndarray[Any, Any]:
    """Symmetric, some undefined, many at the threshold itself or beyond."""
    k = draw(st.integers(0, most))
    matrix = np.eye(k)
    for i, j in combinations(range(k), 2):
        matrix[i, j] = matrix[j, i] = draw(st.sampled_from([0.0, 0.9, 0.95, -0.97, 1.0, np.nan]))
    return matrix


def allowed(correlation: np.ndarray[Any, Any], columns: Any, threshold: float) -> bool:
    return all(not abs(correlation[i, j]) > threshold for i, j in combinations(sorted(columns), 2))


@given(correlations(), st.sampled_from([0.5, 0.95, 0.96]), st.data())
def test_drops_the_fewest(
    correlation: np.ndarray[Any, Any], threshold: float, data: st.DataObject
) -> None:
    k = len(correlation)
    names = [f"c{j}" for j in range(k)]
    missing = data.draw(st.lists(st.integers(0, 5), min_size=k, max_size=k))
    decision = CorrelationPruner(threshold).choose(names, correlation, missing)
    assert decision.exact
    kept = [names.index(name) for name in decision.kept]
    assert kept == sorted(kept)
    assert allowed(correlation, kept, threshold)
    best = max(
        (size, -sum(missing[j] for j in columns))
        for size in range(k + 1)
        for columns in combinations(range(k), size)
        if allowed(correlation, columns, threshold)
    )
    assert (len(kept), -sum(missing[j] for j in kept)) == best
    assert {*decision.kept, *(each.dropped for each in decision.dropped)} == set(names)
    for each in decision.dropped:
        i, j = names.index(each.dropped), names.index(each.kept)
        assert j in kept
        assert each.correlation == correlation[i, j]
        assert abs(each.correlation) > threshold
        others = [abs(correlation[i, u]) for u in kept if not np.isnan(correlation[i, u])]
        assert abs(each.correlation) == max(others)


@given(correlations(), st.data())
def test_columns_to_keep_stay(correlation: np.ndarray[Any, Any], data: st.DataObject) -> None:
    names = [f"c{j}" for j in range(len(correlation))]
    keep = data.draw(st.sets(st.sampled_from(names))) if names else set()
    decision = CorrelationPruner(0.95).choose(names, correlation, [0] * len(names), keep)
    assert keep <= set(decision.kept)
    for i, j in combinations(range(len(names)), 2):
        if {names[i], names[j]} <= set(decision.kept) and not {names[i], names[j]} <= keep:
            assert not abs(correlation[i, j]) > 0.95


def graph(n: int, share: float, seed: int) -> list[int]:
    joined = np.triu(np.random.default_rng(seed).random((n, n)) < share, 1)
    joined |= joined.T
    return [sum(1 << int(u) for u in np.flatnonzero(row)) for row in joined]


@pytest.mark.parametrize("share", [0.05, 0.1, 0.2, 0.5])
@pytest.mark.parametrize("size", [EXACT_SIZE, 300])
def test_large_groups(size: int, share: float) -> None:
    neighbours = graph(size, share, seed=int(100 * share))
    chosen, exact = independent_set(neighbours, [1000] * size)
    assert exact or size > EXACT_SIZE
    members = [v for v in range(size) if chosen >> v & 1]
    assert all(not neighbours[v] & chosen for v in members)
    assert all(neighbours[v] & chosen for v in range(size) if v not in members), "one more fits"


def test_a_group_of_copies_keeps_the_most_complete() -> None:
    names = [f"c{j}" for j in range(500)]
    missing = [7] * 500
    missing[321] = 2
    decision = CorrelationPruner().choose(names, np.ones((500, 500)), missing)
    assert decision.exact
    assert decision.kept == ("c321",)


def test_a_chain_loses_its_middle() -> None:
    r = np.array([[1.0, 0.999, 0.99], [0.999, 1.0, -0.999], [0.99, -0.999, 1.0]])
    decision = CorrelationPruner().choose(["a", "b", "c"], r, [0, 0, 0])
    assert decision.reasons() == {"b": "repeats column 'a' (correlation 0.9990)"}
    lower = decision.cost_of(0.98)
    assert (lower.threshold, lower.kept) == (0.98, ("a",))
    assert decision.cost_of(1.0).dropped == ()
    kept_b = CorrelationPruner().choose(["a", "b", "c"], r, [0, 0, 0], keep=["b"])
    assert kept_b.kept == ("b",)


def test_columns_of_one_name_are_told_apart() -> None:
    a, b = np.random.default_rng(8).normal(size=(2, 50))
    table = pa.table([a, 2 * a, b], names=["a", "a", "b"])
    pruner = CorrelationPruner().fit(table)
    assert pruner.decision_.kept == ("a", "b")
    assert pruner.get_support().tolist() == [True, False, True]
    np.testing.assert_array_equal(pruner.transform(table), np.column_stack([a, b]))


@pytest.fixture
def table() -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=(2, 200))
    c = -3.0 * a + 1e-4 * b
    c[:50] = np.nan
    return np.column_stack([a, b, c, np.full(200, 4.0)])


def test_fit_and_transform(table: np.ndarray[Any, Any]) -> None:
    pruner = CorrelationPruner().fit(table)
    assert pruner.get_support().tolist() == [True, True, False, True]
    assert pruner.get_feature_names_out().tolist() == ["x0", "x1", "x3"]
    np.testing.assert_array_equal(pruner.transform(table), table[:, [0, 1, 3]])
    (gone,) = pruner.decision_.dropped
    assert (gone.dropped, gone.kept) == ("x2", "x0")
    assert gone.correlation == pytest.approx(-1.0, abs=1e-6)


def test_a_few_shared_rows_say_nothing() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(2, 100))
    a[4:], b[2:4] = np.nan, np.nan  # two rows in common: always correlated
    assert CorrelationPruner(0.5).fit(np.column_stack([a, b])).decision_.dropped == ()


@pytest.mark.parametrize("threshold", [-0.1, 1.5, np.nan])
def test_the_threshold_is_checked(threshold: float, table: np.ndarray[Any, Any]) -> None:
    with pytest.raises(ConfigError, match="expected a number between 0 and 1"):
        CorrelationPruner(threshold).fit(table)
