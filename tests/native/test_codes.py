"""Categories, bins and crosses beside a plain reference in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from fastml._native.codes import (
    MOST_EDGES,
    MOST_PARTS,
    CombinationCounts,
    Combinations,
    count_codes,
    finish_codes,
)

pytestmark = pytest.mark.kernel

Part = tuple[NDArray[Any], NDArray[Any] | None, NDArray[Any]]


def local_codes(part: Part) -> NDArray[Any]:
    """State what a part is, in NumPy."""
    column, edges, table = part
    if edges is None:
        return table[column + 1]
    codes = np.searchsorted(edges, column, side="right")
    return table[np.where(np.isnan(column), -1, codes) + 1]


def keys_of(parts: list[Part], sizes: list[int]) -> NDArray[Any]:
    codes = np.array([local_codes(part) for part in parts], np.int64)
    keys = np.ravel_multi_index(np.maximum(codes, 0), sizes)
    return np.where((codes < 0).any(axis=0), -1, keys)


@st.composite
def parts_of(draw: st.DrawFn, n: int) -> tuple[Part, int]:
    """Draw a part of n rows, and how many codes its table may give."""
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    size = draw(st.integers(1, 40))
    if draw(st.booleans()):
        known = draw(st.integers(0, 30))
        column = rng.integers(-1, known, n).astype(np.int32)
        return (column, None, rng.integers(-1, size, known + 1).astype(np.int32)), size
    n_edges = draw(st.sampled_from([0, 1, 3, 31, 64, 65, 200, MOST_EDGES]))
    edges = np.sort(rng.integers(-50, 50, n_edges)).astype(np.float32)  # some coincide
    column = rng.integers(-60, 60, n).astype(np.float32)
    column[rng.random(n) < 0.1] = np.nan
    column[rng.random(n) < 0.02] = np.inf
    column[rng.random(n) < 0.02] = -np.inf
    return (column, edges, rng.integers(-1, size, n_edges + 2).astype(np.int32)), size


@given(data=st.data(), n=st.sampled_from([0, 1, 63, 256, 600]), k=st.integers(0, 3))
def test_parts_and_crosses_are_what_the_formula_says(data: st.DataObject, n: int, k: int) -> None:
    drawn = [data.draw(parts_of(n)) for _ in range(k)]
    parts, sizes = [part for part, _ in drawn], [size for _, size in drawn]
    crosses, expected = [], []
    for start in range(data.draw(st.integers(0, 2)) if k else 0):
        keys = keys_of(parts, sizes)
        known = np.unique(keys[(keys >= 0) & (np.arange(n) % 3 > 0)])
        crosses.append((parts, Combinations(sizes, known), start))
        place = np.minimum(np.searchsorted(known, keys), max(len(known) - 1, 0))
        found = known[place] == keys if len(known) else np.zeros(n, bool)
        expected.append(np.where(found, place + start, -1))
    rows = np.full((n, k + len(crosses)), -9, np.int32)
    finish_codes(parts, crosses, rows)
    for column, part in zip(rows.T, parts, strict=False):
        np.testing.assert_array_equal(column, local_codes(part))
    for column, codes in zip(rows.T[k:], expected, strict=True):
        np.testing.assert_array_equal(column, codes)
    for part, size in drawn:
        counted = np.bincount(local_codes(part) + 1, minlength=size + 1)
        np.testing.assert_array_equal(count_codes(part, n, size), counted)


@given(data=st.data(), n=st.integers(0, 300))
def test_combinations_are_counted_however_the_rows_are_cut(data: st.DataObject, n: int) -> None:
    drawn = [data.draw(parts_of(n)) for _ in range(2)]
    parts, sizes = [part for part, _ in drawn], [size for _, size in drawn]
    cut = data.draw(st.integers(0, n))
    whole = CombinationCounts(sizes)
    for rows in (slice(0, cut), slice(cut, n)):
        piece = CombinationCounts(sizes)
        some = [(column[rows], edges, table) for column, edges, table in parts]
        piece.update(some, len(range(n)[rows]))
        whole.merge(piece)
    keys = keys_of(parts, sizes)
    known, counts = np.unique(keys[keys >= 0], return_counts=True)
    np.testing.assert_array_equal(whole.items()[0], known)
    np.testing.assert_array_equal(whole.items()[1], counts)


SIZES = [1 << 15, 1 << 15]


def codes(*columns: NDArray[Any]) -> list[Part]:
    return [
        (column.astype(np.int32), None, np.arange(-1, size, dtype=np.int32))
        for column, size in zip(columns, SIZES, strict=True)
    ]


@pytest.mark.parametrize("n_known", [0, 1, 5_000])
def test_many_possible_combinations_are_found_by_hash(n_known: int) -> None:
    rng = np.random.default_rng(0)
    parts = codes(rng.integers(-1, SIZES[0], 20_000), rng.integers(-1, SIZES[1], 20_000))
    keys = keys_of(parts, SIZES)
    known = np.unique(keys[keys >= 0])[:n_known]
    rows = np.empty((len(keys), 1), np.int32)
    finish_codes([], [(parts, Combinations(SIZES, known), 7)], rows)
    index = {key: i + 7 for i, key in enumerate(known.tolist())}
    assert rows[:, 0].tolist() == [index.get(key, -1) for key in keys.tolist()]
    assert len(Combinations(SIZES, known)) == n_known


def test_without_room_the_rarest_combinations_are_forgotten() -> None:
    often, seldom = np.repeat(np.arange(30), 50), np.arange(1_000, 1_200)
    counts = CombinationCounts(SIZES, 100)
    for values in (often, seldom, often):
        piece = CombinationCounts(SIZES)
        piece.update(codes(values, values), len(values))
        counts.merge(piece)
    keys, rows = counts.items()
    assert keys.tolist() == [value * (SIZES[1] + 1) for value in range(30)]
    assert (rows == 100).all()
    assert len(keys) <= 100


def test_what_does_not_fit_is_refused() -> None:
    column, table = np.zeros(3, np.int32), np.arange(-1, 1, dtype=np.int32)
    numbers, edges = np.zeros(3, np.float32), np.zeros(2, np.float32)
    known = Combinations([2, 2], np.array([0, 3]))
    one = (column, None, table)
    for parts, crosses, shape in (
        ([one], [], (3, 2)),
        ([one], [], (4, 1)),
        ([(column, None, table[:0])], [], (3, 1)),
        ([(numbers, edges, table)], [], (3, 1)),
        ([(numbers, np.zeros(MOST_EDGES + 1, np.float32), np.zeros(300, np.int32))], [], (3, 1)),
        ([], [([one], known, 0)], (3, 1)),
        ([], [([one] * (MOST_PARTS + 1), known, 0)], (3, 1)),
    ):
        with pytest.raises(ValueError, match=r"fit|has|rows|parts"):
            finish_codes(parts, crosses, np.empty(shape, np.int32))
    with pytest.raises(ValueError, match="1 parts; expected 2"):
        CombinationCounts([2, 2]).update([one], 3)


@pytest.mark.parametrize("keys", [[1, 0], [0, 0], [-1], [4]])
def test_combinations_ascend_and_are_in_range(keys: list[int]) -> None:
    with pytest.raises(ValueError, match="not ascending and in range"):
        Combinations([2, 2], np.array(keys))


def test_too_many_possible_combinations() -> None:
    sizes = [1 << 30] * 3
    for make in (lambda: CombinationCounts(sizes), lambda: Combinations(sizes, np.array([1]))):
        with pytest.raises(ValueError, match="too many combinations"):
            make()
