"""From what was sent to record batches, whether or not a model could have read it.

A payload that the model reads is read as the server read it. Another one is read as text, value by
value, so that what is wrong with it is seen in the statistics, and not only that it is wrong.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from fastml.data.csv import CsvOptions
from fastml.errors import DataError
from fastml.monitoring.captured import Payload
from fastml.serving.binary import batches_of
from fastml.serving.media import Body, body_media, is_text
from fastml.serving.predictor import Predictor

__all__ = ["LooseReader", "ModelReader", "Naming"]

Naming = Callable[[int], Sequence[str]]
"""Names columns that have no names: so many."""

_MOST_VALUES = 10_000_000
"""Of a payload of JSON, those that are missing included: rows may have columns of their own."""


@dataclass(frozen=True, slots=True)
class LooseReader:
    """Reads payloads of any columns; those of CSV and JSON become columns of text.

    Parameters
    ----------
    known : sequence of str
        Delimited text whose first line has one of them begins with a line of names.
    naming : callable
    delimiter, quote : str
    markers : frozenset of str
        What stands for a missing value in delimited text.
    """

    known: Sequence[str]
    naming: Naming
    delimiter: str = ","
    quote: str = '"'
    markers: frozenset[str] = frozenset(CsvOptions().markers)

    def read(self, payload: Payload) -> list[pa.RecordBatch]:
        """Return the rows of a payload.

        Raises
        ------
        DataError, ServingError
            If it is not what its Content-Type says.
        """
        given = _media(payload)
        if not is_text(given.kind):
            schema = pa.schema([(name, pa.null()) for name in self.known])
            return list(batches_of(given.kind, payload.body, schema))
        try:
            if given.kind == "csv":
                return [_as_batch(self._csv(payload.body, given.header))]
            if given.kind == "json":
                return [_as_batch(_columns(json.loads(payload.body), self.naming))]
            lines = [json.loads(line) for line in payload.body.splitlines() if line.strip()]
            return [_as_batch(_columns(lines, self.naming))]
        except (ValueError, csv.Error, RecursionError) as error:
            raise DataError(f"a payload cannot be read as {given.kind}: {error}") from error

    def _csv(self, body: bytes, header: bool | None) -> dict[str, list[Any]]:
        rows = list(
            csv.reader(
                io.StringIO(body.decode("utf-8-sig"), newline=""),
                delimiter=self.delimiter,
                quotechar=self.quote or None,
                quoting=csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
                strict=True,
            )
        )
        rows = [row for row in rows if row]
        if not rows:
            raise ValueError("it is empty")
        headed = any(cell in self.known for cell in rows[0]) if header is None else header
        names = rows.pop(0) if headed else self.naming(len(rows[0]))
        lengths = {len(row) for row in rows} - {len(names)}
        if lengths:
            raise ValueError(f"a row of {lengths.pop()} values, expected {len(names)}")
        columns = zip(*rows, strict=True) if rows else ((),) * len(names)
        values = [[None if v in self.markers else v for v in column] for column in columns]
        return dict(zip(names, values, strict=True))


class ModelReader:
    """Reads the requests of a model: the columns that it looks at, and no others.

    A request that the model reads is read by its own reader. Of another one the values are read as
    they are, so that it is seen what is wrong with them.

    Parameters
    ----------
    predictor : Predictor
    """

    def __init__(self, predictor: Predictor) -> None:
        self._batches = predictor.batches
        self._names = set(self._batches.schema.names)
        dialect = predictor.facts["dialect"]
        self._loose = LooseReader(
            self._batches.schema.names,
            self._in_order,
            dialect["delimiter"],
            dialect["quote"],
            frozenset(dialect["markers"]),
        )

    def read(self, payload: Payload) -> list[pa.RecordBatch]:
        """Return the rows of a payload.

        Raises
        ------
        DataError, ServingError
            If it is not what its Content-Type says.
        """
        given = _media(payload)
        if is_text(given.kind):
            with suppress(DataError):
                return [self._batches.read(payload.body, given.kind, header=given.header)]
        found = self._loose.read(payload)
        return [each.select([n for n in each.schema.names if n in self._names]) for each in found]

    def _in_order(self, count: int) -> Sequence[str]:
        names: list[str] = self._batches.schema.names
        if count != len(names):
            raise DataError(f"a row of {count} values without names; expected {len(names)}")
        return names


def _media(payload: Payload) -> Body:
    return body_media(payload.content_type.encode("latin-1", "replace"))


def _columns(document: Any, naming: Naming) -> dict[str, list[Any]]:
    """Return the columns of a document, in whichever of the forms that a server takes or gives."""
    if isinstance(document, dict):
        for key in ("instances", "predictions"):
            if isinstance(document.get(key), list):
                return _columns(document[key], naming)
        if isinstance(document.get("columns"), list) and isinstance(document.get("data"), list):
            names = [str(name) for name in document["columns"]]
            return _by_name([dict(zip(names, row, strict=True)) for row in document["data"]])
        if document and all(isinstance(column, list) for column in document.values()):
            if len({len(column) for column in document.values()}) > 1:
                raise ValueError("columns of different lengths")
            return document
        document = [document]
    if not isinstance(document, list) or not document:
        raise ValueError("expected rows")
    return _by_name([_row(each, naming) for each in document])


def _row(row: Any, naming: Naming) -> dict[str, Any]:
    if isinstance(row, dict):
        inner = row.get("features")
        return _row(inner, naming) if len(row) == 1 and isinstance(inner, (list, dict)) else row
    values = row if isinstance(row, list) else [row]
    return dict(zip(naming(len(values)), values, strict=True))


def _by_name(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    names = dict.fromkeys(name for row in rows for name in row)
    if len(rows) * len(names) > _MOST_VALUES:
        raise ValueError(f"{len(rows):,} rows of {len(names):,} columns are too many")
    return {name: [row.get(name) for row in rows] for name in names}


def _as_batch(columns: dict[str, list[Any]]) -> pa.RecordBatch:
    texts = ([_text(value) for value in values] for values in columns.values())
    arrays = [pa.array(each, pa.string()) for each in texts]
    return pa.RecordBatch.from_arrays(arrays, names=list(columns))


def _text(value: Any) -> str | None:
    """Return a value of JSON as text."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return str(int(value)) if value.is_integer() and abs(value) < 2.0**63 else repr(value)
    return json.dumps(value)
