"""Where bins begin, what they are called, and which combinations have an indicator."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn.preprocessing
from hypothesis import given
from hypothesis import strategies as st
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from fastml.errors import ConfigError, DataError, SchemaError
from fastml.preprocessing import FeatureCrosser, KBinsDiscretizer
from fastml.preprocessing.bins import bin_edges, bin_labels

NAN = float("nan")
counts = st.lists(st.integers(1, 10**6), min_size=1, max_size=300)


@given(counts=counts, n_bins=st.integers(2, 256))
def test_bins_are_of_about_equal_counts(counts: list[int], n_bins: int) -> None:
    rows = np.array(counts)
    values = np.arange(len(rows)) * 1.0
    edges = bin_edges(values, rows, n_bins)
    assert set(edges) <= set(values[1:])
    assert (np.diff(edges) > 0).all()
    assert len(edges) < n_bins
    filled = np.add.reduceat(rows, np.concatenate([[0], edges.astype(int)]))
    alone = np.diff(np.concatenate([[0.0], edges, [len(rows)]])) == 1
    if len(values) <= n_bins:
        assert alone.all()
    frequent = rows >= rows.sum() / n_bins
    share = rows[~frequent].sum() / max(n_bins - frequent.sum(), 1)
    # No bin of several values is much fuller than a fair share of what is not frequent, where
    # there are bins enough for what lies between the frequent values.
    if len(values) > n_bins and not frequent.any():
        assert (filled[~alone] <= share + rows.max() + 1).all()


def test_many_values_give_the_quantiles() -> None:
    values = np.sort(np.random.default_rng(0).normal(size=10_000))
    edges = bin_edges(values, np.ones(len(values)), 32)
    np.testing.assert_allclose(edges, np.quantile(values, np.arange(1, 32) / 32), atol=0.01)


def test_a_frequent_value_leaves_the_other_bins_to_the_others() -> None:
    values = np.arange(101.0)  # nine in ten are zero
    edges = bin_edges(values, np.array([9_000, *[10] * 100]), 11)
    assert edges.tolist() == [1, *range(11, 101, 10)]
    middle = np.array([10] * 50 + [9_000] + [10] * 50)
    assert set(bin_edges(values, middle, 11)) >= {50, 51}
    few_above = bin_edges(np.arange(40.0), np.array([*[1] * 20, 900, *[1] * 19]), 3)
    assert few_above.tolist() == [20, 21]


def test_frequent_values_with_too_much_between_them() -> None:
    rows = np.tile([1000, 1, 1, 400], 25)
    assert len(bin_edges(np.arange(100.0), rows, 30)) < 30


def test_labels_are_short_and_distinct() -> None:
    assert bin_labels(np.array([18.0, 30.0])) == ["< 18", "[18, 30)", ">= 30"]
    assert bin_labels(np.array([0.1, 0.30000000000000004])) == ["< 0.1", "[0.1, 0.3)", ">= 0.3"]
    assert bin_labels(np.array([1.00001, 1.00002])) == [
        "< 1.00001",
        "[1.00001, 1.00002)",
        ">= 1.00002",
    ]
    assert bin_labels(np.array([])) == ["any value"]
    assert bin_labels(np.array([1_234_567.0])) == ["< 1234567", ">= 1234567"]


def test_beside_scikit_learn() -> None:
    X = np.random.default_rng(1).normal(size=(500, 3))
    ours = KBinsDiscretizer(8, encode="ordinal").fit(X)
    peer = sklearn.preprocessing.KBinsDiscretizer(
        8, encode="ordinal", quantile_method="averaged_inverted_cdf"
    )
    assert np.mean(ours.transform(X) == peer.fit_transform(X)) > 0.99
    assert ours.n_bins_.tolist() == [8, 8, 8]
    for mine, theirs in zip(ours.bin_edges_, peer.bin_edges_, strict=True):
        np.testing.assert_allclose(mine[[0, -1]], theirs[[0, -1]])


def test_missing_values_and_values_beyond_the_ends() -> None:
    X = [[1.0, 5.0], [2.0, 5.0], [NAN, 5.0], [3.0, 5.0]]
    bins = KBinsDiscretizer(2, encode="onehot-dense").fit(X)
    assert bins.get_feature_names_out(["a", "b"]).tolist() == [
        "a_< 3",
        "a_>= 3",
        "a_(missing)",
        "b_any value",
    ]
    assert bins.transform([[-99, 7], [99, NAN], [NAN, -1]]).tolist() == [
        [1, 0, 0, 1],
        [0, 1, 0, 0],
        [0, 0, 1, 1],
    ]
    ordinal = KBinsDiscretizer(2, encode="ordinal").fit(X)
    np.testing.assert_array_equal(ordinal.transform([[-9, 7], [NAN, 1]]), [[0, 0], [NAN, 0]])
    assert ordinal.get_feature_names_out(["a", "b"]).tolist() == ["a", "b"]
    empty = KBinsDiscretizer().fit([[NAN], [NAN]])
    assert empty.transform([[1.0], [NAN]]).toarray().tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize("n_bins", [1, 257, 2.0, True, "8"])
def test_a_number_of_bins_is_from_2_to_256(n_bins: Any) -> None:
    with pytest.raises(ConfigError, match=r"n_bins is .*; expected a whole number from 2 to 256"):
        KBinsDiscretizer(n_bins).fit([[1.0], [2.0]])


def test_unknown_encoding_and_sparse_frames() -> None:
    with pytest.raises(ConfigError, match="encode is 'dense'; expected 'onehot'"):
        KBinsDiscretizer(encode="dense").fit([[1.0]])  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="set encode='onehot-dense'"):
        KBinsDiscretizer().set_output(transform="pandas").fit_transform([[1.0]])
    with pytest.raises(ConfigError, match="set sparse_output=False"):
        FeatureCrosser().set_output(transform="pandas").fit_transform([[1, 2]])


# -- crosses --------------------------------------------------------------------------------------

ROWS = pd.DataFrame(
    {
        "city": ["Bern", "Bern", "Rome", None, "Rome", "Bern"],
        "kind": ["a", "b", "a", "a", "a", "a"],
        "paid": [True, False, True, True, True, True],
    }
)


def test_crosses_are_combinations_seen_often_enough() -> None:
    crosser = FeatureCrosser([["city", "kind"], [0, 1, 2]], min_frequency=2, sparse_output=False)
    out = crosser.fit_transform(ROWS)
    assert crosser.get_feature_names_out().tolist() == [
        "city=Bern x kind=a",
        "city=Rome x kind=a",
        "city=Bern x kind=a x paid=True",
        "city=Rome x kind=a x paid=True",
    ]
    expected = [[1, 0], [0, 0], [0, 1], [0, 0], [0, 1], [1, 0]]
    assert out[:, :2].tolist() == expected
    assert out[:, 2:].tolist() == expected
    assert crosser.crosses_ == [(0, 1), (0, 1, 2)]
    np.testing.assert_array_equal(FeatureCrosser([["city", "kind"]], min_frequency=2)
                                  .fit(ROWS).transform(ROWS).toarray(), expected)  # fmt: skip


def test_a_missing_value_is_a_value_and_an_unseen_one_is_none() -> None:
    crosser = FeatureCrosser([["city", "kind"]], min_frequency=1, sparse_output=False).fit(ROWS)
    assert "city=(missing) x kind=a" in crosser.get_feature_names_out()
    new = pd.DataFrame(
        {"city": ["Oslo", "Rome", None], "kind": ["a", "b", "a"], "paid": [True] * 3}
    )
    assert crosser.transform(new).sum(axis=1).tolist() == [0, 0, 1]


def test_the_most_frequent_combinations_stay() -> None:
    rows = pd.DataFrame({"a": list("xxxyyz"), "b": list("ppqppq")})
    crosser = FeatureCrosser([["a", "b"]], min_frequency=1, max_categories=2).fit(rows)
    assert crosser.get_feature_names_out().tolist() == ["a=x x b=p", "a=y x b=p"]


def test_every_pair_unless_told() -> None:
    assert FeatureCrosser().fit(ROWS).crosses_ == [(0, 1), (0, 2), (1, 2)]
    with pytest.raises(DataError, match="nothing to cross: X has n_features=1"):
        FeatureCrosser().fit(ROWS[["city"]])


@pytest.mark.parametrize(
    ("crosses", "message"),
    [
        ("ab", "crosses is the text 'ab'"),
        (["ab", "cd"], "crosses has 'ab'; expected lists of columns"),
        ([["city"]], "has ['city']; a cross is of two or three columns"),
        ([[0, 1, 2, 3]], "a cross is of two or three columns"),
        ([["city", "city"]], "name each column once"),
    ],
)
def test_what_is_no_cross(crosses: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        FeatureCrosser(crosses).fit(ROWS)


@pytest.mark.parametrize("column", ["ctiy", 3, -1, None])
def test_unknown_columns_of_a_cross(column: Any) -> None:
    with pytest.raises(SchemaError, match=f"crosses names {column!r}, which is not a column of X"):
        FeatureCrosser([["kind", column]]).fit(ROWS)


@pytest.mark.parametrize("settings", [{"min_frequency": 0}, {"max_categories": 1.5}])
def test_settings_of_a_crosser(settings: Any) -> None:
    with pytest.raises(ConfigError, match="expected a whole number above 0"):
        FeatureCrosser(**settings).fit(ROWS)


def test_bins_are_crossed_in_a_scikit_learn_pipeline() -> None:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(2_000, 2))
    y = X[:, 0] * X[:, 1] > 0  # which no sum of functions of each can tell
    bins = make_column_transformer((KBinsDiscretizer(4, encode="ordinal"), [0, 1]))
    model = make_pipeline(bins, FeatureCrosser(), LogisticRegression()).fit(X, y)
    assert model.score(X, y) > 0.95
