"""Bodies of every type, answers of every type, and what is refused."""

from __future__ import annotations

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fastml.serving.columns import MOST_EXPLAINED
from fastml.serving.handler import Handler
from fastml.serving.media import ACCEPTED, READ, accepted_media, body_media
from fastml.serving.predictor import Predictor
from fastml.serving.refused import RefusedError

from .conftest import model, table

ROWS = 7


def handler(kind: str = "binary") -> Handler:
    return Handler(Predictor.of(model(kind)))


def rows() -> pa.Table:
    return table().select(handler().predictor.batches.schema.names).slice(0, ROWS)


def bodies() -> dict[str, bytes]:
    """Return the rows as every type of body that can hold them."""
    arrow, parquet, text = io.BytesIO(), io.BytesIO(), io.BytesIO()
    with pa.ipc.new_stream(arrow, rows().schema) as writer:
        writer.write_table(rows(), max_chunksize=3)
    pq.write_table(rows().append_column("more", pa.array(range(ROWS))), parquet)
    pa.csv.write_csv(rows(), text)
    records = json.loads(json.dumps(rows().to_pylist(), default=str))
    lines = "\n".join(map(json.dumps, records)).encode()
    of_kind = {
        "arrow": arrow.getvalue(),
        "parquet": parquet.getvalue(),
        "csv": text.getvalue(),
        "json": json.dumps(records).encode(),
        "lines": lines,
    }
    return {name: of_kind[kind] for name, kind in READ.items() if kind in of_kind}


@pytest.mark.parametrize("accept", list(ACCEPTED))
@pytest.mark.parametrize("content_type", [name for name in READ if READ[name] != "npy"])
def test_every_body_has_the_same_answer(content_type: str, accept: str) -> None:
    found = handler().handle(bodies()[content_type], content_type.encode(), accept.encode())
    expected = handler().handle(bodies()["text/csv"], b"text/csv", accept.encode())
    assert found == expected
    assert found.content_type == accept.encode()


def test_answers_of_arrow_are_the_columns_of_others() -> None:
    found = handler().handle(
        bodies()["text/csv"], b"text/csv", b"application/vnd.apache.arrow.stream"
    )
    with pa.ipc.open_stream(found.body) as reader:
        arrow = reader.read_all().to_pylist()
    text = handler().handle(bodies()["text/csv"], b"text/csv", b"application/json")
    assert arrow == json.loads(text.body)["predictions"]


def test_arrays_of_numpy() -> None:
    numbers = handler("numbers")
    names = numbers.predictor.batches.schema.names
    some = table().select(names).slice(0, ROWS)
    matrix = np.column_stack([some[name].to_numpy(zero_copy_only=False) for name in names])
    expected = numbers.predictor.batches.scores(some.combine_chunks().to_batches()[0])
    for array in (matrix, np.asfortranarray(matrix), matrix[0]):
        sink = io.BytesIO()
        np.save(sink, array)
        answer = json.loads(numbers.handle(sink.getvalue(), b"application/x-npy").body)
        found = [each["probability_yes"] for each in answer["predictions"]]
        np.testing.assert_array_equal(found, expected[: len(found)])
    named = np.zeros(2, [("extra", "i4"), *((name, "f8") for name in names)])
    for name in names:
        named[name] = some[name].slice(0, 2).to_numpy(zero_copy_only=False)
    sink = io.BytesIO()
    np.save(sink, named)
    answer = numbers.handle(sink.getvalue(), b"application/x-npy", b"text/csv")
    assert answer.body.count(b"\n") == 2


def test_arrays_that_are_none() -> None:
    for array in (np.zeros((3, 99)), np.zeros((1, 1, 1))):
        sink = io.BytesIO()
        np.save(sink, array)
        with pytest.raises(RefusedError, match="the body is no NumPy array") as refused:
            handler().handle(sink.getvalue(), b"application/x-npy")
        assert refused.value.status == 400
    sink = io.BytesIO()
    np.save(sink, np.array([object()]), allow_pickle=True)
    with pytest.raises(RefusedError, match="holds Python objects, which are never read"):
        handler().handle(sink.getvalue(), b"application/x-npy")
    sink = io.BytesIO()
    np.save(sink, np.zeros((3, 4)))
    good = sink.getvalue()
    for bad, message in [
        (good.replace(b"(3, 4)", b"(9**9, "), "its header cannot be read"),
        (good.replace(b"(3, 4), ", b"(3,99999999),"), "where its header states"),
        (good.replace(b"(3, 4), ", b"(-3, -4),"), "it has 97 bytes|cannot be read"),
        (good[:-1], "it has 95 bytes of values where its header states 96"),
        (good.replace(b"\x01\x00v", b"\x09\x00v"), "its version is"),
        (b"x", "no NumPy array"),
    ]:
        with pytest.raises(RefusedError, match=message) as refused:
            handler().handle(bad, b"application/x-npy")
        assert refused.value.status == 400


@pytest.mark.parametrize("content_type", [n for n in READ if READ[n] not in ("npy", "csv")])
def test_bodies_that_are_cut_short(content_type: str) -> None:
    body = bodies()[content_type]
    with pytest.raises(RefusedError) as refused:
        handler().handle(body[: len(body) // 2], content_type.encode())
    assert refused.value.status == 400


def test_a_batch_that_lacks_a_column() -> None:
    sink = io.BytesIO()
    less = rows().drop_columns(["plan"])
    with pa.ipc.new_stream(sink, less.schema) as writer:
        writer.write_table(less)
    with pytest.raises(RefusedError, match="lacks the column 'plan'") as refused:
        handler().handle(sink.getvalue(), b"application/vnd.apache.arrow.stream")
    assert refused.value.status == 400


@pytest.mark.parametrize("kind", ["binary, bins and crosses", "multiclass", "regression"])
def test_explanations_add_up(kind: str) -> None:
    own = handler(kind)
    pipeline = own.predictor.pipeline
    row = table().select(own.predictor.batches.schema.names).slice(3, 1).to_pylist()[0]
    body = json.dumps({name: str(v) if hasattr(v, "year") or hasattr(v, "hour") else v
                       for name, v in row.items()}).encode()  # fmt: skip
    plain = json.loads(own.handle(body, b"application/json").body)["predictions"][0]
    answer = own.handle(body, b"application/json", explain=True)
    (record,) = json.loads(answer.body)["predictions"]
    contributions = record.pop("contributions")
    assert record == plain
    if pipeline.task_ != "multiclass":
        expected = {part.column: part.contribution for part in pipeline.explain_row(row)}
        assert contributions == expected
    lines = own.handle(body, b"application/json", b"application/jsonlines", explain=True)
    assert json.loads(lines.body) == record | {"contributions": contributions}


def test_explanations_that_are_refused() -> None:
    with pytest.raises(RefusedError, match="written as application/json") as refused:
        handler().handle(bodies()["text/csv"], b"text/csv", b"text/csv", explain=True)
    assert refused.value.status == 406
    names = ",".join(rows().column_names).encode()
    many = names + b"\n" + (b"," * (rows().num_columns - 1) + b"\n") * (MOST_EXPLAINED + 1)
    with pytest.raises(RefusedError, match="1,000 rows explained"):
        handler().handle(many, b"text/csv", b"application/json", explain=True)


@pytest.mark.parametrize(
    ("content_type", "message"),
    [
        (b"", "the Content-Type is missing"),
        (b"text/html", "the Content-Type is 'text/html'; expected one of text/csv,"),
        (b"text/csv; charset=utf-16", "in the charset 'utf-16'; expected utf-8"),
    ],
)
def test_bodies_of_unknown_types(content_type: bytes, message: str) -> None:
    with pytest.raises(RefusedError, match=message) as refused:
        handler().handle(b"", content_type)
    assert refused.value.status == 415


def test_content_types() -> None:
    assert body_media(b"Text/CSV; header=present; charset=UTF-8") == ("csv", True)
    assert body_media(b"text/csv;header=absent") == ("csv", False)
    assert body_media(b"application/json") == ("json", None)


@pytest.mark.parametrize(
    ("accept", "body", "expected"),
    [
        (b"", "csv", "text/csv"),
        (b"*/*", "lines", "application/jsonlines"),
        (b"*/*", "parquet", "application/json"),
        (b"text/html, application/*;q=0.5", "csv", "application/json"),
        (b"application/*", "lines", "application/jsonlines"),
        (b"application/json;q=0.2, text/csv;q=0.9", "json", "text/csv"),
        (b"text/csv;q=0, */*;q=0.1", "json", "application/json"),
        (b"application/vnd.apache.arrow.stream", "json", "application/vnd.apache.arrow.stream"),
    ],
)
def test_the_most_wanted_answer(accept: bytes, body: str, expected: str) -> None:
    assert accepted_media(accept, body).content_type.decode() == expected  # type: ignore[arg-type]


def test_answers_of_unknown_types() -> None:
    for accept in (b"text/html", b"text/csv;q=0", b"image/*"):
        with pytest.raises(RefusedError, match="predictions are written as one of") as refused:
            accepted_media(accept, "csv")
        assert refused.value.status == 406


def test_names_are_written_where_asked_for() -> None:
    body = bodies()["text/csv"]
    named = handler().handle(body, b"text/csv", b"text/csv; header=present").body
    assert named == b"prediction,probability_no,probability_yes\n" + (
        handler().handle(body, b"text/csv", b"text/csv").body
    )
