"""LogisticRegression finds the optimum that scikit-learn finds."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets
from sklearn import linear_model as sk
from sklearn.preprocessing import StandardScaler

from fastml.errors import ConfigError, DataError, SchemaError
from fastml.linear_model import Design, DesignBlock, LogisticRegression

from .problems import classes_table, coded_design, one_hot


def peer(n: float, *, l2: float = 0.0, l1: float = 0.0, **kwargs: Any) -> Any:
    """Return scikit-learn's estimator of the same objective."""
    total = l1 + l2
    solver = "saga" if l1 else "lbfgs"
    ratio = {"l1_ratio": l1 / total} if l1 else {}
    return sk.LogisticRegression(
        C=1.0 / (n * total), solver=solver, tol=1e-9, max_iter=20_000, **ratio, **kwargs
    )


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_agrees_with_scikit_learn(n_classes: int, fit_intercept: bool, weighted: bool) -> None:
    x, y = classes_table(n_classes=n_classes)
    w = np.random.default_rng(1).integers(0, 4, len(y)).astype(float) if weighted else None
    total = len(y) if w is None else w.sum()
    ours = LogisticRegression(l2=0.01, fit_intercept=fit_intercept).fit(x, y, sample_weight=w)
    theirs = peer(total, l2=0.01, fit_intercept=fit_intercept).fit(x, y, sample_weight=w)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-5)
    np.testing.assert_allclose(ours.predict_proba(x), theirs.predict_proba(x), atol=1e-5)
    assert ours.stop_reason_ == "tolerance"
    assert ours.score(x, y) == theirs.score(x, y)


@pytest.mark.parametrize(
    ("name", "scaled"),
    [*itertools.product(["iris", "wine", "breast_cancer"], [True, False]), ("digits", True)],
)
def test_agrees_with_scikit_learn_on_real_tables(name: str, scaled: bool) -> None:
    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    if scaled:
        x = StandardScaler().fit_transform(x)
    ours = LogisticRegression().fit(x, y)
    theirs = sk.LogisticRegression(solver="newton-cholesky", tol=1e-10).fit(x, y)
    intercept = theirs.intercept_  # of softmax only differences count
    intercept = intercept - intercept.mean() if len(intercept) > 1 else intercept
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-6)
    np.testing.assert_allclose(ours.intercept_, intercept, atol=1e-5)


def test_the_default_penalty_is_scikit_learns() -> None:
    x, y = classes_table()
    ours, theirs = LogisticRegression().fit(x, y), sk.LogisticRegression(tol=1e-9).fit(x, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-5)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-5)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(("l1", "l2"), [(0.02, 0.0), (0.01, 0.01)])
def test_lasso_and_elastic_net(n_classes: int, l1: float, l2: float) -> None:
    x, y = classes_table(n=200, d=8, n_classes=n_classes)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    ours = LogisticRegression(l1=l1, l2=l2).fit(x, y)
    theirs = peer(len(y), l1=l1, l2=l2).fit(x, y)
    np.testing.assert_allclose(ours.predict_proba(x), theirs.predict_proba(x), atol=1e-4)
    if n_classes == 2:
        np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-4)
        np.testing.assert_array_equal(ours.coef_ == 0.0, np.abs(theirs.coef_) < 1e-7)
        assert (ours.coef_ == 0.0).any()


def test_codes_are_the_one_hot_matrix() -> None:
    design = coded_design(4000, sizes=(3, 30), dtype=np.float64)
    ours = LogisticRegression().fit_design(design)
    X, y = one_hot(design)
    theirs = sk.LogisticRegression(tol=1e-10, max_iter=10_000).fit(X, y)
    np.testing.assert_allclose(ours.weights_[:, 0], theirs.coef_[0], atol=1e-4)
    margins = np.concatenate([ours.predict_design(block) for block in design.blocks])
    np.testing.assert_allclose(margins[:, 0], theirs.decision_function(X), atol=1e-4)


def test_lasso_over_codes_is_sparse_and_right() -> None:
    design = coded_design(4000, sizes=(3, 200), dtype=np.float64)
    ours = LogisticRegression(l1=2e-3, l2=0.0).fit_design(design)
    X, y = one_hot(design)
    theirs = peer(4000, l1=2e-3).fit(X, y)
    np.testing.assert_allclose(ours.weights_[:, 0], theirs.coef_[0], atol=2e-3)
    assert 0.3 < (ours.weights_ == 0.0).mean() < 1.0


def test_class_weight() -> None:
    x, y = classes_table(n_classes=3)
    names = np.array(["ant", "bee", "cat"])[y]
    for given in ("balanced", {"ant": 3.0, "cat": 0.5}):
        ours = LogisticRegression(class_weight=given).fit(x, names)
        weights = np.ones(len(y))
        for code, name in enumerate(["ant", "bee", "cat"]):
            share = len(y) / (3 * (y == code).sum())
            weights[y == code] = share if given == "balanced" else given.get(name, 1.0)
        by_hand = LogisticRegression().fit(x, names, sample_weight=weights)
        np.testing.assert_allclose(ours.coef_, by_hand.coef_, atol=1e-8)
    with pytest.raises(ConfigError, match="expected 'balanced'"):
        LogisticRegression(class_weight="even").fit(x, y)
    with pytest.raises(ConfigError, match=r"class_weight\[0\] is -1"):
        LogisticRegression(class_weight={0: -1}).fit(x, y)


def test_class_weight_of_a_design_goes_by_its_labels() -> None:
    design = coded_design(2000)
    by_label = LogisticRegression(class_weight={"yes": 2.0}).fit_design(
        design, classes=["no", "yes"]
    )
    by_code = LogisticRegression(class_weight={1: 2.0}).fit_design(design, n_classes=2)
    np.testing.assert_array_equal(by_label.weights_, by_code.weights_)
    np.testing.assert_array_equal(by_label.classes_, ["no", "yes"])


@pytest.mark.parametrize(
    ("kind", "second"),
    [(float, 1), (float, True), (float, "1.0"), (bool, 1.0), (bool, "True"), (int, "1"), (str, 1)],
)
def test_class_weight_goes_by_value_then_by_text(kind: Any, second: Any) -> None:
    x, y = classes_table()
    ours = LogisticRegression(class_weight={second: 10.0}).fit(x, y.astype(kind))
    by_hand = LogisticRegression().fit(x, y, sample_weight=np.where(y == 1, 10.0, 1.0))
    np.testing.assert_allclose(ours.coef_, by_hand.coef_, atol=1e-8)


def test_class_weight_of_no_class() -> None:
    x, y = classes_table()
    names = np.array(["no", "yes"])[y]
    with pytest.raises(ConfigError, match=r"names 'yess'.* did you mean 'yes'"):
        LogisticRegression(class_weight={"yess": 5.0}).fit(x, names)
    with pytest.raises(ConfigError, match=r"names 7, which is not a class of y; known are 0, 1"):
        LogisticRegression(class_weight={7: 5.0}).fit(x, y)
    every = LogisticRegression(class_weight={0: 1.0, 1: 1.0, 7: 5.0}).fit(x, y)
    np.testing.assert_array_equal(every.coef_, LogisticRegression().fit(x, y).coef_)


def test_class_weight_of_zero() -> None:
    x, y = classes_table()
    for given, left in (({0: 0.0, 1: 0.0}, "no class"), ({0: 0.0}, "class 1")):
        with pytest.raises(DataError, match=rf"only one class with any weight \({left}\)"):
            LogisticRegression(class_weight=given).fit(x, y)
    with pytest.raises(DataError, match="every row of this call the weight 0"):
        LogisticRegression(class_weight={0: 0.0, 1: 0.0}).partial_fit(x, y)


def test_separable_classes_stay_finite() -> None:
    x = np.linspace(-1.0, 1.0, 50)[:, None]
    y = (x[:, 0] > 0).astype(int)
    model = LogisticRegression(l2=0.0, tolerance=1e-3).fit(x, y)
    assert np.isfinite(model.coef_).all()
    np.testing.assert_array_equal(model.predict(x), y)


def test_more_classes_than_the_targets_show() -> None:
    x, y = classes_table(n_classes=3)
    block = DesignBlock(x, np.empty((len(x), 0), np.int32), y.astype(np.float64))
    model = LogisticRegression().fit_design(Design([block], 5, 0), n_classes=5)
    assert model.weights_.shape == (5, 5)
    assert model.predict_design(block).shape == (len(x), 5)


def test_bad_targets() -> None:
    x, y = classes_table(n=20)
    with pytest.raises(DataError, match="only one class"):
        LogisticRegression().fit(x, np.zeros(20))
    with pytest.raises(DataError, match="only one class with any weight"):
        LogisticRegression().fit(x, y, sample_weight=(y == 1).astype(float))
    with pytest.raises(DataError, match=r"continuous.*LinearRegression"):
        LogisticRegression().fit(x, y + 0.5)
    with pytest.raises(DataError, match="Input y contains NaN"):
        LogisticRegression().fit(x, np.where(y, np.nan, 0.0))
    with pytest.raises(DataError, match="mixes types"):
        LogisticRegression().fit(x, np.array(["a", 1] * 10, dtype=object))
    block = DesignBlock(x, np.empty((20, 0), np.int32), y + 1.0)
    with pytest.raises(DataError, match=r"indices of classes in \[0, 2\)"):
        LogisticRegression().fit_design(Design([block], 5, 0), n_classes=2)
    with pytest.raises(DataError, match="no target"):
        LogisticRegression().fit_design(Design([DesignBlock(x, block.codes)], 5, 0))


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT], ids=repr)
def test_missing_labels_are_no_classes(missing: Any) -> None:
    x, y = classes_table(n=20)
    for labels in (y == 1, y, np.array(["no", "yes"])[y]):
        with_gaps = labels.astype(object)
        with_gaps[[3, 7]] = missing
        with pytest.raises(DataError, match=r"2 labels are missing, the first .* at row 3; drop"):
            LogisticRegression().fit(x, pd.Series(with_gaps))


def test_too_many_classes() -> None:
    y = np.arange(1500)
    for fit in (LogisticRegression().fit, LogisticRegression().partial_fit):
        with pytest.raises(DataError, match=r"y has 1,500 classes; .* LinearRegression"):
            fit(np.ones((1500, 1)), y)


def test_partial_fit_learns_classes_over_time() -> None:
    x, y = classes_table(n=3000, n_classes=3)
    model = LogisticRegression()
    with pytest.raises(DataError, match="pass all classes"):
        model.partial_fit(x[y < 2], y[y < 2]).partial_fit(x, y)
    model = LogisticRegression()
    for _ in range(5):
        for part in np.array_split(np.arange(3000), 6):
            model.partial_fit(x[part], y[part], classes=[0, 1, 2])
    assert model.n_iter_ == 30
    assert model.score(x, y) > LogisticRegression().fit(x, y).score(x, y) - 0.02
    with pytest.raises(ConfigError, match="all rows at once"):
        LogisticRegression(class_weight="balanced").partial_fit(x, y)


def test_partial_fit_goes_on_from_fit() -> None:
    x, y = classes_table(n=2000)
    model = LogisticRegression().fit(x, y)
    before = model.coef_.copy()
    model.partial_fit(x[:16], y[:16])  # one step
    assert 0.0 < np.abs(model.coef_ - before).max() < 0.02
    for _ in range(20):
        model.partial_fit(x + 1.0, y)
    moved = LogisticRegression().fit(x + 1.0, y)
    assert model.score(x + 1.0, y) > moved.score(x + 1.0, y) - 0.01


def test_partial_fit_keeps_what_its_rows_lack() -> None:
    design = coded_design(20_000)
    model = LogisticRegression().fit_design(design)
    before = model.weights_.copy()
    model.partial_fit_design(Design(design.blocks[:1], design.n_dense, design.n_codes))
    model.partial_fit_design(Design(design.blocks[1:2], design.n_dense, design.n_codes))
    assert np.abs(model.weights_ - before).max() < 0.06


def test_partial_fit_takes_each_calls_parameters() -> None:
    x, y = classes_table(n=2000)
    model = LogisticRegression().partial_fit(x, y)
    before = model.coef_.copy()
    model.set_params(learning_rate=1e-9).partial_fit(x, y, classes=[0, 1])
    np.testing.assert_allclose(model.coef_, before, atol=1e-6)
    with pytest.raises(ConfigError, match=r"classes=\[0, 1, 2\] differ from .* \[0, 1\]"):
        model.partial_fit(x, y, classes=[0, 1, 2])


def test_state_restores_the_model() -> None:
    design = coded_design(2000)
    model = LogisticRegression(l2=0.1).fit_design(design)
    again = LogisticRegression.from_state(model.state(), model.weights_)
    block = design.blocks[0]
    np.testing.assert_array_equal(again.predict_design(block), model.predict_design(block))
    assert again.get_params() == model.get_params()
    assert again.state() == model.state()
    np.testing.assert_array_equal(again.classes_, [0, 1])
    with pytest.raises(SchemaError, match="dense features"):
        again.predict_design(DesignBlock(np.zeros((1, 5000)), np.empty((1, 0), np.int32)))
