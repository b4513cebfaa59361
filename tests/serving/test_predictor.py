"""Requests: whatever a row is written as, it has the score that the pipeline gives it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

import fastml
from fastml._typing import Float64
from fastml.errors import DataError, SchemaError
from fastml.serving import Predictor
from fastml.serving.handler import Handler

from .conftest import BY_PIPELINE, KINDS, model, table

pytestmark = pytest.mark.kernel


def scores_in(answer: bytes, pipeline: fastml.Pipeline) -> Float64:
    """Return the scores that an answer of JSON holds, as `predict_scores` has them."""
    records = json.loads(answer)["predictions"]
    if pipeline.task_ == "regression":
        return np.array([each["prediction"] for each in records])
    wide = np.array([[r[f"probability_{c}"] for c in pipeline.classes_] for r in records])
    return wide[:, 1] if pipeline.task_ == "binary" else wide.reshape(-1, len(pipeline.classes_))


def as_csv(rows: pa.Table, *, header: bool) -> bytes:
    sink = io.BytesIO()
    pyarrow.csv.write_csv(rows, sink, pyarrow.csv.WriteOptions(include_header=header))
    return sink.getvalue()


def records(rows: pa.Table) -> list[dict[str, Any]]:
    """Return rows as JSON holds them."""
    return json.loads(json.dumps(rows.to_pylist(), default=str))


def lists(rows: pa.Table) -> list[list[Any]]:
    return [list(row.values()) for row in records(rows)]


FORMS: dict[str, tuple[str, Callable[[pa.Table], bytes]]] = {
    "csv with names": ("csv", lambda rows: as_csv(rows, header=True)),
    "csv": ("csv", lambda rows: as_csv(rows, header=False)),
    "csv, CRLF": ("csv", lambda rows: as_csv(rows, header=True).replace(b'"\n', b'"\r\n')),
    "records": ("json", lambda rows: json.dumps(records(rows)).encode()),
    "indented": ("json", lambda rows: json.dumps(records(rows), indent=2).encode()),
    "unicode": ("json", lambda rows: json.dumps(records(rows), ensure_ascii=False).encode()),
    "instances": ("json", lambda rows: json.dumps({"instances": records(rows)}).encode()),
    "lists": ("json", lambda rows: json.dumps(lists(rows)).encode()),
    "features": (
        "json",
        lambda rows: json.dumps(
            {"signature": [], "instances": [{"features": row} for row in lists(rows)]}
        ).encode(),
    ),
    "columns": (
        "json",
        lambda rows: json.dumps(
            {name: [r[name] for r in records(rows)] for name in rows.column_names}
        ).encode(),
    ),
    "split": (
        "json",
        lambda rows: json.dumps(
            {
                "index": list(range(len(rows))),
                "columns": rows.column_names[::-1],
                "data": [row[::-1] for row in lists(rows)],
            }
        ).encode(),
    ),
    "lines": ("lines", lambda rows: "\n".join(map(json.dumps, records(rows))).encode()),
    "lines of lists": ("lines", lambda rows: "\r\n".join(map(json.dumps, lists(rows))).encode()),
}


@pytest.mark.parametrize("form", list(FORMS))
def test_scores_are_those_of_the_pipeline_bit_for_bit(form: str, pipeline: fastml.Pipeline) -> None:
    predictor = Predictor.of(pipeline)
    rows = table().select(predictor.batches.schema.names)
    expected = np.concatenate(list(pipeline.predict_scores(table())))
    kind, write = FORMS[form]
    for first, n in [(0, 1), (5, 1), (17, 3), (0, 600)]:
        some = rows.slice(first, n)
        found = scores_in(predictor.answer(write(some), kind), pipeline)  # type: ignore[arg-type]
        np.testing.assert_array_equal(found, expected[first : first + n])


def test_batches_of_arrow_have_the_same_scores(pipeline: fastml.Pipeline) -> None:
    predictor = Predictor.of(pipeline)
    expected = np.concatenate(list(pipeline.predict_scores(table())))
    rows = table().select(predictor.batches.schema.names[::-1])
    found = [predictor.batches.scores(batch) for batch in rows.to_batches(max_chunksize=77)]
    np.testing.assert_array_equal(np.concatenate(found), expected)
    encoded = rows.set_column(0, rows.schema.names[0], rows[0].dictionary_encode())
    if pa.types.is_string(rows[0].type):
        rows = encoded
    batch = rows.combine_chunks().to_batches()[0].slice(13, 200)
    np.testing.assert_array_equal(predictor.batches.scores(batch), expected[13:213])


def test_more_rows_than_are_scored_at_once() -> None:
    pipeline = model("binary, bins and crosses")
    rows = pa.concat_tables([table()] * 9)
    predictor = Predictor.of(pipeline)
    expected = np.concatenate(list(pipeline.predict_scores(rows)))
    body = as_csv(rows.select(predictor.batches.schema.names), header=True)
    np.testing.assert_array_equal(scores_in(predictor.answer(body, "csv"), pipeline), expected)


def test_only_what_is_known_to_lack_goes_by_the_pipeline() -> None:
    assert {kind for kind in KINDS if not Predictor.of(model(kind)).compiled} == BY_PIPELINE


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression", "one against the rest"])
def test_answers_are_the_columns_of_fastml_predict(kind: str) -> None:
    pipeline = model(kind)
    predictor = Predictor.of(pipeline)
    rows = table().select(predictor.batches.schema.names).slice(0, 4)
    body = as_csv(rows, header=True)
    decided = pipeline.predict(rows).tolist()
    as_json = json.loads(predictor.answer(body, "csv"))
    lines = predictor.answer(body, "csv", accept="lines").splitlines()
    assert [json.loads(line) for line in lines] == as_json["predictions"]
    assert [each["prediction"] for each in as_json["predictions"]] == decided
    text = predictor.answer(body, "csv", accept="csv", names=True)
    read = pyarrow.csv.read_csv(io.BytesIO(text))
    assert read.to_pylist() == as_json["predictions"]
    assert predictor.answer(body, "csv", accept="csv") == text.split(b"\n", 1)[1]


def test_names_of_classes_are_quoted() -> None:
    rows = table().set_column(10, "left", pa.array(['a "b", c', "ü\n"] * 300))
    pipeline = fastml.Pipeline(target="left", drop=["state", "price"]).fit(rows)
    predictor = Predictor.of(pipeline)
    body = json.dumps(records(rows.select(predictor.batches.schema.names).slice(0, 3))).encode()
    answer = json.loads(predictor.answer(body, "json"))["predictions"]
    text = predictor.answer(body, "json", accept="csv", names=True)
    options = pyarrow.csv.ParseOptions(newlines_in_values=True)
    assert pyarrow.csv.read_csv(io.BytesIO(text), parse_options=options).to_pylist() == answer


def test_no_rows_have_no_predictions(pipeline: fastml.Pipeline) -> None:
    predictor = Predictor.of(pipeline)
    names = ",".join(predictor.batches.schema.names).encode()
    assert predictor.answer(names, "csv") == b'{"predictions":[]}'
    assert predictor.answer(b" [ ] ", "json") == b'{"predictions":[]}'
    assert predictor.answer(b"[]", "json", accept="lines") == b""
    empty = table().select(predictor.batches.schema.names).slice(0, 0).combine_chunks()
    batch = pa.RecordBatch.from_pylist([], schema=empty.schema)
    assert len(predictor.batches.scores(batch)) == 0


def test_infinities_are_errors_or_missing() -> None:
    for infinite in ("error", "missing"):
        pipeline = fastml.Pipeline(
            target="left",
            drop=["state", "price"],
            infinite=infinite,  # type: ignore[arg-type]
        ).fit(table())
        predictor = Predictor.of(pipeline)
        rows = records(table().select(predictor.batches.schema.names).slice(0, 3))
        rows[1]["size"] = float("inf")
        body = json.dumps(rows).encode()
        if infinite == "error":
            with pytest.raises(DataError, match=r"row 2, column 'size': found an infinite number"):
                predictor.answer(body, "json")
            continue
        rows[1]["size"] = None
        assert predictor.answer(body, "json") == predictor.answer(json.dumps(rows).encode(), "json")
        rows[1]["size"] = 1e300
        with pytest.raises(DataError, match=r"row 2, column 'size': found a number that is too la"):
            predictor.answer(json.dumps(rows).encode(), "json")
        batch = table().slice(0, 3).combine_chunks().to_batches()[0]
        batch = batch.set_column(0, "size", pa.array([1.0, 1e300, 2.0]))
        with pytest.raises(DataError, match=r"'size' of it has the value 1e\+300 at row 12 that"):
            predictor.batches.scores(batch, "it", 10)


def test_a_batch_without_a_column() -> None:
    predictor = Predictor.of(model("binary"))
    batch = table().select(predictor.batches.schema.names[1:]).to_batches()[0]
    with pytest.raises(SchemaError, match="the request lacks the column"):
        predictor.batches.scores(batch)


def test_every_kind_that_is_opened_answers_as_the_fitted_one(
    pipeline: fastml.Pipeline, tmp_path: Path
) -> None:
    """Text, columns and explanations, bit for bit; saved twice, the files are the same."""
    places = [tmp_path / "one", tmp_path / "two"]
    for place in places:
        pipeline.save(place)
    files = [{file.name: file.read_bytes() for file in place.iterdir()} for place in places]
    assert files[0] == files[1]
    opened = Predictor.open(places[0])
    rows = table().select(pipeline.input_schema_.names)
    expected = np.concatenate(list(pipeline.predict_scores(table())))
    (batch,) = rows.combine_chunks().to_batches()
    np.testing.assert_array_equal(opened.batches.scores(batch), expected)
    for accept in ("json", "csv", "lines"):
        for form, write in FORMS.values():
            body = write(rows)
            assert opened.answer(body, form, accept=accept) == Predictor.of(pipeline).answer(  # type: ignore[arg-type]
                body,
                form,
                accept=accept,  # type: ignore[arg-type]
            )
    found = scores_in(opened.answer(FORMS["records"][1](rows), "json"), pipeline)
    np.testing.assert_array_equal(found, expected)
    few = FORMS["records"][1](rows.slice(0, 40))
    explained = [
        Handler(each).handle(few, b"application/json", explain=True)
        for each in (opened, Predictor.of(pipeline))
    ]
    assert explained[0] == explained[1]
