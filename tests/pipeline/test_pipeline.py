"""The pipeline from raw tables to predictions, on real and on difficult tables."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import fastml
from fastml import Pipeline
from fastml.errors import ArtifactError, ConfigError, DataError, NotFittedError, SchemaError
from fastml.linear_model import LinearRegression, LogisticRegression
from fastml.linear_model.design import Design, DesignBlock
from fastml.preprocessing import (
    MinMaxScaler,
    MissingRowDropper,
    RobustScaler,
    SimpleImputer,
    StandardScaler,
)
from fastml.preprocessing.encode_plan import EncodePlan
from tests.linear_model.problems import one_hot


@pytest.fixture(scope="module")
def churn() -> pa.Table:
    return pq.read_table(str(files("fastml.workflow") / "demo" / "telco_churn_mlc.parquet"))


@pytest.fixture(scope="module")
def model(churn: pa.Table) -> Pipeline:
    return Pipeline(LogisticRegression(), target="churn").fit(churn)


def table(n: int = 200, **columns: Any) -> pa.Table:
    rng = np.random.default_rng(0)
    x = rng.normal(size=n)
    base = {"x": x, "y": np.where(x + rng.normal(size=n) > 0, "yes", "no")}
    return pa.table({**base, **columns})


# -- what it learns and says ----------------------------------------------------------------


def test_churn_has_the_coefficients_of_scikit_learn(model: Pipeline, churn: pa.Table) -> None:
    from sklearn import linear_model as sk

    blocks = [model.plan_.encode(batch) for batch in churn.combine_chunks().to_batches()]
    for block, batch in zip(blocks, churn.combine_chunks().to_batches(), strict=True):
        block.target = np.array(batch["churn"].to_pylist()) == "yes"
    X, y = one_hot(Design(blocks, model.plan_.n_dense, model.plan_.n_codes))
    theirs = sk.LogisticRegression(solver="newton-cholesky", tol=1e-10).fit(X, y)
    np.testing.assert_allclose(model.learner_.coef_, theirs.coef_, atol=1e-4)
    np.testing.assert_allclose(model.learner_.intercept_, theirs.intercept_, atol=1e-4)


def test_churn_is_learned(model: Pipeline, churn: pa.Table) -> None:
    from sklearn.metrics import roc_auc_score

    p = model.predict_proba(churn)
    assert p.shape == (5000, 2)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    truth = np.array(churn["churn"].to_pylist()) == "yes"
    assert roc_auc_score(truth, p[:, 1]) > 0.82
    assert model.classes_ == ["no", "yes"]
    assert set(np.unique(model.predict(churn))) <= {"no", "yes"}


def test_near_copies_are_dropped_with_the_reason(model: Pipeline) -> None:
    dropped = {each["column"]: each["reason"] for each in model.explain().to_dict()["dropped"]}
    assert "repeats column 'total_day_minutes'" in dropped["total_day_charge"]


def test_contributions_sum_to_the_margin(model: Pipeline, churn: pa.Table) -> None:
    rows = churn.slice(0, 50)
    p = model.predict_proba(rows)[:, 1]
    margins = np.log(p / (1 - p))
    sums = [sum(c.contribution for c in model.explain_row(row)) for row in rows.to_pylist()]
    rest = margins - np.array(sums)  # the margin of the average row
    np.testing.assert_allclose(rest, rest[0], atol=1e-4)


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(), RobustScaler()])
def test_contributions_are_against_the_average_row(scaler: Any) -> None:
    rng = np.random.default_rng(5)
    z = pa.array(rng.exponential(size=200) + 50, mask=rng.random(200) < 0.3)
    data = table(z=z)
    imputer = SimpleImputer("constant", fill_value=40, add_indicator=True)
    model = Pipeline(target="y", scaler=scaler, imputer=imputer).fit(data)
    rows = data.drop_columns(["y"]).to_pylist()
    sums = [sum(c.contribution for c in model.explain_row(row)) for row in rows]
    assert np.mean(sums) == pytest.approx(0, abs=1e-4)


def test_train_equals_serve(churn: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    """The staged rows, finished, are the rows that serving encodes: bit for bit."""
    model = Pipeline(target="churn", imputer=SimpleImputer(add_indicator=True))
    holes = churn.set_column(
        churn.schema.get_field_index("account_length"),
        "account_length",
        pa.array(churn["account_length"].to_numpy().astype(float), mask=np.arange(5000) % 7 == 0),
    )
    seen: list[DesignBlock] = []
    finish = EncodePlan.finish

    def keep(plan: EncodePlan, *staged: Any) -> DesignBlock:
        seen.append(finish(plan, *staged))
        return seen[-1]

    monkeypatch.setattr(EncodePlan, "finish", keep)
    model.fit(holes)
    (block,) = seen
    served = model.plan_.encode(holes.combine_chunks().to_batches()[0])
    assert served.dense.tobytes() == block.dense.tobytes()
    assert served.codes.tobytes() == block.codes.tobytes()


def test_threads_and_cuts_do_not_change_a_bit() -> None:
    rng = np.random.default_rng(1)
    n = 150_000
    data = pa.table(
        {
            "a": pa.array(rng.normal(size=n), mask=rng.random(n) < 0.1),
            "b": rng.integers(0, 50, n),
            "c": pa.array(rng.choice(["u", "v", "w"], n)).dictionary_encode(),
            "y": rng.integers(0, 2, n),
        }
    )
    weights = [
        Pipeline(target="y", threads=threads).fit(cut).learner_.weights_.tobytes()
        for threads, cut in [
            (1, data),
            (2, data),
            (2, pa.Table.from_batches(data.to_batches(max_chunksize=9_999))),
        ]
    ]
    assert weights[0] == weights[1] == weights[2]


@pytest.mark.parametrize("convert", [pa.Table.to_pandas, pl.from_arrow, pa.Table.to_pylist])
def test_any_kind_of_table_predicts_the_same(
    model: Pipeline, churn: pa.Table, convert: Any
) -> None:
    rows = churn.slice(100, 40)
    np.testing.assert_array_equal(model.predict_proba(convert(rows)), model.predict_proba(rows))


def test_rows_alone_predict_as_in_a_table(model: Pipeline, churn: pa.Table) -> None:
    whole = model.predict_proba(churn.slice(0, 20))
    for i in range(20):
        np.testing.assert_array_equal(model.predict_proba(churn.slice(i, 1)), whole[i : i + 1])


def test_regression() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=500) * 1e3
    data = pa.table({"x": x, "y": 3 * x + 1e5 + 1e3 * rng.normal(size=500)})
    model = Pipeline(target="y").fit(data)
    assert model.task_ == "regression"
    np.testing.assert_allclose(model.predict(data), 3 * x + 1e5, atol=300)
    (feature,) = model.explain().to_dict()["features"]
    assert feature["coefficient"] == pytest.approx(3, rel=0.05)
    with pytest.raises(ConfigError, match="a regression has no probabilities"):
        model.predict_proba(data)


def test_three_classes() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=600)
    y = np.array(["low", "mid", "top"])[np.digitize(x + rng.normal(size=600) * 0.3, [-0.5, 0.5])]
    model = Pipeline(target="y").fit(pa.table({"x": x, "y": y}))
    assert (model.task_, model.classes_) == ("multiclass", ["low", "mid", "top"])
    assert (model.predict(pa.table({"x": x})) == y).mean() > 0.75


def test_dates_become_seasons() -> None:
    days = np.arange("2024-01-01", "2026-01-01", dtype="datetime64[D]")
    weekend = ((days.astype(int) + 3) % 7 >= 5).astype(float)
    model = Pipeline(target="y").fit(pa.table({"day": pa.array(days), "y": 10 * weekend}))
    np.testing.assert_allclose(model.predict(pa.table({"day": days})), 10 * weekend, atol=0.5)


@pytest.mark.parametrize("unit", ["D", "s", "ms", "us", "ns"])
def test_what_a_date_adds_is_told_by_the_day(unit: str) -> None:
    rng = np.random.default_rng(6)
    days = np.datetime64("2024-01-01") + rng.integers(0, 1000, 500)
    y = 0.25 * (days - days[0]).astype(float) + 40 * rng.normal(size=500)
    table = pa.table({"day": days.astype(f"datetime64[{unit}]"), "y": y})
    explanation = Pipeline(target="y").fit(table).explain()
    (day,) = (each for each in explanation.features if each["name"] == "day")
    assert abs(day["per_day"] - 0.25) < 0.03
    assert "a day" in str(explanation)


def test_the_positive_class_can_be_named() -> None:
    data = table()
    model = Pipeline(target="y", positive="no").fit(data)
    assert model.positive_ == "no"
    other = Pipeline(target="y").fit(data)
    np.testing.assert_allclose(
        model.predict_proba(data)[:, 1], other.predict_proba(data)[:, 0], atol=1e-6
    )


def test_drop_and_keep_overrule() -> None:
    data = table(k=["same"] * 200, z=np.arange(200.0))
    model = Pipeline(target="y", drop=["z"], keep=["k"]).fit(data)
    assert model.dropped_ == {"z": "asked for"}
    assert model.input_schema_.names == ["x", "k"]


def test_a_leak_is_blocked_and_can_be_kept() -> None:
    data = table()
    data = data.append_column("leak", pa.array(np.array(data["y"].to_pylist()) == "yes"))
    assert "leaks the target" in Pipeline(target="y").fit(data).dropped_["leak"]
    assert "leak" not in Pipeline(target="y", keep=["leak"]).fit(data).dropped_


def test_rows_without_a_target_are_left_out() -> None:
    data = table()
    y = data["y"].to_pylist()
    holes = data.set_column(1, "y", pa.array([None if i % 2 else v for i, v in enumerate(y)]))
    model = Pipeline(target="y").fit(holes)
    assert (model.n_rows_, model.missing_targets_) == (100, 100)


def test_rows_with_missing_values_can_be_dropped() -> None:
    data = table(z=pa.array([None if i < 50 else float(i) for i in range(200)]))
    assert Pipeline(target="y", rows=MissingRowDropper()).fit(data).n_rows_ == 150


def test_median_and_robust_scaling() -> None:
    rng = np.random.default_rng(4)
    data = table(z=pa.array(rng.normal(size=200), mask=rng.random(200) < 0.2))
    model = Pipeline(target="y", imputer=SimpleImputer("median"), scaler=RobustScaler()).fit(data)
    feature = next(f for f in model.plan_.numeric if f.column == "z")
    assert feature.imputed == pytest.approx(np.nanmedian(data["z"].to_pandas()))


# -- saving ---------------------------------------------------------------------------------


def test_a_saved_model_predicts_the_same_bits(
    model: Pipeline, churn: pa.Table, tmp_path: Path
) -> None:
    model.save(tmp_path / "model")
    again = fastml.load(tmp_path / "model")
    assert again.predict_proba(churn).tobytes() == model.predict_proba(churn).tobytes()
    assert again.explain().to_dict() == model.explain().to_dict()


def test_a_model_of_dates_and_classes_comes_back(tmp_path: Path) -> None:
    days = pd.date_range("2025-01-01", periods=300, freq="7h")
    data = pa.table({"t": pa.array(days), "y": pa.array(np.arange(300) % 3)})
    model = Pipeline(LogisticRegression(), target="y").fit(data)
    model.save(tmp_path / "m")
    again = fastml.load(tmp_path / "m")
    assert again.predict_proba(data).tobytes() == model.predict_proba(data).tobytes()


def test_something_else_is_not_loaded(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError):
        fastml.load(tmp_path)


# -- bad input ------------------------------------------------------------------------------


def fit(data: Any, **settings: Any) -> Pipeline:
    return Pipeline(target="y", **settings).fit(data)


def test_columns_are_lists() -> None:
    with pytest.raises(ConfigError, match=r"drop is the text 'x'; expected \['x'\]"):
        fit(table(), drop="x")


def test_a_row_to_explain_lacks_a_column(model: Pipeline) -> None:
    with pytest.raises(SchemaError, match="lacks the columns"):
        model.explain_row({"state": "KS"})


def test_missing_target_column() -> None:
    with pytest.raises(SchemaError, match=r"lacks the column 'Y'.*did you mean 'y'"):
        Pipeline(target="Y").fit(table())


def test_no_target_named() -> None:
    with pytest.raises(ConfigError, match="has no target"):
        Pipeline().fit(table())


def test_one_class() -> None:
    with pytest.raises(DataError, match=r"a single class: 'yes' in all 3 rows"):
        fit(pa.table({"x": [1.0, 2, 3], "y": ["yes"] * 3}))


def test_target_without_values() -> None:
    with pytest.raises(DataError, match=r"no row of .* has a value in the target 'y'"):
        fit(pa.table({"x": [1.0, 2], "y": pa.nulls(2, pa.string())}))


def test_no_rows() -> None:
    with pytest.raises(DataError, match="has no rows"):
        fit(table().slice(0, 0))


def test_one_row() -> None:
    with pytest.raises(DataError, match="single class"):
        fit(table().slice(0, 1))


def test_no_feature_left() -> None:
    with pytest.raises(DataError, match=r"no feature is left.*k: always the same"):
        fit(table(k=["same"] * 200).drop_columns(["x"]))


def test_a_column_of_nulls_is_dropped() -> None:
    assert "it has no values" in fit(table(z=pa.nulls(200, pa.float64()))).dropped_["z"]
    assert "z" in fit(table(z=pa.nulls(200))).dropped_


def test_infinities() -> None:
    values = np.zeros(200)
    values[::3] = 1.0
    values[17] = np.inf
    data = table(z=values)
    with pytest.raises(DataError, match=r"column 'z' .* infinite value, the first at row 18"):
        fit(data)
    model = fit(data, infinite="missing")
    assert np.isfinite(model.predict_proba(data)).all()
    clean = fit(table(z=np.where(np.isinf(values), 0, values)))
    with pytest.raises(DataError, match="row 18"):
        clean.predict(data)


def test_text_target_for_a_regression() -> None:
    with pytest.raises(SchemaError, match="a regression needs numbers"):
        Pipeline(LinearRegression(), target="y").fit(table())


def test_predicting_before_fitting() -> None:
    with pytest.raises(NotFittedError, match="Pipeline is not fitted"):
        Pipeline(target="y").predict(table())


def test_a_column_is_missing_at_predict_time() -> None:
    with pytest.raises(SchemaError, match="lacks the column 'x'"):
        fit(table()).predict(pa.table({"z": [1.0]}))


def test_columns_in_another_order_and_more_of_them(churn: pa.Table, model: Pipeline) -> None:
    turned = churn.select(churn.column_names[::-1]).append_column("more", pa.nulls(5000))
    np.testing.assert_array_equal(model.predict_proba(turned), model.predict_proba(churn))


def test_new_categories_contribute_nothing(model: Pipeline, churn: pa.Table) -> None:
    row = churn.slice(0, 1).to_pylist()[0] | {"state": "Atlantis"}
    assert np.isfinite(model.predict_proba([row])).all()


def test_another_type_at_predict_time() -> None:
    model = fit(table(n=200, c=["a", "b"] * 100))
    assert len(model.predict(pa.table({"x": ["1.5", None], "c": ["a", "b"]}))) == 2
    with pytest.raises(SchemaError, match=r"column 'x' .* has '12\$' at row 2; .* numbers"):
        model.predict(pa.table({"x": ["1.5", "12$"], "c": ["a", "b"]}))
    with pytest.raises(SchemaError, match=r"column 'c' .* has 1.5 at row 1; .* categories"):
        model.predict(pa.table({"x": [1.0], "c": [1.5]}))


def test_no_rows_to_predict() -> None:
    assert fit(table()).predict(table().slice(0, 0)).shape == (0,)
