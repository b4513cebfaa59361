"""Temperature scaling against SciPy's minimiser."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from fastml.calibration import fit_calibrator
from fastml.calibration.temperature import Temperature


def drawn(seed, rows, classes, temperature):
    """Return classes drawn as probabilities say, and those made too sure or too unsure."""
    random = np.random.default_rng(seed)
    margins = random.normal(0, 2, (rows, classes))
    right = softmax(margins, axis=1)
    truth = (random.random((rows, 1)) > np.cumsum(right, axis=1)).sum(axis=1)
    truth[:classes] = np.arange(classes)
    return truth, softmax(margins * temperature, axis=1)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("classes", [2, 5])
def test_it_finds_the_temperature(classes, temperature):
    truth, p = drawn(0, 20_000, classes, temperature)
    found = fit_calibrator("temperature", truth, p if classes > 2 else p[:, 1]).curves[0]
    assert found.temperature == pytest.approx(temperature, rel=0.05)


@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.integers(20, 100))
def test_nothing_has_a_smaller_loss(seed, classes, rows):
    truth, p = drawn(seed, rows, classes, 2.0)
    count = np.bincount(truth)[truth][:, None]
    own = np.arange(classes) == truth[:, None]
    target = np.where(own, (count + 1) / (count + 2), 1 / (count + 2) / (classes - 1))

    def loss(sharpness):
        return -(target * log_softmax(np.log(p) / np.exp(sharpness), axis=1)).mean()

    scores = p if classes > 2 else p[:, 1]
    found = fit_calibrator("temperature", truth, scores).curves[0]
    best = minimize_scalar(loss, bounds=np.log([1e-3, 1e3]), method="bounded")
    assert loss(np.log(found.temperature)) <= best.fun + 1e-9


@given(st.integers(0, 2**32 - 1))
def test_the_likeliest_class_stays_so(seed):
    truth, p = drawn(seed, 50, 4, 3.0)
    found = fit_calibrator("temperature", truth, p)(p)
    assert (found.argmax(axis=1) == p.argmax(axis=1)).all()


def test_scores_that_are_worse_than_chance_are_flattened():
    truth, p = drawn(0, 500, 3, -1.0)
    found = fit_calibrator("temperature", truth, p)
    assert found(p) == pytest.approx(np.full((500, 3), 1 / 3), abs=0.01)


@pytest.mark.parametrize("temperature", [0.0, -1.0, np.inf, np.nan])
def test_no_temperature_but_one_above_zero(temperature):
    with pytest.raises(ValueError, match="no temperature"):
        Temperature(temperature)
