"""Both learners are scikit-learn estimators, by scikit-learn's own checks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from fastml.errors import ConfigError, DataError, NotFittedError, SchemaError
from fastml.linear_model import LinearRegression, LogisticRegression

from .problems import classes_table


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        LogisticRegression(l1=1e-3),
        LogisticRegression(multi_class="one_vs_rest"),
        LinearRegression(),
        LinearRegression(loss="huber"),
        LinearRegression(loss="quantile"),
    ],
    ids=repr,
)
@pytest.mark.filterwarnings("ignore:Estimator .* does not inherit:UserWarning")
def test_check_estimator(estimator: Any) -> None:
    for result in check_estimator(estimator, on_skip=None):
        assert result["status"] in ("passed", "skipped"), result


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x.tolist(),
        np.asfortranarray,
        lambda x: np.repeat(x, 2, axis=1)[:, ::2],
        lambda x: x.astype(object),
        lambda x: pd.DataFrame(x, columns=list("abcde"), index=range(100, 500)),
        lambda x: pd.DataFrame(x).convert_dtypes(),
        lambda x: pl.DataFrame(x),
        lambda x: pa.table({f"x{i}": column for i, column in enumerate(x.T)}),
        lambda x: pa.record_batch({f"x{i}": column for i, column in enumerate(x.T)}),
    ],
    ids=["list", "fortran", "strided", "object", "pandas", "nullable", "polars", "arrow", "batch"],
)
def test_tables_of_every_kind(make: Any) -> None:
    x, y = classes_table()
    plain = LogisticRegression().fit(x, y)
    model = LogisticRegression().fit(make(x), pd.Series(y))
    np.testing.assert_allclose(model.coef_, plain.coef_, atol=1e-9)
    np.testing.assert_array_equal(model.predict(make(x)), plain.predict(x))


def test_names_of_columns() -> None:
    x, y = classes_table()
    frame = pl.DataFrame(x, schema=list("abcde"))
    model = LogisticRegression().fit(frame, y)
    assert model.feature_names_in_.tolist() == list("abcde")
    with pytest.raises(SchemaError, match="same order"):
        model.predict(frame.select(list("edcba")))
    model.fit(x, y)
    assert not hasattr(model, "feature_names_in_")


def test_labels_of_every_kind() -> None:
    x, y = classes_table()
    for labels in (y == 1, np.array(["no", "yes"])[y], pd.Series(["n", "y"]).take(y), y - 7):
        model = LogisticRegression().fit(x, labels)
        predicted = model.predict(x)
        assert predicted.dtype == model.classes_.dtype
        assert (predicted == np.asarray(labels)).mean() > 0.6


def test_arrow_arrays_are_targets_and_weights() -> None:
    x, y = classes_table()
    model = LogisticRegression().fit(x, y, sample_weight=np.ones(len(y)))
    for labels in (pa.array(y), pa.chunked_array([y[:9], y[9:]]), pa.array(y == 1), pl.Series(y)):
        again = LogisticRegression().fit(x, labels, sample_weight=pa.array([1.0] * len(y)))
        np.testing.assert_array_equal(again.coef_, model.coef_)
    names = pa.array(["no", "yes"]).take(pa.array(y))
    assert LogisticRegression().fit(x, names.dictionary_encode()).classes_.tolist() == ["no", "yes"]
    with pytest.raises(DataError, match=r"missing, the first \(None\) at row 400"):
        LogisticRegression().fit(
            np.vstack([x, x[:1]]), pa.concat_arrays([names, pa.nulls(1, pa.string())])
        )


def test_works_inside_scikit_learn() -> None:
    x, y = classes_table(n_classes=3)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression()),
        {"logisticregression__l2": [1e-4, 1e-2, 1.0]},
        cv=3,
    ).fit(x, y)
    assert search.best_score_ > 0.4
    assert cross_val_score(LinearRegression(), x, y, cv=3).shape == (3,)
    assert is_classifier(LogisticRegression())
    assert is_regressor(LinearRegression())


def test_parameters() -> None:
    model = LogisticRegression(l2=0.5, class_weight={0: 2.0})
    assert repr(model) == "LogisticRegression(l2=0.5, class_weight={0: 2.0})"
    for copy in (clone(model), model.clone()):
        assert copy.get_params() == model.get_params()
        assert copy is not model
    assert model.set_params(l1=0.1) is model
    with pytest.raises(ConfigError, match="has no parameter 'C'; it has l2, l1"):
        model.set_params(C=1.0)


def test_not_fitted() -> None:
    for call in ("predict", "decision_function", "predict_proba"):
        with pytest.raises(NotFittedError, match="call fit"):
            getattr(LogisticRegression(), call)([[1.0]])
    with pytest.raises(NotFittedError):
        LinearRegression().state()
