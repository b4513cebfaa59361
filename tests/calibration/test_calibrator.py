"""What holds of every calibration, and what is refused."""

from __future__ import annotations

import json
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

from fastml.calibration import Calibrator, Method, fit_calibrator
from fastml.calibration.log_odds import log_odds
from fastml.errors import ConfigError, DataError

METHODS = st.sampled_from(get_args(Method))
SEEDS = st.integers(0, 2**32 - 1)
EVERYWHERE = np.concatenate(
    [[0.0, 5e-324, 1e-300, 1e-17], np.linspace(0, 1, 300), [1 - 1e-16, 1.0]]
)


def of_classes(seed, rows, classes):
    """Return the classes of some rows, each at least once, and probabilities with ties."""
    random = np.random.default_rng(seed)
    shares = random.dirichlet(np.full(classes, 0.5), rows).round(2) + 1e-3
    p = shares / shares.sum(axis=1, keepdims=True)
    truth = random.integers(0, classes, rows)
    truth[:classes] = np.arange(classes)
    return truth, p


@given(
    METHODS,
    st.lists(
        st.tuples(st.integers(0, 1), st.sampled_from(EVERYWHERE.tolist()), st.floats(0, 1e30)),
        min_size=2,
        max_size=30,
    ),
)
def test_two_classes(method, rows):
    y, p, weight = (np.array(each) for each in zip(*rows, strict=True))
    y[:2], weight[:2] = (0, 1), weight[:2] + 1.0
    found = fit_calibrator(method, y, p, weight)(np.sort(EVERYWHERE))
    assert ((found >= 0) & (found <= 1)).all()
    assert (np.diff(found) >= -1e-12).all()


@given(METHODS, SEEDS, st.integers(2, 60), st.integers(3, 6))
def test_several_classes(method, seed, rows, classes):
    truth, p = of_classes(seed, rows + classes, classes)
    calibrator = fit_calibrator(method, truth, p)
    corners = np.eye(classes)
    for given_ in (p, corners, p[:1], p[:0]):
        found = calibrator(given_)
        assert found.shape == given_.shape
        assert ((found >= 0) & (found <= 1)).all()
        np.testing.assert_allclose(found.sum(axis=1), 1)


@given(METHODS, SEEDS)
def test_rows_without_weight_count_for_nothing(method, seed):
    truth, p = of_classes(seed, 40, 3)
    weight = np.append(np.random.default_rng(seed).random(30) + 0.1, np.zeros(10))
    truth[:10] = np.arange(10) % 3
    with_, without = (
        fit_calibrator(method, truth[:n], p[:n], weight[:n]).state() for n in (40, 30)
    )
    assert with_ == without


@given(METHODS, SEEDS, st.sampled_from([2, 3]))
def test_what_is_saved_is_what_was_learned(method, seed, classes):
    truth, p = of_classes(seed, 60, classes)
    scores = p if classes > 2 else p[:, 1]
    found = fit_calibrator(method, truth, scores)
    again = Calibrator.from_state(json.loads(json.dumps(found.state())), classes)
    assert (again(scores) == found(scores)).all()
    assert str(again) == str(found)
    with pytest.raises(ValueError, match="curves of"):
        Calibrator.from_state({**found.state(), "curves": []}, classes)


class LogOdds(ClassifierMixin, BaseEstimator):
    """Takes probabilities for features, and gives them or their log-odds."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return X.argmax(axis=1)


class Margins(LogOdds):
    def decision_function(self, X):
        return log_odds(X if len(self.classes_) > 2 else X[:, 1])


class Probabilities(LogOdds):
    def predict_proba(self, X):
        return X


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize(("method", "theirs"), [("platt", "sigmoid"), ("isotonic", "isotonic")])
def test_it_is_scikit_learns_calibrated_classifier(method, theirs, classes):
    random = np.random.default_rng(classes)
    truth, p = of_classes(1, 4_000, classes)
    likely = (random.random((4_000, 1)) > np.cumsum(p, axis=1)).sum(axis=1).clip(0, classes - 1)
    truth = np.where(random.random(4_000) < 0.5, likely, truth)
    base = (Margins if method == "platt" else Probabilities)().fit(p, truth)
    reference = CalibratedClassifierCV(FrozenEstimator(base), method=theirs).fit(p, truth)
    found = fit_calibrator(method, truth, p if classes > 2 else p[:, 1])
    scores = found(p) if classes > 2 else found(p[:, 1])
    expected = reference.predict_proba(p)
    np.testing.assert_allclose(scores, expected if classes > 2 else expected[:, 1], atol=1e-3)


def test_what_cannot_be_calibrated_is_said():
    p = np.full((4, 3), 1 / 3)
    with pytest.raises(ConfigError, match="unknown calibration 'sigmoid'; expected 'platt' or"):
        fit_calibrator("sigmoid", [0, 1], [0.1, 0.2])
    for method in get_args(Method):
        with pytest.raises(DataError, match=r"all of the class 'yes'"):
            fit_calibrator(method, [1, 1], [0.1, 0.2], classes=["no", "yes"])
        with pytest.raises(DataError, match="all of the class 0"):
            fit_calibrator(method, [0, 1], [0.1, 0.2], [1, 0])
        with pytest.raises(DataError, match="all of the class 1"):
            fit_calibrator(method, [1] * 4, p)
        with pytest.raises(DataError, match="there are no rows"):
            fit_calibrator(method, [], [])
        with pytest.raises(DataError, match="not finite"):
            fit_calibrator(method, [0, 1], [0.1, np.nan])
        with pytest.raises(DataError, match="every sample_weight is zero"):
            fit_calibrator(method, [0, 1], [0.1, 0.2], [0, 0])
    with pytest.raises(DataError, match=r"no row of the class 'c' .*: 'temperature'"):
        fit_calibrator("platt", [0, 1, 0, 1], p, classes=["a", "b", "c"])
    assert fit_calibrator("temperature", [0, 1, 0, 1], p)(p) == pytest.approx(p)
