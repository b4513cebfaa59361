"""The threshold of greatest profit and of greatest F1, against trying every one."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given
from hypothesis import strategies as st

from fastml.errors import ConfigError
from fastml.evaluation import DecisionValue, best_f1_threshold, best_threshold, evaluate

MONEY = st.integers(-50, 50)


def profit(y, acted, value):
    worth = np.where(
        acted,
        np.where(y == 1, value.true_positive, value.false_positive),
        np.where(y == 1, value.false_negative, value.true_negative),
    )
    return worth.mean()


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 50), MONEY, MONEY, MONEY)
def test_no_threshold_earns_more(seed, rows, tp, fp, tn, fn):
    random = np.random.default_rng(seed)
    y = random.integers(0, 2, rows)
    p = random.random(rows).round(1)
    value = DecisionValue(tp, fp, tn, min(fn, tp - 1))
    found = best_threshold(y, p, value)
    every = [2.0, *np.unique(p)[::-1]]
    profits = [profit(y, p >= line, value) for line in every]
    assert found.profit == pytest.approx(max(profits), abs=1e-9)
    assert profit(y, p >= found.threshold, value) == pytest.approx(found.profit, abs=1e-9)
    fewest = min(
        (p >= line).sum()
        for line, money in zip(every, profits, strict=True)
        if money > max(profits) - 1e-9
    )
    assert (p >= found.threshold).sum() == fewest
    assert found.profit_none == pytest.approx(profits[0])
    assert found.profit_all == pytest.approx(profits[-1])
    assert found.curve["profit"].max() == found.profit


@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_no_threshold_has_a_better_f1(seed, rows):
    random = np.random.default_rng(seed)
    y, p = random.integers(0, 2, rows), random.random(rows).round(1)
    threshold, f1 = best_f1_threshold(y, p)
    scores = [reference.f1_score(y, p >= line, zero_division=0) for line in (2.0, *np.unique(p))]
    assert f1 == pytest.approx(max(scores))
    assert reference.f1_score(y, p >= threshold, zero_division=0) == pytest.approx(f1)


def test_the_line_lies_half_way_between_two_scores():
    value = DecisionValue(true_positive=10, false_positive=-10)
    assert best_threshold([1, 1, 0], [0.9, 0.6, 0.2], value).threshold == pytest.approx(0.4)


def test_neighbouring_scores_are_still_told_apart():
    low = 0.5
    high = np.nextafter(low, 1)
    found = best_threshold([1, 0], [high, low], DecisionValue(10, -10))
    assert found.threshold == high


def test_where_acting_never_pays_nobody_is_acted_on():
    found = best_threshold([0, 0], [1.0, 0.2], DecisionValue(10, -1))
    assert found.threshold > 1.0
    assert found.profit == 0.0


def test_the_profit_of_the_chosen_threshold_is_what_evaluate_reports():
    random = np.random.default_rng(0)
    p = random.random(5000)
    y = (random.random(5000) < p).astype(int)
    value = DecisionValue(true_positive=120, false_positive=-20)
    found = best_threshold(y, p, value)
    report = evaluate("binary", y, p, threshold=found.threshold, value=value)
    assert report.metrics["profit"] == pytest.approx(found.profit)
    assert found.threshold == pytest.approx(20 / 140, abs=0.05)  # what theory says
    assert len(found.to_dict()["curve"]["acted"]) <= 201


def test_weights_weigh_the_profit():
    value = DecisionValue(true_positive=10, false_positive=-10)
    heavy = best_threshold([1, 0], [0.5, 0.5], value, [3, 1])
    light = best_threshold([1, 0], [0.5, 0.5], value, [1, 3])
    assert heavy.profit == pytest.approx(5.0)
    assert light.profit == 0.0


def test_bad_values_are_named():
    with pytest.raises(ConfigError, match="acting never pays"):
        DecisionValue(true_positive=-1, false_positive=-20)
    with pytest.raises(ConfigError, match="false_positive is nan; expected an amount of money"):
        DecisionValue(true_positive=1, false_positive=float("nan"))
