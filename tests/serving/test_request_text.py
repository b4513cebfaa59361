"""The readers of requests beside Python's: what is well formed means the same; nothing crashes."""

from __future__ import annotations

import csv
import io
import json
import math
import struct
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastml._native.predictor import FORMS, HEADERS, Predictor
from fastml.errors import DataError

pytestmark = pytest.mark.kernel

# As `request::Wants` numbers them.
NUMBER, SINGLE, BOOLEAN, TEXT, LABEL, DATE, MOMENT, CLOCK = range(8)
MARKERS = [b"", b"NA", b"-999"]


def reader(
    *fields: tuple[str, int] | tuple[str, int, int, bool],
    dialect: tuple[bytes, bytes, bytes, bytes] = (b",", b'"', b"", b"."),
) -> Predictor:
    """Return a predictor without a model: it reads."""
    whole = [field if len(field) == 4 else (*field, 1, False) for field in fields]
    return Predictor(whole, (*dialect, MARKERS), False, [], 0.5)


def values_of(
    predictor: Predictor, body: bytes, form: str, header: bool | None = None
) -> list[Any]:
    """Return the columns of a request as lists, with None for what is missing."""
    n, columns = predictor.read(body, FORMS[form], HEADERS[header])
    return [_values(parts, n) for parts in columns]


def _values(parts: tuple[bytes, ...], n: int) -> list[Any]:
    if len(parts) == 1:
        found = np.frombuffer(parts[0], np.float64).tolist()
        return [None if math.isnan(value) else value for value in found]
    buffers = [pa.py_buffer(part) for part in parts]
    if len(parts) == 2:
        return pa.Array.from_buffers(pa.int64(), n, buffers[::-1]).to_pylist()
    offsets, text, valid = buffers
    array = pa.Array.from_buffers(pa.large_string(), n, [valid, offsets, text])
    array.validate(full=True)
    return array.to_pylist()


numbers = st.one_of(
    st.none(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**70), 2**70),
)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@given(st.lists(st.tuples(numbers, st.none() | texts), max_size=30), st.booleans(), st.booleans())
def test_json_means_what_it_means_to_python(
    rows: list[tuple[Any, str | None]], escaped: bool, lines: bool
) -> None:
    predictor = reader(("x", NUMBER), ("t", TEXT))
    records = [{"t": t, "other": [1, {"a": None}], "x": x} for x, t in rows]
    if lines:
        body = "\n".join(json.dumps(each, ensure_ascii=escaped) for each in records) + "\n"
        if not rows:
            return
    else:
        body = json.dumps(records, ensure_ascii=escaped)
    x, t = values_of(predictor, body.encode(), "lines" if lines else "json")
    assert x == [None if v is None else float(v) for v, _ in rows]
    assert t == [v for _, v in rows]


@given(
    st.lists(st.tuples(numbers, texts), min_size=1, max_size=30),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC, csv.QUOTE_MINIMAL]),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_csv_means_what_it_means_to_python(
    rows: list[tuple[Any, str]], quoting: int, end: str, header: bool
) -> None:
    predictor = reader(("x", NUMBER), ("t", TEXT))
    sink = io.StringIO(newline="")
    writer = csv.writer(sink, quoting=quoting, lineterminator=end)  # type: ignore[arg-type]
    if header:
        writer.writerow(["t", "more, of it", "x"])
    for x, t in rows:
        value = "" if x is None else repr(x)
        writer.writerow([t, "-", value] if header else [value, t])
    body = sink.getvalue()
    found_x, found_t = values_of(predictor, body.encode(), "csv", header)
    assert found_x == [None if v is None else float(v) for v, _ in rows]
    for found, (_, text) in zip(found_t, rows, strict=True):
        plain = quoting == csv.QUOTE_MINIMAL and not set(text) & set('",\r\n')
        assert found == (None if plain and text.encode() in MARKERS else text)


@given(st.floats(allow_nan=False))
def test_numbers_are_read_to_the_bit(value: float) -> None:
    found = values_of(reader(("x", NUMBER)), repr(value).encode(), "csv", False)[0][0]
    assert struct.pack("d", found) == struct.pack("d", value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (" 1.5\t", 1.5), ("1e3", 1000.0), ("-.5", -0.5), ("5.", 5.0), ("1e999", math.inf),
        ("-1e999", -math.inf), ("1e-999", 0.0), ("NA", None), ("-999", None), ("inf", math.inf),
        ("007", 7.0), ("nan", None), ("0." + "0" * 400 + "1", 0.0),
        ("1" + "0" * 400 + "e-5", math.inf), ("-1" + "0" * 400, -math.inf),
    ],
)  # fmt: skip
def test_numbers_that_are_written_unusually(text: str, value: float | None) -> None:
    assert values_of(reader(("x", NUMBER), ("y", NUMBER)), f"{text},1".encode(), "csv")[0] == [
        value
    ]


@pytest.mark.parametrize("text", ["1.5x", "+1", "1 2", "0x10", "1,5", "true", "--1", "e5", "."])
def test_what_is_no_number(text: str) -> None:
    match = rf"row 2, column 'x': found '{text.replace('+', '.')}', expected a number"
    with pytest.raises(DataError, match=match):
        values_of(reader(("x", NUMBER), ("y", TEXT)), f'1,a\n"{text}",b'.encode(), "csv")
    body = json.dumps([{"x": 1, "y": "a"}, {"x": text, "y": "b"}])
    with pytest.raises(DataError, match=match):
        values_of(reader(("x", NUMBER), ("y", TEXT)), body.encode(), "json")


def test_whole_numbers_and_booleans_as_labels() -> None:
    predictor = reader(("l", LABEL), ("b", BOOLEAN))
    body = b'7,true\n-0,False\n02134,1\n7.0,0\nTRUE,TRUE\n1e2,NA\n"a ",2\n9223372036854775808,\n'
    labels, flags = values_of(predictor, body, "csv")
    assert labels == ["7", "0", "02134", "7", "true", "100", "a ", "9223372036854775808"]
    assert flags == [1.0, 0.0, 1.0, 0.0, 1.0, None, 2.0, None]
    body = b'[{"l":7,"b":true},{"l":"007","b":0},{"l":7.0,"b":"true"},{"l":true,"b":null}]'
    labels, flags = values_of(predictor, body, "json")
    assert labels == ["7", "007", "7", "true"]
    body = b'[{"l":9007199254740993,"b":1},{"l":-0,"b":1},{"l":99999999999999999999,"b":1}]'
    found = values_of(predictor, body, "json")[0]
    assert found == ["9007199254740993", "0", "99999999999999999999"]
    assert flags == [1.0, 0.0, 1.0, None]
    with pytest.raises(DataError, match=r"'l': found 7.5, expected text in UTF-8 or a whole n"):
        values_of(predictor, b'{"l":7.5,"b":1}', "json")


@given(st.datetimes())
def test_moments_are_those_of_arrow(moment: Any) -> None:
    for unit, size in [("s", 1), ("ms", 10**3), ("us", 10**6)]:
        predictor = reader(("m", MOMENT, size, False), ("z", MOMENT, size, True), ("d", DATE))
        text = moment.isoformat(sep="T")
        if len(text.split(".")[0]) != 19 or moment.year < 1000:
            return
        stored = pa.array([moment], pa.timestamp("us"))
        body = f"{text},{text}+02:30,{text[:10]}\n{text.replace('T', ' ')},{text}Z,{text}"
        m, z, d = values_of(predictor, body.encode(), "csv")
        expected = stored.cast(pa.timestamp(unit), safe=False).cast(pa.int64())[0].as_py()
        assert m == [expected] * 2
        assert z[1] == expected
        shifted = pa.array([moment], pa.timestamp("us")).cast(pa.int64())[0].as_py() - 9_000_000_000
        shifted_unit = pa.array([shifted], pa.int64()).view(pa.timestamp("us"))
        assert z[0] == shifted_unit.cast(pa.timestamp(unit), safe=False).cast(pa.int64())[0].as_py()
        assert d == [(moment.date() - moment.date().fromordinal(719163)).days] * 2


@pytest.mark.parametrize(
    "text",
    ["2024-02-30", "2023-02-29", "2024-13-01", "24-01-01", "2024-01-01T24:00:00", "2024-1-1",
     "2024-01-01T10", "2024-01-01T10:00:60", "2024-01-01T10:00:00.", "2024-01-01 10:00Z", "soon",
     "7"],
)  # fmt: skip
def test_what_is_no_moment(text: str) -> None:
    predictor = reader(("m", MOMENT, 10**6, False), ("x", NUMBER))
    with pytest.raises(DataError, match=r"row 1, column 'm': found '.*', expected a time w"):
        values_of(predictor, f"{text},1".encode(), "csv")


def test_times_of_day() -> None:
    predictor = reader(("c", CLOCK, 1000, False), ("x", NUMBER))
    found = values_of(predictor, b"12:30,1\n00:00:01.5,1\n23:59:59.999,1\nNA,1", "csv")[0]
    assert found == [45_000_000, 1_500, 86_399_999, None]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the body is empty"),
        (b"1", "row 1 has 1 values, expected 2"),
        (b"1,a\n2", "row 2 has 1 values, expected 2"),
        (b"x,t\n1,2,3", "row 1 has 3 values, expected 2"),
        (b"x\n1", "the line of names lacks the column 't'"),
        (b"x,t,x\n1,a,2", "the line of names has twice the column 'x'"),
        (b'1,"a', "row 1: a quote is not closed"),
        (b'1,"a"b', "row 1: there is text behind a closing quote"),
        (b"x,t\n1,a\nb,c", "row 2, column 'x': found 'b', expected a number"),
    ],
)
def test_delimited_text_that_is_wrong(body: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        values_of(reader(("x", NUMBER), ("t", TEXT)), body, "csv")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b" ", "the body is empty"),
        (b"7", r"at byte 1 found '7', expected an object or a list of rows"),
        (b'{"x":1}', "row 1 lacks the column 't'; a value that is not known is null"),
        (b'{"x":1,"t":"a","x":2}', "row 1 has twice the column 'x'"),
        (b'{"x":[1],"t":"a"}', "expected a list of the column's values"),
        (b'{"x":[1],"t":["a","b"]}', "column 't' has 2 values, others have 1"),
        (b'{"x":[1]}', "the body lacks the column 't'"),
        (b'{"t":"a","x":{"y":1}}', "row 1, column 'x': found an object, expected a number"),
        (b'{"t":"a","x":[1]}', "row 1, column 'x': found a list, expected a number"),
        (b'[[1,"a"],[2]]', "row 2 has 1 values, expected 2"),
        (b'[[1,"a"],[2,"b",3]]', "row 2 has 3 values, expected 2"),
        (b'[{"x":01,"t":"a"}]', "expected a number"),
        (b'[{"x":1,"t":"a"},]', "expected a row: an object or a list"),
        (b'[{"x":1,"t":"a"}] {}', "expected the end of the document"),
        (b'[{"x":1,"t":"\\x"}]', "expected a character that may be escaped"),
        (b'[{"x":1,"t":"\\u12g4"}]', "expected four hexadecimal digits"),
        (b'[{"x":1,"t":"a\nb"}]', "expected a text without control characters"),
        (b'{"columns":["x"],"data":[[1]]}', "'columns' lacks the column 't'"),
        (b"[" * 100_000, "found"),
        (b'{"a":' * 100_000, "expected a document that is not nested so deeply"),
    ],
)
def test_json_that_is_wrong(body: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        values_of(reader(("x", NUMBER), ("t", TEXT)), body, "json")


def test_a_file_that_lost_its_line_ends_is_no_empty_table() -> None:
    own = reader(("a", NUMBER), ("b", NUMBER))
    with pytest.raises(DataError, match="--data-binary"):
        values_of(own, b"a,b,churn1,2,no3,4,yes", "csv")
    assert values_of(own, b"a,b\n", "csv") == [[], []]
    assert values_of(own, b"a,b", "csv", header=True) == [[], []]


def test_an_object_of_too_many_members_is_refused() -> None:
    body = b"{" + b",".join(b'"m%d":1' % i for i in range((1 << 17) + 1)) + b"}"
    with pytest.raises(DataError, match="more than 131072 members"):
        values_of(reader(("a", NUMBER)), body, "json")


def test_texts_of_any_kind() -> None:
    predictor = reader(("t", TEXT))
    body = b'["\\ud83d\\ude00\\u00e9\\n", "\\ud83d", "\xc3\xa9"]'
    found = [values_of(predictor, b"[" + t + b"]", "json")[0][0] for t in body[1:-1].split(b", ")]
    assert found == ["😀é\n", "\N{REPLACEMENT CHARACTER}", "é"]
    assert values_of(predictor, b"\xef\xbb\xbft\n\n", "csv")[0] == [None]


@given(st.binary(max_size=6))
def test_text_is_utf8_or_refused(raw: bytes) -> None:
    predictor = reader(("t", TEXT), ("x", NUMBER))
    body = b'"' + raw.replace(b'"', b'""') + b'",1'
    try:
        expected = raw.decode()
    except UnicodeDecodeError:
        with pytest.raises(DataError, match=r"column 't': found '.*', expected text in UTF-8"):
            values_of(predictor, body, "csv", False)
    else:
        if not raw.startswith(b"\xef\xbb\xbf"):
            assert values_of(predictor, body, "csv", False)[0] == [expected]


def test_other_dialects() -> None:
    fields = ("x", NUMBER), ("t", TEXT)
    semicolons = reader(*fields, dialect=(b";", b"'", b"\\", b","))
    found = values_of(semicolons, b"x;t\n1,5;'a\\'b;c'\n-2;d\\;e\n", "csv")
    assert found == [[1.5, -2.0], ["a'b;c", "d;e"]]
    with pytest.raises(DataError, match=r"found '1\.5', expected a number"):
        values_of(semicolons, b"1.5;a", "csv")
    unquoted = reader(*fields, dialect=(b"\t", b"", b"", b"."))
    assert values_of(unquoted, b'1\t"a"', "csv")[1] == ['"a"']


@given(
    st.sampled_from(list(FORMS)),
    st.lists(
        st.one_of(
            st.binary(max_size=8),
            st.sampled_from(
                [b'"', b",", b"\n", b"\r", b"[", b"]", b"{", b"}", b":", b"\\", b"\\u", b"1", b"-",
                 b"e5", b"null", b"true", b"NaN", b"-Infinity", b'"x":', b'"t":', b'"instances":',
                 b'"columns":["x","t"],', b'"data":', b"x,t\n", b"2024-01-01"],
            ),
        ),
        max_size=24,
    ),
)  # fmt: skip
def test_any_bytes_are_read_or_refused(form: str, pieces: list[bytes]) -> None:
    predictor = reader(("x", NUMBER), ("t", TEXT), ("d", DATE))
    body = b"".join(pieces)
    try:
        n, columns = predictor.read(body, FORMS[form], HEADERS[None])
    except DataError:
        return
    assert [len(columns[i][0]) for i in range(3)] == [8 * n, 8 * (n + 1), 8 * n]
