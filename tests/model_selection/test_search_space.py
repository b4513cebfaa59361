"""Grids and distributions of hyperparameters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from fastml.errors import ConfigError
from fastml.model_selection.search_space import LogUniform, Uniform, candidates_of


def test_values_are_combined() -> None:
    found = candidates_of({"l2": [0.1, 1.0], "class_weight": [None, "balanced"]}, None, 0)
    assert found == [
        {"l2": 0.1, "class_weight": None},
        {"l2": 0.1, "class_weight": "balanced"},
        {"l2": 1.0, "class_weight": None},
        {"l2": 1.0, "class_weight": "balanced"},
    ]


@pytest.mark.parametrize("drawn", [LogUniform(1e-6, 1e-2), stats.loguniform(1e-6, 1e-2)])
def test_distributions_are_drawn_from(drawn: Any) -> None:
    space = {"l2": drawn, "learning_rate": Uniform(0.05, 0.5), "l1": [0.0, 1e-4]}
    found = candidates_of(space, 40, 3)
    assert found == candidates_of(space, 40, 3)
    assert len(candidates_of(space, None, 0)) == 32
    assert all(1e-6 <= each["l2"] <= 1e-2 for each in found)
    assert all(0.05 <= each["learning_rate"] <= 0.5 for each in found)
    assert {each["l1"] for each in found} == {0.0, 1e-4}
    orders = np.floor([math.log10(each["l2"]) for each in found])
    assert len(set(orders)) == 4


def test_some_combinations_are_drawn() -> None:
    assert len(candidates_of({"l2": [1.0, 2.0], "l1": [0.0, 1.0]}, 3, 0)) == 3


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({}, "nothing to search"),
        ({"learn_rate": [1.0]}, "'learn_rate' cannot differ between .* you mean 'learning_rate'"),
        ({"imputer": ["mean"]}, "known are l2, l1, learning_rate, class_weight"),
        ({"l2": []}, "l2 has no values"),
        ({"l2": 0.1}, "l2 is 0.1; expected a list"),
        ({"class_weight": "balanced"}, "expected a list of values"),
    ],
)
def test_what_cannot_be_searched_is_refused(space: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        candidates_of(space, None, 0)


def test_bounds_are_checked() -> None:
    with pytest.raises(ConfigError, match="above 0"):
        LogUniform(0.0, 1.0)
    with pytest.raises(ConfigError, match="low below high"):
        Uniform(1.0, 1.0)
