"""The profile of a table: against pandas, as a fold, whatever the cut and the threads."""

from __future__ import annotations

import datetime
import io
import json
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastml
from fastml.errors import SchemaError
from fastml.profile import TableProfile, profile
from fastml.schema import Role
from fastml.testing.strategies import batches

BLOCK = 65_536


def customers(rows: int = 3 * BLOCK + 100, seed: int = 0) -> pa.Table:
    rng = np.random.default_rng(seed)
    tenure = rng.integers(0, 72, rows)
    plans = np.array(["basic", "plus", "pro", "business"])
    start = np.datetime64("2020-01-01T00:00:00", "us")
    return pa.table(
        {
            "customer_id": np.arange(rows) + 10_000,
            "tenure": pa.array(tenure, mask=rng.random(rows) < 0.05),
            "spend": tenure * 3.5 + rng.lognormal(3, 1, rows),
            "plan": pa.array(plans[rng.integers(0, 4, rows)], mask=rng.random(rows) < 0.02),
            "city": pa.array([f"city {i}" for i in rng.integers(0, 900, rows)]).dictionary_encode(),
            "active": rng.random(rows) < 0.8,
            "since": start + rng.integers(0, 10**9, rows) * np.timedelta64(1, "s"),
            "country": np.full(rows, "FR"),
            "email": [f"user{i}@example.org" for i in range(rows)],
            "notes": pa.nulls(rows),
        }
    )


@pytest.fixture(scope="module")
def table() -> pa.Table:
    return customers()


@pytest.fixture(scope="module")
def found(table: pa.Table) -> TableProfile:
    return profile(table)


def test_numbers_match_pandas(table: pa.Table, found: TableProfile) -> None:
    frame = table.select(["tenure", "spend"]).to_pandas()
    assert found.rows == len(frame)
    for name in frame:
        column, expected = found.columns[name], frame[name]
        assert column.count == len(frame)
        assert column.nulls == expected.isna().sum()
        np.testing.assert_allclose(column.mean, expected.mean(), rtol=1e-12)
        np.testing.assert_allclose(column.std, expected.std(), rtol=1e-12)
        np.testing.assert_allclose(column.variance, expected.var(), rtol=1e-12)
        assert (column.min, column.max) == (expected.min(), expected.max())
        assert (column.quantile(0), column.quantile(1)) == (expected.min(), expected.max())
        low, high = expected.quantile([0.48, 0.52])
        assert low <= column.quantile(0.5) <= high
        assert abs(column.distinct / expected.nunique() - 1) < 0.04
    assert found.columns["tenure"].distinct_exact


def test_categories_match_pandas(table: pa.Table, found: TableProfile) -> None:
    for name in ("plan", "city"):
        expected = (
            table.column(name).to_pandas().astype("str").value_counts().drop("nan", errors="ignore")
        )
        column = found.columns[name]
        assert column.distinct == len(expected)
        assert column.distinct_exact
        assert [rows for _, rows in column.top(50)] == expected.head(50).tolist()
        assert dict(column.top(3)) == expected.head(3).to_dict()
        assert np.isnan(column.quantile(0.5))
    assert found.columns["plan"].nulls == table.column("plan").null_count
    active = table.column("active").to_pandas()
    assert found.columns["active"].top() == [(True, active.sum()), (False, (~active).sum())]


def test_correlations_match_pandas(table: pa.Table, found: TableProfile) -> None:
    names, matrix = found.correlation()
    both = [names.index("tenure"), names.index("spend")]
    expected = table.select(["tenure", "spend"]).to_pandas().corr()
    np.testing.assert_allclose(matrix[np.ix_(both, both)], expected, rtol=1e-9)
    assert np.isnan(matrix[names.index("notes")]).all()


def test_roles(found: TableProfile) -> None:
    assert {name: column.role for name, column in found.columns.items()} == {
        "customer_id": Role.IDENTIFIER,
        "tenure": Role.NUMERIC,
        "spend": Role.NUMERIC,
        "plan": Role.CATEGORICAL,
        "city": Role.CATEGORICAL,
        "active": Role.BOOLEAN,
        "since": Role.DATETIME,
        "country": Role.CONSTANT,
        "email": Role.PERSONAL,
        "notes": Role.CONSTANT,
    }


def same(a: TableProfile, b: TableProfile) -> None:
    assert a.to_json() == b.to_json()
    np.testing.assert_array_equal(a.correlation()[1], b.correlation()[1])
    for name, column in a.columns.items():
        other = b.columns[name]
        for q in np.linspace(0, 1, 21):
            np.testing.assert_array_equal(column.quantile(q), other.quantile(q))
        np.testing.assert_array_equal(
            [column.mean, column.std, column.distinct], [other.mean, other.std, other.distinct]
        )


def test_threads_give_the_same_bits(table: pa.Table, found: TableProfile) -> None:
    same(profile(table, threads=1), found)
    same(profile(table, threads=3), found)


def test_cuts_give_the_same_bits(table: pa.Table, found: TableProfile) -> None:
    cut = pa.Table.from_batches(table.to_batches(max_chunksize=10_007))
    same(profile(cut, threads=2), found)


def test_a_fold_over_blocks_gives_the_same_bits(table: pa.Table, found: TableProfile) -> None:
    fold = TableProfile(table.schema)
    for batch in table.combine_chunks().to_batches(max_chunksize=BLOCK):
        fold.update(batch)
    same(fold, found)


def test_halves_merge_into_the_whole(table: pa.Table, found: TableProfile) -> None:
    source = fastml.scan(table)
    half = 2 * BLOCK
    first, second = TableProfile(source.schema), TableProfile(source.schema, start=half)
    for number, block in enumerate(source.blocks()):
        (first if number < 2 else second).update(block)
    first.merge(second)
    assert first.rows == found.rows
    for name, column in first.columns.items():
        whole = found.columns[name]
        assert (column.nulls, column.role) == (whole.nulls, whole.role)
        np.testing.assert_allclose(column.mean, whole.mean, rtol=1e-12)
        np.testing.assert_array_equal(column.distinct, whole.distinct)
        assert column.top() == whole.top()
    np.testing.assert_allclose(first.correlation()[1], found.correlation()[1], rtol=1e-9)


@given(batches(rows=st.integers(0, 60)))
def test_any_batch_has_a_profile(batch: pa.RecordBatch) -> None:
    found = TableProfile(batch.schema)
    found.update(batch)
    described = json.loads(found.to_json())
    assert described["rows"] == batch.num_rows
    assert [column["name"] for column in described["columns"]] == batch.schema.names
    assert len(str(found).splitlines()) >= batch.num_columns
    for column, array in zip(found.columns.values(), batch.columns, strict=True):
        values = array.to_pylist()
        missing = sum(value is None or value != value for value in values)
        assert column.nulls == missing
        assert column.reason


def test_what_the_profile_of_a_person_leaves_out(found: TableProfile) -> None:
    shown = found.to_json() + str(found) + repr(found)
    assert "@example.org" not in shown
    assert "10000" not in found.to_json()  # the least customer_id


@pytest.mark.parametrize(
    "column", [{"email": ["a.b@example.org"] * 9}, {"contact": ["a.b@example.org"] * 9}]
)
def test_the_one_value_of_a_column_may_be_a_person(column: dict[str, list[str]]) -> None:
    found = profile(column)
    (only,) = found.columns.values()
    assert only.role is Role.PERSONAL
    assert "example" not in found.to_json() + str(found) + only.reason


def test_unsupported_types_are_named() -> None:
    batch = pa.RecordBatch.from_arrays(
        [pa.array([[1], None]), pa.array([b"a", b"b"])], ["lists", "bytes"]
    )
    found = TableProfile(batch.schema)
    found.update(batch)
    assert {c.role for c in found.columns.values()} == {Role.UNSUPPORTED}
    assert found.columns["lists"].nulls == 1
    assert found.columns["lists"].reason == "its type is list<item: int64>"
    assert found.to_dict()["columns"][0]["distinct"] is None


def test_dates_read_as_dates() -> None:
    table = pa.table(
        {"day": pa.array([0, 365], pa.date32()), "at": pa.array([0, 1500], pa.timestamp("ms"))}
    )
    day, at = profile(table).to_dict()["columns"]
    assert (day["min"], day["max"]) == ("1970-01-01", "1971-01-01")
    assert (at["min"], at["max"]) == ("1970-01-01T00:00:00", "1970-01-01T00:00:01.5")

    table = pa.table({"day": pa.array([0, 1, 9], pa.date32()), "at": pa.array([0, 1, 2], ZONED)})
    day, at = profile(table).to_dict()["columns"]
    assert (day["std"], at["std"]) == (None, None)
    assert (at["min"], at["max"]) == ("1970-01-01T00:00:00Z", "1970-01-01T00:00:02Z")


ZONED = pa.timestamp("s", "Europe/Zurich")


def test_extremes_are_exact_where_floats_are_not() -> None:
    first, last = -(2**62) - 1, 2**63 - 1
    instants = pa.array([1_600_000_000_123_456_789, None, 0], pa.timestamp("ns"))
    whole = profile({"n": [first, last, 0], "u": pa.array([2**64 - 1, 1, 2], pa.uint64())})
    assert (whole.columns["n"].min, whole.columns["n"].max) == (first, last)
    assert (whole.columns["u"].min, whole.columns["u"].max) == (1, 2**64 - 1)
    column = profile({"t": instants}).to_dict()["columns"][0]
    assert column["max"] == "2020-09-13T12:26:40.123456789"
    fold = TableProfile(pa.schema([("n", pa.int64())]))
    for values in ([None], [first], [5, None], [last], []):
        fold.update(pa.record_batch({"n": pa.array(values, pa.int64())}))
    assert (fold.columns["n"].min, fold.columns["n"].max) == (first, last)


COUNTED = [1.5, 2.5, None, 1.5]
CANONICAL = {
    "half": pa.array(np.array([1.5, 2.5, np.nan, 1.5], np.float16)),
    "decimal": pa.array([Decimal("1.5"), Decimal("2.5"), None, Decimal("1.5")]),
    "codes": pa.array(COUNTED).dictionary_encode(),
    "object": pa.array([None if v is None else {"x": v} for v in COUNTED]),
}


@pytest.mark.parametrize("name", CANONICAL)
def test_a_profile_is_of_what_a_pipeline_reads(name: str) -> None:
    (column,) = profile({name: CANONICAL[name]}).columns.values()
    assert column.name == ("object.x" if name == "object" else name)
    assert (column.role, column.nulls, column.distinct) == (Role.NUMERIC, 1, 2)
    assert (column.min, column.max) == (1.5, 2.5)


def test_text_is_text_however_it_is_encoded() -> None:
    texts = pa.array(["a", "b", None, "a"])
    forms = {
        "view": texts.cast(pa.string_view()),
        "large": texts.cast(pa.large_string()),
        "dictionary": texts.dictionary_encode(),
        "plain": texts,
    }
    for column in profile(forms).columns.values():
        assert column.role is Role.CATEGORICAL
        assert column.to_dict()["type"] == "string"
    frame = polars.DataFrame({"a": ["x", "y"], "d": [datetime.date(2020, 1, 1), None]})
    assert [c.role for c in profile(frame).columns.values()] == [Role.CATEGORICAL, Role.DATETIME]
    days = profile({"d": pa.array([0, 86_400_000], pa.date64())}).columns["d"]
    assert (days.role, days.to_dict()["max"]) == (Role.DATETIME, "1970-01-02T00:00:00")


def test_many_distinct_strings_are_estimated() -> None:
    rows = 150_000
    table = pa.table({"reference": [f"R-{i * 7919 % 1_000_003}" for i in range(rows)]})
    column = profile(table).columns["reference"]
    assert not column.distinct_exact
    assert abs(column.distinct / rows - 1) < 0.03
    assert column.role is Role.IDENTIFIER


def test_correlations_can_be_left_out() -> None:
    table = pa.table({"a": [1.0, 2.0], "b": [2.0, 1.0]})
    assert profile(table, correlations=False).correlation()[0] == []
    wide = pa.table({f"x{i}": [0.0, 1.0] for i in range(301)})
    assert profile(wide).to_dict()["correlation"] == {"columns": [], "matrix": []}
    assert profile(wide, correlations=True).correlation()[1].shape == (301, 301)


@pytest.mark.parametrize("make", [pd.DataFrame, pa.table])
def test_anything_that_scan_takes(make: Any) -> None:
    found = profile(make({"a": [1, 2, 3]}))
    assert found.columns["a"].max == 3
    assert fastml.scan(make({"a": [1, 2, 3]})).profile(threads=1).rows == 3


def test_other_columns_are_refused() -> None:
    found = TableProfile(pa.schema([("a", pa.int64())]))
    with pytest.raises(SchemaError, match="a batch has the columns b: int64"):
        found.update(pa.record_batch({"b": [1]}))
    with pytest.raises(SchemaError, match="cannot merge"):
        found.merge(TableProfile(pa.schema([("a", pa.float64())])))


def test_no_rows() -> None:
    found = profile(pa.table({"a": pa.array([], pa.float64()), "b": pa.array([], pa.string())}))
    assert found.rows == 0
    assert {column.role for column in found.columns.values()} == {Role.CONSTANT}
    assert "0 rows, 2 columns" in str(found)


def test_text_for_people(found: TableProfile) -> None:
    text = str(found)
    assert text.startswith("196,708 rows, 10 columns")
    assert "Not to be learned from:" in text
    assert max(map(len, text.splitlines())) <= 140
    assert repr(found) == "<TableProfile: 196,708 rows, 10 columns>"


def test_a_terminal_draws_a_table(found: TableProfile) -> None:
    from rich.console import Console

    out = io.StringIO()
    Console(width=160, file=out).print(found)
    drawn = out.getvalue()
    assert "customer_id" in drawn
    assert "its type is bool" not in drawn
