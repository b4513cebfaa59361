"""Binary and multiclass metrics against scikit-learn's: ties, weights, absent classes."""

from __future__ import annotations

import tracemalloc
import warnings

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given
from hypothesis import strategies as st

from fastml.errors import ConfigError, DataError
from fastml.evaluation import DecisionValue, evaluate

SEEDS = st.integers(0, 2**32 - 1)


def table(seed, rows, ties, classes=2):
    """Return codes, probabilities (few distinct ones where `ties`) and weights, some 0."""
    random = np.random.default_rng(seed)
    codes = random.integers(0, classes, rows)
    scores = random.random((rows, classes)) + 0.3 * np.eye(classes)[codes]
    if ties:
        scores = np.ceil(scores * 3)
    scores /= scores.sum(axis=1, keepdims=True)
    weight = random.integers(0, 4, rows) / 2
    weight[0] = 1.0
    return codes, scores, weight


def quietly(function, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*args, **kwargs)


@given(SEEDS, st.integers(1, 60), st.booleans(), st.booleans())
def test_binary_metrics_are_scikit_learns(seed, rows, ties, weighted):
    y, scores, weight = table(seed, rows, ties)
    p, w = scores[:, 1], weight if weighted else None
    found = evaluate("binary", y, p, sample_weight=w, intervals=False).metrics
    chosen = (p >= 0.5).astype(int)
    expected = {
        "accuracy": reference.accuracy_score(y, chosen, sample_weight=w),
        "precision": reference.precision_score(y, chosen, sample_weight=w, zero_division=0),
        "recall": reference.recall_score(y, chosen, sample_weight=w, zero_division=0),
        "f1": reference.f1_score(y, chosen, sample_weight=w, zero_division=0),
        "log_loss": reference.log_loss(y, p, sample_weight=w, labels=[0, 1]),
        "brier": reference.brier_score_loss(y, p, sample_weight=w, pos_label=1),
    }
    counts = y if w is None else y[w > 0]
    if len(set(counts)) == 2:
        expected["balanced_accuracy"] = reference.balanced_accuracy_score(
            y, chosen, sample_weight=w
        )
        expected["roc_auc"] = reference.roc_auc_score(y, p, sample_weight=w)
        expected["average_precision"] = reference.average_precision_score(y, p, sample_weight=w)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-12), name


@given(SEEDS, st.integers(1, 60), st.booleans(), st.booleans(), st.integers(3, 5))
def test_multiclass_metrics_are_scikit_learns(seed, rows, ties, weighted, classes):
    y, p, weight = table(seed, rows, ties, classes)
    w = weight if weighted else None
    found = evaluate("multiclass", y, p, sample_weight=w, intervals=False).metrics
    chosen = p.argmax(axis=1)
    macro = {"average": "macro", "sample_weight": w, "zero_division": 0}
    expected = {
        "accuracy": reference.accuracy_score(y, chosen, sample_weight=w),
        "precision": reference.precision_score(y, chosen, **macro),
        "recall": reference.recall_score(y, chosen, **macro),
        "f1": reference.f1_score(y, chosen, **macro),
        "log_loss": quietly(reference.log_loss, y, p, sample_weight=w, labels=list(range(classes))),
    }
    if w is None or set(y[w > 0]) == set(y):
        expected["balanced_accuracy"] = quietly(
            reference.balanced_accuracy_score, y, chosen, sample_weight=w
        )
        if len(set(y)) == classes:
            expected["roc_auc"] = reference.roc_auc_score(
                y, p, sample_weight=w, multi_class="ovr", average="macro"
            )
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-12), name


@given(SEEDS, st.integers(2, 60))
def test_order_of_rows_does_not_matter(seed, rows):
    y, scores, weight = table(seed, rows, True)
    mixed = np.random.default_rng(seed).permutation(rows)
    straight = evaluate("binary", y, scores[:, 1], sample_weight=weight)
    shuffled = evaluate("binary", y[mixed], scores[mixed, 1], sample_weight=weight[mixed])
    for name, value in straight.metrics.items():
        assert shuffled.metrics[name] == pytest.approx(value, abs=1e-12, nan_ok=True)


@given(SEEDS, st.integers(2, 40))
def test_a_weight_is_a_repeated_row(seed, rows):
    y, scores, _ = table(seed, rows, True)
    times = np.random.default_rng(seed).integers(1, 4, rows)
    weighted = evaluate("binary", y, scores[:, 1], sample_weight=times, intervals=False)
    repeated = evaluate(
        "binary", np.repeat(y, times), np.repeat(scores[:, 1], times), intervals=False
    )
    for name, value in weighted.metrics.items():
        assert repeated.metrics[name] == pytest.approx(value, abs=1e-12, nan_ok=True)
    np.testing.assert_array_equal(weighted.confusion, repeated.confusion)


def test_float32_scores_clip_the_log_loss_as_scikit_learn_does():
    y, p = np.array([0, 1, 1]), np.array([1.0, 0.2, 0.7], dtype=np.float32)
    found = evaluate("binary", y, p).metrics["log_loss"]
    assert found == pytest.approx(reference.log_loss(y, p), rel=1e-6)


def test_one_class_leaves_only_its_ranking_undefined():
    found = evaluate("binary", [0, 0, 0], [0.2, 0.4, 0.9])
    assert np.isnan(found.metrics["roc_auc"])
    assert np.isnan(found.metrics["average_precision"])
    assert found.metrics["accuracy"] == pytest.approx(2 / 3)
    assert found.metrics["balanced_accuracy"] == pytest.approx(2 / 3)
    assert found.metrics["recall"] == 0.0
    assert "roc_auc" not in found.intervals
    assert found.to_dict()["metrics"]["roc_auc"] is None


def test_calibration_error_is_the_weighted_distance_of_scikit_learns_curve():
    random = np.random.default_rng(3)
    p = random.random(500)
    y = (random.random(500) < p**2).astype(int)
    observed, predicted = reference_curve(y, p)
    bins = np.searchsorted(np.linspace(0, 1, 16)[1:-1], p)
    share = np.bincount(bins, minlength=15) / 500
    expected = np.abs(observed - predicted) @ share[share > 0]
    assert evaluate("binary", y, p).metrics["ece"] == pytest.approx(expected, abs=1e-12)


def reference_curve(y, p):
    from sklearn.calibration import calibration_curve

    return calibration_curve(y, p, n_bins=15, strategy="uniform")


def test_calibration_of_several_classes_is_that_of_the_predicted_one():
    y = [0, 1, 2, 0]
    p = [[0.7, 0.2, 0.1], [0.7, 0.2, 0.1], [0.1, 0.2, 0.7], [0.7, 0.1, 0.2]]
    assert evaluate("multiclass", y, p).metrics["ece"] == pytest.approx(0.05)


def test_many_classes_are_measured_one_at_a_time():
    random = np.random.default_rng(6)
    y, p = random.integers(0, 60, 4000), random.dirichlet(np.ones(60), 4000)
    tracemalloc.start()
    evaluate("multiclass", y, p)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * p.nbytes


def test_confusion_counts_true_rows_by_predicted_columns():
    y, p = [0, 0, 1, 1, 1], [0.1, 0.6, 0.7, 0.2, 0.9]
    found = evaluate("binary", y, p, classes=["no", "yes"])
    np.testing.assert_array_equal(found.confusion, [[1, 1], [1, 2]])
    assert found.classes == ("no", "yes")
    assert found.to_dict()["confusion"] == [[1.0, 1.0], [1.0, 2.0]]


def test_profit_is_money_a_row():
    value = DecisionValue(true_positive=120.0, false_positive=-20.0, false_negative=-5.0)
    found = evaluate("binary", [1, 1, 0, 0], [0.9, 0.1, 0.8, 0.2], value=value)
    assert found.metrics["profit"] == pytest.approx((120 - 5 - 20 + 0) / 4)
    low, high = found.intervals["profit"]
    assert low < found.metrics["profit"] < high


def test_summary_reads_as_a_table():
    text = str(evaluate("binary", [0, 1, 1, 0], [0.2, 0.8, 0.4, 0.1]))
    assert text.startswith("4 rows, 95% intervals")
    assert "roc_auc" in text


@pytest.mark.parametrize(
    ("task", "y", "scores", "more", "error", "message"),
    [
        ("binery", [0], [0.5], {}, ConfigError, "unknown task 'binery'; expected one of binary"),
        ("binary", [], [], {}, DataError, "there are no rows to evaluate"),
        ("binary", [[0]], [0.5], {}, DataError, r"y_true has shape \(1, 1\)"),
        ("binary", [0, 1], [0.5], {}, DataError, r"scores has shape \(1,\); expected \(2,\) for b"),
        ("multiclass", [0, 1], [0.5, 0.5], {}, DataError, r"expected \(2, k\) for multiclass"),
        ("binary", [0, 2], [0.5, 0.5], {}, DataError, "the code 2 at row 1; expected 0 to 1"),
        ("binary", [0.0, 1.0], [0.5, 0.5], {}, DataError, "of type float64; expected the codes"),
        ("binary", [0, 1], [0.5, 1.5], {}, DataError, "scores has 1.5 at row 1; expected prob"),
        ("binary", [0, 1], [np.nan, 0], {}, DataError, "scores has 1 values that are not finite"),
        ("multiclass", [0, 1], [[0.5, 0.5], [0.5, 0.1]], {}, DataError, "of row 1 sum to 0.6"),
        ("regression", [np.inf], [1], {}, DataError, "y_true has 1 values that are not finite"),
        (
            "binary",
            [0],
            [1],
            {"sample_weight": [1, 2]},
            DataError,
            r"shape \(2,\); expected \(1,\)",
        ),
        ("binary", [0], [1], {"sample_weight": [-1]}, DataError, "-1 at row 0; expected no nega"),
        ("binary", [0], [1], {"sample_weight": [0]}, DataError, "every sample_weight is zero"),
        ("binary", [0], [1], {"classes": ["a"]}, DataError, "1 classes are named, but the scores"),
        ("binary", [0], [1], {"confidence": 95}, ConfigError, "confidence is 95; expected a share"),
    ],
)
def test_bad_input_is_named(task, y, scores, more, error, message):
    with pytest.raises(error, match=message):
        evaluate(task, y, scores, **more)
