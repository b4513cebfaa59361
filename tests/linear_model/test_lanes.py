"""Many models in one training: each is what it would be alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from fastml._native.linear import DesignKernels
from fastml.linear_model import LinearRegression, LogisticRegression
from fastml.linear_model.base import blocks_of
from fastml.linear_model.design import Design
from fastml.linear_model.lanes import Lanes
from fastml.linear_model.problem import Problem, RowGroups
from fastml.linear_model.trained import Trained
from fastml.linear_model.training import train
from fastml.testing import linear
from tests.linear_model.problems import coded_design

PENALTIES = [(1e-3, 0.0), (1e-2, 0.0), (1.0, 0.0), (1e-3, 3e-3), (0.0, 2e-2), (1e-4, 0.5)]


def solve(problem: Problem, learner: Any, **settings: Any) -> Trained:
    return train(problem, replace(learner._settings(), **settings))


def logistic_variants() -> list[LogisticRegression]:
    return [LogisticRegression(l2=l2, l1=l1) for l2, l1 in PENALTIES]


def assert_same_models(trained: Trained, alone: list[Trained], tolerance: float = 1e-5) -> None:
    width = alone[0].weights.shape[1]
    for i, each in enumerate(alone):
        own = trained.weights[:, i * width : (i + 1) * width]
        np.testing.assert_allclose(own, each.weights, atol=tolerance)
        assert trained.value[i] == pytest.approx(each.value[0], rel=1e-9)
        assert trained.reason[i] in ("tolerance", "precision")


def classes_of(n: int, k: int, seed: int = 0) -> Design:
    design = coded_design(n, dtype=np.float64, seed=seed)
    rng = np.random.default_rng(seed)
    for block in design.blocks:
        block.target = rng.integers(0, k, block.n_rows).astype(np.float64)
    return design


@pytest.mark.parametrize("n_classes", [2, 4])
def test_penalties_in_lanes_are_models_of_their_own(n_classes: int) -> None:
    design = coded_design(3_000, dtype=np.float64) if n_classes == 2 else classes_of(3_000, 4)
    labels, variants = np.arange(n_classes), logistic_variants()
    together = solve(variants[0].problem(design, labels, variants), variants[0], tolerance=1e-12)
    alone = [solve(each.problem(design, labels), each, tolerance=1e-12) for each in variants]
    assert_same_models(together, alone, 1e-4)
    strongest = together.weights[:-2, -together.weights.shape[1] // len(variants) :]
    assert not strongest.any()  # that lasso leaves no feature


@pytest.mark.parametrize("loss", ["squared", "huber", "quantile"])
def test_penalties_of_a_regression(loss: Any) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(800, 6))
    y = 50.0 + 7.0 * (x @ [1.0, -2.0, 0.0, 0.5, 0.0, 0.0] + rng.normal(size=800))
    design = blocks_of(x, y, None)
    variants = [LinearRegression(loss=loss, threshold=9.0, l2=l2, l1=l1) for l2, l1 in PENALTIES]
    problem = variants[0].problem(design, variants)
    together = solve(problem, variants[0])
    alone = [each.problem(design) for each in variants]
    assert_same_models(together, [solve(each, variants[0]) for each in alone], 1e-4)
    fitted = variants[1].fit(x, y)
    np.testing.assert_allclose(
        problem.outward(together.weights)[:-2, 1], fitted.coef_, rtol=1e-3, atol=1e-3
    )


def test_groups_are_rows_left_out_and_rows_repeated() -> None:
    design = coded_design(1_000, block_rows=300, dtype=np.float64)
    rng = np.random.default_rng(3)
    groups = RowGroups(
        [rng.integers(0, 40, block.n_rows).astype(np.uint16) for block in design.blocks],
        rng.poisson(1.0, (40, 3)).astype(np.float64),
    )
    learner = LogisticRegression(class_weight="balanced")
    problem = learner.problem(design, np.arange(2), [learner] * 3, groups)
    together = solve(problem, learner)
    for model in range(3):
        times = groups.weight[np.concatenate(groups.of), model].astype(int)
        dense, codes, y = (
            np.repeat(np.concatenate([getattr(b, part) for b in design.blocks]), times, axis=0)
            for part in ("dense", "codes", "target")
        )
        repeated = Design([type(design.blocks[0])(dense, codes, y)], design.n_dense, design.n_codes)
        alone = solve(learner.problem(repeated, np.arange(2)), learner)
        np.testing.assert_allclose(together.weights[:, model], alone.weights[:, 0], atol=1e-5)


def test_how_lanes_are_grouped_does_not_change_a_bit_of_stochastic_steps() -> None:
    design = coded_design(2_000, dtype=np.float32)
    variants = [LogisticRegression(l2=10.0**-i, solver="sgd", epochs=2) for i in range(6)]
    labels = np.arange(2)
    six = solve(variants[0].problem(design, labels, variants), variants[0])
    two = [solve(v[0].problem(design, labels, v), v[0]) for v in (variants[:2], variants[2:])]
    np.testing.assert_array_equal(six.weights, Trained.together(two).weights)


def test_targets_side_by_side() -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(500, 4))
    y = np.column_stack([x @ rng.normal(size=4), 1e3 + 40.0 * x[:, 0], np.full(500, 7.0)])
    y[:, 0] += rng.normal(size=500)
    many = LinearRegression(l2=1e-3, l1=1e-2).fit(x, y)
    assert many.coef_.shape == (3, 4)
    assert many.predict(x).shape == (500, 3)
    for target in range(3):
        one = LinearRegression(l2=1e-3, l1=1e-2).fit(x, y[:, target])
        np.testing.assert_allclose(many.coef_[target], one.coef_, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(many.predict(x)[:, target], one.predict(x), rtol=1e-5)
    again = LinearRegression.from_state(many.state(), many.weights_)
    np.testing.assert_array_equal(again.predict(x), many.predict(x))


def test_one_lane_that_goes_astray_leaves_the_others_alone() -> None:
    design = coded_design(2_000, dtype=np.float32)
    variants = [
        LogisticRegression(learning_rate=rate, l2=0.0, solver="sgd", schedule="constant")
        for rate in (0.1, 3e38, 0.05)
    ]
    trained = solve(variants[0].problem(design, np.arange(2), variants), variants[0])
    assert trained.reason[1] == "diverged"
    assert np.isfinite(trained.weights).all()
    good = solve(variants[0].problem(design, np.arange(2), variants[::2]), variants[0])
    np.testing.assert_array_equal(trained.weights[:, ::2], good.weights)


@pytest.mark.kernel
def test_models_of_a_softmax_are_those_of_kernels_of_their_own() -> None:
    rng = np.random.default_rng(7)
    blocks, n_codes = linear.random_design(
        rng, [90], dense=3, cardinalities=[4], lanes=3, loss="softmax"
    )
    x, codes, y, _ = blocks[0]
    weight = rng.integers(0, 3, (90, 2)).astype(np.float64)
    each = {"groups": [np.arange(90, dtype=np.uint16)], "group_weight": weight}
    both = DesignKernels([(x, codes, y, None)], n_codes, 6, "softmax", classes=3, **each)
    start = rng.normal(size=(both.rows, 6))
    start[-2] = 0.0
    margins = both.margins(0, start, np.empty((90, 6)))
    step = np.repeat([0.5, -0.2], 3)
    gradient, loss = np.zeros(start.shape), np.zeros(6)
    along = np.zeros((6, 3))
    both.along(0, margins, margins, step, along)
    both.gradient(0, margins.copy(), margins, step, gradient, loss)
    for model, lanes in enumerate((slice(0, 3), slice(3, 6))):
        own = np.ascontiguousarray(weight[:, model])
        one = DesignKernels([(x, codes, y, own)], n_codes, 3, "softmax")
        at = np.ascontiguousarray(margins[:, lanes])
        expected, value, ahead = np.zeros((one.rows, 3)), np.zeros(3), np.zeros((3, 3))
        one.along(0, at, at, step[lanes].copy(), ahead)
        one.gradient(0, at.copy(), at, step[lanes].copy(), expected, value)
        np.testing.assert_allclose(gradient[:, lanes], expected, atol=1e-12)
        np.testing.assert_allclose(loss[lanes], value, atol=1e-12)
        np.testing.assert_allclose(along[lanes], ahead, atol=1e-12)
    with pytest.raises(ValueError, match="6 lanes are no models of 4 classes"):
        DesignKernels([(x, codes, y, None)], n_codes, 6, "softmax", classes=4)


def test_lanes_of_models() -> None:
    lanes = Lanes.of(2, total_weight=[3.0, 4.0], l2=0.1, classes=3)
    assert (len(lanes), lanes.n_models) == (6, 2)
    np.testing.assert_array_equal(lanes.per_model(np.arange(6.0)), [3.0, 12.0])
    np.testing.assert_array_equal(lanes.per_lane(np.array([1.0, 2.0])), [1, 1, 1, 2, 2, 2])
    np.testing.assert_array_equal(lanes.at(slice(1, 2)).total_weight, [4.0, 4.0, 4.0])


def test_classes_against_the_rest_are_models_of_their_own() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(900, 5))
    y = (x @ rng.normal(size=(5, 20)) + rng.gumbel(size=(900, 20))).argmax(axis=1)
    together = LogisticRegression(multi_class="one_vs_rest", l2=1e-3, tolerance=1e-12).fit(x, y)
    assert together.coef_.shape == (20, 5)
    one = LogisticRegression(l2=1e-3, tolerance=1e-12)
    alone = np.column_stack([one.fit(x, y == c).predict_proba(x)[:, 1] for c in range(20)])
    expected = alone / alone.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(together.predict_proba(x), expected, atol=1e-6)
    assert (together.predict(x) == alone.argmax(axis=1)).all()
    again = LogisticRegression.from_state(together.state(), together.weights_)
    np.testing.assert_array_equal(again.predict_proba(x), together.predict_proba(x))
    stepped = LogisticRegression(multi_class="one_vs_rest").partial_fit(x, y)
    assert stepped.weights_.shape == (5, 20)
