"""Every step is a scikit-learn estimator, by scikit-learn's own checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

from fastml.errors import ConfigError, DataError, NotFittedError, SchemaError
from fastml.preprocessing import (
    CorrelationPruner,
    FeatureCrosser,
    KBinsDiscretizer,
    MinMaxScaler,
    MissingRowDropper,
    OneHotEncoder,
    RobustScaler,
    SimpleImputer,
    StandardScaler,
)

NUMERIC_STEPS: list[Any] = [
    SimpleImputer(),
    SimpleImputer("median", add_indicator=True),
    StandardScaler(),
    MinMaxScaler(),
    RobustScaler(),
    CorrelationPruner(),
    KBinsDiscretizer(encode="onehot-dense"),
    KBinsDiscretizer(3, encode="ordinal"),
]
STEPS: list[Any] = [
    *NUMERIC_STEPS,
    OneHotEncoder(sparse_output=False),
    FeatureCrosser(min_frequency=1, sparse_output=False),
]
SPARSE: list[Any] = [OneHotEncoder(), KBinsDiscretizer(), FeatureCrosser(min_frequency=1)]


@pytest.mark.parametrize("step", [*STEPS, *SPARSE, MissingRowDropper()], ids=repr)
@pytest.mark.filterwarnings("ignore:Estimator .* does not inherit:UserWarning")
def test_check_estimator(step: Any) -> None:
    for result in check_estimator(step, on_skip=None):
        assert result["status"] in ("passed", "skipped"), result


@pytest.fixture
def numbers() -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(40, 3))
    values[::7, 1] = np.nan
    return values


TABLES: dict[str, Callable[[Any], Any]] = {
    "list": lambda values: values.tolist(),
    "fortran": np.asfortranarray,
    "strided": lambda values: np.repeat(values, 2, axis=1)[:, ::2],
    "objects": lambda values: values.astype(object),
    "pandas": lambda values: pd.DataFrame(values, columns=list("abc")),
    "nullable": lambda values: pd.DataFrame(values, columns=list("abc")).convert_dtypes(),
    "polars": lambda values: pl.DataFrame(values, schema=list("abc")),
    "arrow": lambda values: pa.table(
        {name: pa.array(values[:, j], from_pandas=True) for j, name in enumerate("abc")}
    ),
    "batch": lambda values: (
        pa.RecordBatch.from_pydict(
            {name: pa.array([0.0, *values[:, j]], from_pandas=True) for j, name in enumerate("abc")}
        )
    ).slice(1),
}


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("step", STEPS, ids=repr)
def test_every_table_gives_the_same(step: Any, kind: str, numbers: np.ndarray[Any, Any]) -> None:
    table = TABLES[kind](numbers)
    step = clone(step)
    np.testing.assert_array_equal(step.fit_transform(table), clone(step).fit_transform(numbers))
    names = step.get_feature_names_out()
    assert len(names) == step.transform(table).shape[1]
    named = kind not in ("list", "fortran", "strided", "objects")
    assert names[0].startswith("a" if named else "x0")


@pytest.mark.parametrize("step", STEPS, ids=repr)
def test_read_only_input_is_read_and_left_alone(step: Any, numbers: np.ndarray[Any, Any]) -> None:
    before = numbers.copy()
    numbers.setflags(write=False)
    clone(step).fit(numbers).transform(numbers)
    np.testing.assert_array_equal(numbers, before)


@pytest.mark.parametrize("step", STEPS, ids=repr)
def test_set_output(step: Any, numbers: np.ndarray[Any, Any]) -> None:
    frame = pd.DataFrame(numbers, columns=list("abc"), index=range(100, 140))
    plain = clone(step).fit_transform(frame)
    step = clone(step).set_output(transform="pandas").fit(frame)
    out = step.transform(frame)
    assert list(out.columns) == list(step.get_feature_names_out())
    assert list(out.index) == list(frame.index)
    np.testing.assert_array_equal(out.to_numpy(), plain)
    assert clone(step).fit_transform(frame).equals(out), "clone carries the choice over"
    out = step.set_output(transform="polars").transform(frame)
    assert out.columns == list(step.get_feature_names_out())
    np.testing.assert_array_equal(out.to_numpy(), plain)
    with config_context(transform_output="polars"):
        assert isinstance(clone(step).fit_transform(frame), pl.DataFrame)
        chosen = clone(step).set_output(transform="default").fit_transform(frame)
    assert isinstance(chosen, np.ndarray)
    with pytest.raises(ConfigError, match="'arrow' is unknown; expected 'default', 'pandas'"):
        step.set_output(transform="arrow")


def test_in_a_scikit_learn_pipeline_and_search(numbers: np.ndarray[Any, Any]) -> None:
    y = (np.nan_to_num(numbers).sum(axis=1) > 0).astype(int)
    steps = make_pipeline(
        SimpleImputer(), StandardScaler(), CorrelationPruner(), LogisticRegression()
    )
    grid = {
        "simpleimputer__strategy": ["mean", "median"],
        "correlationpruner__threshold": [0.5, 1.0],
    }
    search = GridSearchCV(steps, grid, cv=3).fit(pd.DataFrame(numbers, columns=list("abc")), y)
    assert search.best_score_ > 0.7
    assert steps[:-1].fit(numbers).get_feature_names_out().tolist() == ["x0", "x1", "x2"]


@pytest.mark.parametrize("step", STEPS, ids=repr)
def test_messages(step: Any, numbers: np.ndarray[Any, Any]) -> None:
    step = clone(step)
    with pytest.raises(NotFittedError, match="is not fitted yet; call fit"):
        step.transform(numbers)
    with pytest.raises(NotFittedError, match="is not fitted yet; call fit"):
        step.get_feature_names_out()
    step.fit(pd.DataFrame(numbers, columns=list("abc")))
    with pytest.raises(SchemaError, match=r"unseen at fit time:\n- d\n.*now missing:\n- c"):
        step.transform(pd.DataFrame(numbers, columns=list("abd")))
    with pytest.raises(SchemaError, match=r"X has 2 features, but \w+ is expecting 3"):
        step.transform(numbers[:, :2])
    with pytest.raises(SchemaError, match="input_features is not equal to feature_names_in_"):
        step.get_feature_names_out(["a", "b", "x"])
    with pytest.raises(DataError, match=r"0 sample\(s\)"):
        step.fit(numbers[:0])


@pytest.mark.parametrize("step", NUMERIC_STEPS, ids=repr)
def test_infinities_and_text_are_named(step: Any, numbers: np.ndarray[Any, Any]) -> None:
    numbers[3, 2] = np.inf
    with pytest.raises(DataError, match=r"infinity.*row 3, column 'c'"):
        clone(step).fit(pd.DataFrame(numbers, columns=list("abc")))
    with pytest.raises(DataError, match=r"not numbers.*OneHotEncoder"):
        clone(step).fit(pd.DataFrame({"a": ["red", "blue"]}))
