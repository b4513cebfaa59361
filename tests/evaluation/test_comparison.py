"""The verdict on whether machine learning is needed."""

from __future__ import annotations

import numpy as np
import pytest

from fastml.errors import ConfigError, DataError
from fastml.evaluation import DecisionValue, evaluate, model_beats_baseline


def rows(seed=0, count=2000):
    random = np.random.default_rng(seed)
    p = random.random(count)
    y = (random.random(count) < p).astype(int)
    return random, y, p


def test_a_better_model_earns_its_place():
    _, y, p = rows()
    found = model_beats_baseline("binary", y, p, p.round(0) * 0.5 + 0.25, baseline="the rule")
    assert found.metric == "roc_auc"
    assert found.model == evaluate("binary", y, p).metrics["roc_auc"]
    assert found.advantage == pytest.approx(found.model - found.baseline)
    assert 0 < found.low < found.advantage < found.high
    assert found.beats
    assert found.words.startswith("roc_auc of the model is 0.8")
    assert found.words.endswith("the model earns its place")
    assert found.to_dict()["beats"] is True


def test_a_model_that_seems_better_on_few_rows_is_not_told_from_its_baseline():
    random = np.random.default_rng(3)
    y = random.normal(1e5, 2e4, 40)
    near = y + random.normal(0, 1.00e4, 40)
    found = model_beats_baseline("regression", y, near, y + random.normal(0, 1.1e4, 40))
    assert not found.beats
    assert found.advantage > 0
    assert found.words.endswith(
        "; on so few rows (40) the model cannot be told from the best rule without ML: "
        "judge it on more rows, or take the simpler rule"
    )
    assert "e+0" not in found.words
    assert "rmse of the model is 9," in found.words or "rmse of the model is 10," in found.words


def test_a_model_like_its_baseline_is_not_needed():
    _, y, p = rows()
    found = model_beats_baseline("binary", y, p, p)
    assert not found.beats
    assert found.words.endswith(
        "no ML is needed: on these rows the best rule without ML is at least as good"
    )


def test_a_model_that_is_worse_is_told_so():
    random, y, p = rows()
    found = model_beats_baseline("binary", y, random.random(2000), p)
    assert found.high < 0
    assert "worse" in found.words
    assert found.words.endswith("no ML is needed: the best rule without ML does better")


def test_less_is_better_for_an_error():
    random = np.random.default_rng(1)
    y = random.normal(size=500)
    found = model_beats_baseline("regression", y, y + 0.1 * random.normal(size=500), 0 * y)
    assert found.metric == "rmse"
    assert found.advantage == pytest.approx(found.baseline - found.model)
    assert found.beats


def test_the_same_rows_are_paired():
    random, y, p = rows()
    near = np.clip(p + random.normal(0, 0.05, len(p)), 0, 1)
    found = model_beats_baseline("binary", y, p, near, metric="log_loss")
    alone = evaluate("binary", y, p).intervals["log_loss"]
    assert found.high - found.low < (alone[1] - alone[0]) / 2


def test_the_paired_interval_is_the_bootstraps():
    random, y, p = rows(3, 500)
    other = np.clip(0.5 * p + 0.5 * random.random(500), 0, 1)
    found = model_beats_baseline("binary", y, p, other)
    draws = []
    for _ in range(300):
        i = random.integers(0, 500, 500)
        draws.append(model_beats_baseline("binary", y[i], p[i], other[i]).advantage)
    assert (found.high - found.low) / (2 * 1.96) == pytest.approx(np.std(draws), rel=0.15)


def test_worth_is_compared_in_money():
    _, y, p = rows()
    value = DecisionValue(true_positive=100, false_positive=-50)
    found = model_beats_baseline(
        "binary", y, p, np.full(len(y), 0.5), metric="profit", value=value, thresholds=(1 / 3, 0.4)
    )
    assert found.beats
    assert found.baseline == pytest.approx(100 * y.mean() - 50 * (1 - y.mean()))


@pytest.mark.parametrize("name", ["within_3pct", "within_3.0pct", "within_03pct"])
def test_any_percentage_can_be_compared(name):
    y = np.arange(1.0, 101.0)
    found = model_beats_baseline("regression", y, 1.02 * y, 1.1 * y, metric=name)
    assert found.metric == "within_3pct"
    assert (found.model, found.baseline) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("task", "y", "model", "baseline"),
    [
        ("binary", [1, 0], [0.9, 0.1], [0.5, 0.5]),
        ("binary", [1] * 50 + [0] * 4, [0.9] * 50 + [0.1] * 4, [0.5] * 54),
        ("regression", [1.0], [1.0], [2.0]),
    ],
)
def test_a_handful_of_rows_tells_nothing(task, y, model, baseline):
    found = model_beats_baseline(task, y, model, baseline)
    assert (found.low, found.high, found.beats) == (-np.inf, np.inf, False)
    assert "better (too few rows for an interval); on so few rows (" in found.words
    assert found.to_dict()["low"] is found.to_dict()["high"] is None


def test_a_win_on_every_row_is_a_win():
    found = model_beats_baseline("binary", [1] * 6 + [0] * 6, [0.9] * 6 + [0.1] * 6, [0.5] * 12)
    assert 0 < found.low < 0.5
    assert found.beats


@pytest.mark.parametrize("count", [4, 6, 10, 20])
def test_no_skill_seldom_wins_on_few_rows(count):
    random = np.random.default_rng(count)
    y = np.repeat([0, 1], count // 2)
    wins = [
        model_beats_baseline("binary", y, random.random(count), np.full(count, 0.5)).beats
        for _ in range(200)
    ]
    assert np.mean(wins) <= 0.05


@pytest.mark.parametrize("unit", [0.001, 1700.0])
def test_the_unit_of_the_weights_does_not_matter(unit):
    _, y, p = rows(count=30)
    plain = model_beats_baseline("binary", y, p, p.round(0))
    weighted = model_beats_baseline("binary", y, p, p.round(0), sample_weight=np.full(30, unit))
    assert (weighted.low, weighted.high) == pytest.approx((plain.low, plain.high))


@pytest.mark.parametrize(
    ("metric", "error", "message"),
    [
        ("ece", ConfigError, "ece has no paired comparison; compare by log_loss or brier"),
        ("profit", ConfigError, "needs the value of each decision; give value="),
        ("rmse", ConfigError, "metric 'rmse' measures regression, not binary"),
        ("lgo_loss", ConfigError, "unknown metric 'lgo_loss'; did you mean 'log_loss'"),
        ("roc_auc", DataError, "roc_auc is not defined on these 2 rows"),
    ],
)
def test_what_cannot_be_compared_is_named(metric, error, message):
    with pytest.raises(error, match=message):
        model_beats_baseline("binary", [1, 1], [0.5, 0.6], [0.5, 0.5], metric=metric)
