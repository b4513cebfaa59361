from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastml._native.lookup import CategoryLookup
from fastml.testing.strategies import categorical_arrays

pytestmark = pytest.mark.kernel


def find(known: pa.Array, column: pa.Array) -> np.ndarray:
    codes = np.empty(len(column), np.int32)
    CategoryLookup(known).find(column, codes)
    return codes


@given(column=categorical_arrays(), data=st.data())
def test_codes_are_places_among_the_known(column: pa.Array, data: st.DataObject) -> None:
    plain = column.cast(pa.string())
    seen = plain.unique().drop_null()
    n = data.draw(st.integers(0, len(seen)))
    known = seen[:n]
    expected = pc.fill_null(pc.index_in(plain, known), n).to_numpy(zero_copy_only=False)
    expected = np.where(plain.is_null().to_numpy(zero_copy_only=False), -1, expected)
    np.testing.assert_array_equal(find(known, column), expected)


def test_a_column_of_nulls() -> None:
    assert find(pa.array(["a"]), pa.nulls(3)).tolist() == [-1, -1, -1]


def test_known_values_must_be_distinct() -> None:
    with pytest.raises(ValueError, match="not distinct"):
        CategoryLookup(pa.array(["a", "a"]))
    with pytest.raises(ValueError, match="not distinct"):
        CategoryLookup(pa.array(["a", None]))


def test_numbers_are_no_text() -> None:
    with pytest.raises(ValueError, match="is not text"):
        find(pa.array(["a"]), pa.array([1, 2]))


def test_the_codes_must_fit() -> None:
    with pytest.raises(ValueError, match="2 codes for 3 rows"):
        CategoryLookup(pa.array(["a"])).find(pa.array(["a", "b", "c"]), np.empty(2, np.int32))


@pytest.mark.parametrize(
    "known",
    [
        pa.array([1, 2]),
        pa.nulls(2),
        pa.array([[b"a"]]),
        pa.array(["a"]).dictionary_encode(),
        pa.record_batch({"a": ["a"], "b": ["b"]}),
        pa.array([{}, {}], pa.struct([])),
    ],
    ids=["numbers", "nulls", "lists", "dictionary", "two columns", "no column"],
)
def test_known_values_must_be_one_column_of_strings(known: pa.Array) -> None:
    with pytest.raises(ValueError, match=r"not strings|columns, not one"):
        CategoryLookup(known)
