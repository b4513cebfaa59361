"""What is trained side by side in the memory that there is, and what is said of it."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

from fastml.engine.budget import resident_memory
from fastml.errors import DataError
from fastml.linear_model import Design, DesignBlock, LogisticRegression
from fastml.linear_model.footprint import LEAST_PAIRS, Room, find_room
from fastml.linear_model.lbfgs import PAIRS
from fastml.linear_model.problem import Problem
from fastml.linear_model.training import train

MB = 1_000_000


def problem(n_codes: int, n_models: int, memory: int | None, n_classes: int = 2) -> Problem:
    rng = np.random.default_rng(0)
    n = 5_000
    codes = rng.integers(0, n_codes, (n, 2), dtype=np.int32)
    dense = rng.normal(size=(n, 3)).astype(np.float32)
    target = rng.integers(0, n_classes, n).astype(np.float32)
    variants = [LogisticRegression(l2=10.0 ** (-i / 4)) for i in range(n_models)]
    design = Design([DesignBlock(dense, codes, target)], 3, n_codes, memory)
    return variants[0].problem(design, np.arange(n_classes), variants)


def room(asked: Problem, solver: str = "lbfgs") -> Room:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return find_room(asked, solver)


@pytest.mark.parametrize(("n_models", "lanes"), [(1, 1), (5, 5), (16, 16), (40, 16)])
def test_small_problems_have_all_lanes_however_little_is_left(n_models: int, lanes: int) -> None:
    assert find_room(problem(50, n_models, 1), "lbfgs") == (lanes, PAIRS)


def test_fewer_lanes_then_fewer_pairs_then_an_error() -> None:
    rooms = [
        room(problem(1_000_000, 16, resident_memory() + left * MB))
        for left in (10_000, 1_000, 400, 300)
    ]
    assert rooms[0] == (16, PAIRS)
    assert 1 < rooms[1].lanes < 16
    assert rooms[2].lanes == 1
    assert LEAST_PAIRS <= rooms[3].pairs < PAIRS
    assert [each.lanes for each in rooms] == sorted((each.lanes for each in rooms), reverse=True)
    with pytest.raises(
        DataError,
        match=r"needs \d+ MB for one model of 1,000,003 features, and \d+ MB .* solver='sgd'",
    ):
        room(problem(1_000_000, 16, 1))


def test_stochastic_steps_take_less() -> None:
    asked = problem(1_000_000, 16, 1)
    assert room(asked, "sgd").lanes >= 1
    with pytest.raises(DataError, match="for one model of 9,000,003 features"):
        room(problem(9_000_000, 1, 1), "sgd")


def test_the_lanes_of_one_model_stay_together() -> None:
    for n_classes in (3, 20):
        asked = problem(8_000, 6, 1, n_classes)
        assert room(asked).lanes % n_classes == 0


def test_what_is_trained_in_turn_is_the_same_and_is_told() -> None:
    learner = LogisticRegression(solver="lbfgs", max_iter=100, tolerance=1e-10)
    wide = problem(60_000, 16, None)
    together = train(wide, learner._settings(1))
    tight = replace(wide, design=replace(wide.design, memory=1))
    with pytest.warns(UserWarning, match="2 instead of 16 lanes at a time: training takes longer"):
        in_turn = train(tight, learner._settings(1))
    np.testing.assert_allclose(in_turn.weights, together.weights, atol=1e-4)
    np.testing.assert_allclose(in_turn.value, together.value, rtol=1e-6)
