"""LinearRegression finds the optimum that scikit-learn and SciPy find."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn import linear_model as sk
from sklearn.datasets import load_diabetes

from fastml.errors import ConfigError, DataError
from fastml.linear_model import LinearRegression
from fastml.testing.linear import evaluate

from .problems import coded_design, numbers_table, one_hot


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_ridge(fit_intercept: bool, weighted: bool) -> None:
    x, y = numbers_table()
    w = np.random.default_rng(1).integers(0, 4, len(y)).astype(float) if weighted else None
    total = len(y) if w is None else w.sum()
    ours = LinearRegression(l2=0.1, fit_intercept=fit_intercept).fit(x, y, sample_weight=w)
    theirs = sk.Ridge(alpha=0.1 * total, fit_intercept=fit_intercept)
    theirs.fit(x, y, sample_weight=w)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-7)
    np.testing.assert_allclose(ours.predict(x), theirs.predict(x), rtol=1e-7)
    assert ours.score(x, y) == pytest.approx(theirs.score(x, y))


@pytest.mark.parametrize("alpha", [1e-3, 1.0])
def test_agrees_with_scikit_learn_on_a_real_table(alpha: float) -> None:
    x, y = load_diabetes(return_X_y=True)
    ours = LinearRegression(l2=alpha / len(y)).fit(x, y)
    theirs = sk.Ridge(alpha=alpha).fit(x, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-6)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-6)


@pytest.mark.parametrize(("l1", "l2"), [(20.0, 0.0), (10.0, 0.2)])
def test_lasso_and_elastic_net(l1: float, l2: float) -> None:
    x, y = numbers_table(d=8)
    ours = LinearRegression(l1=l1, l2=l2).fit(x, y)
    theirs = sk.ElasticNet(alpha=l1 + l2, l1_ratio=l1 / (l1 + l2), tol=1e-12, max_iter=100_000)
    theirs.fit(x, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(ours.coef_ == 0.0, theirs.coef_ == 0.0)


def test_huber_minimises_its_objective() -> None:
    x, y = numbers_table()
    ours = LinearRegression(loss="huber", threshold=40.0, l2=0.01).fit(x, y)

    def objective(at: Any) -> float:
        value, _, _ = evaluate("huber", (x @ at[:-1] + at[-1])[:, None], y, 40.0)
        return float(value.mean() + 0.005 * at[:-1] @ at[:-1])

    found = np.append(ours.coef_, ours.intercept_)
    assert ours.objective_ == pytest.approx(objective(found), rel=1e-10)
    best = minimize(objective, found + 0.1, tol=1e-12)
    assert objective(found) <= best.fun * (1 + 1e-9)


def test_huber_is_not_swayed_by_outliers() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 3))
    y = x @ [1.0, 2.0, 3.0] + rng.normal(size=500) / 10
    y[:25] += 1000.0
    robust = LinearRegression(loss="huber").fit(x, y)
    np.testing.assert_allclose(robust.coef_, [1.0, 2.0, 3.0], atol=0.3)
    assert np.abs(LinearRegression().fit(x, y).coef_ - [1.0, 2.0, 3.0]).max() > 3.0


@pytest.mark.parametrize("solver", ["auto", "sgd"])
def test_hubers_threshold_comes_from_the_errors(solver: Any) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4000, 1))
    y = 100.0 * x[:, 0] + rng.normal(size=4000)
    y[:400] += 80.0
    ours = LinearRegression(loss="huber", solver=solver, epochs=30).fit(x, y)
    assert LinearRegression().fit(x, y).intercept_[0] > 7.0
    assert abs(ours.intercept_[0]) < 1.0 if solver == "sgd" else 0.3
    assert ours.coef_[0] == pytest.approx(100.0, abs=1.0 if solver == "sgd" else 0.1)
    again = LinearRegression(loss="huber").fit(x, 1e3 * y - 7.0)
    if solver == "auto":
        np.testing.assert_allclose(again.coef_, 1e3 * ours.coef_, rtol=1e-6)


def test_partial_fit_keeps_hubers_first_threshold() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(8000, 1))
    y = 100.0 * x[:, 0] + rng.normal(size=8000)
    y[::10] += 80.0
    model = LinearRegression(loss="huber")
    for part in np.array_split(np.arange(8000), 8):
        model.partial_fit(x[part], y[part])
    assert abs(model.intercept_[0]) < 1.0


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_quantiles(quantile: float) -> None:
    x, y = numbers_table()
    ours = LinearRegression(loss="quantile", quantile=quantile, l2=0.0).fit(x, y)
    theirs = sk.QuantileRegressor(quantile=quantile, alpha=0.0).fit(x, y)

    def pinball(predicted: Any) -> float:
        e = y - predicted
        return float(np.maximum(quantile * e, (quantile - 1) * e).mean())

    assert pinball(ours.predict(x)) <= pinball(theirs.predict(x)) * 1.001
    assert (y <= ours.predict(x)).mean() == pytest.approx(quantile, abs=0.02)


@pytest.mark.parametrize("loss", ["squared", "huber", "quantile"])
def test_units_of_the_target_do_not_matter(loss: Any) -> None:
    x, y = numbers_table()
    settings = {"loss": loss, "l2": 0.0, "solver": "sgd", "epochs": 3}
    plain = LinearRegression(**settings).fit(x, y).predict(x)
    scaled = LinearRegression(**settings).fit(x, 1e-3 * y - 7.0).predict(x)
    np.testing.assert_allclose(1e3 * (scaled + 7.0), plain, rtol=1e-6)


def test_codes_are_the_one_hot_matrix() -> None:
    design = coded_design(4000, sizes=(3, 30), dtype=np.float64)
    ours = LinearRegression(l2=1e-3).fit_design(design)
    X, y = one_hot(design)
    theirs = sk.Ridge(alpha=4.0, tol=1e-12, solver="sparse_cg").fit(X, y)
    np.testing.assert_allclose(ours.weights_[:, 0], theirs.coef_, atol=1e-6)


def test_a_constant_target_is_predicted() -> None:
    x, _ = numbers_table(n=30)
    for loss in ("squared", "huber", "quantile"):
        for value in (0.0, 1e6 + 0.1):
            model = LinearRegression(loss=loss).fit(x, np.full(30, value))
            np.testing.assert_allclose(model.predict(x), value, atol=1e-6)


def test_one_row_and_constant_features() -> None:
    np.testing.assert_allclose(LinearRegression().fit([[3.0]], [5.0]).predict([[9.0]]), 5.0)
    x = np.ones((20, 2))
    y = np.arange(20.0)
    np.testing.assert_allclose(LinearRegression().fit(x, y).predict(x), 9.5)


def test_exact_fits_are_exact() -> None:
    x, _ = numbers_table(n=50)
    y = x @ np.arange(5.0) + 3.0
    model = LinearRegression(l2=0.0).fit(x, y)
    np.testing.assert_allclose(model.coef_, np.arange(5.0), atol=1e-8)
    assert model.score(x, y) == pytest.approx(1.0)


def test_more_features_than_rows() -> None:
    x, y = numbers_table(n=10, d=40)
    model = LinearRegression(l2=1e-3).fit(x, y)
    theirs = sk.Ridge(alpha=1e-2).fit(x, y)
    np.testing.assert_allclose(model.predict(x), theirs.predict(x), rtol=1e-6)


def test_partial_fit() -> None:
    x, y = numbers_table(n=4000)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    model = LinearRegression(learning_rate=0.3)
    for _ in range(10):
        for part in np.array_split(np.arange(4000), 4):
            model.partial_fit(x[part], y[part])
    assert model.score(x, y) > LinearRegression().fit(x, y).score(x, y) - 0.01
    again = LinearRegression().fit(x, y).partial_fit(x, y)
    assert again.score(x, y) > 0.5


def test_state_restores_the_model() -> None:
    x, y = numbers_table()
    model = LinearRegression(loss="huber").fit(x, y)
    again = LinearRegression.from_state(model.state(), model.weights_)
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    assert again.get_params() == model.get_params()
    assert again.state() == model.state()


@pytest.mark.parametrize("loss", ["squared", "huber"])
def test_a_restored_model_learns_on(loss: Any) -> None:
    x, y = numbers_table()
    model = LinearRegression(loss=loss).fit(x, y)
    again = LinearRegression.from_state(model.state(), model.weights_)
    model.partial_fit(x[:100], y[:100])
    again.partial_fit(x[:100], y[:100])
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    saved_long_ago = {
        name: value
        for name, value in model.state().items()
        if name not in ("scale", "error_threshold", "seen_weight")
    }
    old = LinearRegression.from_state(saved_long_ago, model.weights_)
    assert old.partial_fit(x, y).score(x, y) > model.score(x, y) - 0.1


def test_bad_settings_and_targets() -> None:
    x, y = numbers_table(n=20)
    for bad, message in (
        ({"loss": "absolute"}, "expected one of 'squared'"),
        ({"quantile": 1.0}, "between 0 and 1"),
        ({"threshold": 0}, "above 0"),
    ):
        with pytest.raises(ConfigError, match=message):
            LinearRegression(**bad).fit(x, y)
    with pytest.raises(DataError, match="Input y contains infinity"):
        LinearRegression().fit(x, np.where(y > y.mean(), np.inf, 0.0))
    with pytest.raises(DataError, match="LogisticRegression for classes"):
        LinearRegression().fit(x, ["a"] * 20)


def test_an_orthant_that_bends_the_direction_uphill_does_not_end_training() -> None:
    x, y = numbers_table(500, d=6)
    part = (np.arange(500) % 3).astype(np.uint16)
    np.random.default_rng(0).shuffle(part)
    kept = part != 2
    model = LinearRegression(l2=1e-6, l1=5.0).fit(x[kept], y[kept])
    assert model.objective_ == pytest.approx(14_990.928, rel=1e-6)


def test_targets_of_any_size_are_learned_until_their_squares_overflow() -> None:
    x, y = numbers_table(200)
    here = LinearRegression(l2=1e-3).fit(x, y).coef_
    for size in (1e-200, 1e-20, 1e20, 1e100):
        found = LinearRegression(l2=1e-3).fit(x, y * size).coef_
        np.testing.assert_allclose(found, here * size, rtol=1e-6)
    with pytest.raises(DataError, match="that their squares overflow"):
        LinearRegression().fit(x, y * 1e200)
