"""The bootstrap in lanes against a bootstrap model by model."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from fastml.errors import ConfigError, DataError, NotFittedError
from fastml.linear_model import LinearRegression, LogisticRegression, base
from fastml.linear_model.base import blocks_of
from fastml.linear_model.bootstrap import _POISSON, drawn_groups
from tests.linear_model.problems import classes_table, coded_design, numbers_table


def counts_of(x: Any, n_replicates: int, n_classes: int = 1, seed: int = 0) -> Any:
    return drawn_groups(blocks_of(x, x[:, 0], None), n_replicates, seed, n_classes).weight


@pytest.mark.parametrize(
    ("n_classes", "settings"),
    [(2, {}), (2, {"class_weight": "balanced", "l1": 1e-3}), (3, {"class_weight": "balanced"})],
)
def test_replicates_are_fits_of_rows_drawn_again(n_classes: int, settings: Any) -> None:
    x, y = classes_table(500, d=4, n_classes=n_classes)
    model = LogisticRegression(bootstrap=6, **settings).fit(x, y)
    counts = counts_of(x, 6, n_classes)
    for replicate in range(6):
        weight = counts[:, replicate].astype(float)
        one = LogisticRegression(**settings).fit(x, y, sample_weight=weight)
        found = model.replicates_.weights[:-1, :, replicate]
        np.testing.assert_allclose(found, one.weights_, atol=5e-3)
        intercept = model.replicates_.weights[-1, :, replicate]
        np.testing.assert_allclose(intercept, one.intercept_, atol=5e-3)


@pytest.mark.parametrize("loss", ["squared", "huber", "quantile"])
def test_replicates_of_a_regression(loss: Any) -> None:
    x, y = numbers_table(400, d=3)
    model = LinearRegression(loss=loss, bootstrap=4, threshold=60.0).fit(x, y)
    counts = counts_of(x, 4)
    for replicate in range(4):
        weight = counts[:, replicate].astype(float)
        one = LinearRegression(loss=loss, threshold=60.0).fit(x, y, sample_weight=weight)
        found = model.replicates_.weights[:, 0, replicate]
        size = np.abs(one.coef_).max()
        np.testing.assert_allclose(found[:-1], one.coef_, atol=1e-2 * size)
        assert found[-1] == pytest.approx(one.intercept_[0], rel=1e-3)


def test_intervals_are_those_of_a_plain_bootstrap() -> None:
    x, y = classes_table(800, d=4)
    model = LogisticRegression(bootstrap=600, seed=1).fit(x, y)
    rng = np.random.default_rng(2)
    plain, chances = [], []
    for _ in range(600):
        rows = rng.integers(0, 800, 800)
        one = LogisticRegression().fit(x[rows], y[rows])
        plain.append(one.coef_)
        chances.append(one.predict_proba(x[:20])[:, 1])
    spread = np.std(plain, axis=0)
    for bound, expected in zip(
        model.coef_interval(0.9), np.quantile(plain, [0.05, 0.95], axis=0), strict=True
    ):
        assert bound.shape == model.coef_.shape
        assert (np.abs(bound - expected) < 0.4 * spread).all()
    for bound, expected in zip(
        model.predict_interval(x[:20], 0.9), np.quantile(chances, [0.05, 0.95], axis=0), strict=True
    ):
        assert (np.abs(bound - expected) < 0.4 * np.std(chances, axis=0)).all()
    low, high = model.predict_interval(x[:20])
    chance = model.predict_proba(x[:20])[:, 1]
    assert ((low < chance) & (chance < high)).all()


def test_every_kind_of_model_has_intervals() -> None:
    x, y = classes_table(300, d=3, n_classes=4)
    for multi_class in ("softmax", "one_vs_rest"):
        model = LogisticRegression(multi_class=multi_class, bootstrap=20).fit(x, y)
        low, high = model.coef_interval()
        assert ((low <= model.coef_) & (model.coef_ <= high)).mean() > 0.8
        bounds = model.predict_interval(x[:5])
        assert bounds[0].shape == (5, 4)
        assert ((bounds[0] >= 0) & (bounds[0] <= bounds[1]) & (bounds[1] <= 1)).all()
    targets = np.column_stack([x @ [1.0, 2.0, 3.0], 500.0 + 7.0 * x[:, 0]])
    targets += np.random.default_rng(0).normal(size=targets.shape)
    both = LinearRegression(bootstrap=30).fit(x, targets)
    alone = LinearRegression(bootstrap=30).fit(x, targets[:, 1])
    np.testing.assert_allclose(both.coef_interval()[0][1], alone.coef_interval()[0], rtol=1e-3)
    assert both.predict_interval(x[:7])[0].shape == (7, 2)


def test_codes_and_threads() -> None:
    design = coded_design(3_000, sizes=(3, 40))
    one, three = (
        LogisticRegression(bootstrap=70).fit_design(design, threads=threads) for threads in (1, 3)
    )
    np.testing.assert_array_equal(one.replicates_.weights, three.replicates_.weights)
    low, high = one.score_intervals(design.blocks[0])
    scores = one.predict_scores(design.blocks[0])
    assert ((low < scores) & (scores < high)).mean() > 0.99


def test_counts_are_poisson() -> None:
    shares = np.bincount(_POISSON) / 65_536
    expected = [math.exp(-1) / math.factorial(k) for k in range(len(shares))]
    np.testing.assert_allclose(shares, expected, atol=2e-5)
    assert _POISSON.mean() == pytest.approx(1.0, abs=1e-4)


def test_rows_of_large_tables_are_drawn_in_groups() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=200_000)
    design = blocks_of(values[:, None], values, None)
    groups = drawn_groups(design, 300, seed=4)
    assert len(groups.weight) == 65_536
    sums = groups.weight.T @ np.bincount(np.concatenate(groups.of), values, minlength=65_536)
    assert np.std(sums) == pytest.approx(np.sqrt((values**2).sum()), rel=0.15)
    assert len(drawn_groups(design, 2, seed=4, n_classes=10).weight) == 6_553


def test_what_was_not_drawn_is_refused() -> None:
    x, y = classes_table(100)
    model = LogisticRegression()
    with pytest.raises(NotFittedError):
        model.coef_interval()
    with pytest.raises(ConfigError, match="no replicates; fit it with bootstrap"):
        model.fit(x, y).coef_interval()
    model = LogisticRegression(bootstrap=5).fit(x, y)
    with pytest.raises(ConfigError, match="confidence is 95"):
        model.coef_interval(95)
    with pytest.raises(ConfigError, match="bootstrap is -1"):
        LogisticRegression(bootstrap=-1).fit(x, y)
    assert model.partial_fit(x, y).replicates_ is None


def test_a_class_that_a_draw_lacks_is_told() -> None:
    x, _ = classes_table(100)
    with pytest.raises(DataError, match=r"one of 200 models .* or not in its draw of a bootstrap"):
        LogisticRegression(bootstrap=200).fit(x, (np.arange(100) < 2).astype(int))
    with pytest.raises(DataError, match="class_weight gives the others the weight 0"):
        LogisticRegression(class_weight={0: 0.0}).fit(x, np.arange(100) % 2)


def test_many_replicates_of_many_rows_are_taken_a_part_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x, y = classes_table(60, d=2, n_classes=3)
    model = LogisticRegression(bootstrap=400, l2=0.1).fit(x, y)
    whole = model.predict_interval(x)
    monkeypatch.setattr(base, "SCORES_AT_ONCE", 400 * 3 * 7)
    for part, bound in zip(model.predict_interval(x), whole, strict=True):
        np.testing.assert_array_equal(part, bound)
