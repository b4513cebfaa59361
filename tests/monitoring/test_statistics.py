"""Statistics of columns: of values rather than of types, and the same however rows were cut."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastml.data import canonical_batch
from fastml.monitoring.features import Feature, Kind, Statistics
from fastml.monitoring.statistics import TableStatistics, kind_of
from fastml.testing.strategies import batches, cuts
from tests.monitoring.schemas import fits_statistics

NUMBERS = st.lists(st.none() | st.floats(width=64), max_size=60)


def gathered(columns: dict[str, pa.Array], **kinds: Kind) -> Statistics:
    state = TableStatistics(kinds)
    state.update(pa.RecordBatch.from_pydict(columns))
    return state.finish()


def one(column: pa.Array, kind: Kind | None = None) -> Feature:
    return gathered({"x": column}, **({} if kind is None else {"x": kind})).features["x"]


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (pa.array([1, 2], pa.int8()), "Integral"),
        (pa.array([True, None]), "Integral"),
        (pa.array([1.5], pa.float32()), "Fractional"),
        (pa.array(["a"]).dictionary_encode(), "String"),
        (pa.array([[1]]), "Unknown"),
        (pa.array([0], pa.date32()), "Unknown"),
    ],
)
def test_kinds_of_types(column: pa.Array, kind: Kind) -> None:
    assert kind_of(column.type) == kind
    assert one(column, kind).present == len(column) - column.null_count


@pytest.mark.parametrize(
    ("texts", "kind", "whole", "others"),
    [
        (["1", " 2 ", "-3", "+4", "5.0", "1e3"], "Integral", 6, 0),
        (["1", "2.5", ".5", "7.", "inf", "-Infinity"], "Fractional", 2, 0),
        (["true", "False"], "Integral", 2, 0),
        (["1", "x", "", "0x10", "1,5", "nan", "1_000", "١"], "String", 1, 7),
        ([None, None], "Unknown", 0, 0),
    ],
)
def test_kinds_of_values(texts: list[str | None], kind: Kind, whole: int, others: int) -> None:
    column = pa.array(texts, pa.string())
    assert one(column).kind == kind
    if kind != "Unknown":
        found = one(column, "Fractional")
        assert (found.whole, found.others) == (whole, others)


def test_whole_numbers_are_known_as_floats_too() -> None:
    found = one(pa.array([1.0, 2.0, math.nan, math.inf, None, 0.5]), "Integral")
    assert (found.present, found.missing, found.whole) == (4, 2, 2)
    assert found.numbers is not None
    assert (found.numbers.min, found.numbers.max, found.numbers.total) == (0.5, 2.0, 3.5)


@pytest.mark.parametrize(
    ("column", "texts"),
    [
        (pa.array([1, 1, None]), {"1": 2}),
        (pa.array([415.0, 408.0]), {"415": 1, "408": 1}),
        (pa.array([True, False]), {"true": 1, "false": 1}),
        (pa.array(["ü", "ü"]).dictionary_encode(), {"ü": 2}),
    ],
)
def test_whatever_comes_is_text_where_text_is_known(column: pa.Array, texts: Any) -> None:
    found = one(column, "String")
    assert found.texts == texts
    assert found.distinct == len(texts)


def test_what_is_neither_numbers_nor_text_is_counted_alone() -> None:
    when = pa.array([None, 1], pa.timestamp("s", "Nowhere/Land"))
    assert one(when).kind == "Unknown"
    for kind in ("Integral", "String"):
        found = one(when, kind)
        assert (found.present, found.others, found.texts or {}) == (1, 1, {})


def test_a_row_without_a_column_has_no_value_there() -> None:
    state = TableStatistics({"a": "Integral"})
    state.update(pa.RecordBatch.from_pydict({"a": [1, 2], "b": ["x", "y"]}))
    state.update(pa.RecordBatch.from_pydict({"b": ["z"]}))
    found = state.finish()
    assert found.rows == 3
    assert [each.missing for each in found] == [1, 0]
    assert found.features["a"].completeness == 2 / 3


def test_columns_that_are_not_known_may_be_left_out() -> None:
    state = TableStatistics({"a": "Integral"}, only=True)
    state.update(pa.RecordBatch.from_pydict({"a": [1, 2], "b": ["x", "y"]}))
    assert list(state.finish().features) == ["a"]


def test_columns_without_end_are_not_taken_in() -> None:
    state, other = TableStatistics({}), TableStatistics({})
    for each, start in ((state, 0), (other, 700)):
        each.update(pa.RecordBatch.from_pydict({f"c{i}": [i] for i in range(start, start + 700)}))
    state.merge(other)
    assert list(state.finish().features) == [f"c{i}" for i in range(1_000)]


def test_many_texts_are_not_listed() -> None:
    found = one(pa.array([f"person {i}" for i in range(20_000)]), "String")
    assert found.distinct == pytest.approx(20_000, rel=0.05)
    assert found.to_dict()["string_statistics"]["distribution"]["categorical"]["buckets"] == []


@given(st.data())
def test_one_batch_or_many(data: st.DataObject) -> None:
    batch = canonical_batch(data.draw(batches()))
    kinds = {
        name: data.draw(st.sampled_from(["Integral", "Fractional", "String", "Unknown"]))
        for name in batch.schema.names
        if data.draw(st.booleans())
    }
    whole, parts = TableStatistics(kinds), TableStatistics(kinds)
    whole.update(batch)
    for start, rows in data.draw(cuts(batch.num_rows)):
        part = TableStatistics(kinds)
        part.update(batch.slice(start, rows))
        parts.merge(part)
    found = whole.finish()
    document = found.to_dict()
    fits_statistics(document)
    json.dumps(document, allow_nan=False)
    assert _rounded(document) == _rounded(parts.finish().to_dict())
    for feature, column in zip(map(found.features.get, batch.schema.names), batch, strict=True):
        assert feature is not None
        plain = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
        assert feature.missing == pc.sum(pc.is_null(plain, nan_is_null=True), min_count=0).as_py()


def _rounded(found: Any) -> Any:
    """Return a document without what rounding decides."""
    if isinstance(found, dict):
        return {k: _rounded(v) for k, v in found.items() if k not in ("mean", "sum", "std_dev")}
    return [_rounded(each) for each in found] if isinstance(found, list) else found


@given(NUMBERS)
def test_numbers_are_those_of_numpy(numbers: list[float | None]) -> None:
    found = one(pa.array(numbers, pa.float64()), "Fractional")
    values = np.array([v for v in numbers if v is not None and not math.isnan(v)])
    finite = values[np.isfinite(values)]
    assert found.present == len(values)
    assert found.missing == len(numbers) - len(values)
    assert found.numbers is not None
    assert found.numbers.values.tolist() == sorted(finite.tolist())
    if len(finite):
        assert (found.numbers.min, found.numbers.max) == (finite.min(), finite.max())


@given(NUMBERS.filter(len))
def test_a_document_tells_what_was_known(numbers: list[float | None]) -> None:
    found = gathered({"x": pa.array(numbers, pa.float64())}, x="Fractional").to_dict()
    again = Feature.from_dict(json.loads(json.dumps(found["features"][0])))
    assert again.to_dict() == found["features"][0]
    buckets = found["features"][0]["numerical_statistics"]["distribution"]["kll"]["buckets"]
    finite = [v for v in numbers if v is not None and math.isfinite(v)]
    assert sum(bucket["count"] for bucket in buckets) == len(finite)
    assert len(buckets) == (10 if finite else 0)


def test_buckets_are_those_of_a_baseline() -> None:
    edges = np.array([0.0, 1.0, 2.0])
    state = TableStatistics({"x": "Fractional"})
    state.update(pa.RecordBatch.from_pydict({"x": [-5.0, 0.5, 1.0, 1.5, 9.0]}))
    kll = state.finish({"x": edges}).to_dict()["features"][0]["numerical_statistics"]
    assert kll["distribution"]["kll"]["buckets"] == [
        {"lower_bound": -5.0, "upper_bound": 1.0, "count": 2.0},
        {"lower_bound": 1.0, "upper_bound": 9.0, "count": 3.0},
    ]
    assert edges.tolist() == [0.0, 1.0, 2.0]
