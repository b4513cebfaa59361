"""Targets and weights of every type: classes as the table has them, or why they cannot be."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import fastml
from fastml.errors import ConfigError, DataError, SchemaError
from fastml.linear_model import LinearRegression

N = 200
RNG = np.random.default_rng(5)
X = RNG.normal(size=N)
TRUTH = X + RNG.normal(size=N) > 0
DAYS = pa.array([dt.date(2024, 1, 1) + dt.timedelta(days=i) for i in range(N)])


def table(y: Any, **more: Any) -> pa.Table:
    return pa.table({"x": X, "y": y, **more})


def fit(y: Any, **settings: Any) -> fastml.Pipeline:
    return fastml.Pipeline(target="y", **settings).fit(table(y))


@pytest.mark.parametrize("positive", [None, True, 1, "true", "True"])
def test_boolean_target_has_boolean_classes(positive: Any) -> None:
    model = fit(TRUTH, positive=positive)
    assert model.classes_ == [False, True]
    assert model.classes_[1] is True
    assert model.predict(table(TRUTH)).dtype == np.bool_
    assert fastml.Pipeline.from_state(*model.state()).classes_[1] is True


def test_boolean_target_is_judged_on_numbers_too() -> None:
    model = fit(TRUTH)
    codes = [rows.truth for rows, _ in model.score_blocks(table(TRUTH.astype(np.int8)))]
    np.testing.assert_array_equal(np.concatenate(codes), TRUTH)


def test_boolean_target_can_have_false_as_its_positive_class() -> None:
    assert fit(TRUTH, positive=False).positive_ is False


@pytest.mark.parametrize(
    "y",
    [DAYS, DAYS.cast(pa.timestamp("us")), pa.array([[1.0]] * N), pa.array([b"a", b"b"] * (N // 2))],
    ids=["date", "timestamp", "list", "binary"],
)
def test_target_that_is_neither_number_nor_text_is_refused(y: pa.Array) -> None:
    with pytest.raises(SchemaError, match=r"target 'y' of .* has the type .*; expected"):
        fit(y)
    for trained_on in (TRUTH, np.where(TRUTH, "yes", "no"), X + RNG.normal(size=N)):
        with pytest.raises(SchemaError, match=r"target 'y' of .* has the type .*; expected"):
            list(fit(trained_on).score_blocks(table(y)))


def test_target_of_large_whole_numbers_is_a_regression() -> None:
    y = (2**60 + RNG.integers(0, 2**58, N)).astype(np.int64)
    assert fit(y).task_ == "regression"


def test_missing_targets_are_left_out_of_judging_as_of_training() -> None:
    y = TRUTH.astype(float)
    y[:7] = np.nan
    model = fit(y)
    assert model.n_rows_ == N - 7
    assert sum(len(scores) for _, scores in model.score_blocks(table(y))) == N - 7


def test_text_where_classes_were_numbers() -> None:
    with pytest.raises(DataError, match="has the value 'no'; the model was trained on 0, 1"):
        list(fit(TRUTH.astype(int)).score_blocks(table(["no"] * N)))


@pytest.mark.parametrize("wrong", [None, -1.0, np.inf, 1e300], ids=str)
def test_weight_that_is_none_names_its_row(wrong: float | None) -> None:
    weights = pa.array([1.0] * 41 + [wrong] + [1.0] * (N - 42))
    with pytest.raises(DataError, match=r"weight 'w' of .* at row 42"):
        fastml.Pipeline(target="y", weight="w").fit(table(TRUTH, w=weights))


def test_weight_of_a_row_without_target_does_not_matter() -> None:
    y = pa.array([None, *TRUTH[1:].tolist()])
    w = pa.array([None] + [2.0] * (N - 1))
    assert fastml.Pipeline(target="y", weight="w").fit(table(y, w=w)).n_rows_ == N - 1


@pytest.mark.parametrize("w", [DAYS, ["1"] * N], ids=["date", "text"])
def test_weight_that_is_no_number_is_refused(w: Any) -> None:
    with pytest.raises(SchemaError, match=r"weight 'w' of .* has the type .*; expected numbers"):
        fastml.Pipeline(target="y", weight="w").fit(table(TRUTH, w=w))


def test_weight_cannot_be_the_target() -> None:
    with pytest.raises(ConfigError, match="'y' is both the target and the weight"):
        fastml.Pipeline(target="y", weight="y").fit(table(TRUTH))


@pytest.mark.parametrize("validated", [True, False])
@pytest.mark.parametrize("offset", [1e7, 1e9])
def test_numbers_keep_what_they_vary_by_however_large_they_are(
    offset: float, validated: bool
) -> None:
    y = X + RNG.normal(size=N)

    def predicted(above: float) -> Any:
        model = fastml.Pipeline(LinearRegression(), target="y")
        model.fit(table(above + y), validation=table(above + X) if validated else None)
        return model.predict(table(y)) - above

    assert predicted(offset) == pytest.approx(predicted(0.0), abs=1e-5)
