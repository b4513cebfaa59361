"""Predictions for every row of a table, as a stream: the table may be larger than memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.csv

from fastml._typing import Float64
from fastml.data import Source
from fastml.errors import SchemaError
from fastml.pipeline import Pipeline

__all__ = ["predictions", "print_predictions"]


def predictions(
    pipeline: Pipeline, source: Source, keep: Sequence[str] = ()
) -> Iterator[pa.RecordBatch]:
    """Yield the predictions of the rows of `source`, in their order; at least one batch.

    The columns are `prediction` and, of a classifier, `probability_CLASS` for each class; before
    them the columns `keep` of the source.

    Raises
    ------
    SchemaError
        If a column that the model or `keep` needs is not there, or a name would stand twice.
    """
    kept = source.select(list(keep)) if keep else None
    schema = pa.schema([*(kept.schema if kept else ()), *_columns(pipeline)])
    for name in keep:
        if schema.names.count(name) > 1:
            raise SchemaError(f"column {name!r} is also one of the predictions; do not keep it")
    yield pa.RecordBatch.from_pylist([], schema=schema)  # so that no rows are a table, too
    rows = iter(kept.blocks()) if kept else None
    for scores in pipeline.predict_scores(source):
        arrays = _arrays(pipeline, scores, schema)
        if rows:
            arrays = [*next(rows).columns, *arrays]
        yield pa.record_batch(arrays, schema=schema)


def print_predictions(batches: Iterator[pa.RecordBatch], sink: IO[bytes], *, as_json: bool) -> None:
    """Write predictions to a stream: CSV with a header, or a JSON array of records."""
    if as_json:
        before = b"[\n"
        for batch in batches:
            for record in batch.to_pylist():
                sink.write(before + json.dumps(record, default=str, ensure_ascii=False).encode())
                before = b",\n"
        sink.write(b"[]\n" if before == b"[\n" else b"\n]\n")
        return
    first = next(batches)
    with pyarrow.csv.CSVWriter(sink, first.schema) as writer:
        for batch in chain([first], batches):
            writer.write_batch(batch)


def _columns(pipeline: Pipeline) -> list[pa.Field]:
    if pipeline.task_ == "regression":
        return [pa.field("prediction", pa.float64())]
    kind = pa.array(pipeline.classes_).type
    chances = [pa.field(f"probability_{name}", pa.float64()) for name in pipeline.classes_]
    return [pa.field("prediction", kind), *chances]


def _arrays(pipeline: Pipeline, scores: Float64, schema: pa.Schema) -> list[pa.Array]:
    decided = pa.array(pipeline.decide(scores).tolist(), schema.field("prediction").type)
    if pipeline.task_ == "regression":
        return [decided]
    chances = np.column_stack([1 - scores, scores]) if scores.ndim == 1 else scores
    return [decided, *(pa.array(np.ascontiguousarray(chance)) for chance in chances.T)]
