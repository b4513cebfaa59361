"""Splits as properties: exact shares, whole classes, whole groups, time in order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastml.errors import ConfigError, DataError
from fastml.model_selection.assignment import Shares, by_group, by_time, randomly, stratified

SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def shares(draw):
    """Draw shares in whole percents, some of them 0."""
    train = draw(st.integers(1, 100))
    validation = draw(st.integers(0, 100 - train))
    return Shares(train / 100, validation / 100, (100 - train - validation) / 100)


def counts(labels):
    return np.bincount(labels, minlength=3)


@given(shares(), st.integers(3, 5000), SEEDS)
def test_random_shares_are_exact(parts, rows, seed):
    found = counts(randomly(rows, parts, seed))
    assert found.sum() == rows
    wanted = np.array(parts.all) * rows
    starved = (wanted > 0) & (wanted < 1)
    assert (np.abs(found - wanted) < 1 + starved.sum() + 1e-6).all()
    assert (found[parts.used] > 0).all()
    assert found.sum() == found[parts.used].sum()


def test_round_numbers_come_out_round():
    assert counts(randomly(1000, Shares(), 7)).tolist() == [700, 200, 100]
    assert counts(randomly(10, Shares(), 7)).tolist() == [7, 2, 1]
    assert counts(randomly(3, Shares(), 7)).tolist() == [1, 1, 1]


def test_a_seed_fixes_a_split_for_ever():
    assert randomly(20, Shares(), 7).tolist() == randomly(20, Shares(), 7).tolist()
    assert randomly(20, Shares(), 7).tolist() != randomly(20, Shares(), 8).tolist()
    golden = [0, 1, 0, 0, 0, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 2]
    assert randomly(20, Shares(), 7).tolist() == golden


def test_a_random_split_is_random():
    labels = randomly(100_000, Shares(), 7).reshape(100, 1000)
    assert np.abs((labels == 0).mean(axis=1) - 0.7).max() < 0.08
    assert np.abs((labels == 2).mean(axis=0) - 0.1).max() < 0.15


@given(shares(), st.lists(st.integers(3, 400), min_size=1, max_size=6), SEEDS)
def test_every_class_has_its_shares(parts, sizes, seed):
    random = np.random.default_rng(seed)
    codes = random.permutation(np.repeat(np.arange(len(sizes)), sizes))
    labels = stratified(codes, list("abcdef"), parts, seed, "c")
    for code, size in enumerate(sizes):
        found = counts(labels[codes == code])
        wanted = np.array(parts.all) * size
        starved = (wanted > 0) & (wanted < 1)
        assert (np.abs(found - wanted) < 1 + starved.sum() + 1e-6).all()
        assert (found[parts.used] > 0).all()


@given(shares(), st.lists(st.integers(0, 30), min_size=3, max_size=300), st.booleans())
def test_time_goes_forward(parts, times, floats):
    times = np.array(times, dtype=float if floats else int)
    if len(np.unique(times)) < len(parts.used):
        with pytest.raises(DataError, match="distinct times in column 'day'"):
            by_time(times, parts, "day")
        return
    labels = by_time(times, parts, "day")
    assert set(labels) == set(parts.used)
    order = np.argsort(times, kind="stable")
    assert (np.diff(labels[order].astype(int)) >= 0).all()
    for time in np.unique(times):
        assert len(set(labels[times == time])) == 1


def test_time_without_ties_is_exact():
    times = np.random.default_rng(0).permutation(1000)
    labels = by_time(times, Shares(), "day")
    assert counts(labels).tolist() == [700, 200, 100]
    assert times[labels == 0].max() == 699


def test_a_boundary_moves_to_the_nearest_change_of_time():
    times = np.repeat([1, 2, 3, 4, 5], [60, 15, 14, 6, 5])
    assert counts(by_time(times, Shares(), "day")).tolist() == [75, 14, 11]


@given(shares(), st.lists(st.integers(1, 60), min_size=3, max_size=80), SEEDS)
def test_groups_stay_whole(parts, sizes, seed):
    random = np.random.default_rng(seed)
    codes = random.permutation(np.repeat(np.arange(len(sizes)), sizes))
    labels = by_group(codes, parts, seed, "customer")
    for code in range(len(sizes)):
        assert len(set(labels[codes == code])) == 1
    assert set(labels) == set(parts.used)


@given(SEEDS)
def test_shares_by_group_are_as_near_as_groups_allow(seed):
    sizes = np.random.default_rng(seed).integers(1, 20, 500)
    found = counts(by_group(np.repeat(np.arange(500), sizes), Shares(), seed, "g"))
    assert (np.abs(found - np.array(Shares().all) * sizes.sum()) <= 21).all()


def test_one_giant_group_still_leaves_rows_for_each_split():
    codes = np.repeat([0, 1, 2], [1000, 1, 1])
    for seed in range(20):
        assert set(by_group(codes, Shares(), seed, "g")) == {0, 1, 2}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((0.7, 0.2, 0.2), r"0.7 \+ 0.2 \+ 0.2 = 1.1; expected a sum of 1"),
        ((0.0, 0.5, 0.5), "train is 0; expected rows to train on"),
        ((70, 20, 10), "train is 70; expected a share between 0 and 1"),
        ((1.2, -0.2, 0), "train is 1.2; expected a share"),
        ((0.8, float("nan"), 0.2), "validation is nan; expected a share"),
    ],
)
def test_bad_shares_are_named(values, message):
    with pytest.raises(ConfigError, match=message):
        Shares(*values)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: randomly(2, Shares(), 7), "there are 2 rows; a split into 3 needs at least 3"),
        (lambda: randomly(0, Shares(1.0, 0, 0), 7), "there are 0 rows; a split into 1 needs"),
        (
            lambda: stratified(np.array([0] * 9 + [1] * 2), ["no", "yes"], Shares(), 7, "churn"),
            "class 'yes' of column 'churn' has 2 rows; a stratified split into 3 needs at least 3 "
            "rows of each class; merge or drop rare classes, or use method='random'",
        ),
        (
            lambda: stratified(np.arange(9), list("abcdefghi"), Shares(), 7, "c"),
            r"class 'a' of column 'c' has 1 row \(and 8 more classes like it\)",
        ),
        (lambda: by_time(np.array([1, 1, 2]), Shares(), "day"), "there are 2 distinct times in"),
        (lambda: by_group(np.array([1, 1, 2]), Shares(), 7, "g"), "there are 2 groups in column"),
    ],
)
def test_too_little_to_split_is_named(call, message):
    with pytest.raises(DataError, match=message):
        call()


def test_a_rare_class_beside_others_is_known_to_train() -> None:
    codes = np.repeat([0, 1, 2, 3], [50, 40, 1, 2])
    labels = stratified(codes, ["a", "b", "r", "s"], Shares(), seed=4, column="y")
    assert labels[codes == 2].tolist() == [0]
    assert 0 in labels[codes == 3]
