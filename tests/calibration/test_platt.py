"""Platt scaling against scikit-learn's sigmoid calibration and against SciPy's minimiser."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.calibration import _sigmoid_calibration

from fastml.calibration import fit_calibrator
from fastml.calibration.log_odds import log_odds
from fastml.calibration.platt import Platt
from fastml.evaluation.intervals import effective_rows

SEEDS = st.integers(0, 2**32 - 1)


def scored(seed, rows, slope=0.5, intercept=0.7):
    """Return rows whose log-odds are off by a slope and an intercept."""
    random = np.random.default_rng(seed)
    odds = random.normal(0, 2, rows)
    y = (random.random(rows) < 1 / (1 + np.exp(-(slope * odds + intercept)))).astype(int)
    y[:2] = 0, 1
    return y, 1 / (1 + np.exp(-odds)), random


@pytest.mark.parametrize("rows", [20, 300, 20_000])
def test_it_is_scikit_learns(rows):
    y, p, _ = scored(rows, rows)
    a, b = _sigmoid_calibration(np.log(p / (1 - p)), y)
    (curve,) = fit_calibrator("platt", y, p).curves
    assert (curve.slope, curve.intercept) == pytest.approx((-a, -b), abs=2e-4)


@given(SEEDS, st.integers(10, 300))
def test_nothing_has_a_smaller_loss(seed, rows):
    y, p, random = scored(seed, rows)
    weight = random.exponential(size=rows)
    sure = [(n + 1) / (n + 2) for n in (effective_rows(weight[y == c]) for c in (0, 1))]
    target, x = np.where(y == 1, sure[1], 1 - sure[0]), log_odds(p)

    def loss(at):
        u = at[0] * x + at[1]
        return weight @ (np.logaddexp(0, u) - target * u) / weight.sum()

    found = fit_calibrator("platt", y, p, weight).curves[0]
    best = minimize(loss, [0.0, 0.0], bounds=[(0, None), (None, None)])
    assert loss((found.slope, found.intercept)) <= best.fun + 1e-10


@given(SEEDS, st.sampled_from([1e-200, 1e-3, 7.0, 1e200]))
def test_the_unit_of_the_weights_does_not_matter(seed, unit):
    y, p, random = scored(seed, 50)
    weight = random.exponential(size=50)
    plain, scaled = (fit_calibrator("platt", y, p, w).curves[0] for w in (weight, unit * weight))
    assert scaled.slope == pytest.approx(plain.slope, rel=1e-6, abs=1e-9)
    assert scaled.intercept == pytest.approx(plain.intercept, rel=1e-6, abs=1e-9)


def test_rows_told_apart_without_fault_leave_a_finite_slope():
    found = fit_calibrator("platt", [0, 0, 1, 1], [0.0, 1e-9, 1 - 1e-9, 1.0])
    assert np.isfinite(found.curves[0].slope)
    assert found(np.array([0.0, 1.0])) == pytest.approx([0.25, 0.75], abs=0.05)


@pytest.mark.parametrize("p", [[0.3] * 4, [0.3, 0.3 + 1e-16, 0.3, 0.3 + 1e-16]])
def test_constant_scores_give_what_came_true(p):
    found = fit_calibrator("platt", [0, 1, 0, 0], p)
    assert found.curves[0].slope == 0.0
    assert found(np.array([0.0, 0.3, 1.0])) == pytest.approx(3 * [(3 * 0.2 + 2 / 3) / 4])


def test_a_ranking_is_never_turned_around():
    y, p, _ = scored(3, 500, slope=-1.0)
    found = fit_calibrator("platt", y, p)
    assert found.curves[0].slope == 0.0
    assert np.ptp(found(p)) == 0.0


@pytest.mark.parametrize("at", [(-1.0, 0.0), (np.nan, 0.0), (np.inf, 0.0), (1.0, np.inf)])
def test_no_scaling_but_a_rising_one(at):
    with pytest.raises(ValueError, match="no Platt scaling"):
        Platt(*at)
