"""Category counts against a plain dictionary, whatever the encoding and the cut."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastml._native.categories import CategoryCounts
from fastml.testing import statistics
from fastml.testing.strategies import categorical_arrays, cuts, string_arrays

pytestmark = pytest.mark.kernel
columns = st.one_of(string_arrays(), categorical_arrays())


def assert_counts(state: CategoryCounts, array: pa.Array) -> None:
    counts, codes = statistics.category_counts(array)
    state.categories().validate(full=True)
    assert state.categories().to_pylist() == list(counts)
    assert state.counts().tolist() == list(counts.values())
    assert len(state) == len(counts)
    assert state.nulls == codes.count(-1)
    assert not state.overflowed


@given(columns)
def test_counts_and_codes(array: pa.Array) -> None:
    state = CategoryCounts()
    codes = np.full(len(array), -9, dtype=np.int32)
    state.update(array, codes)
    assert_counts(state, array)
    assert codes.tolist() == statistics.category_counts(array)[1]


@given(columns, st.data())
def test_any_cut_gives_the_same(array: pa.Array, data: st.DataObject) -> None:
    state = CategoryCounts()
    for offset, length in data.draw(cuts(len(array))):
        state.update(array.slice(offset, length))
    assert_counts(state, array)


@given(columns, st.data())
def test_merge_law_and_remap(array: pa.Array, data: st.DataObject) -> None:
    total = CategoryCounts()
    codes = np.empty(len(array), dtype=np.int32)
    for offset, length in data.draw(cuts(len(array))):
        part = CategoryCounts()
        provisional = np.empty(length, dtype=np.int32)
        part.update(array.slice(offset, length), provisional)
        remap = np.append(total.merge(part), np.int32(-1))  # -1, the code of null, stays
        codes[offset : offset + length] = remap[provisional]
    assert_counts(total, array)
    assert codes.tolist() == statistics.category_counts(array)[1]


@given(categorical_arrays())
def test_encodings_agree(array: pa.Array) -> None:
    by_entry, by_row = CategoryCounts(), CategoryCounts()
    by_entry.update(array)
    by_row.update(array.cast(array.type.value_type))
    assert by_entry.categories().equals(by_row.categories())
    assert by_entry.counts().tolist() == by_row.counts().tolist()


def test_codes_go_to_a_column_of_a_matrix() -> None:
    codes = np.full((4, 3), 7, dtype=np.int32)
    CategoryCounts().update(pa.array(["b", None, "a", "b"]), codes[:, 1])
    assert codes[:, 1].tolist() == [0, -1, 1, 0]
    assert (codes[:, [0, 2]] == 7).all()


def test_many_categories() -> None:
    rng = np.random.default_rng(0)
    names = np.array([f"{'long-' * (i % 9)}{i}" for i in range(50_000)])
    array = pa.array(names[rng.integers(0, len(names), 120_000)])
    state = CategoryCounts()
    state.update(array)
    assert_counts(state, array)


@pytest.mark.parametrize("limits", [{"max_categories": 2}, {"max_bytes": 6}])
@pytest.mark.parametrize("encoded", [False, True])
def test_what_has_no_room_is_counted(limits: dict[str, int], encoded: bool) -> None:
    array = pa.array(["aaa", "bbb", "ccc", "aaa", None, "ccc"])
    state = CategoryCounts(**limits)
    codes = np.empty(6, dtype=np.int32)
    state.update(array.dictionary_encode() if encoded else array, codes)
    assert codes.tolist() == [0, 1, -2, 0, -1, -2]
    assert state.overflowed
    assert state.others == 2
    assert state.counts().tolist() == [2, 1]
    full = CategoryCounts()
    full.update(pa.array(["ddd", "bbb"]))
    assert state.merge(full).tolist() == [-2, 1]
    assert state.others == 3


def test_an_index_beyond_the_dictionary_is_refused() -> None:
    indices = pa.array([0, 5], pa.int32())
    array = pa.DictionaryArray.from_arrays(indices, pa.array(["a", "b"]), safe=False)
    with pytest.raises(ValueError, match="not in its dictionary"):
        CategoryCounts().update(array)


def test_wrong_use_is_refused() -> None:
    with pytest.raises(ValueError, match="not text"):
        CategoryCounts().update(pa.array([1.0]))
    with pytest.raises(ValueError, match="3 places for 2 rows"):
        CategoryCounts().update(pa.array(["a", "b"]), np.empty(3, dtype=np.int32))
    with pytest.raises(ValueError, match="max_categories"):
        CategoryCounts(-1)
    state = CategoryCounts()
    with pytest.raises(ValueError, match="itself"):
        state.merge(state)
