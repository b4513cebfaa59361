"""Splitting a source by its columns."""

from __future__ import annotations

import datetime
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import fastml
from fastml.errors import ConfigError, DataError, SchemaError
from fastml.model_selection import assign_splits, split


def table(rows=1000, seed=0):
    random = np.random.default_rng(seed)
    start = datetime.datetime(2024, 1, 1)
    return pa.table(
        {
            "row": np.arange(rows),
            "churn": random.choice(["no", "yes"], rows, p=[0.8, 0.2]),
            "customer": [f"c{i}" for i in random.integers(0, 200, rows)],
            "when": [start + datetime.timedelta(hours=int(h)) for h in range(rows)],
        }
    )


def rows_of(source):
    return source.to_table()["row"].to_pylist()


@pytest.mark.parametrize(
    ("method", "column"),
    [("random", None), ("stratified", "churn"), ("group", "customer"), ("time", "when")],
)
def test_every_row_is_in_one_split_and_in_order(method, column):
    found = split(fastml.scan(table()), method=method, column=column)
    parts = [rows_of(part) for part in (found.train, found.validation, found.test)]
    assert sorted(chain.from_iterable(parts)) == list(range(1000))
    assert all(part == sorted(part) for part in parts)
    for label, part in enumerate(parts):
        np.testing.assert_array_equal(np.flatnonzero(found.labels == label), part)


@pytest.mark.parametrize(
    ("method", "column"),
    [("random", None), ("stratified", "churn"), ("group", "customer"), ("time", "when")],
)
def test_batches_do_not_matter(method, column, tmp_path):
    pq.write_table(table(), tmp_path / "rows.parquet", row_group_size=70)
    one = assign_splits(fastml.scan(table()), method=method, column=column)
    many = assign_splits(fastml.scan(str(tmp_path / "rows.parquet")), method=method, column=column)
    encoded = table().set_column(1, "churn", table()["churn"].dictionary_encode())
    coded = assign_splits(fastml.scan(encoded), method=method, column=column)
    np.testing.assert_array_equal(one, many)
    np.testing.assert_array_equal(one, coded)


def test_codes_are_unified_over_blocks():
    rows = 70_000  # more than one block
    letters = np.where(np.arange(rows) < 66_000, "a", "b")
    labels = assign_splits(fastml.scan(pa.table({"c": letters})), method="stratified", column="c")
    assert np.bincount(labels[:66_000]).tolist() == [46_200, 13_200, 6_600]
    assert np.bincount(labels[66_000:]).tolist() == [2_800, 800, 400]


def test_a_number_of_rows_is_enough_for_a_random_split():
    np.testing.assert_array_equal(
        assign_splits(1000), assign_splits(fastml.scan(table()), method="random")
    )


def test_rows_in_order_of_time_are_sliced():
    found = split(fastml.scan(table()), method="time", column="when")
    assert rows_of(found.train) == list(range(700))
    assert rows_of(found.test) == list(range(900, 1000))


def test_a_share_of_zero_is_an_empty_source():
    found = split(fastml.scan(table()), train=0.8, validation=0.2, test=0.0)
    assert found.test.count_rows() == 0
    assert found.train.count_rows() == 800


@pytest.mark.parametrize("missing", [None, float("nan")])
@pytest.mark.parametrize("count", [1, 2, 20])
def test_a_few_missing_targets_are_no_scarce_class(missing, count):
    source = fastml.scan(pa.table({"c": pa.array([0.0] * 100 + [missing] * count + [1.0] * 100)}))
    labels = assign_splits(source, method="stratified", column="c")
    assert np.bincount(labels[:100]).tolist() == [70, 20, 10]
    assert np.bincount(labels[-100:]).tolist() == [70, 20, 10]
    groups = assign_splits(source, method="group", column="c")
    assert len(set(groups[100:-100])) == 1


def test_nulls_are_a_class_and_a_group():
    source = fastml.scan(pa.table({"c": ["a"] * 10 + [None] * 10 + ["b"] * 10}))
    labels = assign_splits(source, method="stratified", column="c")
    assert np.bincount(labels[10:20]).tolist() == [7, 2, 1]
    assert len(set(assign_splits(source, method="group", column="c")[10:20])) == 1


@pytest.mark.parametrize(
    "times",
    [
        pa.array([datetime.date(2024, 1, d) for d in range(1, 11)]),
        pa.array([datetime.time(d) for d in range(1, 11)]),
        pa.array(np.linspace(0, 1, 10)),
        pa.array(range(10), pa.uint8()),
    ],
    ids=["date", "time", "float", "integer"],
)
def test_any_ordered_column_is_time(times):
    labels = assign_splits(fastml.scan(pa.table({"t": times})), method="time", column="t")
    assert labels.tolist() == [0] * 7 + [1] * 2 + [2]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"method": "stratify"}, ConfigError, "split method 'stratify'; did you mean 'stratified"),
        ({"method": "time"}, ConfigError, "method='time' needs column=, the column to split by"),
        ({"column": "churn"}, ConfigError, "a random split looks at no column, but column is 'ch"),
        ({"seed": -1}, ConfigError, "seed is -1; expected a whole number of at least 0"),
        ({"train": 0.9}, ConfigError, "expected a sum of 1"),
        ({"method": "group", "column": "custmer"}, SchemaError, "custmer.*customer"),
        ({"method": "time", "column": "churn"}, SchemaError, "'churn' of .* needs dates, times o"),
    ],
)
def test_bad_settings_are_named(options, error, message):
    with pytest.raises(error, match=message):
        split(fastml.scan(table()), **options)


def test_a_missing_time_is_named_with_its_row():
    times = pa.array(range(70_000), mask=np.arange(70_000) == 66_001)
    with pytest.raises(DataError, match=r"'t' of .* has no time at row 66,001; drop or fill"):
        assign_splits(fastml.scan(pa.table({"t": times})), method="time", column="t")


def test_a_number_of_rows_has_no_columns():
    with pytest.raises(ConfigError, match="needs the source, not its number of rows"):
        assign_splits(1000, method="group", column="customer")


def test_an_empty_source_is_named():
    source = fastml.scan(table(0).cast(table(1).schema))
    for method, column in [("random", None), ("stratified", "churn"), ("time", "when")]:
        with pytest.raises(DataError, match="there are 0 rows; a split into 3 needs at least 3"):
            assign_splits(source, method=method, column=column)
