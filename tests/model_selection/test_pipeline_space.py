"""The settings of a pipeline that can be searched, and how they are said."""

from __future__ import annotations

from typing import Any

import optuna
import pytest

from fastml import Pipeline
from fastml.errors import ConfigError
from fastml.linear_model import LinearRegression, LogisticRegression
from fastml.model_selection import LaneSearch, LogUniform, Uniform
from fastml.model_selection.pipeline_space import Choices, PipelineSpace, Range
from fastml.model_selection.variants import variant
from fastml.preprocessing import RobustScaler, SimpleImputer

BOTH = {"learner.kind": ["linear", "xgboost"]}


def changed(pipeline: Pipeline, space: dict[str, Any], params: dict[str, Any]) -> Pipeline:
    return variant(pipeline, LogisticRegression(), PipelineSpace(space, "linear"), params)


def test_ranges_and_choices_are_read() -> None:
    space = {
        "learner": {
            "l2": {"low": 1e-8, "high": 1, "log": True},
            "epochs": {"low": 1, "high": 9},
        },
        "encoder.max_categories": (10, None),
        "learner.l1": Uniform(0.0, 0.1),
        "learner.learning_rate": LogUniform(0.01, 1.0),
        "pruner.threshold": {"low": 0.5, "high": 1, "step": 0.25},
    }
    found = {s.name: s.values for s in PipelineSpace(space, "linear").settings}
    assert found == {
        "learner.l2": Range(1e-8, 1, log=True),
        "learner.epochs": Range(1, 9),
        "encoder.max_categories": Choices((10, None)),
        "learner.l1": Range(0.0, 0.1),
        "learner.learning_rate": Range(0.01, 1.0, log=True),
        "pruner.threshold": Range(0.5, 1, step=0.25),
    }


def test_a_setting_is_asked_for_with_its_kind_alone() -> None:
    space = PipelineSpace(
        {
            "learner.max_depth": {"low": 2, "high": 4},
            "learner.linear.l2": [0.1],
            "bins": [4, None],
            "imputer.strategy": ["mean", "median"],
            **BOTH,
        },
        "linear",
    )
    study = optuna.create_study()
    asked = [space.ask(study.ask()) for _ in range(12)]
    shared = {"learner.kind", "imputer.strategy"}
    assert {frozenset(each) for each in asked if each["learner.kind"] == "linear"} == {
        frozenset(shared | {"learner.linear.l2", "bins"})
    }
    assert {frozenset(each) for each in asked if each["learner.kind"] == "xgboost"} == {
        frozenset(shared | {"learner.max_depth"})
    }
    assert all(type(each.get("learner.max_depth", 2)) is int for each in asked)


def test_choices_of_any_kind_come_back_as_they_were() -> None:
    weights = [None, "balanced", {"yes": 2.0, "no": 1.0}]
    space = PipelineSpace({"learner.class_weight": weights}, "linear")
    study = optuna.create_study()
    for _ in range(12):
        trial = study.ask()
        asked = space.ask(trial)
        assert asked["learner.class_weight"] in weights
        study.tell(trial, 1.0)
        assert space.told(study.trials[-1].params) == asked


def test_a_variant_keeps_what_is_not_searched() -> None:
    given = Pipeline(
        LogisticRegression(l2=0.5, class_weight="balanced"),
        target="y",
        imputer=SimpleImputer(add_indicator=True),
        bins=4,
        crosses=[["a", "b"]],
    )
    given.reading = {"delimiter": ";"}
    space = {
        "imputer.strategy": ["median"],
        "scaler": ["robust"],
        "learner.linear.l1": [0.1],
        "learner.max_depth": [3],
        **BOTH,
    }
    linear = changed(
        given, space, {"imputer.strategy": "median", "scaler": "robust", "learner.linear.l1": 0.1}
    )
    assert repr(linear.imputer) == "SimpleImputer(strategy='median', add_indicator=True)"
    assert isinstance(linear.scaler, RobustScaler)
    assert repr(linear.learner) == repr(LogisticRegression(l2=0.5, l1=0.1, class_weight="balanced"))
    assert (linear.bins, linear.reading) == (4, {"delimiter": ";"})
    trees = changed(given, space, {"learner.kind": "xgboost", "learner.max_depth": 3})
    assert repr(trees.learner) == "BoostedTrees(max_depth=3, class_weight='balanced')"
    assert (trees.bins, trees.crosses) == (None, ())
    assert repr(given.learner) == repr(LogisticRegression(l2=0.5, class_weight="balanced"))
    assert given.imputer is not None
    assert given.imputer.strategy == "mean"


def test_a_search_in_lanes_is_given_what_its_candidates_share() -> None:
    given = Pipeline(LaneSearch(LogisticRegression(), {"l2": [0.1, 1.0]}), target="y")
    made = changed(given, {"learner.max_iter": [7]}, {"learner.max_iter": 7})
    assert isinstance(made.learner, LaneSearch)
    assert made.learner.learner.max_iter == 7
    assert given.learner is not None
    assert given.learner.learner.max_iter == 500


def test_a_parameter_of_another_task_is_refused() -> None:
    space = PipelineSpace({"learner.loss": ["huber"]}, "linear")
    with pytest.raises(ConfigError, match="no parameter of a LogisticRegression, which learns cl"):
        variant(Pipeline(target="y"), LogisticRegression(), space, {"learner.loss": "huber"})
    made = variant(Pipeline(target="y"), LinearRegression(), space, {"learner.loss": "huber"})
    assert made.learner is not None
    assert made.learner.loss == "huber"


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({}, "nothing to search"),
        ({"imputer": {}}, "imputer has no values"),
        ({"imputer.stratgy": ["mean"]}, "did you mean 'imputer.strategy'"),
        ({"imputer__strategy": ["mean"]}, "did you mean 'imputer.strategy'"),
        ({"encoder.sparse_output": [True]}, "is not a setting that can be searched"),
        ({"learner.l3": [1.0]}, "did you mean 'learner.l"),
        ({"learner.threads": [1]}, "is not a setting"),
        ({"learner.xgboost.epochs": [1]}, "is not a setting"),
        ({"colour": ["red"]}, "known are scaler, bins, learner.kind, imputer.strategy"),
        ({"imputer.strategy": ["meen"]}, "has the choice 'meen', which is none; did you mean"),
        ({"imputer.strategy": {"low": 1, "high": 2}}, "is a range; expected a list of mean"),
        ({"learner.kind": ["forest"]}, "known are linear, xgboost"),
        ({"scaler": ["max"]}, "'max', which is none"),
        ({"bins": 8}, "expected a list of choices, or a range"),
        ({"bins": "8"}, "expected a list of choices, or a range"),
        ({"bins": []}, "bins has no values to try"),
        ({"bins": {"low": 2, "hgh": 8}}, "unknown key 'hgh'; did you mean 'high'"),
        ({"bins": {"low": 2}}, "bins has no high"),
        ({"bins": {"low": "2", "high": 8}}, "low = '2'; expected a number"),
        ({"bins": {"low": 8, "high": 2}}, "which is not below high"),
        ({"learner.l2": {"low": 0, "high": 1, "log": True}}, "by log begins above 0"),
        ({"learner.l2": {"low": 1, "high": 9, "log": True, "step": 2}}, "log and step"),
        ({"learner.l2": {"low": 1, "high": 9, "step": 0}}, "step = 0; expected a number above 0"),
        ({"learner.max_depth": [3]}, "with a xgboost learner alone, and no trial has one"),
        ({**BOTH, "learner.l2": [1.0]}, "learner.linear.l2 or learner.xgboost.l2"),
        ({"learner.kind": ["xgboost"], "bins": [4]}, "bins is asked for with a linear learner"),
    ],
)
def test_what_cannot_be_searched_is_refused(space: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        PipelineSpace(space, "linear")
