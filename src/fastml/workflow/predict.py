"""Predictions for every row of a table, as a stream: the table may be larger than memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import IO

import pyarrow as pa
import pyarrow.csv

from fastml.data import Source
from fastml.data.canonical import canonical_batch, canonical_schema
from fastml.data.json_lines import json_lines
from fastml.data.schemas import conform
from fastml.errors import SchemaError
from fastml.pipeline import Pipeline

__all__ = ["predictions", "print_predictions"]

_NO_TEXT = (
    pa.types.is_nested,
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_fixed_size_binary,
    pa.types.is_union,
)


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
    target = pipeline.target_
    schema = pa.schema([*(kept.schema if kept else ()), *target.prediction_schema()])
    for name in keep:
        if schema.names.count(name) > 1:
            raise SchemaError(f"column {name!r} is also one of the predictions; do not keep it")
    yield pa.RecordBatch.from_pylist([], schema=schema)  # so that no rows are a table, too
    rows = iter(kept.blocks()) if kept else None
    for scores in pipeline.predict_scores(source):
        arrays = target.predictions(scores, pipeline.threshold).columns
        if rows:
            arrays = [*next(rows).columns, *arrays]
        yield pa.record_batch(arrays, schema=schema)


def print_predictions(batches: Iterator[pa.RecordBatch], sink: IO[bytes], *, as_json: bool) -> None:
    """Write predictions to a stream: CSV with a header, or a JSON array of records.

    Raises
    ------
    SchemaError
        If a column that is kept cannot be written so.
    """
    first = next(batches)
    schema = _text_schema(first.schema, as_json=as_json)
    rows = (conform(canonical_batch(batch), schema) for batch in chain([first], batches))
    if as_json:
        _print_json(rows, sink)
        return
    with pyarrow.csv.CSVWriter(sink, schema) as writer:
        for batch in rows:
            writer.write_batch(batch)


def _text_schema(schema: pa.Schema, *, as_json: bool) -> pa.Schema:
    """Return the columns as text holds them: structs taken apart, dictionaries as their values.

    Raises
    ------
    SchemaError
        If delimited text cannot hold a column.
    """
    found = []
    for field in canonical_schema(schema):
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        if pa.types.is_duration(kind):
            kind = pa.int64()
        if not as_json and any(is_no_text(kind) for is_no_text in _NO_TEXT):
            raise SchemaError(
                f"column {field.name!r} is {kind}, which delimited text cannot hold; do not keep "
                "it, print JSON (--json), or write Parquet (-o FILE.parquet)"
            )
        found.append((field.name, kind))
    return pa.schema(found)


def _print_json(batches: Iterator[pa.RecordBatch], sink: IO[bytes]) -> None:
    sink.write(b"[")
    first = True
    for batch in batches:
        if batch.num_rows:
            lines = json_lines(batch, before=",\n", after="")
            sink.write(lines.slice(1) if first else lines)
            first = False
    sink.write(b"\n]\n")
