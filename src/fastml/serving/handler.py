"""Requests to answers: the core that a server, a container and a test call alike."""

from __future__ import annotations

import io
import json
from http import HTTPStatus
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from fastml._typing import Float64
from fastml.errors import DataError, SchemaError
from fastml.explanation import explain_rows
from fastml.serving.binary import batches_of
from fastml.serving.media import Accepted, Body, is_text, negotiated
from fastml.serving.predictor import Predictor
from fastml.serving.refused import RefusedError

__all__ = ["Answered", "Handler"]

MOST_EXPLAINED = 1_000
"""Rows that a request may have explained: each costs as much as a thousand predictions."""


class Answered(NamedTuple):
    """An answer and its Content-Type."""

    body: bytes
    content_type: bytes


class Handler:
    """Answers requests by a predictor. Threads may share one.

    Parameters
    ----------
    predictor : Predictor
    """

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    def handle(
        self, body: bytes, content_type: bytes, accept: bytes = b"", *, explain: bool = False
    ) -> Answered:
        """Answer a request.

        Parameters
        ----------
        body : bytes
        content_type, accept : bytes
            As HTTP has them; nothing accepted is anything, as the body is.
        explain : bool
            Whether each prediction comes with what each column adds to it.

        Raises
        ------
        RefusedError
            400 where a row cannot be read, 415 and 406 where types are not known.
        """
        given, wanted = negotiated(content_type, accept)
        try:
            if explain:
                return self._explained(body, given, wanted)
            if is_text(given.kind) and is_text(wanted.kind):
                answer = self.predictor.answer(
                    body, given.kind, header=given.header, accept=wanted.kind, names=wanted.names
                )
                return Answered(answer, wanted.content_type)
            batches = self._batches(body, given)
            return Answered(self._written(self._scores(batches), wanted), wanted.content_type)
        except (DataError, SchemaError) as error:
            raise RefusedError(HTTPStatus.BAD_REQUEST, str(error)) from error

    def _batches(self, body: bytes, given: Body) -> list[pa.RecordBatch]:
        if is_text(given.kind):
            return [self.predictor.rows(body, given.kind, header=given.header)]
        return list(batches_of(given.kind, body, self.predictor.schema))

    def _scores(self, batches: list[pa.RecordBatch]) -> Float64:
        found, row = [self.predictor.no_scores()], 0
        for batch in batches:
            found.append(self.predictor.scores(batch, row=row))
            row += batch.num_rows
        return np.concatenate(found)

    def _written(self, scores: Float64, wanted: Accepted) -> bytes:
        if is_text(wanted.kind):
            return self.predictor.write(scores, accept=wanted.kind, names=wanted.names)
        batch = self.predictor.as_batch(scores)
        sink = io.BytesIO()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        return sink.getvalue()

    def _explained(self, body: bytes, given: Body, wanted: Accepted) -> Answered:
        if wanted.kind not in ("json", "lines"):
            raise RefusedError(
                HTTPStatus.NOT_ACCEPTABLE, "explanations are written as application/json"
            )
        batches = self._batches(body, given)
        if sum(batch.num_rows for batch in batches) > MOST_EXPLAINED:
            raise RefusedError(
                HTTPStatus.BAD_REQUEST,
                f"a request may have {MOST_EXPLAINED:,} rows explained; send fewer",
            )
        scores = self._scores(batches)
        records = json.loads(self.predictor.write(scores))["predictions"]
        for record, parts in zip(records, self._contributions(batches, scores), strict=True):
            record["contributions"] = parts
        if wanted.kind == "json":
            return Answered(_json({"predictions": records}), wanted.content_type)
        return Answered(b"".join(_json(each) + b"\n" for each in records), wanted.content_type)

    def _contributions(
        self, batches: list[pa.RecordBatch], scores: Float64
    ) -> list[dict[str, float]]:
        """Return what each column adds to each row's margin, that of its class if several."""
        pipeline = self.predictor.pipeline
        lanes = scores.argmax(axis=1) if scores.ndim == 2 else np.zeros(len(scores), np.intp)
        found: list[dict[str, float]] = []
        for batch in batches:
            own = lanes[len(found) : len(found) + batch.num_rows]
            by_lane = {
                lane: explain_rows(
                    pipeline.plan_, pipeline.learner_, self.predictor.conformed(batch), lane
                )
                for lane in set(own.tolist())
            }
            found += [
                {part.column: part.contribution for part in by_lane[lane][i]}
                for i, lane in enumerate(own.tolist())
            ]
        return found


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
