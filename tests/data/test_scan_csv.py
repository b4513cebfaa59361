"""Delimited text: dialects, encodings, types over the whole file, and faults that name the row."""

from __future__ import annotations

import bz2
import datetime
import gc
import gzip
import io
from pathlib import Path

import pyarrow as pa
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from fastml.data import Source, scan
from fastml.data.csv_stream import GuardedText
from fastml.data.inference import TextTypes
from fastml.errors import ConfigError, DataError, SchemaError


@pytest.fixture
def csv(tmp_path: Path):
    def write(text: str | bytes, **options: object) -> Source:
        path = tmp_path / "t.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return scan(path, **options)

    return write


def types_of(source: Source) -> dict[str, str]:
    return {field.name: str(field.type) for field in source.schema}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(csv, delimiter: str) -> None:
    text = f'a{delimiter}b\n1{delimiter}"x,;|\ty"\n2{delimiter}\n'
    for options in ({}, {"delimiter": delimiter}):
        assert csv(text, **options).to_table().to_pydict() == {"a": [1, 2], "b": ["x,;|\ty", None]}


def test_a_wrong_delimiter_is_told(csv) -> None:
    with pytest.raises(
        DataError, match=r"has one column, 'a;b', when cut at ',', but 2 .* pass delimiter=';'"
    ):
        csv("a;b\n1;2\n", delimiter=",")


def test_one_column_needs_no_delimiter(csv) -> None:
    assert csv("a\n1\n2\n").to_table().to_pydict() == {"a": [1, 2]}


def test_quotes_escapes_and_line_ends(csv) -> None:
    got = csv('a,b\r\n"x ""y""\r\nz",1\r\n\r\n5" pipe,2\r\n').to_table().to_pydict()
    assert got == {"a": ['x "y"\r\nz', '5" pipe'], "b": [1, 2]}
    assert csv("a,b\n'x,y',1\n", quote="'").to_table().to_pydict() == {"a": ["x,y"], "b": [1]}
    assert csv('a,b\n"x\\",y",1\n', escape="\\").to_table().to_pydict() == {"a": ['x",y'], "b": [1]}
    assert csv('a,b\n"x,1\n', quote=None).to_table().to_pydict() == {"a": ['"x'], "b": [1]}


@pytest.mark.parametrize(
    ("encoding", "stated"),
    [
        ("utf-8", None),
        ("utf-8-sig", None),
        ("utf-16", None),
        ("latin-1", "latin-1"),
        ("cp1252", "cp1252"),
        ("utf-8-sig", "utf-8-sig"),
    ],
)
def test_encodings(csv, encoding: str, stated: str | None) -> None:
    source = csv("é,b\nñ,2\n".encode(encoding), encoding=stated)
    assert source.to_table().to_pydict() == {"é": ["ñ"], "b": [2]}


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, zstandard.ZstdCompressor().compress])
def test_packed_text_whatever_its_name(csv, pack) -> None:
    assert csv(pack(b"a,b\n1,2\n")).to_table().to_pydict() == {"a": [1], "b": [2]}


def test_bad_utf8_names_column_and_row(csv) -> None:
    text = b"a,city\n" + b"1,Bern\n" * 3_000 + b"2,Z\xfcrich\n"
    with pytest.raises(
        DataError, match=r"column 'city' holds the byte 0xFC at row 3,001, .*encoding='latin-1'"
    ):
        csv(text)
    assert csv(text, encoding="latin-1").slice(3_000).to_table()["city"].to_pylist() == ["Zürich"]
    with pytest.raises(DataError, match=r"t.csv is not in the encoding that was stated"):
        csv("a,b\n1,2\n".encode("utf-16") + b"\x00\xd8")


def test_types_are_found_over_the_whole_file(csv) -> None:
    rows = "n,f,s,b,d,t\n1,1,1,true,2020-01-01,2020-01-01\n"
    rows += "2,2,2,False,2020-01-02,2020-01-02\n" * 200_000
    source = csv(rows + "3,3.5,x,,2020-01-03,2020-01-03 10:30\n")
    assert types_of(source) == {
        "n": "int64",
        "f": "double",
        "s": "string",
        "b": "bool",
        "d": "date32[day]",
        "t": "timestamp[us]",
    }
    assert source.num_rows == 200_002
    last = source.slice(200_001).to_table().to_pylist()
    assert last[0]["s"] == "x"
    assert last[0]["t"] == datetime.datetime(2020, 1, 3, 10, 30)


def test_other_types(csv) -> None:
    source = csv(
        "z,h,big,hex,pad,nil,mixed\n"
        "2020-01-01T10:00:00Z,10:30,1e20,0x10, 7 ,,true\n"
        "2020-01-01T10:00:00+01:00,23:59:59.5,1,17,8,NA,1\n"
    )
    assert types_of(source) == {
        "z": "timestamp[us, tz=UTC]",
        "h": "time64[us]",
        "big": "double",
        "hex": "string",
        "pad": "int64",
        "nil": "null",
        "mixed": "string",
    }


def test_decimal_comma_and_own_date_format(csv) -> None:
    source = csv("x;d\n1,5;31/12/2020\n2;01/01/2021\n", decimal=",", timestamp_formats=["%d/%m/%Y"])
    assert source.to_table().to_pydict() == {
        "x": [1.5, 2.0],
        "d": [datetime.datetime(2020, 12, 31), datetime.datetime(2021, 1, 1)],
    }


def test_null_markers(csv) -> None:
    text = "a,b\n?,x\n2,NA\n,?\n"
    assert csv(text).to_table().to_pydict() == {"a": ["?", "2", None], "b": ["x", None, "?"]}
    assert csv(text, null_values=["?"]).to_table().to_pydict() == {
        "a": [None, 2, None],
        "b": ["x", None, None],
    }
    kept = csv(text, null_values=["?"], default_nulls=False, types={"a": "string"})
    assert kept.to_table().to_pydict() == {"a": [None, "2", ""], "b": ["x", "NA", None]}


def test_quoted_null_markers_are_values_of_text_alone(csv) -> None:
    text = 'n,s,d,b,t,h\n1,"NA",2020-01-01,true,2020-01-01 10:00,10:30\n"","",,"","NA",""\n'
    for source in (csv(text), csv(text, types=dict(TYPES)), csv(text, types={"n": "int64"})):
        assert types_of(source) == TYPES
        got = source.to_table().to_pydict()
        assert got == {
            "n": [1, None],
            "s": ["NA", ""],
            "d": [datetime.date(2020, 1, 1), None],
            "b": [True, None],
            "t": [datetime.datetime(2020, 1, 1, 10), None],
            "h": [datetime.time(10, 30), None],
        }
    assert csv('a,b\n"",\n"",\n').to_table().to_pydict() == {"a": ["", ""], "b": [None, None]}
    with pytest.raises(DataError, match=r"column 'n' has 1 value .* first 'x' at row 2"):
        csv('n,s\n"",y\nx,y\n', types={"n": "int64"}).to_table()


TYPES = {
    "n": "int64",
    "s": "string",
    "d": "date32[day]",
    "b": "bool",
    "t": "timestamp[us]",
    "h": "time64[us]",
}


def test_quoted_numbers_with_a_decimal_comma_and_dates_of_an_own_format(csv) -> None:
    source = csv(
        'x;d\n"1,5";"31/12/2020"\n"NA";"NA"\n', decimal=",", timestamp_formats=["%d/%m/%Y"]
    )
    assert source.to_table().to_pydict() == {
        "x": [1.5, None],
        "d": [datetime.datetime(2020, 12, 31), None],
    }


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["02134", "10001"], "string"),
        (["1.5", "007"], "string"),
        (["0", "0.5", "00.5"], "double"),
        (["0", "10"], "int64"),
        (["9223372036854775807", "-9223372036854775808"], "int64"),
        (["9223372036854775808", "1"], "string"),
        (["1.5", "99999999999999999999"], "string"),
        (["1e20", "0.12345678901234567890123"], "double"),
    ],
)
def test_whole_numbers_keep_their_digits(csv, values: list[str], expected: str) -> None:
    for order in (values, values[::-1]):
        text = "a,b\n" + "".join(f"{value},1\n" for value in order)
        assert types_of(csv(text))["a"] == expected
        assert types_of(csv(text, types={"a": "float64"}))["a"] == "double"


def test_blank_lines_of_one_column_are_nulls(csv) -> None:
    assert csv("\n\na\n1\n\n2\n").to_table().to_pydict() == {"a": [1, None, 2]}
    assert csv("a\r\nx\r\n\r\n").to_table().to_pydict() == {"a": ["x", None]}
    assert csv("\na,b\n\n1,2\n\n").to_table().to_pydict() == {"a": [1], "b": [2]}


def test_declared_types(csv) -> None:
    source = csv("zip,n\n01234,1\n", types={"zip": "string", "n": pa.float32()})
    assert source.to_table().to_pydict() == {"zip": ["01234"], "n": [1.0]}
    assert types_of(source)["n"] == "float"
    with pytest.raises(SchemaError, match="no column 'zap'; did you mean 'zip'"):
        csv("zip,n\n01234,1\n", types={"zap": "string"})
    with pytest.raises(ConfigError, match="there is no such type; expected 'string', 'int64'"):
        csv("zip,n\n01234,1\n", types={"zip": "str7"})


def test_values_that_are_not_of_the_declared_type(csv) -> None:
    text = "id,tenure\n" + "1,2\n" * 3_416 + "1,n.a.\n" + "1,3\n" * 5 + "1,-\n"
    with pytest.raises(
        DataError,
        match=r"column 'tenure' has 2 values that cannot be read as double, the first 'n.a.' at "
        r"row 3,417 of .*t.csv; declare it as a null marker, null_values=\['n.a.'\]",
    ):
        csv(text, types={"tenure": "float64"}).to_table()


@pytest.mark.parametrize(("row", "fields"), [("1,2,3", "3 fields"), ("1", "1 field")])
@pytest.mark.parametrize("rows", [0, 400_000])
def test_ragged_rows(csv, row: str, fields: str, rows: int) -> None:
    with pytest.raises(
        DataError, match=rf"row {rows + 1:,} of .*t.csv has {fields}, but the header has 2: '{row}'"
    ):
        csv("a,b\n" + "1,2\n" * rows + row + "\n")


@pytest.mark.parametrize("text", ['1,2\n"3,4\n', '1,2\n3,"4\n', '1,2\n3,"x ""4\n', '1,5" z\n3,"'])
@pytest.mark.parametrize("rows", [0, 10, 400_000, 600_000])
def test_a_quote_that_is_never_closed(csv, text: str, rows: int) -> None:
    found = r"after row 1, a row of over" if rows == 600_000 else r"in row 2, .*"
    with pytest.raises(
        DataError, match=rf"t.csv has, {found}.* quote \(\"\) that is opened and never closed"
    ):
        csv("a,b\n" + text + "5,6\n" * rows)


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
def test_quotes_that_open_nothing(csv, end: str) -> None:
    for text in ('5" pipe', '"5"" pipe"', '"5\n6"', '"5\n"', "'5"):
        assert csv(f"a,b\n1,{text}{end}").count_rows() == 1
    assert csv(f'a,b\n1,"x{end}', quote=None).to_table()["b"].to_pylist() == ['"x']


def test_a_stream_is_looked_at_up_to_the_middle_of_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    text = b"a,b\n" + b'1,"x\ny"\n' * 1_000
    for prefix in range(500, 510):
        monkeypatch.setattr("fastml.data.csv._PREFIX", prefix)
        source = scan(io.BytesIO(text))
        assert types_of(source) == {"a": "int64", "b": "string"}
        assert source.count_rows() == 1_000


def test_arrow_has_let_go_of_python_when_reading_ends(csv) -> None:
    """A thread that has not when the interpreter exits aborts the process."""
    csv("a,b\n1,2\n")
    with pytest.raises(DataError, match="has 1 field") as caught:
        csv("a,b\n1,2\n1\n")
    assert not any(isinstance(o, GuardedText) for o in gc.get_objects())
    assert caught.value.__cause__ is not None


def test_an_empty_file(csv) -> None:
    with pytest.raises(DataError, match=r"t.csv is empty"):
        csv("")
    with pytest.raises(DataError, match=r"t.csv is empty; expected a line of column names"):
        csv("\n\n")


@pytest.mark.parametrize("text", ["a,b\n", "a,b"])
def test_a_header_alone_is_a_table_without_rows(csv, text: str) -> None:
    source = csv(text)
    assert source.schema.names == ["a", "b"]
    assert source.count_rows() == 0
    assert list(source.blocks()) == []


def test_doubled_columns(csv) -> None:
    with pytest.raises(SchemaError, match="more than one column named 'a'; rename them"):
        csv("a,b,a\n1,2,3\n")


def test_files_without_a_header(csv) -> None:
    assert csv("1,x\n2,y\n", names=["n", "s"]).to_table().to_pydict() == {
        "n": [1, 2],
        "s": ["x", "y"],
    }
    assert csv("made by\na,b\n1,2\n", skip_rows=1).to_table().to_pydict() == {"a": [1], "b": [2]}
    with pytest.raises(
        ConfigError, match=r"names has 1 entries, but the first row .* has 2 fields"
    ):
        csv("1,x\n", names=["n"])


def test_options_are_checked(csv) -> None:
    with pytest.raises(ConfigError, match="delimiter is ';;'; expected one character"):
        csv("a\n1\n", delimiter=";;")
    with pytest.raises(ConfigError, match="encoding 'klingon' is not known"):
        csv("a\n1\n", encoding="klingon")
    with pytest.raises(ConfigError, match=r"expected a list: \['\?'\]"):
        csv("a\n1\n", null_values="?")
    with pytest.raises(ConfigError, match="scan has no option 'sep'"):
        csv("a\n1\n", sep=",")
    with pytest.raises(ConfigError, match="records= does not apply to delimited text"):
        csv("a\n1\n", records="rows")


def test_only_selected_columns_are_converted(csv) -> None:
    source = csv("a,b,c\n1,x,3\n", columns=["c", "a"])
    assert source.to_table().to_pydict() == {"c": [3], "a": [1]}


def test_standard_input_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer = io.BytesIO(b"a,b\n1,2\n3,4\n")

    monkeypatch.setattr("sys.stdin", Stdin)
    source = scan("-")
    assert not source.rereadable
    assert source.to_table().to_pydict() == {"a": [1, 3], "b": [2, 4]}
    with pytest.raises(DataError, match="can be read only once, and was read already; write it"):
        source.to_table()


def test_a_file_object_must_give_bytes() -> None:
    with pytest.raises(ConfigError, match="open it for bytes"):
        scan(io.StringIO("a\n1\n"))


def test_a_surprise_beyond_what_was_looked_at_in_a_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastml.data.csv._PREFIX", 1_000)
    source = scan(io.BytesIO(b"a,b\n" + b"1,2\n" * 1_000 + b"x,2\n"))
    assert types_of(source) == {"a": "int64", "b": "int64"}
    with pytest.raises(DataError, match=r"can be read only once, so the types were found from"):
        source.to_table()


@given(
    st.lists(
        st.sampled_from(
            ["1", "-7", "2.5", "1e3", "007", "NA", "", "true", "False", "2020-01-01",
             "2020-01-01 10:00", "10:30", "2020-01-01T10:00:00Z", "x", " 3 ", "+1", "inf", None,
             "99999999999999999999", "0x1F"]
        ),
        max_size=6,
    ),
    st.integers(0, 6),
)  # fmt: skip
def test_types_do_not_depend_on_how_rows_are_cut(values: list[str | None], cut: int) -> None:
    def fold(*parts: list[str | None]) -> tuple[pa.DataType, bool]:
        state = TextTypes(1, markers=["NA", ""])
        for part in parts:
            state.update(state.of([pa.array(part, pa.string())]))
        kind = state.types[0]
        return kind, state.marked[0] and kind != pa.string()

    whole = fold(values)
    assert fold(values[:cut], values[cut:]) == whole
    assert fold(values[cut:], values[:cut]) == whole
