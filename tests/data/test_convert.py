"""`convert`: what is written is read back the same; what fails leaves nothing."""

from __future__ import annotations

import datetime
import gzip
import json
import resource
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastml.data import convert, scan
from fastml.errors import ConfigError, DataError, SchemaError

FORMATS = [
    "csv",
    "csv.gz",
    "jsonl",
    "ndjson.zst",
    "json",
    "json.gz",
    "parquet",
    "arrow",
    "feather",
    "arrows",
]
VIEW = pa.binary_view()

text = st.text(max_size=8).filter(lambda s: "\0" not in s)
rows = st.lists(
    st.fixed_dictionaries(
        {
            "i": st.none() | st.integers(-(2**62), 2**62),
            "f": st.none() | st.floats(allow_nan=False, allow_infinity=False),
            "s": st.none() | text.map(lambda s: "t" + s),  # never a null marker, never a number
            "b": st.none() | st.booleans(),
            "t": st.none()
            | st.datetimes(datetime.datetime(1700, 1, 1), datetime.datetime(2200, 1, 1)),
        }
    ),
    min_size=1,
    max_size=20,
)
SCHEMA = pa.schema(
    {"i": pa.int64(), "f": pa.float64(), "s": pa.string(), "b": pa.bool_(), "t": pa.timestamp("us")}
)


@pytest.mark.parametrize("ending", FORMATS)
@given(records=rows)
def test_what_is_written_is_read_back(tmp_path_factory, ending: str, records: list[dict]) -> None:
    path = tmp_path_factory.mktemp("out") / f"t.{ending}"
    table = pa.Table.from_pylist(records, schema=SCHEMA)
    assert convert(table, path) == len(records)
    got = scan(path).to_table()
    for name in SCHEMA.names:
        expected = table[name].to_pylist()
        if any(value is not None for value in expected):
            kind = SCHEMA.field(
                name
            ).type  # where all values are whole, floats come back as integers
            assert got[name].cast(kind).to_pylist() == expected


@pytest.mark.parametrize(
    "columns",
    [
        {"s": ["NA", "DE", "", None, "null"], "n": [1, None, 2, None, 3]},
        {"s": ["NA", None, "", "x", None]},
        {"n": [None, 1, None]},
        {"zip": ["02134", None, "10001"]},
    ],
)
def test_missing_values_and_texts_that_look_so_stay_apart(tmp_path: Path, columns: dict) -> None:
    convert(columns, tmp_path / "t.csv")
    assert scan(tmp_path / "t.csv").to_table().to_pydict() == columns


def test_large_tables_are_written_in_batches(tmp_path: Path) -> None:
    seen: list[int] = []
    batches = (pa.record_batch({"x": np.arange(i, i + 50_000)}) for i in range(0, 300_000, 50_000))
    assert convert(batches, tmp_path / "t.parquet", progress=seen.append) == 300_000
    assert seen == [131_072, 262_144, 300_000]
    source = scan(tmp_path / "t.parquet")
    assert np.array_equal(source.to_table()["x"].to_numpy(), np.arange(300_000))


def test_columns_and_formats_stated(tmp_path: Path) -> None:
    table = pa.table({"a": [1], "b": ["x"]})
    convert(table, tmp_path / "out.txt", format="jsonl", columns=["b"])
    assert (tmp_path / "out.txt").read_text() == '{"b":"x"}\n'
    convert(table, tmp_path / "out.json.gz")
    assert json.loads(gzip.decompress((tmp_path / "out.json.gz").read_bytes())) == [
        {"a": 1, "b": "x"}
    ]
    with pytest.raises(ConfigError, match=r"the name .*out.dat tells no format; end it in .csv"):
        convert(table, tmp_path / "out.dat")
    with pytest.raises(ConfigError, match="is not on this machine"):
        convert(table, "s3://bucket/out.csv")


@pytest.mark.parametrize("ending", FORMATS)
def test_a_table_without_rows(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"t.{ending}"
    assert convert(pa.table({"a": pa.array([], pa.int64())}), path) == 0
    if "json" in ending:  # which has no place for columns without rows
        assert path.exists()
    else:
        assert scan(path).count_rows() == 0
        assert scan(path).schema.names == ["a"]


def test_json_of_values_that_it_has_no_type_for(tmp_path: Path) -> None:
    table = pa.table(
        {
            "f": [float("nan"), float("inf"), 1.0],
            "s": ['a"b\\c\n\t\x01', "é😀", None],
            "o": [{"x": 1}, None, {"x": 2}],
            "l": [[1, 2], None, []],
            "d": pa.array([datetime.date(2020, 1, 1), None, None]),
            "u": pa.array([1, None, 2], pa.duration("s")),
            "c": pa.array(["p", None, "p"]).dictionary_encode(),
        }
    )
    convert(table, tmp_path / "t.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()]
    assert lines == [
        {
            "f": None,
            "s": 'a"b\\c\n\t\x01',
            "o.x": 1,
            "l": [1, 2],
            "d": "2020-01-01",
            "u": 1,
            "c": "p",
        },
        {"f": None, "s": "é😀", "o.x": None, "l": None, "d": None, "u": None, "c": None},
        {"f": 1, "s": None, "o.x": 2, "l": [], "d": None, "u": 2, "c": "p"},
    ]


def test_json_of_lists(tmp_path: Path) -> None:
    table = pa.table(
        {
            "f": [[1.0, float("nan"), None], [float("-inf")], None],
            "d": [[datetime.date(2020, 1, 1)], [], None],
            "o": [[{"x": float("nan"), "y": "é"}], [None], None],
        }
    )
    convert(table, tmp_path / "t.json")
    assert json.loads((tmp_path / "t.json").read_text(), parse_constant=pytest.fail) == [
        {"f": [1, None, None], "d": ["2020-01-01"], "o": [{"x": None, "y": "é"}]},
        {"f": [None], "d": [], "o": [None]},
        {"f": None, "d": None, "o": None},
    ]


@pytest.mark.parametrize("ending", ["jsonl", "json", "csv"])
@pytest.mark.parametrize(
    "column",
    [[b"x"], [[b"x"]], [{"deep": b"x"}], pa.array([b"x"], pa.binary(1)), pa.array([b"x"], VIEW)],
)
def test_text_holds_no_bytes(tmp_path: Path, ending: str, column: object) -> None:
    with pytest.raises(SchemaError, match=r"column 'b.*' is .*binary.*, which .* cannot hold"):
        convert({"b": column}, tmp_path / f"t.{ending}")
    assert list(tmp_path.iterdir()) == []


def test_parquet_keeps_types(tmp_path: Path) -> None:
    table = pa.table(
        {
            "o": [{"x": 1}],
            "t": pa.array([1], pa.timestamp("us", "Europe/Zurich")),
            "e": pa.array([1], pa.decimal128(5, 2)),
        }
    )
    convert(table, tmp_path / "t.parquet")
    assert pq.read_table(tmp_path / "t.parquet").equals(table)


def test_types_that_text_cannot_hold(tmp_path: Path) -> None:
    with pytest.raises(
        SchemaError, match=r"column 'l' is list.*, which delimited text cannot hold"
    ):
        convert(pa.table({"l": [[1]]}), tmp_path / "t.csv")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ["csv", "jsonl", "json"])
def test_a_time_zone_that_there_is_not(tmp_path: Path, ending: str) -> None:
    table = pa.table({"t": pa.array([1], pa.timestamp("us", "Mars/Olympus"))})
    with pytest.raises(SchemaError, match=r"cannot hold: .*Mars/Olympus.*; leave it out"):
        convert(table, tmp_path / f"t.{ending}")


def test_a_fault_in_the_source_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("a,b\n" + "1,2\n" * 300_000 + "1\n")
    source = tmp_path / "in.csv"
    with pytest.raises(DataError, match=r"row 300,001 of .*in.csv has 1 field"):
        convert(scan(source, types={"a": "int64", "b": "int64"}), tmp_path / "out.parquet")
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize("ending", FORMATS)
def test_a_full_disk_leaves_what_was_there(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"out.{ending}"
    path.write_text("before")
    table = pa.table({"x": np.random.default_rng(0).normal(size=100_000)})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(DataError, match="was not written: the disk is full"):
            convert(table, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_read_is_not_written_over(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("a;b\n1;2\n")
    with pytest.raises(ConfigError, match="would be overwritten"):
        convert(file, file)
    with pytest.raises(ConfigError, match="lies in the folder that is read"):
        convert(tmp_path, tmp_path / "all.parquet")
    assert file.read_text() == "a;b\n1;2\n"
