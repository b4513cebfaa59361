"""Rules without machine learning: found, worded and applied."""

from __future__ import annotations

import datetime
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastml.errors import ConfigError, DataError, SchemaError
from fastml.evaluation import BaselineSearch, baselines, evaluate
from fastml.evaluation.cells import fit_cells
from fastml.evaluation.sample import RowSample


def search_in(table, y, task="binary", columns=None, cuts=(), **more):
    search = BaselineSearch(task, columns or table.column_names, **more)
    batch = table.combine_chunks().to_batches()[0]
    edges = [0, *cuts, len(y)]
    for start, stop in pairwise(edges):
        search.update(batch.slice(start, stop - start), y[start:stop])
    return search


def churn(rows=3000, seed=0):
    random = np.random.default_rng(seed)
    tenure = random.integers(0, 70, rows).astype(float)
    contract = random.choice(["month", "year", "two years"], rows)
    chance = np.where(contract == "month", 0.7, 0.2) - 0.001 * tenure
    y = (random.random(rows) < chance).astype(int)
    table = pa.table(
        {
            "tenure": tenure,
            "contract": contract,
            "id": [f"u{i}" for i in range(rows)],
            "noise": random.random(rows),
        }
    )
    return table, y


def test_the_best_column_is_found_and_worded():
    table, y = churn()
    rule = search_in(table, y).best()
    assert rule.column == "contract"
    assert rule.words.startswith("the chance by 'contract' alone: from ")
    assert rule.words.endswith("for 'month'")
    scores = rule.predict(table)
    assert scores.shape == (3000,)
    month = np.array(table["contract"].to_pylist()) == "month"
    assert scores[month] == pytest.approx(y[month].mean(), abs=0.01)
    assert evaluate("binary", y, scores).metrics["roc_auc"] > 0.7


def test_an_identifier_does_not_win_by_remembering():
    table, y = churn()
    coarse = pa.table({"id": [f"u{i // 3}" for i in range(3000)], "noise": table["noise"]})
    assert search_in(coarse, np.random.default_rng(1).integers(0, 2, 3000)).best().column is None
    assert search_in(table.select(["id"]), y).best().column is None


def test_numbers_are_binned_at_their_quantiles():
    random = np.random.default_rng(2)
    x = random.lognormal(size=5000)
    y = 3 * np.log(x) + random.normal(0, 0.1, 5000)
    table = pa.table({"x": x})
    rule = search_in(table, y, "regression").best()
    assert rule.column == "x"
    assert rule.words.startswith("the mean by 'x' alone: from -")
    assert evaluate("regression", y, rule.predict(table)).metrics["r2"] > 0.95


RARE = np.arange(20_000) % 100 == 0


@pytest.mark.parametrize(
    "x",
    [
        RARE,
        RARE.astype(np.int8),
        np.where(RARE, np.arange(1, 20_001), 0.0),
        np.where(RARE, 1.0, np.arange(20_000) % 50 // 49 * -1.0),
    ],
    ids=["flag", "number", "amounts beside zero", "common between rare"],
)
def test_what_is_rare_beside_a_common_value_is_seen(x):
    rule = search_in(pa.table({"x": x}), RARE.astype(int)).best()
    assert rule.column == "x"
    assert evaluate("binary", RARE, rule.predict(pa.table({"x": x}))).metrics["roc_auc"] == 1.0


@given(st.lists(st.integers(-3, 90) | st.floats(-1, 1) | st.just(np.inf), max_size=300))
def test_bins_are_few_and_as_even_as_values_allow(values):
    bins, values = 8, np.array(values, dtype=np.float64)
    edges = fit_cells(pa.chunked_array([pa.array(values)]), bins).edges
    assert len(edges) < bins
    assert (np.diff(edges) > 0).all()
    cells = np.searchsorted(edges, values, side="right")
    for cell in np.unique(cells):
        distinct, counts = np.unique(values[cells == cell], return_counts=True)
        assert len(distinct) == 1 or counts.max() <= 2 * (len(values) / bins + 1)
        assert len(distinct) == 1 or len(np.unique(values)) > bins


def test_the_unit_of_the_weights_does_not_matter():
    table, y = churn(300)
    batch = table.to_batches()[0]
    found = []
    for unit in (0.001, 1.0, 1700.0):
        search = BaselineSearch("binary", ["contract"])
        search.update(batch, y, np.full(300, unit))
        found.append(search.best().outcomes)
    np.testing.assert_allclose(found[0], found[1])
    np.testing.assert_allclose(found[2], found[1])


def test_few_distinct_numbers_are_a_cell_each():
    x = np.repeat([1, 2, 7], 100)
    y = np.repeat([5.0, 1.0, 3.0], 100)
    rule = search_in(pa.table({"x": x}), y, "regression").best()
    scores = rule.predict(pa.table({"x": [1, 2, 7, 6]}))
    assert scores == pytest.approx([5, 1, 3, 1], abs=0.4)
    assert "for values from 2 to below 7 to" in rule.words
    assert rule.words.endswith("for values below 2")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (pa.array([True, False, None]), ["values below true", "missing values"]),
        (pa.array([datetime.date(2020, 1, 1), datetime.date(2021, 1, 1), None]), ["2021-01-01"]),
        (
            pa.array([datetime.datetime(2020, 1, 1), datetime.datetime(2021, 5, 1), None]),
            ["2021-05-01 00:00:00"],
        ),
        (pa.array(["a", "b", None]), ["'a'", "missing values"]),
        (pa.array(["a", "b", None]).dictionary_encode(), ["'a'", "missing values"]),
        (pa.array([1.5, float("nan"), None]), ["every value", "missing values"]),
        (pa.array([1, 2, None]).dictionary_encode(), ["values below 2"]),
    ],
    ids=["bool", "date", "timestamp", "text", "dictionary", "nan", "dictionary of numbers"],
)
def test_every_kind_of_column_has_cells(values, words):
    column = values.take(pa.array(np.tile([0, 1, 2], 100)))
    y = np.tile([1.0, 2.0, 3.0], 100)
    rule = search_in(pa.table({"c": column}), y, "regression").best()
    assert rule.column == "c"
    assert any(word in rule.words for word in words), rule.words
    assert rule.predict(pa.table({"c": column}))[2] > 2.3


def test_unseen_categories_get_the_overall_outcome():
    table, y = churn()
    rule = search_in(table, y, columns=["contract"]).best()
    scores = rule.predict(pa.table({"contract": ["decade", None, "month"]}))
    assert scores[0] == pytest.approx(y.mean())
    assert scores[1] == pytest.approx(y.mean())
    assert scores[2] > y.mean()


def test_dictionaries_may_differ_between_batches():
    first = pa.record_batch({"c": pa.array(["a", "b"] * 50).dictionary_encode()})
    second = pa.record_batch({"c": pa.array(["b", "z", None] * 40).dictionary_encode()})
    search = BaselineSearch("binary", ["c"])
    search.update(first, [1, 0] * 50)
    search.update(second, [0, 1, 0] * 40)
    rule = search.best()
    scores = rule.predict(pa.table({"c": ["a", "b", "z", None]}))
    assert (scores > 0.5).tolist() == [True, False, True, False]


def test_several_classes():
    codes = np.tile([0, 1, 2], 100)
    table = pa.table({"c": np.array(["a", "b", "c"])[codes]})
    search = search_in(table, codes, "multiclass", classes=["x", "y", "z"])
    rule = search.best()
    scores = rule.predict(table)
    assert scores.shape == (300, 3)
    assert (scores.argmax(axis=1) == codes).all()
    assert scores.sum(axis=1) == pytest.approx(1.0)
    assert rule.words == "the share of each class by 'c' alone"


def test_constants_are_the_majority_or_the_mean():
    table = pa.table({"x": [1.0] * 4})
    assert search_in(table, [0, 1, 0, 0]).constant().words == "the chance of 25% for every row"
    mean = search_in(table, [1.0, 2.0, 3.0, 4.0], "regression").constant()
    assert mean.words == "the mean, 2.5, for every row"
    assert mean.predict(table).tolist() == [2.5] * 4
    several = search_in(table, [2, 2, 1, 2], "multiclass", classes=["a", "b", "c"]).constant()
    assert several.words == "'c' for every row, right for 75%"
    assert several.predict(table).tolist() == [[0, 0.25, 0.75]] * 4


def test_weights_weigh():
    search = BaselineSearch("binary", [])
    search.update(pa.record_batch({"x": [1, 2]}), [0, 1], [3.0, 1.0])
    assert search.constant().predict(pa.table({"x": [1]})).tolist() == [0.25]


@given(st.lists(st.integers(0, 400), max_size=5), st.integers(0, 400))
def test_cuts_and_merges_do_not_matter(cuts, border):
    table, y = churn(400)
    columns = ["tenure", "contract", "noise"]
    whole = search_in(table.select(columns), y)
    many = search_in(table.select(columns), y, cuts=sorted(cuts))
    np.testing.assert_array_equal(whole.best().outcomes, many.best().outcomes)
    batch = table.to_batches()[0]
    first = BaselineSearch("binary", columns)
    first.update(batch.slice(0, border), y[:border])
    second = BaselineSearch("binary", columns, first_row=border)
    second.update(batch.slice(border), y[border:])
    first.merge(second)
    np.testing.assert_array_equal(whole.best().outcomes, first.best().outcomes)


@given(st.lists(st.integers(0, 300), max_size=6), st.integers(1, 40), st.integers(0, 300))
def test_a_sample_is_the_same_however_the_stream_was_cut(cuts, size, border):
    batch = pa.record_batch({"x": np.arange(300)})
    whole = RowSample(size)
    whole.update(batch)
    first, second = RowSample(size), RowSample(size, border)
    edges = [0, *sorted({*cuts, border}), 300]
    for start, stop in pairwise(edges):
        (first if stop <= border else second).update(batch.slice(start, stop - start))
    first.merge(second)
    assert first.table().equals(whole.table())
    assert whole.table().num_rows == size


def test_a_sample_is_uniform():
    counts = np.zeros(100)
    for start in range(400):
        sample = RowSample(10, first_row=100 * start)
        sample.update(pa.record_batch({"x": np.arange(100)}))
        counts[sample.table()["x"].to_numpy()] += 1
    assert ((counts - 40) ** 2 / 40).sum() < 150  # chi-squared, 99 degrees of freedom


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(baselines, "SAMPLE_ROWS", 1000)
    table, y = churn(20_000)
    search = search_in(table, y, cuts=range(1000, 20_000, 1000))
    assert search.best().column == "contract"
    assert search._sample.table().num_rows == 1000


@pytest.mark.parametrize(
    ("task", "columns", "y", "error", "message"),
    [
        ("binary", ["z"], [0, 1], SchemaError, "column 'z' is not there; the columns are x"),
        ("binary", ["x"], [0], DataError, r"y has shape \(1,\); expected \(2,\)"),
        ("binary", ["x"], [0, 2], DataError, "y has 2 at row 1 of a batch; expected the codes 0 t"),
        ("regression", ["x"], [0, np.nan], DataError, "y has nan at row 1 of a batch; expected f"),
    ],
)
def test_bad_input_is_named(task, columns, y, error, message):
    search = BaselineSearch(task, columns)
    with pytest.raises(error, match=message):
        search.update(pa.record_batch({"x": [1, 2]}), y)


def test_nothing_to_search_in_is_named():
    with pytest.raises(DataError, match="no rows to find a baseline in"):
        BaselineSearch("binary", ["x"]).best()
    with pytest.raises(ConfigError, match="needs their names; give classes="):
        BaselineSearch("multiclass", ["x"])
    search = BaselineSearch("binary", [])
    search.update(pa.record_batch({"x": [1]}), [1], [0.0])
    with pytest.raises(DataError, match="every sample_weight is zero"):
        search.constant()


def test_a_column_named_twice_is_named():
    batch = pa.record_batch([pa.array([1]), pa.array([2])], names=["x", "x"])
    with pytest.raises(SchemaError, match="column 'x' is there 2 times"):
        BaselineSearch("binary", ["x"]).update(batch, [1])


def test_one_row_is_enough():
    rule = search_in(pa.table({"x": [1.0]}), [1]).best()
    assert rule.predict(pa.table({"x": [3.0]})).tolist() == [1.0]
