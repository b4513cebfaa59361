"""Success criteria: how they are read, refused and judged."""

from __future__ import annotations

import pytest

from fastml.errors import ConfigError
from fastml.evaluation import (
    Criterion,
    check,
    evaluate,
    model_beats_baseline,
    parse_criteria,
    within_percents,
)


def test_criteria_are_read_in_order():
    found = parse_criteria(
        {
            "roc_auc": {"min": 0.8},
            "log_loss": {"max": 0.4},
            "profit": {"min": -3},
            "latency_ms": {"max": 5},
            "beats_baseline": True,
        },
        "binary",
    )
    assert found == (
        Criterion("roc_auc", minimum=0.8),
        Criterion("log_loss", maximum=0.4),
        Criterion("profit", minimum=-3.0),
        Criterion("latency_ms", maximum=5.0),
        Criterion("beats_baseline"),
    )


def test_a_criterion_that_is_switched_off_asks_for_nothing():
    assert parse_criteria({"beats_baseline": False}, "binary") == ()


def test_any_percentage_may_be_asked_for():
    found = parse_criteria({"within_2.5pct": {"min": 0.3}, "rmse": {"max": 9}}, "regression")
    assert within_percents(found) == (2.5, 5.0, 10.0)


def test_a_percentage_is_found_however_it_is_written():
    found = parse_criteria({"within_5.0pct": {"min": 0.5}}, "regression")
    measured = evaluate("regression", [1.0, 2.0], [1.0, 2.0], within=within_percents(found))
    assert [verdict.passed for verdict in check(found, measured.metrics)] == [True]


@pytest.mark.parametrize(
    ("settings", "task", "message"),
    [
        ({"roc_acu": {"min": 0.8}}, "binary", "criterion 'roc_acu'; did you mean 'roc_auc'?"),
        ({"zzz": {"min": 0.8}}, "regression", "unknown success criterion 'zzz'; known are rmse, "),
        ({"beats_baselin": True}, "binary", "did you mean 'beats_baseline'?"),
        ({"rmse": {"max": 1}}, "binary", "'rmse' measures regression, not binary; binary has acc"),
        ({"within_5pct": {"min": 0.5}}, "binary", "'within_5pct' measures regression, not binary"),
        ({"roc_auc": 0.8}, "binary", r"roc_auc is 0.8; write roc_auc = \{ min = 0.8 \}"),
        ({"rmse": 3}, "regression", r"write rmse = \{ max = 3 \}"),
        ({"roc_auc": {"minimum": 0.8}}, "binary", "has the bound 'minimum'; expected min or max"),
        ({"rmse": {"min": 3}}, "regression", "rmse is better when smaller, so that only max"),
        ({"roc_auc": {}}, "binary", "roc_auc is better when larger, so that only min asks"),
        ({"roc_auc": {"min": "0.8"}}, "binary", "roc_auc has min = '0.8'; expected a number"),
        ({"roc_auc": {"min": True}}, "binary", "roc_auc has min = True; expected a number"),
        ({"roc_auc": {"min": 80}}, "binary", "lie between 0 and 1; 80% is 0.8"),
        ({"rmse": {"max": -1}}, "regression", "rmse has max = -1; its values lie between 0 and"),
        ({"f1": {"min": 0.8, "max": 0.7}}, "binary", "min = 0.8 above max = 0.7; no value is both"),
        ({"beats_baseline": "yes"}, "binary", "beats_baseline is 'yes'; expected true or false"),
    ],
)
def test_a_criterion_that_cannot_be_meant_is_refused(settings, task, message):
    with pytest.raises(ConfigError, match=message.replace("?", r"\?")):
        parse_criteria(settings, task)


def judged(criterion, metrics, **more):
    return check([criterion], metrics, **more)[0]


def test_bounds_include_their_value():
    assert judged(Criterion("roc_auc", minimum=0.8), {"roc_auc": 0.8}).passed
    assert judged(Criterion("rmse", maximum=3.0), {"rmse": 3.0}).passed


def test_a_verdict_says_what_was_found_and_what_was_asked():
    good = judged(Criterion("roc_auc", minimum=0.8), {"roc_auc": 0.842})
    bad = judged(Criterion("latency_ms", maximum=5), {"latency_ms": 7.25})
    assert (good.passed, good.words) == (True, "roc_auc is 0.842, at least 0.8")
    assert (bad.passed, bad.words) == (False, "latency_ms is 7.25, not at most 5")
    assert bad.to_dict() == {
        "name": "latency_ms",
        "bound": "at most 5",
        "value": 7.25,
        "passed": False,
        "words": "latency_ms is 7.25, not at most 5",
    }


def test_a_near_miss_is_not_rounded_into_its_bound():
    found = judged(Criterion("roc_auc", minimum=0.8), {"roc_auc": 0.7999999})
    assert found.words == "roc_auc is 0.7999999, not at least 0.8"


def test_a_bound_inside_the_interval_is_too_close_to_tell():
    found = judged(
        Criterion("roc_auc", minimum=0.8), {"roc_auc": 0.81}, intervals={"roc_auc": (0.78, 0.84)}
    )
    assert found.passed
    assert found.words.endswith("too close to tell on these rows (interval 0.78 to 0.84)")


def test_what_was_not_measured_has_not_passed():
    absent = judged(Criterion("profit", minimum=0), {})
    undefined = judged(Criterion("roc_auc", minimum=0.8), {"roc_auc": float("nan")})
    assert not absent.passed
    assert (
        absent.words == "profit was not measured, so that it is not at least 0; "
        "state [problem.value]"
    )
    assert not undefined.passed
    assert "is not defined on these rows" in undefined.words
    assert undefined.to_dict()["value"] is None


def test_a_baseline_must_be_beaten_in_everything_it_is_compared_in():
    y = [0, 1] * 50
    perfect, useless = [0.1, 0.9] * 50, [0.5] * 100
    won = model_beats_baseline("binary", y, perfect, useless)
    drawn = model_beats_baseline("binary", y, perfect, perfect)
    criterion = Criterion("beats_baseline")
    assert judged(criterion, {}, comparisons=[won]).passed
    lost = judged(criterion, {}, comparisons=[won, drawn])
    assert not lost.passed
    assert lost.words == drawn.words
    assert not judged(criterion, {}).passed
