"""JSON Lines and arrays of records: nesting, whole-file types, bounded memory, faults with rows."""

from __future__ import annotations

import datetime
import io
import json
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastml.data import Source, json_blocks, scan
from fastml.errors import ConfigError, DataError, SchemaError


@pytest.fixture
def file(tmp_path: Path):
    def write(text: str | bytes, name: str = "t.jsonl", **options: object) -> Source:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return scan(path, **options)

    return write


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut the text every 64 bytes, so that short texts have many blocks."""
    monkeypatch.setattr(json_blocks, "BLOCK_BYTES", 64)


RECORDS = [
    {"a": 1, "s": 'x,]}"{\\', "o": {"b": {"c": 1.5}, "l": [1, 2]}},
    {"a": None, "s": "é\n\t", "o": None},
    {"s": "\\", "a": 2},
    {"a": 3, "o": {"b": None}},
]
FLAT = {
    "a": [1, None, 2, 3],
    "s": ['x,]}"{\\', "é\n\t", "\\", None],
    "o.b.c": [1.5, None, None, None],
    "o.l": [[1, 2], None, None, None],
}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("".join(json.dumps(r) + "\n" for r in RECORDS), "t.jsonl"),
        ("\r\n\r\n".join(json.dumps(r) for r in RECORDS), "t.ndjson"),
        (json.dumps(RECORDS), "t.json"),
        (json.dumps(RECORDS, indent=2, ensure_ascii=False), "t.json"),
        ("\ufeff" + json.dumps(RECORDS), "t.json"),
        ("  \n" + json.dumps(RECORDS, indent=2), "t.dat"),
    ],
)
@pytest.mark.usefixtures("small_blocks")
def test_records_in_every_form(file, text: str, name: str) -> None:
    source = file(text, name)
    assert source.num_rows == 4
    assert source.to_table().to_pydict() == FLAT
    assert source.select(["o.b.c"]).to_table().to_pydict() == {"o.b.c": FLAT["o.b.c"]}


@given(
    st.lists(
        st.fixed_dictionaries(
            {"t": st.text(max_size=20), "n": st.none() | st.integers(-(2**53), 2**53)},
            optional={"o": st.fixed_dictionaries({"x": st.booleans()})},
        ),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from([None, 1]),
    st.booleans(),
    st.integers(1, 200),
)
def test_arrays_are_cut_at_records_alone(records, indent, ascii_only: bool, block: int) -> None:
    text = json.dumps(records, indent=indent, ensure_ascii=ascii_only)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_blocks, "BLOCK_BYTES", block)
        lines = b"".join(
            b + b"\n"
            for b in json_blocks.record_blocks(
                pa.BufferReader(text.encode("utf-8", "surrogatepass")), 1, "t"
            )
        )
    assert [json.loads(line) for line in lines.splitlines() if line.strip()] == records


ZONED = pa.timestamp("us", "UTC")


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["2020-01-01T10:00:00+01:00", "2020-01-01T10:00:00Z"], ZONED),
        (["2020-01-01T10:00:00.5Z", "2020-01-01T10:00:00Z"], ZONED),
        (["2020-01-01T10:00:00", "2020-01-02"], pa.timestamp("s")),
        (["2020-01-01T10:00:00", "2020-01-01T10:00:00.5"], pa.timestamp("us")),
        (["2020-01-01T10:00:00Z", "2020-01-01T10:00:00"], pa.string()),
        (["2020-01-01T10:00:00.5", "2020-01-01T10:00:00Z"], pa.string()),
        (["2020-01-01T10:00:00Z", "x"], pa.string()),
    ],
)
@pytest.mark.parametrize("block", [16, 1 << 20])
def test_times_keep_their_offsets(
    file, monkeypatch: pytest.MonkeyPatch, texts: list[str], expected: pa.DataType, block: int
) -> None:
    monkeypatch.setattr(json_blocks, "BLOCK_BYTES", block)
    for order in (texts, texts[::-1]):
        records = [{"t": text, "o": {"t": text}, "l": [text, None]} for text in order]
        text = "".join(json.dumps(record) + "\n" for record in records)
        got = file(text).to_table()
        assert got.schema.types == [expected, expected, pa.list_(expected)]
        assert got["t"].equals(pa.chunked_array([order]).cast(expected))
        stated = file(text, types={"t": "string", "o.t": "string"})
        assert stated.to_table()["o.t"].to_pylist() == order
        assert stated.schema.types[0] == pa.string()


def test_records_under_a_key(file) -> None:
    text = '{"meta": {"rows": [1], "x": "\\"rows\\": ["}, "rows" : [{"a": 1}, {"a": 2}], "n": 2}'
    assert file(text, "t.json", records="rows").to_table().to_pydict() == {"a": [1, 2]}
    with pytest.raises(DataError, match=r"is one JSON object; .* records='rows'"):
        file(text, "t.json")
    with pytest.raises(
        DataError, match="no array under the key 'x' of its top object; found 'rows'"
    ):
        file(text, "t.json", records="x")
    with pytest.raises(DataError, match="is one JSON object; expected one record a line"):
        file('{\n "a": 1\n}', "t.json")


def test_one_record_is_a_table_of_one_row(file) -> None:
    assert file('{"a": 1, "tags": ["x"]}', "t.json").to_table().to_pydict() == {
        "a": [1],
        "tags": [["x"]],
    }


@pytest.mark.usefixtures("small_blocks")
def test_types_are_found_over_the_whole_file(file) -> None:
    text = (
        '{"a": 1, "t": "2020-01-01"}\n' * 100
        + '{"a": 1.5, "new": "x", "t": "2020-01-01 10:00:00.5"}\n'
    )
    source = file(text)
    assert {f.name: str(f.type) for f in source.schema} == {
        "a": "double",
        "t": "timestamp[us]",
        "new": "string",
    }
    assert source.slice(100).to_table().to_pylist() == [
        {"a": 1.5, "t": datetime.datetime(2020, 1, 1, 10, 0, 0, 500_000), "new": "x"}
    ]


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("rows", [1, 100])
def test_mixed_types_name_column_and_row(file, rows: int) -> None:
    fault = (
        rf"column 'o.a' of .*t.jsonl holds a number .* and a text, '\"x\"', at row {rows + 1:,};"
    )
    with pytest.raises((SchemaError, DataError), match=fault):
        file('{"o": {"a": 1}}\n' * rows + '{"o": {"a": "x"}}\n')


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('{"a" 2}', "row 3 of .* is not valid JSON: Expecting ':' delimiter at character 6"),
        ('{"a": 2', "row 3 of .* is not valid JSON"),
        ("[1]", r"row 3 of .* is '\[1\]'; expected an object"),
        ('{"a": 1, "a": 2}', "row 3 of .* holds the key 'a' more than once"),
        (b'{"b": "\xe9"}', "row 3 of .* is not UTF-8: it holds the byte 0xE9; .*latin-1"),
    ],
)
def test_faults_name_the_row(file, line: str | bytes, fault: str) -> None:
    line = line.encode() if isinstance(line, str) else line
    with pytest.raises(DataError, match=fault):
        file(b'{"a": 1}\n\n{"a": 1}\n' + line + b"\n")


def test_an_array_that_is_cut_short(file) -> None:
    with pytest.raises(DataError, match=r"t.json ends before its array of records does"):
        file('[{"a": 1}, {"a": 2}', "t.json")
    with pytest.raises(DataError, match=r"t.json has no records with a field"):
        file("[]", "t.json")
    with pytest.raises(DataError, match=r"t.json is empty"):
        file(" \n", "t.json")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('[{"a":1}]\n[{"a":2}]', r"row 1 of .* is the last .* text goes on after it, with '\["),
        ('[{"a":1},{"a":2}]' + " " * 100 + "xyz", "row 2 of .* goes on after it, with 'x"),
        ('[{"a":1}},{"a":2}]', "row 1 of .* is followed by '}', which closes nothing"),
        ('[{"a":1},,{"a":2}]', "row 2 of .* is empty: nothing stands between two commas"),
        ('[{"a":1},\n {"a":2},\n]', "row 3 of .* is empty"),
        ('[,{"a":1}]', "row 1 of .* is empty"),
        ("[,]", "row 1 of .* is empty"),
    ],
)
@pytest.mark.parametrize("block", [1, 7, 64, 1 << 20])
def test_nothing_is_lost_around_an_array(
    file, monkeypatch: pytest.MonkeyPatch, text: str, fault: str, block: int
) -> None:
    monkeypatch.setattr(json_blocks, "BLOCK_BYTES", block)
    with pytest.raises(DataError, match=fault):
        file(text, "t.json")
    assert file('\n[ {"a":1} ,{"a":2}\n]\n' + " " * 100, "t.json").count_rows() == 2


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("indent", [None, 1])
def test_an_array_that_comes_by_once(monkeypatch: pytest.MonkeyPatch, indent: int | None) -> None:
    records = [{"a": i, "s": f"é{i}\n"} for i in range(200)]
    text = json.dumps(records, indent=indent, ensure_ascii=False).encode()
    for prefix in range(500, 520):
        monkeypatch.setattr("fastml.data.json._PREFIX", prefix)
        assert scan(io.BytesIO(text)).to_table().to_pylist() == records
    with pytest.raises(DataError, match="it is cut short"):
        scan(io.BytesIO(text[:-1])).to_table()


def test_declared_types(file) -> None:
    source = file('{"o": {"n": 1}, "z": 1}\n', types={"o.n": "float64"})
    assert [str(t) for t in source.schema.types] == ["double", "int64"]
    with pytest.raises(DataError, match=r"'o.n' .* holds a text \(as declared\) and a number"):
        file('{"o": {"n": 1}, "z": 1}\n', types={"o.n": "string"})
    with pytest.raises(ConfigError, match="delimiter= does not apply to JSON; it takes 'encoding'"):
        file('{"a": 1}', delimiter=",")


def test_encodings(file) -> None:
    for encoding in ("klingon", "base64"):
        with pytest.raises(ConfigError, match=f"encoding '{encoding}' is not known; expected a"):
            file('{"a": 1}', encoding=encoding)
    assert file('{"a": "é"}'.encode("utf-16")).to_table().to_pydict() == {"a": ["é"]}
    assert file('{"a": "é"}'.encode("latin-1"), encoding="latin-1").head().to_pydict() == {
        "a": ["é"]
    }


@pytest.mark.usefixtures("small_blocks")
def test_a_stream_with_a_surprise_beyond_what_was_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fastml.data.json._PREFIX", 100)
    source = scan(io.BytesIO(b'{"a": 1}\n' * 100 + b'{"a": 1, "late": 2}\n'))
    with pytest.raises(DataError, match="unexpected field"):
        source.to_table()


def test_a_record_larger_than_a_block_may_be(file, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_blocks, "BLOCK_BYTES", 64)
    monkeypatch.setattr(json_blocks, "_LARGEST_RECORD", 1_000)
    assert file('{"a": "' + "x" * 500 + '"}').count_rows() == 1
    with pytest.raises(DataError, match="has a record of over"):
        file('{"a": "' + "x" * 2_000 + '"}')
