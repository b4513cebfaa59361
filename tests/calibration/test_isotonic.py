"""Isotonic calibration against scikit-learn's isotonic regression."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression, isotonic_regression

from fastml.calibration import fit_calibrator
from fastml.calibration.isotonic import Isotonic, pool_adjacent_violators

SEEDS = st.integers(0, 2**32 - 1)


def levels(values, weight):
    level, starts = pool_adjacent_violators(np.asarray(values, float), np.asarray(weight, float))
    return np.repeat(level, np.diff(np.append(starts, len(values))))


@given(SEEDS, st.integers(1, 200), st.sampled_from([0, 1, 3]))
def test_pooling_is_the_isotonic_regression(seed, rows, digits):
    random = np.random.default_rng(seed)
    values = random.normal(size=rows).round(digits)
    weight = random.choice([1e-6, 0.5, 1.0, 1e6], rows)
    expected = isotonic_regression(values, sample_weight=weight)
    assert levels(values, weight) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    "values",
    [
        np.append(np.arange(200_000.0), -1.0),  # every neighbour rises but the last
        np.arange(200_000.0)[::-1],
        np.tile([1.0, 0.0], 100_000),
        np.concatenate([np.arange(100_000.0), np.arange(100_000.0) - 50_000.0]),
        np.arange(200_000.0) + 3.0 * (np.arange(200_000) % 2),
    ],
)
def test_pooling_takes_linear_time_whatever_the_order(values):
    ones = np.ones(len(values))
    assert levels(values, ones) == pytest.approx(isotonic_regression(values), abs=1e-6)


def same_curve(y, p, weight=None, tolerance=0.0):
    """Compare with scikit-learn, at the rows and between them; ours keeps away from 0 and 1."""
    calibrator = fit_calibrator("isotonic", y, p, weight)
    reference = IsotonicRegression(out_of_bounds="clip").fit(p, y, sample_weight=weight)
    everywhere = np.concatenate([p, np.linspace(0, 1, 501)])
    expected = np.clip(reference.predict(everywhere), tolerance, 1 - tolerance)
    found = calibrator(everywhere)
    worth = len(y) if weight is None else np.sum(weight) ** 2 / np.sum(np.square(weight))
    least = 1 / (worth + 2)
    assert found.min() >= least - 1e-12
    assert found.max() <= 1 - least + 1e-12
    np.testing.assert_allclose(found, np.clip(expected, least, 1 - least), atol=least + 1e-9)
    inside = (expected > least) & (expected < 1 - least) & np.isin(everywhere, p)
    np.testing.assert_allclose(found[inside], expected[inside], atol=1e-9)


@given(SEEDS, st.integers(2, 120), st.integers(1, 6), st.booleans())
def test_it_is_scikit_learns_but_for_certainty(seed, rows, digits, weighted):
    random = np.random.default_rng(seed)
    p = random.random(rows).round(digits)
    y = (random.random(rows) < p).astype(int)
    y[:2] = 0, 1
    same_curve(y, p, random.integers(1, 5, rows).astype(float) if weighted else None)


def test_ties_are_one_point():
    found = fit_calibrator("isotonic", [0, 1, 1, 0, 1, 1], [0.2, 0.2, 0.2, 0.7, 0.7, 0.7])
    assert found(np.array([0.0, 0.2, 0.45, 0.7, 1.0])) == pytest.approx(5 * [2 / 3])


def test_probabilities_that_rounding_tells_apart_are_ties():
    tiny = np.array([0.0, 5e-324, 1e-323, 1.5e-323, 0.5, 0.6])
    found = fit_calibrator("isotonic", [0, 1, 0, 1, 0, 1], tiny)
    assert np.isfinite(found(np.concatenate([tiny, [1e-310, 1e-300, 1e-17, 1.0]]))).all()


def test_nobody_is_certain():
    found = fit_calibrator("isotonic", [0] * 8 + [1] * 8, np.linspace(0, 1, 16))
    assert found(np.array([0.0, 1.0])) == pytest.approx([1 / 18, 17 / 18])


@pytest.mark.parametrize(
    "points",
    [
        ([], []),
        ([0.1, 0.1], [0.2, 0.3]),
        ([0.1, 0.2], [0.3, 0.2]),
        ([0.1, 0.2], [0.3, 1.2]),
        ([0.1, np.nan], [0.3, 0.4]),
        ([0.1, 0.2], [0.3, np.nan]),
        ([0.1, 0.2], [0.3]),
        ([[0.1]], [[0.3]]),
    ],
)
def test_a_curve_that_does_not_rise_is_refused(points):
    with pytest.raises(ValueError, match="do not rise"):
        Isotonic(*(np.array(each, float) for each in points))
