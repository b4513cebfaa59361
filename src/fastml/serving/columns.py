"""Requests and answers that are no plain text: columns of Arrow, and explanations."""

from __future__ import annotations

import io
import json
from http import HTTPStatus
from typing import Any

import numpy as np
import pyarrow as pa

from fastml._typing import Float64
from fastml.explanation import explain_rows
from fastml.serving.binary import batches_of
from fastml.serving.media import Accepted, Body, is_text
from fastml.serving.predictor import Predictor
from fastml.serving.refused import RefusedError

__all__ = ["answer_columns", "answer_explained"]

MOST_EXPLAINED = 1_000
"""Rows that a request may have explained: each costs as much as a thousand predictions."""


def answer_columns(
    predictor: Predictor, body: bytes, given: Body, wanted: Accepted, most_rows: int
) -> bytes:
    """Answer a request of columns, or one whose answer is to be columns.

    Raises
    ------
    RefusedError, DataError, SchemaError
        If the body cannot be read.
    """
    batches = _batches(predictor, body, given, most_rows)
    return _written(predictor, _scores(predictor, batches), wanted)


def answer_explained(
    predictor: Predictor, body: bytes, given: Body, wanted: Accepted, most_rows: int
) -> bytes:
    """Answer a request with what each column adds to each prediction.

    Raises
    ------
    RefusedError, DataError, SchemaError
        If the body cannot be read, has too many rows, or JSON is not accepted.
    """
    if wanted.kind not in ("json", "lines"):
        raise RefusedError(
            HTTPStatus.NOT_ACCEPTABLE, "explanations are written as application/json"
        )
    batches = _batches(predictor, body, given, most_rows)
    if sum(batch.num_rows for batch in batches) > MOST_EXPLAINED:
        raise RefusedError(
            HTTPStatus.BAD_REQUEST,
            f"a request may have {MOST_EXPLAINED:,} rows explained; send fewer",
        )
    scores = _scores(predictor, batches)
    records = json.loads(predictor.batches.write(scores))["predictions"]
    for record, parts in zip(records, _contributions(predictor, batches, scores), strict=True):
        record["contributions"] = parts
    if wanted.kind == "json":
        return _json({"predictions": records})
    return b"".join(_json(each) + b"\n" for each in records)


def _batches(
    predictor: Predictor, body: bytes, given: Body, most_rows: int
) -> list[pa.RecordBatch]:
    if is_text(given.kind):
        return [predictor.batches.read(body, given.kind, header=given.header)]
    return list(batches_of(given.kind, body, predictor.batches.schema, most_rows))


def _scores(predictor: Predictor, batches: list[pa.RecordBatch]) -> Float64:
    found, row = [predictor.batches.no_scores()], 0
    for batch in batches:
        found.append(predictor.batches.scores(batch, row=row))
        row += batch.num_rows
    return np.concatenate(found)


def _written(predictor: Predictor, scores: Float64, wanted: Accepted) -> bytes:
    if is_text(wanted.kind):
        return predictor.batches.write(scores, accept=wanted.kind, names=wanted.names)
    batch = predictor.batches.as_batch(scores)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue()


def _contributions(
    predictor: Predictor, batches: list[pa.RecordBatch], scores: Float64
) -> list[dict[str, float]]:
    """Return what each column adds to each row's margin, that of its class if several."""
    pipeline = predictor.pipeline
    lanes = scores.argmax(axis=1) if scores.ndim == 2 else np.zeros(len(scores), np.intp)
    found: list[dict[str, float]] = []
    for batch in batches:
        own = lanes[len(found) : len(found) + batch.num_rows]
        rows = predictor.batches.conformed(batch)
        by_lane = {
            lane: explain_rows(pipeline.plan_, pipeline.learner_, rows, lane)
            for lane in set(own.tolist())
        }
        found += [
            {part.column: part.contribution for part in by_lane[lane][i]}
            for i, lane in enumerate(own.tolist())
        ]
    return found


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
