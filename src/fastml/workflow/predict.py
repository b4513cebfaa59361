"""Predictions for every row of a table, as a stream: the table may be larger than memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

from fastml._typing import PathLike
from fastml.data import Source, scan
from fastml.data.convert import convert
from fastml.errors import SchemaError
from fastml.pipeline import Pipeline
from fastml.workflow.models import open_model

__all__ = ["predict_to", "predictions", "print_predictions"]


def predictions(
    pipeline: Pipeline, source: Source, keep: Sequence[str] = ()
) -> pa.RecordBatchReader:
    """Return the predictions of the rows of `source`, in their order.

    The columns are `prediction` and, of a classifier, `probability_CLASS` for each class; before
    them the columns `keep` of the source.

    Raises
    ------
    SchemaError
        If a column that the model or `keep` needs is not there, or a name would stand twice.
    """
    kept = list(source.select(list(keep)).schema) if keep else []
    fields = [*kept, *_columns(pipeline)]
    schema = pa.schema(fields)
    for name in keep:
        if schema.names.count(name) > 1:
            raise SchemaError(
                f"column {name!r} is also a column of the predictions; do not keep it"
            )
    return pa.RecordBatchReader.from_batches(schema, _batches(pipeline, source, keep, schema))


def predict_to(model: PathLike, source: Any, out: PathLike, keep: Sequence[str] = ()) -> int:
    """Write the predictions to a file, in the format that its name says; return their number."""
    pipeline, _ = open_model(model)
    return convert(predictions(pipeline, scan(source), keep), out)


def print_predictions(
    model: PathLike, source: Any, sink: IO[bytes], *, as_json: bool, keep: Sequence[str] = ()
) -> None:
    """Write the predictions to a stream: CSV with a header, or a JSON array of records."""
    pipeline, _ = open_model(model)
    found = predictions(pipeline, scan(source), keep)
    if not as_json:
        with pyarrow.csv.CSVWriter(sink, found.schema) as writer:
            for batch in found:
                writer.write_batch(batch)
        return
    before = b"[\n"
    for batch in found:
        for record in batch.to_pylist():
            sink.write(before + json.dumps(record, default=str, ensure_ascii=False).encode())
            before = b",\n"
    sink.write(b"[]\n" if before == b"[\n" else b"\n]\n")


def _columns(pipeline: Pipeline) -> list[pa.Field]:
    if pipeline.task_ == "regression":
        return [pa.field("prediction", pa.float64())]
    kind = pa.array(pipeline.classes_).type
    chances = [pa.field(f"probability_{name}", pa.float64()) for name in pipeline.classes_]
    return [pa.field("prediction", kind), *chances]


def _batches(
    pipeline: Pipeline, source: Source, keep: Sequence[str], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    kept: Iterator[Any] = iter(source.select(list(keep)).blocks()) if keep else iter(())
    for scores in pipeline.predict_scores(source):
        arrays = list(next(kept).columns) if keep else []
        decided = pipeline.decide(scores).tolist()
        arrays.append(pa.array(decided, schema.field("prediction").type))
        if pipeline.task_ != "regression":
            chances = np.column_stack([1 - scores, scores]) if scores.ndim == 1 else scores
            arrays += [pa.array(chance) for chance in chances.T]
        yield pa.record_batch(arrays, schema=schema)
