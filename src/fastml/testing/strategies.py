"""Hypothesis strategies for Arrow arrays and batches, as awkward as the format allows.

Arrays have nulls (with anything in their slots), NaN, infinities, signed zeros, offsets that are
no multiple of 8, dictionaries with doubled, unused and null entries, and any Unicode. Hypothesis is
needed here alone: it comes with the extra `test`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pyarrow as pa
from hypothesis import strategies as st

__all__ = [
    "NUMERIC_TYPES",
    "arrays",
    "batches",
    "categorical_arrays",
    "cuts",
    "numeric_arrays",
    "sliced",
    "string_arrays",
]

NUMERIC_TYPES: tuple[pa.DataType, ...] = (
    pa.float64(),
    pa.float32(),
    pa.int8(),
    pa.int16(),
    pa.int32(),
    pa.int64(),
    pa.uint8(),
    pa.uint16(),
    pa.uint32(),
    pa.uint64(),
    pa.bool_(),
    pa.date32(),
    pa.timestamp("us"),
)
"""The types that the numeric kernels read; dates and times are integers to them."""

SOME_ROWS = st.integers(0, 200)
SOME_COLUMNS = st.integers(1, 5)


def _values(kind: pa.DataType, special: bool) -> st.SearchStrategy[object]:
    if pa.types.is_boolean(kind):
        return st.booleans()
    if pa.types.is_floating(kind):
        width = kind.bit_width
        ordinary = st.floats(-(2.0**40), 2.0**40, width=width, allow_subnormal=False)
        odd = st.sampled_from([float("nan"), float("inf"), -float("inf"), -0.0, 0.0])
        return ordinary | odd if special else ordinary
    bits = kind.bit_width
    unsigned = pa.types.is_unsigned_integer(kind)
    low, high = (0, 2**bits - 1) if unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    if pa.types.is_temporal(kind):
        low, high = -(2**30), 2**30
    return st.integers(low, high)


@st.composite
def sliced(draw: st.DrawFn, whole: pa.Array, rows: int) -> pa.Array:
    """Draw a slice of `rows` rows at any offset of `whole`, which has at least that many."""
    offset = draw(st.integers(0, len(whole) - rows), label="offset")
    return whole.slice(offset, rows)


@st.composite
def numeric_arrays(
    draw: st.DrawFn,
    rows: st.SearchStrategy[int] | int = SOME_ROWS,
    types: Sequence[pa.DataType] = NUMERIC_TYPES,
    special: bool = True,
) -> pa.Array:
    """Draw an array of a numeric type.

    Parameters
    ----------
    rows : strategy or int
        Its length.
    types : sequence of pyarrow.DataType
        One of these is its type.
    special : bool
        Whether floats may be NaN, infinite or negative zero.
    """
    n = rows if isinstance(rows, int) else draw(rows)
    kind = draw(st.sampled_from(list(types)))
    whole = n + draw(st.integers(0, 13))
    value = _values(kind, special)
    # A few values repeated are as good as many drawn, and much faster to draw.
    pool = draw(
        st.lists(value | st.none() if draw(st.booleans()) else value, min_size=1, max_size=12)
    )
    picks = draw(st.randoms(use_true_random=False))
    items = [pool[picks.randrange(len(pool))] for _ in range(whole)]
    integers = pa.types.is_temporal(kind)
    storage = pa.int32() if integers and kind.bit_width == 32 else pa.int64()
    array = pa.array(items, storage if integers else kind)
    return draw(sliced(array.cast(kind) if integers else array, n))


@st.composite
def string_arrays(
    draw: st.DrawFn,
    rows: st.SearchStrategy[int] | int = SOME_ROWS,
    nulls: bool = True,
) -> pa.Array:
    """Draw an array of `string` or `large_string`, of any Unicode and of mixed lengths."""
    n = rows if isinstance(rows, int) else draw(rows)
    kind = draw(st.sampled_from([pa.string(), pa.large_string()]))
    whole = n + draw(st.integers(0, 13))
    text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
    value = text | st.sampled_from(["", "a", "ab", "\x00", "a\x00", "été", "日本語", "x" * 100])
    pool = draw(st.lists(value | st.none() if nulls else value, min_size=1, max_size=20))
    picks = draw(st.randoms(use_true_random=False))
    items = [pool[picks.randrange(len(pool))] for _ in range(whole)]
    return draw(sliced(pa.array(items, kind), n))


@st.composite
def categorical_arrays(
    draw: st.DrawFn,
    rows: st.SearchStrategy[int] | int = SOME_ROWS,
) -> pa.Array:
    """Draw a dictionary of strings, whose entries may be doubled, unused or null."""
    n = rows if isinstance(rows, int) else draw(rows)
    entries = draw(string_arrays(rows=st.integers(1, 20)))
    index = draw(st.sampled_from([pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8()]))
    whole = n + draw(st.integers(0, 13))
    picks = draw(st.randoms(use_true_random=False))
    spare = 1 if draw(st.booleans()) else 0  # one more index: a null
    drawn = [picks.randrange(len(entries) + spare) for _ in range(whole)]
    indices = pa.array([None if i == len(entries) else i for i in drawn], index)
    return draw(sliced(pa.DictionaryArray.from_arrays(indices, entries), n))


def arrays(rows: st.SearchStrategy[int] | int = SOME_ROWS) -> st.SearchStrategy[pa.Array]:
    """Return a strategy for an array of any type that the kernels read."""
    return st.one_of(numeric_arrays(rows), string_arrays(rows), categorical_arrays(rows))


@st.composite
def batches(
    draw: st.DrawFn,
    columns: st.SearchStrategy[pa.Array] | None = None,
    rows: st.SearchStrategy[int] | int = SOME_ROWS,
    width: st.SearchStrategy[int] | int = SOME_COLUMNS,
) -> pa.RecordBatch:
    """Draw a record batch of columns c0, c1, ..., itself a slice at any offset.

    Parameters
    ----------
    columns : strategy of arrays of `rows` rows, optional
        Needs `rows` to be a number. Default: any array.
    rows, width : strategy or int
        The number of rows and of columns.
    """
    n = rows if isinstance(rows, int) else draw(rows)
    k = width if isinstance(width, int) else draw(width)
    drawn = [draw(arrays(n) if columns is None else columns) for _ in range(k)]
    return pa.RecordBatch.from_arrays(drawn, names=[f"c{i}" for i in range(k)])


@st.composite
def cuts(draw: st.DrawFn, rows: int) -> list[tuple[int, int]]:
    """Draw a cut of `rows` rows into consecutive parts: (offset, length) of each, some empty."""
    points = sorted(draw(st.lists(st.integers(0, rows), max_size=5)))
    edges = [0, *points, rows]
    return [(start, stop - start) for start, stop in pairwise(edges)]
