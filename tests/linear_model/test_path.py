"""Regularisation paths against models one by one, and against scikit-learn's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import lasso_path

from fastml.errors import ConfigError, DataError
from fastml.linear_model import LinearRegression, LogisticRegression, regularization_path
from tests.linear_model.problems import classes_table, numbers_table


def test_the_lasso_path_is_scikit_learns() -> None:
    x, y = numbers_table(300, d=8)
    alphas, coefs, _ = lasso_path(x - x.mean(axis=0), y - y.mean(), eps=1e-3, alphas=40, tol=1e-10)
    path = regularization_path(LinearRegression(l2=0.0), x, y, values=40)
    np.testing.assert_allclose(path.penalties, alphas, rtol=1e-6)
    scale = np.abs(coefs).max()
    np.testing.assert_allclose(path.coef[:, 0], coefs.T, atol=1e-3 * scale)
    assert path.n_nonzero[0] == 0
    assert path.n_nonzero[1] == 1
    assert path.n_nonzero[-1] == 8
    assert (path.gap < 1e-9).all()


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("penalty", ["l1", "l2"])
def test_a_path_is_its_models(n_classes: int, penalty: Any) -> None:
    x, y = classes_table(400, d=6, n_classes=n_classes)
    learner = LogisticRegression(l2=1e-3)
    path = regularization_path(learner, x, y, penalty, values=20)
    assert (np.diff(path.penalties) < 0).all()
    assert set(path.reason) <= {"tolerance", "precision"}
    for place in (0, 7, 16, 19):
        one = learner.clone().set_params(**{penalty: path.penalties[place]}).fit(x, y)
        chance = path.coef[place] @ x.T + path.intercept[place][:, None]
        own = one.coef_ @ x.T + one.intercept_[:, None]
        spread = (chance - own) - (chance - own).mean(axis=0) * (n_classes > 2)
        np.testing.assert_allclose(spread, 0.0, atol=2e-3)
    if penalty == "l1":
        assert path.n_nonzero[0] == 0
        assert path.n_nonzero[1] > 0


def test_penalties_may_be_stated_in_any_order() -> None:
    x, y = classes_table(200)
    path = regularization_path(LogisticRegression(), x, y, "l2", [1e-3, 1.0, 0.1])
    np.testing.assert_array_equal(path.penalties, [1.0, 0.1, 1e-3])
    sizes = np.abs(path.coef).sum(axis=(1, 2))
    assert (np.diff(sizes) > 0).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"penalty": "l3"}, "penalty is 'l3'"),
        ({"values": [-1.0]}, "a penalty is -1.0"),
        ({"values": 0}, "values is 0"),
        ({"values": []}, "values is \\[\\]; expected penalties, or how many"),
        ({"values": True}, "values is True"),
        ({"values": 2.5}, "values is 2.5"),
    ],
)
def test_what_is_no_penalty_is_refused(settings: Any, message: str) -> None:
    x, y = classes_table(100)
    with pytest.raises(ConfigError, match=message):
        regularization_path(LogisticRegression(), x, y, **settings)


@pytest.mark.parametrize("size", [1e-150, 1e-15, 1e15, 1e100])
def test_a_path_begins_where_every_coefficient_is_zero(size: float) -> None:
    x, y = numbers_table(300)
    found = regularization_path(LinearRegression(), x, y * size, values=np.int64(4))
    assert found.n_nonzero[0] == 0 < found.n_nonzero[1]
    here = regularization_path(LinearRegression(), x, y, values=4)
    np.testing.assert_allclose(found.coef, here.coef * size, rtol=1e-5, atol=1e-9 * size)


def test_where_nothing_tells_of_y_no_path_begins() -> None:
    x, _ = numbers_table(50)
    with pytest.raises(DataError, match="no feature tells anything of y"):
        regularization_path(LinearRegression(), x, np.full(50, 3.0))


def test_a_path_of_classes_against_the_rest_ends_as_the_worst_of_them() -> None:
    x, y = classes_table(200, n_classes=3)
    ends = []
    for code in range(3):  # one after the other reaches its optimum
        one = LogisticRegression(l2=1e-4, tolerance=1e-10).fit(x, y == code)
        ends.append(one.n_iter_)
    learner = LogisticRegression(
        multi_class="one_vs_rest", tolerance=1e-10, max_iter=sorted(ends)[1]
    )
    assert ends[0] < ends[1]
    assert regularization_path(learner, x, y, "l2", [1e-4]).reason == ("max_iter",)
