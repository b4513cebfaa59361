"""Solvers, stopping, order and threads: what holds whatever is learned."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from fastml._native.linear import DesignKernels
from fastml.errors import ConfigError, DataError, SchemaError
from fastml.linear_model import (
    Design,
    DesignBlock,
    LinearRegression,
    LogisticRegression,
    lbfgs,
    logistic,
)
from fastml.linear_model.lanes import Lanes
from fastml.linear_model.objective import Objective
from fastml.linear_model.precondition import MOST_WHOLE, Preconditioner
from fastml.linear_model.trained import Trained
from fastml.linear_model.training import train

from .problems import classes_table, coded_design, numbers_table


def log_loss(model: LogisticRegression, design: Design) -> float:
    total = 0.0
    for block in design.blocks:
        margins = model.predict_design(block)[:, 0]
        assert block.target is not None
        total += float((np.logaddexp(0.0, margins) - block.target * margins).sum())
    return total / design.n_rows


@pytest.mark.parametrize("solver", ["auto", "lbfgs", "sgd"])
@pytest.mark.parametrize("l1", [0.0, 1e-4])
def test_threads_do_not_change_a_bit(solver: Any, l1: float) -> None:
    design = coded_design(60_000, weighted=True)
    models = [
        LogisticRegression(solver=solver, l1=l1, epochs=2, max_iter=60, tolerance=1e-3).fit_design(
            design, threads=threads
        )
        for threads in (1, 2, 5)
    ]
    for model in models[1:]:
        np.testing.assert_array_equal(model.weights_, models[0].weights_)
        np.testing.assert_array_equal(model.intercept_, models[0].intercept_)


@pytest.mark.parametrize("l1", [0.0, 1e-3])
def test_threads_of_blas_do_not_change_a_bit(l1: float) -> None:
    x, y = classes_table(600, d=250)
    models = []
    for threads in (1, 2):
        with threadpool_limits(threads, user_api="blas"):
            models.append(LogisticRegression(l1=l1, tolerance=1e-6).fit(x, y))
    np.testing.assert_array_equal(models[0].weights_, models[1].weights_)


def test_many_wide_lanes_do_without_the_whole_hessian() -> None:
    x, y = np.zeros((1, 200)), np.zeros(1)
    blocks = [(x, np.empty((1, 0), np.int32), y, None)]
    for lanes, within in ((100, True), (300, False)):
        one = Lanes.of(1, total_weight=1.0, l2=0.1, classes=lanes)
        objective = Objective(DesignKernels(blocks, 0, lanes, "softmax"), one)
        objective.move_to(np.zeros(objective.shape))
        precondition = Preconditioner(objective, 0.0)
        assert (len(precondition.rows) == 201) == within
        assert np.isfinite(precondition(objective.gradient()[1])).all()


def test_the_first_direction_over_a_small_table_is_newtons() -> None:
    design = coded_design(2_000, sizes=(3, 12), dtype=np.float64)
    model = LogisticRegression(l2=1e-3).fit_design(design)
    assert model.n_iter_ <= 10
    wide = coded_design(2_000, sizes=(3, 900), dtype=np.float64)
    learner = LogisticRegression(l2=1e-3)
    problem = learner.problem(wide, np.arange(2))
    objective = Objective(problem.kernels(slice(0, 1)), problem.lanes)
    objective.move_to(np.zeros(objective.shape))
    rows = Preconditioner(objective, 0.0).rows
    assert len(rows) == MOST_WHOLE
    counts = np.bincount(np.concatenate([b.codes[b.codes >= 0] for b in wide.blocks]))
    left_out = np.setdiff1d(np.arange(len(counts)), rows - 4)
    kept = rows[5:] - 4
    assert counts[left_out].max() <= counts[kept].min()


@pytest.mark.parametrize("variants", [1, 3])
def test_steps_in_one_pass_are_those_that_a_search_finds(
    variants: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    design = coded_design(20_000, dtype=np.float64)
    learner = LogisticRegression(solver="lbfgs")
    penalties = [LogisticRegression(l2=10.0**-k) for k in range(1, 1 + variants)]
    problem = learner.problem(design, np.arange(2), penalties)
    settings = replace(learner._settings(), tolerance=1e-9)
    leaping = train(problem, settings)
    monkeypatch.setattr(lbfgs, "suffices", lambda value, *_: np.zeros(len(value), np.bool_))
    monkeypatch.setattr(lbfgs, "secant", lambda slope, _: np.ones(len(slope)))
    searched = Mock(wraps=lbfgs.line_search)
    monkeypatch.setattr(lbfgs, "line_search", searched)
    searching = train(problem, settings)
    assert searched.call_count == searching.n_iter.max()
    np.testing.assert_array_equal(leaping.n_iter, searching.n_iter)
    np.testing.assert_allclose(leaping.weights, searching.weights, atol=1e-7)
    np.testing.assert_allclose(leaping.value, searching.value, rtol=1e-9)


def test_one_block_or_many() -> None:
    many = coded_design(10_000, block_rows=512, dtype=np.float64)
    one = coded_design(10_000, block_rows=10_000, dtype=np.float64)
    for a, b in zip(
        LogisticRegression().fit_design(many).weights_,
        LogisticRegression().fit_design(one).weights_,
        strict=True,
    ):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_empty_blocks_are_nothing() -> None:
    design = coded_design(3000, block_rows=1000)
    empty = DesignBlock(
        np.empty((0, 4), np.float32), np.empty((0, 3), np.int32), np.empty(0, np.float32)
    )
    with_empty = Design([empty, *design.blocks, empty], 4, design.n_codes)
    for solver in ("lbfgs", "sgd"):
        model = LogisticRegression(solver=solver).fit_design(with_empty)
        assert log_loss(model, design) < 0.6


def test_solvers_agree() -> None:
    design = coded_design(60_000)
    losses = {
        solver: log_loss(LogisticRegression(solver=solver).fit_design(design), design)
        for solver in ("auto", "lbfgs", "sgd")
    }
    assert losses["auto"] == pytest.approx(losses["lbfgs"], rel=1e-3)
    assert losses["sgd"] == pytest.approx(losses["lbfgs"], rel=0.01)


def test_a_tighter_tolerance_comes_closer() -> None:
    design = coded_design(60_000, dtype=np.float64)
    best = LogisticRegression(tolerance=1e-13).fit_design(design)
    assert best.stop_reason_ == "tolerance"
    for tolerance in (1e-5, 1e-8):
        model = LogisticRegression(tolerance=tolerance).fit_design(design)
        assert 0.0 <= model.objective_ / best.objective_ - 1.0 < 20 * tolerance
        assert model.n_iter_ < best.n_iter_


def test_float32_reaches_a_millionth() -> None:
    exact = LogisticRegression(tolerance=1e-13).fit_design(coded_design(dtype=np.float64))
    single = LogisticRegression(tolerance=1e-9).fit_design(coded_design(dtype=np.float32))
    assert single.objective_ == pytest.approx(exact.objective_, rel=1e-6)


@pytest.mark.parametrize("schedule", ["adaptive", "constant", "invscaling"])
def test_sorted_tables_are_learned_as_well_as_shuffled_ones(schedule: Any) -> None:
    shuffled = coded_design(40_000)
    by_label = coded_design(40_000, order=np.array(["label"], dtype=object))
    settings = {"solver": "sgd", "schedule": schedule, "epochs": 3, "learning_rate": 0.1}
    good = log_loss(LogisticRegression(**settings).fit_design(shuffled), shuffled)
    assert log_loss(LogisticRegression(**settings).fit_design(by_label), shuffled) < good + 0.01


def test_seeds_decide_the_order() -> None:
    design = coded_design(5000)

    def weights(seed: int) -> Any:
        return LogisticRegression(solver="sgd", epochs=1, seed=seed).fit_design(design).weights_

    np.testing.assert_array_equal(weights(1), weights(1))
    assert not np.array_equal(weights(1), weights(2))


@pytest.mark.parametrize("batch_size", [1, 16, 1000])
def test_batch_sizes(batch_size: int) -> None:
    design = coded_design(20_000)
    settings = {"solver": "sgd", "batch_size": batch_size, "epochs": 5}
    best = log_loss(LogisticRegression().fit_design(design), design)
    assert log_loss(LogisticRegression(**settings).fit_design(design), design) < best + 0.05


@pytest.mark.parametrize("solver", ["lbfgs", "sgd"])
def test_patience_keeps_the_best_weights(solver: Any) -> None:
    few = coded_design(600, sizes=(300,))
    held_out = coded_design(600, sizes=(300,), seed=9)
    settings = {"solver": solver, "l2": 0.0, "tolerance": 0.0, "patience": 2, "epochs": 50}
    model = LogisticRegression(**settings).fit_design(few, validation=held_out)
    assert model.stop_reason_ == "patience"
    longer = LogisticRegression(**settings | {"patience": 500, "max_iter": 30})
    with pytest.warns(UserWarning, match="max_iter") if solver == "lbfgs" else _nothing():
        longer.fit_design(few, validation=held_out)
    assert log_loss(model, held_out) == pytest.approx(log_loss(longer, held_out), rel=0.05)


class _nothing:  # noqa: N801
    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


@pytest.mark.parametrize("solver", ["lbfgs", "sgd"])
def test_a_time_budget_ends_training(solver: Any) -> None:
    design = coded_design(60_000)
    began = time.monotonic()
    model = LogisticRegression(
        solver=solver, time_budget=0.05, tolerance=0.0, epochs=10_000, max_iter=10_000, patience=999
    ).fit_design(design)
    assert model.stop_reason_ == "time_budget"
    assert time.monotonic() - began < 5.0
    assert log_loss(model, design) < math.log(2)


@pytest.mark.parametrize("loss", ["quantile", "huber"])
def test_the_budget_is_that_of_all_stages_together(loss: Any) -> None:
    x, y = numbers_table(60_000, d=20)
    settings = {"loss": loss, "solver": "lbfgs", "tolerance": 0.0}
    began = time.monotonic()
    model = LinearRegression(**settings, time_budget=0.3, max_iter=10_000).fit(x, y)
    assert model.stop_reason_ in ("time_budget", "precision")
    assert time.monotonic() - began < 0.9
    with pytest.warns(UserWarning, match="max_iter=4"):
        assert LinearRegression(**settings, max_iter=4).fit(x, y).n_iter_ == 4


def test_a_warm_start_without_intercept_starts_without_one() -> None:
    x, y = numbers_table()
    for model, target in ((LinearRegression(), y), (LogisticRegression(), y > y.mean())):
        model.set_params(warm_start=True).fit(x, target)
        model.set_params(fit_intercept=False).fit(x, target)
        assert model.intercept_.tolist() == [0.0]


def test_a_warm_start_is_nearly_done() -> None:
    design = coded_design(dtype=np.float64)
    model = LogisticRegression(warm_start=True).fit_design(design)
    cold = model.n_iter_
    assert model.fit_design(design).n_iter_ < cold / 2
    with pytest.raises(SchemaError, match="warm_start needs the features"):
        model.fit_design(coded_design(sizes=(3, 40)))
    x, y = numbers_table()
    regression = LinearRegression(warm_start=True).fit(x, y)
    before = regression.coef_.copy()
    regression.fit(x, y)
    np.testing.assert_allclose(regression.coef_, before)
    assert regression.n_iter_ <= 2


def test_divergence_names_the_remedy() -> None:
    x, y = numbers_table()
    model = LinearRegression(solver="sgd", schedule="constant", learning_rate=1e3)
    with pytest.raises(DataError, match=r"diverged in epoch \d.*lower learning_rate"):
        model.fit(x, y)


def test_a_warm_up_that_diverges_is_dropped() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60_000, 3)) * [1.0, 1e3, 1e5]
    y = x @ [1.0, 2.0, 3.0]
    assert LinearRegression(schedule="constant").fit(x, y).score(x, y) > 0.999


@pytest.mark.parametrize("size", [1e160, 1e300])
def test_numbers_that_overflow_are_an_error(size: float) -> None:
    x, y = classes_table()
    for model in (LogisticRegression(), LinearRegression()):
        with pytest.raises(DataError, match="scale the features"):
            model.fit(x * size, y)


def test_the_objective_is_that_of_the_weights_kept() -> None:
    few = coded_design(600, sizes=(300,), dtype=np.float64)
    held_out = coded_design(600, sizes=(300,), dtype=np.float64, seed=9)
    model = LogisticRegression(l2=0.0, patience=2).fit_design(few, validation=held_out)
    assert model.stop_reason_ == "patience"
    assert model.objective_ == pytest.approx(log_loss(model, few), rel=1e-12)
    assert math.isnan(model.gap_)


def test_too_few_iterations_warn() -> None:
    x, y = classes_table()
    with pytest.warns(UserWarning, match="stopped after max_iter=1 .* raise max_iter"):
        model = LogisticRegression(max_iter=1).fit(x, y)
    assert model.stop_reason_ == "max_iter"
    assert model.gap_ > 0.0


@pytest.mark.parametrize(("gap", "warns"), [(1e-9, False), (0.1, True)])
def test_rounding_that_stops_far_from_the_optimum_warns(
    gap: float, warns: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = Trained(
        np.zeros((7, 1)), np.array([3]), np.array([1.0]), np.array([gap]), ("precision",)
    )
    monkeypatch.setattr(logistic, "train", lambda *_, **__: stuck)
    expected = pytest.warns(UserWarning, match="3 iterations, where rounding .* a relative 0.1")
    with expected if warns else _nothing():
        assert LogisticRegression().fit(*classes_table()).stop_reason_ == "precision"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"l2": -1.0}, "l2 is -1.0; expected a finite number of at least 0"),
        ({"l2": True}, "l2 is True"),
        ({"l1": math.nan}, "l1 is nan"),
        ({"learning_rate": 0}, "above 0"),
        ({"solver": "newton"}, "one of 'auto', 'lbfgs', 'sgd'"),
        ({"schedule": None}, "one of 'adaptive'"),
        ({"epochs": 0}, "a whole number of at least 1"),
        ({"batch_size": 2.5}, "batch_size is 2.5"),
        ({"threads": 0}, "threads is 0"),
        ({"time_budget": 0.0}, "time_budget"),
        ({"tolerance": -1e-3}, "tolerance"),
    ],
)
def test_bad_settings(setting: dict[str, Any], message: str) -> None:
    x, y = classes_table(n=20)
    for estimator in (LogisticRegression, LinearRegression):
        with pytest.raises(ConfigError, match=message):
            estimator(**setting).fit(x, y)


def test_bad_rows() -> None:
    x, y = classes_table(n=20)
    x[3, 1] = np.nan
    with pytest.raises(DataError, match=r"Input X contains NaN.*row 3, column 1.*SimpleImputer"):
        LogisticRegression().fit(x, y)
    x[3, 1] = np.inf
    with pytest.raises(DataError, match=r"infinity.*row 3, column 1"):
        LogisticRegression().fit(x, y)
    x[3, 1] = 0.0
    with pytest.raises(DataError, match="differ in length"):
        LogisticRegression().fit(x, y[:-1])
    with pytest.raises(DataError, match="negative"):
        LogisticRegression().fit(x, y, sample_weight=-np.ones(20))
    with pytest.raises(DataError, match="non-zero"):
        LogisticRegression().fit(x, y, sample_weight=np.zeros(20))
    with pytest.raises(DataError, match="no rows"):
        LogisticRegression().fit_design(Design([], 0, 0))


def test_the_blocks_of_a_design_must_agree() -> None:
    codes = np.empty((2, 0), np.int32)
    a, b = DesignBlock(np.zeros((2, 1)), codes), DesignBlock(np.zeros((2, 1), np.float32), codes)
    with pytest.raises(SchemaError, match=r"differ.*float32.*float64"):
        Design([a, b], 1, 0)
    with pytest.raises(SchemaError, match="1 dense features, but the design says 2"):
        Design([a], 2, 0)
    with pytest.raises(SchemaError, match=r"some blocks .* have row weights and some have none"):
        Design([a, DesignBlock(a.dense, codes, weight=np.ones(2))], 1, 0)
    assert Design([a, a], 1, 0).n_rows == 4
    assert Design([], 3, 4).n_features == 7
    assert Design([b], 1, 0).dtype == np.float32
