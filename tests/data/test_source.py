"""`Source`: slicing, masks, blocks; the rows are the same however they are asked for."""

from __future__ import annotations

import threading
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastml.data import Source, scan
from fastml.data.memory import MemoryReader
from fastml.errors import ConfigError, DataError, SchemaError

ROWS = 1_000


@pytest.fixture
def source() -> Source:
    return scan({"row": np.arange(ROWS), "text": [f"t{i % 7}" for i in range(ROWS)]})


def rows_of(source: Source) -> list[int]:
    return source.to_table().column("row").to_pylist()


def test_blocks_are_counted_from_the_start_of_the_stream(source: Source) -> None:
    blocks = list(source.blocks(300))
    assert [block.num_rows for block in blocks] == [300, 300, 300, 100]
    assert pa.Table.from_batches(blocks).equals(source.to_table().combine_chunks())


def test_a_block_inside_a_batch_is_not_copied() -> None:
    table = pa.table({"x": np.arange(10.0)})
    block = next(scan(table).blocks(4))
    assert block.column(0).buffers()[1].address == table.column(0).chunk(0).buffers()[1].address


@given(
    cuts=st.lists(st.integers(0, 40), max_size=6),
    rows=st.integers(1, 50),
    words=st.lists(st.sampled_from(["a", "b", "é", None]), min_size=1, max_size=40),
)
def test_one_batch_equals_many(cuts: list[int], rows: int, words: list[str | None]) -> None:
    whole = pa.table({"plain": pa.array(words, pa.string()), "n": range(len(words))})
    cuts = sorted({0, len(words), *(min(cut, len(words)) for cut in cuts)})
    # Each part has a dictionary of its own, and empty batches lie between them.
    parts = []
    for start, stop in pairwise(cuts):
        part = whole.slice(start, stop - start)
        coded = part.column("plain").combine_chunks().dictionary_encode()
        parts += [
            part.append_column("coded", coded),
            part.slice(0, 0).append_column("coded", coded.slice(0, 0)),
        ]
    cut = pa.concat_tables(parts)
    blocks = list(scan(iter(cut.to_batches())).blocks(rows))
    assert [b.num_rows for b in blocks[:-1]] == [rows] * (len(blocks) - 1)
    got = pa.Table.from_batches(blocks, cut.schema).to_pydict()
    expected = whole.to_pydict()
    assert got == {**expected, "coded": expected["plain"]}
    for block in blocks:
        block.validate(full=True)


def test_select_orders_and_narrows(source: Source) -> None:
    chosen = source.select(["text", "row"])
    assert chosen.schema.names == ["text", "row"]
    assert chosen.select(["row"]).head(3).to_pydict() == {"row": [0, 1, 2]}


def test_select_of_an_unknown_column_suggests_one(source: Source) -> None:
    with pytest.raises(SchemaError, match=r"has no column 'txt'; did you mean 'text'\?"):
        source.select(["txt"])
    with pytest.raises(SchemaError, match="column 'row' is selected twice"):
        source.select(["row", "row"])
    with pytest.raises(ConfigError, match=r"expected a list: \['row'\]"):
        source.select("row")
    with pytest.raises(ConfigError, match="at least one column"):
        source.select([])


@given(data=st.data())
def test_slices_and_masks_compose_as_on_an_array(data: st.DataObject) -> None:
    expected = np.arange(60)
    table = pa.table({"row": expected})
    chunked = pa.Table.from_batches(table.to_batches(max_chunksize=7))
    known = data.draw(st.booleans(), label="row count known")
    source = Source(MemoryReader(chunked, "<table>")) if known else scan(iter(chunked.to_batches()))
    for _ in range(data.draw(st.integers(0, 4))):
        if data.draw(st.booleans()):
            offset = data.draw(st.integers(0, 70))
            length = data.draw(st.none() | st.integers(0, 70))
            source = source.slice(offset, length)
            expected = expected[offset:][:length]
        else:
            bits = data.draw(
                st.lists(st.booleans(), min_size=len(expected), max_size=len(expected))
            )
            mask = np.array(bits, bool)
            source = source.where(mask)
            expected = expected[mask]
    if known:
        assert source.num_rows == len(expected)
        assert source.count_rows() == len(expected)
    assert rows_of(source) == expected.tolist()


def test_a_mask_of_the_wrong_length_is_refused(source: Source) -> None:
    with pytest.raises(DataError, match=r"has 1,000 rows, but the mask .* has 3 entries"):
        source.where(np.ones(3, bool))
    with pytest.raises(ConfigError, match="array of int64"):
        source.where(np.ones(ROWS, int))


@pytest.mark.parametrize("entries", [3, 8])
def test_a_mask_is_checked_at_the_end_where_the_rows_are_not_counted(entries: int) -> None:
    once = scan(iter([pa.record_batch({"x": [1, 2, 3, 4, 5]})]))
    with pytest.raises(DataError, match=rf"rows, but the mask of rows to keep has {entries}"):
        once.where(np.ones(entries, bool)).to_table()


def test_bounds_are_checked(source: Source) -> None:
    with pytest.raises(ConfigError, match="at least 0"):
        source.slice(-1)
    with pytest.raises(ConfigError, match="at least 1"):
        source.blocks(0)


def test_the_source_is_an_arrow_stream(source: Source) -> None:
    table = pa.RecordBatchReader.from_stream(source.slice(10, 5)).read_all()
    assert table.column("row").to_pylist() == [10, 11, 12, 13, 14]


def test_scanning_a_source_gives_it_back(source: Source) -> None:
    assert scan(source) is source
    assert scan(source, columns=["row"]).schema.names == ["row"]


def test_count_rows_reads_where_it_must() -> None:
    assert scan(iter([pa.record_batch({"x": [1, 2]})] * 3)).count_rows() == 6


def test_it_says_what_it_is(source: Source) -> None:
    assert repr(source) == "<fastml.Source <dict>: 2 columns, 1,000 rows>"
    assert "rows not counted" in repr(scan(iter([pa.record_batch({"x": [1]})])))


def test_stopping_early_stops_the_reading_thread(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": np.arange(100_000)}), tmp_path / "t.parquet", row_group_size=1000)
    batches = scan(tmp_path / "t.parquet").blocks(1000)
    next(batches)
    batches.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("fastml-read")]
