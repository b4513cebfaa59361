"""What was sent, as rows: in every form that a server takes, and in none."""

from __future__ import annotations

from functools import partial
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastml.errors import DataError, FastMLError
from fastml.monitoring.captured import Payload
from fastml.monitoring.collect import last_names
from fastml.monitoring.payloads import LooseReader

READER = LooseReader(["a", "b"], partial(last_names, ["a", "b"]))


def read(body: str | bytes, kind: str) -> dict[str, list[Any]]:
    content = body.encode() if isinstance(body, str) else body
    (batch,) = READER.read(Payload(content, kind))
    found: dict[str, list[Any]] = batch.to_pydict()
    return found


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ('{"a": 1, "b": "x"}', {"a": ["1"], "b": ["x"]}),
        ('[{"a": 1}, {"b": true, "a": null}]', {"a": ["1", None], "b": [None, "true"]}),
        ('{"instances": [[1, 2.50], [3e2, NaN]]}', {"a": ["1", "300"], "b": ["2.5", None]}),
        ('{"instances": [{"features": [1, 2]}]}', {"a": ["1"], "b": ["2"]}),
        ('{"predictions": [{"prediction": "no"}]}', {"prediction": ["no"]}),
        ('{"predictions": [0.25, 0.5]}', {"b": ["0.25", "0.5"]}),
        ('{"columns": ["c"], "data": [[1], [2]]}', {"c": ["1", "2"]}),
        ('{"a": [1, 2], "b": ["é", null]}', {"a": ["1", "2"], "b": ["é", None]}),
        ('{"a": {"z": [1]}}', {"a": ['{"z": [1]}']}),
        ("[[1, 2, 3]]", {"a": ["1"], "b": ["2"], "_c2": ["3"]}),
        ('{"a": 1' + "0" * 400 + "}", {"a": ["1" + "0" * 400]}),
    ],
)
def test_json(body: str, wanted: dict[str, Any]) -> None:
    assert read(body, "application/json") == wanted


def test_rows_that_each_have_columns_of_their_own_are_refused() -> None:
    rows = ",".join(f'{{"c{i}": 1}}' for i in range(4_000))
    with pytest.raises(DataError, match="4,000 rows of 4,000 columns are too many"):
        read(f"[{rows}]", "application/json")


def test_lines() -> None:
    assert read('{"a": 1}\n\n[2, 3]\n', "application/jsonlines") == {
        "a": ["1", "2"],
        "b": [None, "3"],
    }


@pytest.mark.parametrize(
    ("body", "kind", "wanted"),
    [
        ('1,"x,\n""y"""\n', "text/csv", {"a": ["1"], "b": ['x,\n"y"']}),
        ("b,z\n1,\n", "text/csv", {"b": ["1"], "z": [None]}),
        ("1\r\nNA\r\n", "text/csv; header=absent", {"b": ["1", None]}),
        ("\ufeffq\n1\n", "text/csv; header=present", {"q": ["1"]}),
        ("a,b\n", "text/csv", {"a": [], "b": []}),
    ],
)
def test_csv(body: str, kind: str, wanted: dict[str, Any]) -> None:
    assert read(body, kind) == wanted


def test_arrow() -> None:
    sink = pa.BufferOutputStream()
    batch = pa.RecordBatch.from_pydict({"a": [1, 2]})
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    kind = "application/vnd.apache.arrow.stream"
    assert read(sink.getvalue().to_pybytes(), kind) == {"a": [1, 2]}


KINDS = st.sampled_from(
    [
        "text/csv",
        "application/json",
        "application/jsonlines",
        "application/x-npy",
        "application/x-parquet",
        "application/vnd.apache.arrow.stream",
        "text/html",
        "",
        "é",
    ]
)


@given(
    st.binary(max_size=60) | st.text(alphabet='{}[]":,ab1\n', max_size=40).map(str.encode), KINDS
)
def test_whatever_comes_is_read_or_refused(body: bytes, kind: str) -> None:
    try:
        batches = READER.read(Payload(body, kind))
    except FastMLError:
        return
    for batch in batches:
        batch.validate(full=True)
