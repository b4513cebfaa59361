"""Intervals against published formulas and the bootstrap, and by how often they are right."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fastml.evaluation import evaluate
from fastml.evaluation.checks import checked
from fastml.evaluation.intervals import effective_rows, quantile_of_student, standard_error
from fastml.evaluation.summary import estimates_of


def binary(random, rows):
    p = random.random(rows)
    y = (random.random(rows) < p).astype(int)
    return y, np.clip(0.6 * p + 0.2 + random.normal(0, 0.1, rows), 0, 1).round(2)


@given(st.integers(1, 200), st.integers(0, 200))
def test_a_share_has_wilsons_interval(rows, right):
    right = min(right, rows)
    y = np.ones(rows, dtype=int)
    p = (np.arange(rows) < right).astype(float)
    found = evaluate("binary", y, p).intervals["accuracy"]
    expected = stats.binomtest(right, rows).proportion_ci(0.95, method="wilson")
    assert found == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_precision_and_recall_count_their_own_rows():
    y = np.array([1] * 30 + [0] * 70)
    p = np.array([0.9] * 20 + [0.1] * 10 + [0.9] * 5 + [0.1] * 65)
    found = evaluate("binary", y, p, confidence=0.9).intervals
    recall = stats.binomtest(20, 30).proportion_ci(0.9, method="wilson")
    precision = stats.binomtest(20, 25).proportion_ci(0.9, method="wilson")
    assert found["recall"] == pytest.approx((recall.low, recall.high), abs=1e-12)
    assert found["precision"] == pytest.approx((precision.low, precision.high), abs=1e-12)


def test_roc_auc_has_delongs_variance():
    y, p = binary(np.random.default_rng(1), 300)
    positive, negative = p[y == 1], p[y == 0]
    above = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    delong = above.mean(1).var() / len(positive) + above.mean(0).var() / len(negative)
    influence = estimates_of(checked("binary", y, p))["roc_auc"].influence()
    assert standard_error(influence) ** 2 == pytest.approx(delong, rel=1e-9)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_standard_errors_are_the_bootstraps(task, weighted):
    random = np.random.default_rng(5)
    rows = 600
    if task == "regression":
        y = random.normal(10, 2, rows)
        scores = y + random.normal(0, 1, rows)
    elif task == "binary":
        y, scores = binary(random, rows)
    else:
        y = random.integers(0, 3, rows)
        scores = random.random((rows, 3)) + 0.5 * np.eye(3)[y]
        scores /= scores.sum(axis=1, keepdims=True)
    weight = random.random(rows) + 0.5 if weighted else None
    given_rows = checked(task, y, scores, weight)
    estimates = estimates_of(given_rows, within=(5.0,))
    draws = {name: [] for name in estimates}
    for _ in range(300):
        rows_drawn = random.integers(0, rows, rows)
        w = None if weight is None else weight[rows_drawn]
        again = estimates_of(checked(task, y[rows_drawn], scores[rows_drawn], w), within=(5.0,))
        for name, estimate in again.items():
            draws[name].append(estimate.value)
    for name, estimate in estimates.items():
        influence = estimate.influence()
        mean = np.average(influence, weights=weight)
        assert mean == pytest.approx(0.0, abs=1e-9), name
        assert standard_error(influence, given_rows.weight) == pytest.approx(
            np.std(draws[name]), rel=0.2
        ), name


@pytest.mark.parametrize("bend", [1.0, 2.0])
def test_intervals_cover_the_truth_as_often_as_they_say(bend):
    random = np.random.default_rng(11)

    def draw(rows):
        p = random.random(rows)
        return (random.random(rows) < p**bend).astype(int), p

    truth = evaluate("binary", *draw(1_000_000), intervals=False).metrics
    if bend == 1.0:
        truth["ece"] = 0.0
    covered = dict.fromkeys(truth, 0)
    for _ in range(200):
        for name, (low, high) in evaluate("binary", *draw(400)).intervals.items():
            covered[name] += low <= truth[name] <= high
    for name, count in covered.items():
        assert count / 200 >= 0.9, name


@pytest.mark.parametrize("rows", [15, 30, 100])
@pytest.mark.parametrize("weighted", [False, True])
def test_few_rows_do_not_make_a_right_calibration_wrong(rows, weighted):
    random = np.random.default_rng(rows)
    covered = 0
    for _ in range(200):
        p = random.random(rows)
        y = (random.random(rows) < p).astype(int)
        weight = random.random(rows) if weighted else None
        covered += evaluate("binary", y, p, sample_weight=weight).intervals["ece"][0] == 0.0
    assert covered / 200 >= 0.93


@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
def test_intervals_hold_the_value_and_stay_in_range(seed, rows):
    y, p = binary(np.random.default_rng(seed), rows)
    found = evaluate("binary", y, p)
    for name, (low, high) in found.intervals.items():
        assert low - 1e-12 <= found.metrics[name] <= high + 1e-12, name
        assert low >= 0.0, name
        assert name == "log_loss" or high <= 1.0, name


def test_a_perfect_ranking_is_not_certain():
    low, high = evaluate("binary", [0] * 10 + [1] * 10, [0.1] * 10 + [0.9] * 10).intervals[
        "roc_auc"
    ]
    assert high == 1.0
    assert 0.6 < low < 0.8


@pytest.mark.parametrize("unit", [1e-300, 0.001, 1.0, 1700.0, 1e300])
def test_the_unit_of_the_weights_does_not_matter(unit):
    y, p = [0] * 5 + [1] * 5, [0.1] * 5 + [0.9] * 5
    plain = evaluate("binary", y, p).intervals
    weighted = evaluate("binary", y, p, sample_weight=np.full(10, unit)).intervals
    for name, bounds in plain.items():
        assert weighted[name] == pytest.approx(bounds, abs=1e-12), name


def test_rows_that_weigh_little_hardly_count():
    assert effective_rows(np.array([3.0, 3.0, 0.0])) == 2.0
    assert effective_rows(np.array([1.0, 0.5])) == pytest.approx(1.8)
    assert effective_rows(np.zeros(3)) == effective_rows(np.empty(0)) == 0.0


@given(st.floats(1.0, 1e6), st.floats(0.5, 0.999))
def test_students_quantile_is_scipys(freedom, confidence):
    expected = stats.t.ppf(0.5 + confidence / 2, freedom)
    assert quantile_of_student(confidence, freedom) == pytest.approx(expected, rel=1e-3)


def test_intervals_are_the_same_every_time():
    y, p = binary(np.random.default_rng(2), 500)
    assert evaluate("binary", y, p).intervals == evaluate("binary", y, p).intervals


def test_without_intervals_none_are_computed():
    assert evaluate("binary", [0, 1], [0.2, 0.8], intervals=False).intervals == {}
