"""One-hot encoding beside scikit-learn's, on numbers and strings, known and unknown."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sklearn.preprocessing
from hypothesis import given
from hypothesis import strategies as st

from fastml.errors import ConfigError, DataError, SchemaError
from fastml.preprocessing import OneHotEncoder

words = st.text("abéß中🙂 '", max_size=3)
columns = st.lists(words, min_size=1, max_size=40)


@given(columns, columns)
def test_strings_beside_scikit_learn(train: list[str], test: list[str]) -> None:
    fit, ask = (np.array(each, dtype=object).reshape(-1, 1) for each in (train, test))
    ours = OneHotEncoder().fit(fit)
    theirs = sklearn.preprocessing.OneHotEncoder(handle_unknown="ignore").fit(fit)
    np.testing.assert_array_equal(ours.categories_[0], theirs.categories_[0])
    encoded = ours.transform(ask)
    encoded.check_format(full_check=True)
    np.testing.assert_array_equal(encoded.toarray(), theirs.transform(ask).toarray())
    np.testing.assert_array_equal(ours.get_feature_names_out(), theirs.get_feature_names_out())


@given(
    st.lists(st.integers(0, 8), min_size=1, max_size=60),
    st.one_of(st.none(), st.integers(1, 6), st.sampled_from([0.05, 0.1, 0.3])),
    st.one_of(st.none(), st.integers(2, 6)),
)
def test_infrequent_beside_scikit_learn(train: list[int], least: Any, most: int | None) -> None:
    X = np.array(train).reshape(-1, 1)
    ask = np.arange(12).reshape(-1, 1)
    options: dict[str, Any] = {"min_frequency": least, "max_categories": most}
    ours = OneHotEncoder(handle_unknown="infrequent", sparse_output=False, **options).fit(X)
    if ours.plans_[0].n_codes == most and ours.plans_[0].infrequent_code is None:
        return  # scikit-learn merges two categories here, though all of them fit
    theirs = sklearn.preprocessing.OneHotEncoder(
        handle_unknown="infrequent_if_exist", sparse_output=False, **options
    ).fit(X)
    np.testing.assert_array_equal(ours.transform(ask), theirs.transform(ask))


def test_max_categories_counts_every_indicator() -> None:
    X = [["a"], ["a"], ["b"], ["b"], ["c"], [None]]
    for most in (2, 3, 4):
        encoder = OneHotEncoder(max_categories=most).fit(X)
        assert encoder.plans_[0].n_codes <= most
    labels = OneHotEncoder(max_categories=3).fit(X).plans_[0].labels
    assert labels == ("b", "(missing)", "(infrequent)")
    assert OneHotEncoder(max_categories=4).fit(X).plans_[0].labels == ("a", "b", "c", "(missing)")


def test_missing_values() -> None:
    X = [["a"], [None], ["b"]]
    assert OneHotEncoder(sparse_output=False).fit_transform(X).tolist() == [
        [1, 0, 0],
        [0, 0, 1],
        [0, 1, 0],
    ]
    ignoring = OneHotEncoder(null="ignore", handle_unknown="error", sparse_output=False)
    assert ignoring.fit_transform(X).tolist() == [[1, 0], [0, 0], [0, 1]]
    unseen = OneHotEncoder(sparse_output=False).fit([["a"], ["b"]])
    assert unseen.transform([[None], ["a"]]).tolist() == [[0, 0], [1, 0]]


def test_labels_never_collide() -> None:
    X = [["(missing)"], [None], ["(infrequent)"], ["x"], ["x"], ["(missing)"], ["(infrequent)"]]
    encoder = OneHotEncoder(min_frequency=2).fit([*X, ["rare"]])
    assert encoder.get_feature_names_out(["c"]).tolist() == [
        "c_(infrequent)",
        "c_(missing)",
        "c_x",
        "c_((missing))",
        "c_((infrequent))",
    ]


def test_columns_of_many_types_together() -> None:
    frame = pd.DataFrame(
        {
            "text": ["b", "a", None],
            "category": pd.Categorical(["x", "y", "x"], categories=["z", "y", "x"]),
            "number": [2.5, np.nan, 1.0],
            "whole": pd.array([1, None, 3], dtype="Int64"),
            "flag": [True, False, True],
            "day": pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-01"]),
        }
    )
    encoder = OneHotEncoder(sparse_output=False).set_output(transform="pandas")
    names = encoder.fit_transform(frame).columns.tolist()
    assert names[:10] == [
        "text_a", "text_b", "text_(missing)",
        "category_x", "category_y",
        "number_1.0", "number_2.5", "number_(missing)",
        "whole_1", "whole_3",
    ]  # fmt: skip
    assert names[11:13] == ["flag_False", "flag_True"]
    assert len(names) == 15


def test_tables_of_every_library_agree() -> None:
    text, number = ["b", "a", None, "c"], [3, 1, 2, 1]
    expected = OneHotEncoder().fit_transform(list(zip(text, number, strict=True))).toarray()
    dictionary = pa.array(["pad", *text, "pad"]).dictionary_encode().slice(1, 4)
    chunked = pa.chunked_array([text[:1], [], text[1:]], type=pa.string())
    for table in (
        pd.DataFrame({"t": text, "n": number}),
        pl.DataFrame({"t": text, "n": number}),
        pl.DataFrame({"t": text, "n": number}).with_columns(pl.col("t").cast(pl.Categorical)),
        pa.table({"t": text, "n": number}),
        pa.table({"t": dictionary, "n": pa.array(number, pa.uint8())}),
        pa.table({"t": chunked.cast(pa.string_view()), "n": number}),
        pa.RecordBatch.from_pydict({"t": [None, *text], "n": [9, *number]}).slice(1),
    ):
        encoder = OneHotEncoder().fit(table)
        np.testing.assert_array_equal(encoder.transform(table).toarray(), expected)
        assert encoder.feature_names_in_.tolist() == ["t", "n"]


def test_numbers_of_another_width_are_the_same_categories() -> None:
    encoder = OneHotEncoder(sparse_output=False).fit(np.array([[1], [2]]))
    asked = encoder.transform(np.array([[2.0], [1.5], [np.nan], [1.0]]))
    assert asked.tolist() == [[0, 1], [0, 0], [0, 0], [1, 0]]
    text = OneHotEncoder(sparse_output=False).fit([["1"], ["2"]])
    assert text.transform(np.array([[2]])).tolist() == [[0, 1]]
    assert text.transform(pa.table({"x": pa.nulls(1)})).tolist() == [[0, 0]]


def test_zero_has_one_sign() -> None:
    encoder = OneHotEncoder(sparse_output=False).fit(np.array([[0.0], [-0.0]]))
    assert encoder.transform(np.array([[-0.0], [0.0]])).tolist() == [[1], [1]]


def test_a_column_without_values() -> None:
    encoder = OneHotEncoder(sparse_output=False).fit(pa.table({"x": pa.nulls(2)}))
    assert encoder.get_feature_names_out().tolist() == ["x_(missing)"]
    assert encoder.transform(pa.table({"x": ["a", None]})).tolist() == [[0], [1]]


def test_the_hook_takes_categories_in_any_order() -> None:
    seen = pa.array(["pear", "apple", "fig", "kiwi"])
    encoder = OneHotEncoder(min_frequency=3, handle_unknown="infrequent")
    plan = encoder.choose_categories(seen, np.array([5, 9, 1, 2]), nulls=4)
    assert plan.kept.tolist() == [1, 0]
    assert plan.infrequent.tolist() == [2, 3]
    assert (plan.null_code, plan.infrequent_code, plan.unknown_code) == (2, 3, 3)
    assert plan.table.tolist() == [2, 1, 0, 3, 3, 3]
    assert plan.names("fruit") == [
        "fruit_apple", "fruit_pear", "fruit_(missing)", "fruit_(infrequent)",
    ]  # fmt: skip


@given(st.lists(st.integers(0, 50), min_size=1, max_size=30), st.data())
def test_every_category_has_one_code_at_most(counts: list[int], data: st.DataObject) -> None:
    encoder = OneHotEncoder(
        handle_unknown=data.draw(st.sampled_from(["ignore", "infrequent"])),
        min_frequency=data.draw(st.one_of(st.none(), st.integers(1, 30))),
        max_categories=data.draw(st.one_of(st.none(), st.integers(2, 10))),
        null=data.draw(st.sampled_from(["category", "ignore"])),
    )
    names = [f"value {i}" for i in data.draw(st.permutations(range(len(counts))))]
    nulls = data.draw(st.integers(0, 3))
    plan = encoder.choose_categories(pa.array(names), np.array(counts), nulls)
    assert sorted([*plan.kept, *plan.infrequent]) == list(range(len(counts)))
    assert set(plan.table.tolist()) - {-1} == set(range(plan.n_codes))
    assert [names[i] for i in plan.kept] == list(plan.labels[: len(plan.kept)])
    assert len(set(plan.labels)) == plan.n_codes
    assert plan.n_codes <= (encoder.max_categories or np.inf)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"handle_unknown": "skip"}, "handle_unknown is 'skip'; expected 'ignore', 'error' or"),
        ({"null": "drop"}, "null is 'drop'; expected 'category' or 'ignore'"),
        ({"min_frequency": 0}, "min_frequency is 0; expected a number of rows"),
        ({"min_frequency": 1.5}, "min_frequency is 1.5; expected"),
        ({"max_categories": 1}, "max_categories is 1; expected at least 2"),
    ],
)
def test_settings_are_checked_in_fit(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        OneHotEncoder(**settings).fit([["a"]])


def test_messages() -> None:
    encoder = OneHotEncoder(handle_unknown="error").fit(pd.DataFrame({"colour": ["red", "blue"]}))
    with pytest.raises(
        DataError, match="column 'colour' has 'green' at row 1, which was not among "
    ):
        encoder.transform(pd.DataFrame({"colour": ["red", "green"]}))
    with pytest.raises(
        SchemaError, match=r"column 'colour' has the type double; .* on large_string"
    ):
        encoder.transform(pd.DataFrame({"colour": [1.5]}))
    with pytest.raises(DataError, match="not of one type"):
        OneHotEncoder().fit(np.array([["a"], [1]], dtype=object))
    with pytest.raises(SchemaError, match=r"column 'x' has the type list.*; flatten it first"):
        OneHotEncoder().fit(pa.table({"x": [[1], [2, 3]]}))
    with pytest.raises(ConfigError, match="pandas data frame cannot be made of sparse output"):
        OneHotEncoder().set_output(transform="pandas").fit_transform([["a"]])
