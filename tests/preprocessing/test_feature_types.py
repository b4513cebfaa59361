"""The types that columns are learned from as, at training and at serving."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

import fastml
from fastml.errors import ConfigError, SchemaError
from fastml.preprocessing.conform import conform
from fastml.preprocessing.feature_types import feature_schema

ROWS = 400


def types(**columns: pa.Array) -> list[pa.DataType]:
    batch = pa.record_batch(columns)
    return feature_schema(batch, list(columns)).types


def test_whole_numbers_whose_name_says_a_code_are_text() -> None:
    numbers = pa.array(np.arange(ROWS) % 7)
    assert types(zip_code=numbers, storeID=numbers, month=numbers, tenure=numbers) == [
        pa.string(), pa.string(), pa.string(), pa.int64(),
    ]  # fmt: skip


def test_a_number_of_months_is_no_month() -> None:
    months = pa.array(np.arange(ROWS) % 69 + 4)
    assert types(duration_in_month=months) == [pa.int64()]
    assert types(month=pa.array([None], pa.int64())) == [pa.int64()]


def test_a_code_of_very_many_values_stays_a_number() -> None:
    assert types(zip_code=pa.array(np.arange(2000))) == [pa.int64()]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["2024-01-05", None, "2023-11-30"], pa.date32()),
        (["2024-01-05 10:30:00", "2024-01-06"], pa.timestamp("us")),
        (["2024-01-05T10:30:00Z", "2024-01-06T00:00:00+02:00"], pa.timestamp("us", "UTC")),
        (["2024-01-05", "soon"], pa.string()),
        (["2024-13-05"], pa.string()),
        (["1.2.3", "red"], pa.string()),
        ([None, None], pa.string()),
    ],
)
def test_texts_that_are_all_dates_are_dates(texts: list[str | None], expected: pa.DataType) -> None:
    plain = pa.array(texts, pa.string())
    assert types(when=plain) == [expected]
    coded = types(when=plain.dictionary_encode())
    assert coded == [plain.dictionary_encode().type if expected == pa.string() else expected]


def test_what_is_asked_for_overrules_names_and_values() -> None:
    batch = pa.record_batch(
        {"risk_class": [1, 2], "shop": [1, 2], "size": ["1.5", "2"], "day": ["2024-01-05"] * 2}
    )
    found = feature_schema(
        batch, batch.schema.names, categorical=["shop", "day"], numeric=["risk_class", "size"]
    )
    assert found.types == [pa.int64(), pa.string(), pa.float64(), pa.string()]


@pytest.mark.parametrize("setting", ["categorical", "numeric"])
def test_a_date_is_neither(setting: str) -> None:
    batch = pa.record_batch({"day": pa.array([dt.date(2024, 1, 5)])})
    with pytest.raises(SchemaError, match=f"{setting} names the column 'day'"):
        feature_schema(batch, ["day"], **{setting: ["day"]})


def test_labels_fit_whole_floats_and_no_others() -> None:
    schema = pa.schema({"zip": pa.string()})
    floats = pa.record_batch({"zip": [94110.0, float("nan"), None]})
    assert conform(floats, schema, "new").column(0).to_pylist() == ["94110", None, None]
    with pytest.raises(SchemaError, match=r"'zip' of new has 1.5 at row 12;"):
        conform(pa.record_batch({"zip": [1.0, 1.5]}), schema, "new", 10)


def _table(rng: np.random.Generator) -> pa.Table:
    shop = rng.integers(100, 112, ROWS)
    day = np.datetime64("2024-01-01") + rng.integers(0, 360, ROWS)
    lift = {100 + i: lift for i, lift in enumerate(rng.permuted(np.arange(12.0)))}
    y = np.array([lift[s] for s in shop]) + 2 * rng.normal(size=ROWS)
    return pa.table({"shop_id": shop, "day": [str(d) for d in day], "x": rng.random(ROWS), "y": y})


def test_a_pipeline_learns_codes_as_categories_and_says_the_same_whatever_they_come_as() -> None:
    table = _table(np.random.default_rng(3))
    model = fastml.Pipeline(target="y").fit(table)
    assert {f.column for f in model.plan_.categorical} == {"shop_id", "day"}
    predicted = model.predict(table)
    truth = table["y"].to_numpy()
    assert 1 - np.var(truth - predicted) / np.var(truth) > 0.7
    as_text = table.set_column(0, "shop_id", table["shop_id"].cast(pa.string()))
    as_dates = as_text.set_column(1, "day", table["day"].cast(pa.date32()))
    as_floats = table.set_column(0, "shop_id", table["shop_id"].cast(pa.float64()))
    for other in (as_text, as_dates, as_floats):
        np.testing.assert_array_equal(model.predict(other), predicted)


def test_a_later_row_that_is_no_date_is_named() -> None:
    days = ["2024-01-05"] * 65_540
    days[65_537] = "n/a"
    table = pa.table({"day": days, "x": np.arange(65_540.0), "y": np.arange(65_540.0) % 7})
    with pytest.raises(SchemaError, match=r"'n/a' at row 65,538; .*categorical=\['day'\]"):
        fastml.Pipeline(target="y").fit(table)
    fastml.Pipeline(target="y", categorical=["day"], keep=["day"]).fit(table)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"categorical": ["x"], "numeric": ["x"]}, "both in categorical and in numeric"),
        ({"categorical": "x"}, "categorical is the text 'x'"),
        ({"keep": ["y"]}, "the target 'y' is in keep, but is never a feature"),
        ({"weight": "x", "drop": ["x"]}, "the weight 'x' is in drop, but is never a feature"),
    ],
)
def test_settings_that_contradict_one_another(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        fastml.Pipeline(target="y", **settings).fit({"x": [1.0, 2.0], "y": [1.0, 2.0]})


def test_a_pruned_date_keeps_its_calendar() -> None:
    rng = np.random.default_rng(4)
    days = np.arange(ROWS)
    stamps = np.datetime64("2024-01-01") + days
    table = pa.table(
        {"age": days * 24.0 + 1, "when": stamps, "y": (days % 7 == 3) + rng.random(ROWS)}
    )
    model = fastml.Pipeline(target="y", keep=["age"]).fit(table)
    assert "month, weekday and hour stay" in model.dropped_["when"]
    assert {f.part for f in model.plan_.categorical} == {"month", "weekday"}
