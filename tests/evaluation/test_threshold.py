"""The threshold that each rule chooses, against trying every one."""

from __future__ import annotations

import json

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given
from hypothesis import strategies as st

from fastml.errors import ConfigError, DataError
from fastml.evaluation import DecisionValue, Threshold, choose_threshold, evaluate

MONEY = st.integers(-50, 50)
SEEDS = st.integers(0, 2**32 - 1)
ROWS = st.integers(1, 40)


def profit(y, acted, value):
    worth = np.where(
        acted,
        np.where(y == 1, value.true_positive, value.false_positive),
        np.where(y == 1, value.false_negative, value.true_negative),
    )
    return worth.mean()


def drawn(seed, rows):
    """Return classes, probabilities with ties, and every threshold that parts the rows."""
    random = np.random.default_rng(seed)
    y, p = random.integers(0, 2, rows), random.random(rows).round(1)
    return y, p, [2.0, *np.unique(p)[::-1]]


@given(SEEDS, ROWS, st.integers(1, 50), MONEY, MONEY, MONEY)
def test_no_threshold_earns_more(seed, rows, tp, fp, tn, fn):
    y, p, every = drawn(seed, rows)
    value = DecisionValue(tp, fp, tn, min(fn, tp - 1))
    found = choose_threshold(y, p, "profit", value=value)
    profits = [profit(y, p >= line, value) for line in every]
    assert found.reached["profit"] == pytest.approx(max(profits), abs=1e-9)
    assert profit(y, p >= found.threshold, value) == pytest.approx(max(profits), abs=1e-9)
    fewest = min(
        (p >= line).sum()
        for line, money in zip(every, profits, strict=True)
        if money > max(profits) - 1e-9
    )
    assert (p >= found.threshold).sum() == fewest
    assert found.curve["profit"][0] == pytest.approx(profits[0])
    assert found.curve["profit"][-1] == pytest.approx(profits[-1])
    assert found.curve["profit"].max() == found.reached["profit"]


@given(SEEDS, ROWS, st.sampled_from([0.5, 1.0, 2.0]))
def test_no_threshold_has_a_better_f(seed, rows, beta):
    y, p, every = drawn(seed, rows)
    found = choose_threshold(y, p, {"f_beta": beta})
    scores = [reference.fbeta_score(y, p >= line, beta=beta, zero_division=0) for line in every]
    assert found.reached[f"f{beta:g}"] == pytest.approx(max(scores))
    own = reference.fbeta_score(y, p >= found.threshold, beta=beta, zero_division=0)
    assert own == pytest.approx(max(scores))
    if beta == 1.0:
        assert choose_threshold(y, p, "f1").to_dict() == found.to_dict()


@given(SEEDS, ROWS)
def test_no_threshold_is_right_more_often(seed, rows):
    y, p, every = drawn(seed, rows)
    found = choose_threshold(y, p, "accuracy")
    scores = [(y == (p >= line)).mean() for line in every]
    assert found.reached["accuracy"] == pytest.approx(max(scores))
    assert (y == (p >= found.threshold)).mean() == pytest.approx(max(scores))


@pytest.mark.parametrize("target", ["recall", "precision"])
@given(seed=SEEDS, rows=ROWS, level=st.sampled_from([0.1, 0.5, 0.8, 1.0]))
def test_nothing_serves_a_target_better(target, seed, rows, level):
    y, p, every = drawn(seed, rows)
    found = choose_threshold(y, p, {target: level})
    both = [
        (
            reference.recall_score(y, p >= line, zero_division=0),
            reference.precision_score(y, p >= line, zero_division=0),
        )
        for line in [found.threshold, *every]
    ]
    own, others = both[0], both[1:]
    asked, wanted = (0, 1) if target == "recall" else (1, 0)
    reaching = [each for each in others if each[asked] >= level - 1e-9]
    assert found.met == bool(reaching)
    if reaching:
        assert own[asked] >= level - 1e-9
        assert own[wanted] == pytest.approx(max(each[wanted] for each in reaching))
        ties = [each for each in reaching if each[wanted] > own[wanted] - 1e-9]
    else:
        ties = [each for each in others if each[wanted] > own[wanted] - 1e-9]
    assert own[asked] == pytest.approx(max(each[asked] for each in ties))
    assert found.reached["recall"] == pytest.approx(own[0])
    if (p >= found.threshold).any():
        assert found.reached["precision"] == pytest.approx(own[1])


@given(SEEDS, ROWS, st.floats(0, 1))
def test_a_stated_threshold_is_taken_as_it_is(seed, rows, line):
    y, p, _ = drawn(seed, rows)
    found = choose_threshold(y, p, line)
    assert found.threshold == line
    acted = p >= line
    assert found.reached["recall"] == reference.recall_score(y, acted, zero_division=0)
    if acted.any():
        assert found.reached["precision"] == reference.precision_score(y, acted)


def test_a_precision_out_of_reach_is_told():
    y, p = [1, 0, 1, 0, 0], [0.9, 0.9, 0.8, 0.7, 0.1]
    found = choose_threshold(y, p, {"precision": 0.9})
    assert not found.met
    assert found.reached == pytest.approx({"precision": 2 / 3, "recall": 1.0})
    assert found.threshold == pytest.approx(0.75)
    assert str(found) == (
        "0.75, for the greatest recall with a precision of at least 0.9, which is out of reach; "
        "the most: precision 0.6667, recall 1"
    )
    reached = choose_threshold(y, p, {"precision": 0.6})
    assert (reached.met, reached.threshold) == (True, found.threshold)
    nobody = choose_threshold([0, 0], [0.2, 0.4], {"recall": 0.5})
    assert (nobody.met, nobody.threshold > 1) == (False, True)


def test_sums_of_weights_do_not_miss_a_target_by_rounding():
    y, p = [1] * 10, np.linspace(0.9, 0.1, 10)
    found = choose_threshold(y, p, {"recall": 0.8}, [0.1] * 10)
    assert (p >= found.threshold).sum() == 10  # as precise as eight of them
    y = [1] * 8 + [0] * 8 + [1] * 2
    found = choose_threshold(y, np.linspace(0.9, 0.1, 18), {"recall": 0.8}, [0.1] * 18)
    assert found.reached["precision"] == pytest.approx(1.0)


def test_the_line_lies_half_way_between_two_scores():
    value = DecisionValue(true_positive=10, false_positive=-10)
    found = choose_threshold([1, 1, 0], [0.9, 0.6, 0.2], "profit", value=value)
    assert found.threshold == pytest.approx(0.4)


def test_neighbouring_scores_are_still_told_apart():
    low = 0.5
    high = np.nextafter(low, 1)
    found = choose_threshold([1, 0], [high, low], "profit", value=DecisionValue(10, -10))
    assert found.threshold == high


def test_where_acting_never_pays_nobody_is_acted_on():
    found = choose_threshold([0, 0], [1.0, 0.2], "profit", value=DecisionValue(10, -1))
    assert found.threshold > 1.0
    assert found.reached["profit"] == 0.0


def test_the_profit_of_the_chosen_threshold_is_what_evaluate_reports():
    random = np.random.default_rng(0)
    p = random.random(5000)
    y = (random.random(5000) < p).astype(int)
    value = DecisionValue(true_positive=120, false_positive=-20)
    found = choose_threshold(y, p, "profit", value=value)
    report = evaluate("binary", y, p, threshold=found.threshold, value=value)
    for name, reached in found.reached.items():
        assert report.metrics[name] == pytest.approx(reached)
    assert found.threshold == pytest.approx(20 / 140, abs=0.05)  # what theory says
    assert len(found.curve["acted"]) <= 201


def test_another_rule_tells_the_profit_too():
    value = DecisionValue(true_positive=10, false_positive=-1)
    found = choose_threshold([1, 0, 1], [0.9, 0.5, 0.2], {"precision": 1.0}, value=value)
    assert found.reached == pytest.approx({"precision": 1.0, "recall": 0.5, "profit": 10 / 3})


def test_weights_weigh_the_profit():
    value = DecisionValue(true_positive=10, false_positive=-10)
    heavy = choose_threshold([1, 0], [0.5, 0.5], "profit", [3, 1], value=value)
    light = choose_threshold([1, 0], [0.5, 0.5], "profit", [1, 3], value=value)
    assert heavy.reached["profit"] == pytest.approx(5.0)
    assert light.reached["profit"] == 0.0


def test_it_is_saved_without_its_curve():
    for found in (
        choose_threshold([1, 0], [0.9, 0.2], "f1"),
        choose_threshold([0, 0], [0.9, 0.2], {"recall": 0.9}),
    ):
        state = json.loads(json.dumps(found.to_dict(), allow_nan=False))
        again = Threshold.from_dict(state)
        assert again.to_dict() == found.to_dict()
        assert str(again) == str(found)


def test_bad_values_are_named():
    with pytest.raises(ConfigError, match="acting never pays"):
        DecisionValue(true_positive=-1, false_positive=-20)
    with pytest.raises(ConfigError, match="false_positive is nan; expected an amount of money"):
        DecisionValue(true_positive=1, false_positive=float("nan"))
    with pytest.raises(DataError, match="there are no rows"):
        choose_threshold([], [], "f1")


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("profit", "needs what a decision is worth"),
        ("acuracy", r"is 'acuracy'; expected \"profit\", \"f1\".*; did you mean 'accuracy'"),
        ({"recall": 80}, r"asks for recall of 80; expected .* between 0 and 1; 80% is 0\.8"),
        ({"precision": 0}, "asks for precision of 0; expected"),
        ({"precision": True}, "asks for precision of True"),
        ({"f_beta": -1}, "asks for f_beta of -1; expected a number above 0"),
        ({"recall": 0.5, "precision": 0.5}, "expected"),
        ({"specificity": 0.5}, "expected"),
        (
            1.5,
            r"asks for a probability of 1\.5; expected a number between 0 and 1; 1\.5% is 0\.015",
        ),
        (float("nan"), "the threshold is nan"),
        (True, "the threshold is True"),
        (None, "the threshold is None"),
    ],
)
def test_rules_that_are_none(rule, message):
    with pytest.raises(ConfigError, match=message):
        choose_threshold([1, 0], [0.9, 0.2], rule)
