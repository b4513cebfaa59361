"""Paths, URIs, folders, globs and partitions; files that do not fit together; Arrow files."""

from __future__ import annotations

import io
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.fs
import pyarrow.parquet as pq
import pytest

from fastml.data import scan
from fastml.errors import ConfigError, DataError, SchemaError


def write(path: Path, **columns: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in (10, 2, 1):
        write(tmp_path / "in" / f"part-{number:02d}.parquet", x=[number, number])
    (tmp_path / "in" / "README.md").write_text("what it is")
    (tmp_path / "in" / "_SUCCESS").write_text("")
    write(tmp_path / "in" / ".part.parquet.crc", x=[0])
    return tmp_path / "in"


@pytest.mark.parametrize(
    "form",
    [
        "{}",
        "{}/",
        "{}/*.parquet",
        "{}/part-[01]?.parquet",
        "{}/**/*.parquet",
        "file://{}",
        "file://{}/p*t",
    ],
)
def test_files_are_read_in_the_order_of_their_paths(folder: Path, form: str) -> None:
    source = scan(form.format(folder))
    assert source.num_rows == 6
    assert source.to_table()["x"].to_pylist() == [1, 1, 2, 2, 10, 10]
    assert source.slice(3, 2).to_table()["x"].to_pylist() == [2, 10]
    assert [b.num_rows for b in source.blocks(4)] == [4, 2]


def test_relative_paths_and_lists(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert scan("part-02.parquet").name == "part-02.parquet"
    two = scan(["part-02.parquet", Path("part-01.parquet")])
    assert two.to_table()["x"].to_pylist() == [2, 2, 1, 1]
    assert two.name == "part-02.parquet and 1 more"


def test_a_file_whose_name_looks_like_a_glob(tmp_path: Path) -> None:
    write(tmp_path / "a[1].parquet", x=[1])
    assert scan(tmp_path / "a[1].parquet").to_table()["x"].to_pylist() == [1]


def test_a_glob_may_name_what_is_hidden(folder: Path) -> None:
    write(folder / "_new" / ".x.parquet", x=[7])
    write(folder / "_q1.parquet", x=[8])
    assert scan(str(folder / "_q*.parquet")).to_table()["x"].to_pylist() == [8]
    assert scan(str(folder / "_new" / ".*")).to_table()["x"].to_pylist() == [7]
    assert scan(str(folder / "*")).name.endswith("*")
    with pytest.raises(DataError, match="no file matches"):
        scan(str(folder / "_new" / "*"))


def test_a_glob_looks_no_deeper_than_it_says(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    selector = pyarrow.fs.FileSelector

    def watched(root: str, *, allow_not_found: bool, recursive: bool) -> object:
        asked.append(recursive)
        return selector(root, allow_not_found=allow_not_found, recursive=recursive)

    monkeypatch.setattr("fastml.data.files.pafs.FileSelector", watched)
    for glob in ("*.parquet", "**/*.parquet", "../i*/*.parquet"):
        assert scan(f"{folder.resolve()}/{glob}").num_rows == 6
    assert asked == [False, True, True]


def test_options_in_a_uri(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def from_uri(uri: str) -> object:
        asked.append(uri)
        raise ValueError("no network")

    monkeypatch.setattr("fastml.data.files.pafs.FileSystem", SimpleNamespace(from_uri=from_uri))
    for uri in ("s3://b/k?region=eu-west-1", "s3://b/d/p-?.csv?region=eu&scheme=http", "s3://b/?x"):
        with pytest.raises(ConfigError, match="cannot be opened: no network"):
            scan(uri)
    assert asked == ["s3://b/k?region=eu-west-1", "s3://b/d/?region=eu&scheme=http", "s3://b/"]


def test_options_for_what_is_open_already(folder: Path) -> None:
    source = scan(folder)
    for given in (source, {"a": [1]}):
        with pytest.raises(ConfigError, match="'null_values' does not apply to a "):
            scan(given, null_values=["?"])
        with pytest.raises(ConfigError, match="format='csv' does not apply to a "):
            scan(given, format="csv")


def test_a_named_pipe(tmp_path: Path) -> None:
    path = tmp_path / "pipe.csv"
    os.mkfifo(path)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(path.write_bytes, b"a,b\n1,2\n")
        source = scan(path)
        assert source.name == str(path)
        assert not source.rereadable
        assert source.to_table().to_pydict() == {"a": [1], "b": [2]}


def test_missing_files(folder: Path) -> None:
    with pytest.raises(
        DataError, match=r"no file or folder .*part-1.parquet; did you mean 'part-10"
    ):
        scan(folder / "part-1.parquet")
    with pytest.raises(DataError, match=r"there is no file .*, and no folder .*/nowhere; check"):
        scan(folder / "nowhere" / "x.parquet")
    with pytest.raises(DataError, match=r"no file matches .*\*\.csv"):
        scan(str(folder / "*.csv"))
    with pytest.raises(DataError, match="there is no file ~nobody-here/x"):
        scan("~nobody-here/x")
    (folder / "empty").mkdir()
    with pytest.raises(DataError, match=r"the folder .*empty holds no files"):
        scan(folder / "empty")
    with pytest.raises(
        ConfigError, match=r"'s4://b/k' cannot be opened: .*expected a path, or a URI"
    ):
        scan("s4://b/k")


def test_a_folder_of_several_formats(folder: Path) -> None:
    (folder / "more.csv").write_text("x\n1\n")
    with pytest.raises(
        ConfigError, match=r"holds files of the formats 'csv', 'parquet'; name those"
    ):
        scan(folder)


def test_files_must_agree(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", x=[1], y=[1])
    write(tmp_path / "b.parquet", x=[1])
    with pytest.raises(SchemaError, match=r"b.parquet has no column 'y', as .*a.parquet has"):
        scan(tmp_path)
    assert scan(tmp_path, columns=["x"]).to_table()["x"].to_pylist() == [1, 1]
    write(tmp_path / "b.parquet", x=[1], y=[1], z=[1])
    with pytest.raises(SchemaError, match=r"b.parquet has a column 'z', unlike .*a.parquet"):
        scan(tmp_path)
    write(tmp_path / "b.parquet", y=[1], x=["1"])
    with pytest.raises(
        SchemaError, match=r"column 'x' is .*string.* in .*b.parquet, but int64 in .*a.p"
    ):
        scan(tmp_path)


def test_files_may_differ_in_order_nulls_and_dictionaries(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", x=[1], s=pa.nulls(1), t=["u"])
    write(tmp_path / "b.parquet", t=["v"], s=["w"], x=[2])
    pq.write_table(
        pa.table({"x": [3], "s": ["y"], "t": ["z"]}), tmp_path / "c.parquet", use_dictionary=False
    )
    got = scan(tmp_path).to_table().to_pydict()
    assert got == {"x": [1, 2, 3], "s": [None, "w", "y"], "t": ["u", "v", "z"]}


def test_partition_folders_are_columns(tmp_path: Path) -> None:
    for year in (2020, 2021):
        for place in ("a b", "__HIVE_DEFAULT_PARTITION__"):
            write(
                tmp_path / f"year={year}" / f"place={place.replace(' ', '%20')}" / "p.parquet",
                x=[year],
            )
    source = scan(tmp_path)
    assert [str(t) for t in source.schema.types][:2] == ["int64", "int64"]
    assert source.to_table().to_pydict() == {
        "x": [2020, 2020, 2021, 2021],
        "year": [2020, 2020, 2021, 2021],
        "place": [None, "a b", None, "a b"],
    }
    assert scan(tmp_path, columns=["place"]).to_table()["place"].to_pylist() == [None, "a b"] * 2
    write(tmp_path / "year=2022" / "p.parquet", x=[1])
    with pytest.raises(SchemaError, match=r"lies in folders with the keys 'year', but .*'place'"):
        scan(tmp_path)


def test_types_of_text_are_found_over_all_files(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,s\n1,1\n")
    (tmp_path / "b.csv").write_text("s;x\nz;1.5\n")
    source = scan(tmp_path)
    assert source.to_table().to_pydict() == {"x": [1.0, 1.5], "s": ["1", "z"]}
    (tmp_path / "c.csv").write_text("x\n1\n")
    with pytest.raises(SchemaError, match=r"c.csv has no column 's'"):
        scan(tmp_path)
    for name, line in (("a", '{"x": 1, "o": {"k": 1}}'), ("b", '{"x": 1.5}')):
        (tmp_path / f"{name}.jsonl").write_text(line)
    got = scan(tmp_path / "*.jsonl").to_table().to_pydict()
    assert got == {"x": [1.0, 1.5], "o.k": [1, None]}


def test_the_format_is_told_by_the_first_bytes(tmp_path: Path) -> None:
    write(tmp_path / "table.csv", x=[1])
    assert scan(tmp_path / "table.csv").to_table()["x"].to_pylist() == [1]
    (tmp_path / "t").write_text('[{"x": 1}]')
    assert scan(tmp_path / "t").schema.names == ["x"]
    (tmp_path / "t").write_text("x\n1\n")
    assert scan(tmp_path / "t").schema.names == ["x"]
    (tmp_path / "t").write_bytes(b"\x01\x00\x02")
    with pytest.raises(
        DataError, match=r"the format of .*/t cannot be told; state it with format="
    ):
        scan(tmp_path / "t")
    with pytest.raises(ConfigError, match="format 'excel' is not known; expected one of 'parquet'"):
        scan(tmp_path / "t", format="excel")
    with pytest.raises(ConfigError, match="'delimiter' does not apply to the parquet format"):
        scan(tmp_path / "table.csv", delimiter=",")


TABLE = pa.table({"n": [1, 2, 3], "s": pa.array(["a", None, "b"]).dictionary_encode()})


def arrow_bytes(table: pa.Table, stream: bool) -> bytes:
    sink = io.BytesIO()
    new = pa.ipc.new_stream if stream else pa.ipc.new_file
    with new(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    return sink.getvalue()


@pytest.mark.parametrize("stream", [True, False])
def test_arrow_files_and_streams(tmp_path: Path, stream: bool) -> None:
    (tmp_path / "t.arrow").write_bytes(arrow_bytes(TABLE, stream))
    source = scan(tmp_path / "t.arrow")
    assert source.num_rows == (None if stream else 3)
    assert source.rereadable
    for _ in range(2):
        assert source.to_table().to_pydict() == TABLE.to_pydict()
    assert source.slice(1, 1).to_table().to_pydict() == {"n": [2], "s": [None]}
    assert source.select(["s", "n"]).to_table().column_names == ["s", "n"]


def test_feather(tmp_path: Path) -> None:
    feather.write_feather(TABLE, tmp_path / "t.feather")
    assert scan(tmp_path / "t.feather").to_table().to_pydict() == TABLE.to_pydict()
    (tmp_path / "old.feather").write_bytes(b"FEA1 and so on")
    with pytest.raises(DataError, match=r"old.feather is a Feather file of version 1"):
        scan(tmp_path / "old.feather")


def test_an_arrow_stream_on_standard_input() -> None:
    source = scan(io.BytesIO(arrow_bytes(TABLE, stream=True)))
    assert source.to_table().to_pydict() == TABLE.to_pydict()
    with pytest.raises(DataError, match="can be read only once"):
        source.to_table()
    for data in (arrow_bytes(TABLE, stream=False), b"PAR1 and so on"):
        with pytest.raises(
            ConfigError, match="cannot be read as it comes: its index is at the end"
        ):
            scan(io.BytesIO(data))


def test_a_truncated_arrow_stream(tmp_path: Path) -> None:
    (tmp_path / "t.arrows").write_bytes(arrow_bytes(TABLE, stream=True)[:-60])
    with pytest.raises(DataError, match=r"t.arrows cannot be read: .*check that the file is whole"):
        scan(tmp_path / "t.arrows").to_table()


def test_a_pipe(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as pipe:
        pipe.write(b"a,b\n1,2\n")
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        assert scan(pipe).to_table().to_pydict() == {"a": [1], "b": [2]}
