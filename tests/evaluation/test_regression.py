"""Regression metrics against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given
from hypothesis import strategies as st

from fastml.evaluation import evaluate
from fastml.evaluation.metrics import metric, within, within_name


@given(st.integers(0, 2**32 - 1), st.integers(2, 60), st.booleans())
def test_metrics_are_scikit_learns(seed, rows, weighted):
    random = np.random.default_rng(seed)
    y = random.normal(3, 5, rows)
    predicted = y + random.normal(0, 2, rows)
    w = random.random(rows) if weighted else None
    found = evaluate("regression", y, predicted, sample_weight=w, intervals=False).metrics
    expected = {
        "rmse": reference.root_mean_squared_error(y, predicted, sample_weight=w),
        "mae": reference.mean_absolute_error(y, predicted, sample_weight=w),
        "mape": reference.mean_absolute_percentage_error(y, predicted, sample_weight=w),
        "r2": reference.r2_score(y, predicted, sample_weight=w),
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-9, abs=1e-12), name


def test_within_a_percentage_includes_its_edge():
    y = [100.0, 100.0, -100.0, 0.0, 0.0, 200.0]
    predicted = [105.0, 105.1, -95.0, 0.0, 0.1, 180.0]
    found = evaluate("regression", y, predicted, within=(5, 10, 2.5)).metrics
    assert found["within_5pct"] == pytest.approx(3 / 6)
    assert found["within_10pct"] == pytest.approx(5 / 6)
    assert found["within_2.5pct"] == pytest.approx(1 / 6)


def test_a_constant_truth_has_no_r2():
    found = evaluate("regression", [2.0, 2.0], [1.0, 3.0])
    assert np.isnan(found.metrics["r2"])
    assert found.metrics["rmse"] == 1.0
    assert "r2" not in found.intervals


@pytest.mark.parametrize(
    ("truth", "weight"),
    [([0.1] * 7, None), ([0.1 + 0.2, 0.3] * 4, None), ([0.1] * 7 + [5.0], [0.3] * 7 + [0.0])],
)
def test_rounding_is_no_spread(truth, weight):
    found = evaluate("regression", truth, np.zeros(len(truth)), sample_weight=weight)
    assert np.isnan(found.metrics["r2"])


def test_the_least_spread_that_there_is_has_an_r2():
    y = [1.0, 1.0 + 2 * np.finfo(np.float64).eps]
    assert evaluate("regression", y, y).metrics["r2"] == 1.0


@given(st.floats(0.0, 1e9))
def test_a_percentage_has_one_name(percent):
    name = within_name(percent)
    assert within(name) == percent
    assert metric(name).name == name


def test_a_perfect_prediction():
    found = evaluate("regression", [1.0, 2.0, 4.0], [1.0, 2.0, 4.0])
    assert found.metrics["rmse"] == 0.0
    assert found.metrics["r2"] == 1.0
    assert found.intervals["rmse"] == (0.0, 0.0)
    assert found.confusion is None
