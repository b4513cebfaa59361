"""Parquet: dictionaries where the file has them, projection, row groups of any size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fastml.data import scan
from fastml.errors import DataError

CODED = pa.dictionary(pa.int32(), pa.string())


@pytest.fixture
def table() -> pa.Table:
    rng = np.random.default_rng(0)
    return pa.table(
        {
            "x": rng.normal(size=5_000),
            "few": [f"c{i}" for i in rng.integers(0, 20, 5_000)],
            "row": np.arange(5_000),
        }
    )


def test_text_is_a_dictionary_where_the_file_has_it_so(tmp_path: Path, table: pa.Table) -> None:
    pq.write_table(table, tmp_path / "t.parquet")
    pq.write_table(table, tmp_path / "plain.parquet", use_dictionary=False)
    assert scan(tmp_path / "t.parquet").schema.field("few").type == CODED
    assert scan(tmp_path / "plain.parquet").schema.field("few").type == pa.string()
    for name in ("t.parquet", "plain.parquet"):
        got = scan(tmp_path / name).to_table()
        assert got.column("few").cast(pa.string()).to_pylist() == table.column("few").to_pylist()


def test_text_of_too_many_values_stays_text(tmp_path: Path) -> None:
    # The writer begins a dictionary, and goes on in plain encoding when it is over 1 MB.
    ids = pa.array([f"customer-{i:020d}" for i in range(100_000)])
    pq.write_table(pa.table({"id": ids}), tmp_path / "t.parquet")
    chunk = pq.ParquetFile(tmp_path / "t.parquet").metadata.row_group(0).column(0)
    assert chunk.has_dictionary_page
    assert scan(tmp_path / "t.parquet").schema.field("id").type == pa.string()


@pytest.mark.parametrize("row_group", [999, 5_000])
def test_slices_skip_row_groups(tmp_path: Path, table: pa.Table, row_group: int) -> None:
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=row_group)
    source = scan(tmp_path / "t.parquet")
    assert source.num_rows == 5_000
    for offset, length in [(0, 10), (998, 3), (2_500, None), (4_999, 5), (5_000, 1), (9_000, None)]:
        got = source.slice(offset, length).to_table()
        assert (
            got.column("row").to_pylist() == table.column("row").slice(offset, length).to_pylist()
        )


def test_blocks_do_not_depend_on_row_groups(tmp_path: Path, table: pa.Table) -> None:
    for row_group in (777, 5_000):
        pq.write_table(table, tmp_path / f"{row_group}.parquet", row_group_size=row_group)
    one, other = (scan(tmp_path / f"{n}.parquet").blocks(1_024) for n in (777, 5_000))
    for a, b in zip(one, other, strict=True):
        assert a.to_pylist() == b.to_pylist()


def test_only_selected_columns_are_decoded(tmp_path: Path, table: pa.Table) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(table, path, compression=None)
    # Break the pages of x: only a reader that leaves them alone succeeds.
    chunk = pq.ParquetFile(path).metadata.row_group(0).column(0)
    data = bytearray(path.read_bytes())
    data[4 : 4 + chunk.total_compressed_size] = bytes(chunk.total_compressed_size)
    path.write_bytes(bytes(data))
    assert scan(path, columns=["row"]).to_table().num_rows == 5_000
    with pytest.raises(
        DataError, match=r"t.parquet cannot be read: .*; check that the file is whole"
    ):
        scan(path).to_table()


def test_a_literal_dot_in_a_name(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1], "a.b": ["x"]}), tmp_path / "t.parquet")
    assert scan(tmp_path / "t.parquet", columns=["a"]).to_table().to_pydict() == {"a": [1]}
    assert scan(tmp_path / "t.parquet").to_table().column("a.b").to_pylist() == ["x"]


def test_structs_are_read_and_flattened_when_asked(tmp_path: Path) -> None:
    pq.write_table(pa.table({"s": [{"x": 1, "y": "q"}, None]}), tmp_path / "t.parquet")
    source = scan(tmp_path / "t.parquet")
    assert source.schema.names == ["s"]
    flat = source.canonical()
    assert flat.select(["s.y"]).to_table().to_pydict() == {"s.y": ["q", None]}


def test_wide_tables_and_no_rows(tmp_path: Path) -> None:
    wide = pa.table({f"c{i}": np.zeros(3_000) for i in range(200)})
    pq.write_table(wide, tmp_path / "wide.parquet")
    assert scan(tmp_path / "wide.parquet").to_table().equals(wide)
    pq.write_table(wide.slice(0, 0), tmp_path / "none.parquet")
    assert scan(tmp_path / "none.parquet").to_table().num_rows == 0
    assert list(scan(tmp_path / "none.parquet").blocks()) == []


def test_truncated_and_foreign_files(tmp_path: Path, table: pa.Table) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(table, path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(
        DataError, match=r"t.parquet cannot be read: .*check that the file is whole"
    ):
        scan(path)
    path.write_bytes(b"")
    with pytest.raises(DataError, match=r"t.parquet is empty"):
        scan(path)


def test_a_remote_file_is_read_a_row_group_at_a_time(
    tmp_path: Path, table: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=999)
    monkeypatch.setattr("fastml.data.files.File.is_local", False)
    source = scan(tmp_path / "t.parquet")
    assert source.to_table()["row"].to_pylist() == table["row"].to_pylist()
    assert source.slice(2_500, 7).to_table()["row"].to_pylist() == list(range(2_500, 2_507))


def test_memory_is_bounded_whatever_the_row_group(tmp_path: Path) -> None:
    whole = pa.table({f"c{i}": np.random.default_rng(i).normal(size=1_000_000) for i in range(4)})
    pq.write_table(whole, tmp_path / "t.parquet", row_group_size=len(whole))
    size = whole.nbytes
    del whole
    before = pa.total_allocated_bytes()
    held = [pa.total_allocated_bytes() - before for _ in scan(tmp_path / "t.parquet").blocks()]
    assert max(held) < size / 2
