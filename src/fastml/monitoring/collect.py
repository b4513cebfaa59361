"""Statistics of what a model was trained on, and of what it was asked and answered since."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Self

import pyarrow as pa

from fastml._typing import Float64
from fastml.data import Source
from fastml.engine import BLOCK_ROWS
from fastml.errors import DataError, FastMLError
from fastml.monitoring.captured import Payload, Period, Tally, captured_events
from fastml.monitoring.features import Kind, Statistics
from fastml.monitoring.payloads import LooseReader, ModelReader, Naming
from fastml.monitoring.statistics import TableStatistics, kind_of
from fastml.serving.predictor import Predictor

__all__ = [
    "INPUT",
    "OUTPUT",
    "Watched",
    "captured_statistics",
    "last_names",
    "model_statistics",
    "table_statistics",
]

INPUT: Final = "endpointInput"
OUTPUT: Final = "endpointOutput"
_BATCHES, _BYTES = 4_096, 32 << 20  # of payloads that wait to be taken in together

_Read = Callable[[Payload], list[pa.RecordBatch]]


@dataclass(frozen=True, slots=True)
class Watched:
    """The columns that are looked at, and how requests and answers are read.

    Parameters
    ----------
    inputs, outputs : mapping of str to Kind
        Those that are known, in their order.
    only : bool
        Whether no others are looked at.
    read_input, read_output : callable
    """

    inputs: Mapping[str, Kind]
    outputs: Mapping[str, Kind]
    only: bool
    read_input: _Read
    read_output: _Read

    @classmethod
    def of_model(cls, predictor: Predictor, known: Mapping[str, Kind] | None = None) -> Self:
        """Return the columns that a model looks at and answers.

        Parameters
        ----------
        predictor : Predictor
        known : mapping of str to Kind, optional
            Columns of a baseline; of others nothing is said then.
        """
        batches = predictor.batches
        answers = batches.as_batch(batches.no_scores()).schema
        outputs = LooseReader(answers.names, _first(answers.names)).read
        inputs = _kinds(batches.schema, known)
        shown = {n: k for n, k in _kinds(answers, known).items() if n not in inputs}
        return cls(inputs, shown, True, ModelReader(predictor).read, outputs)

    @classmethod
    def of_columns(cls, known: Mapping[str, Kind] | None = None) -> Self:
        """Return the columns of a baseline, and all others that are met.

        Where rows have no names, an answer has the first of them and a request the last: so Model
        Monitor lays them side by side.
        """
        kinds = known or {}
        names = list(kinds)
        inputs = LooseReader(names, partial(last_names, names)).read
        return cls(kinds, kinds, False, inputs, LooseReader(names, _first(names)).read)


def table_statistics(
    source: Source, kinds: Mapping[str, Kind] | None = None, *, only: bool = False
) -> Statistics:
    """Return the statistics of a table.

    Parameters
    ----------
    source : Source
    kinds : mapping of str to Kind, optional
        What its columns are taken for; default: as the types of the table say.
    only : bool
        Whether columns that are not in `kinds` are left out.
    """
    table = source.canonical()
    stated = {field.name: kind_of(field.type) for field in table.schema}
    state = TableStatistics({**({} if only else stated), **(kinds or {})}, only=only)
    for block in table.blocks(BLOCK_ROWS):
        state.update(block)
    return state.finish()


def model_statistics(source: Source, predictor: Predictor) -> Statistics:
    """Return the statistics of the columns of a table that a model looks at, and of its answers.

    Raises
    ------
    SchemaError, DataError
        If the model cannot read the table.
    """
    watched, batches = Watched.of_model(predictor), predictor.batches
    asked, answered = (TableStatistics(k, only=True) for k in (watched.inputs, watched.outputs))
    for block in source.canonical().blocks(BLOCK_ROWS):
        rows = asked.rows
        asked.update(batches.conformed(block))
        answered.update(batches.as_batch(batches.scores(block, source.name, rows)))
    return _beside(answered.finish(), asked.finish())


def captured_statistics(
    folder: Path,
    watched: Watched,
    *,
    sides: Collection[str] = (INPUT, OUTPUT),
    period: Period | None = None,
    edges: Mapping[str, Float64 | None] | None = None,
) -> tuple[Statistics, Tally]:
    """Return the statistics of captured requests and answers, and what was met.

    Parameters
    ----------
    folder : Path
    watched : Watched
    sides : collection of {"endpointInput", "endpointOutput"}
        Which of both are looked at.
    period : Period, optional
        Default: all.
    edges : mapping of str to float64 array, optional
        Bounds of the buckets that are told, by column.
    """
    tally = Tally()
    asked = _Side(watched.read_input, TableStatistics(watched.inputs, only=watched.only))
    answered = _Side(watched.read_output, TableStatistics(watched.outputs, only=watched.only))
    for event in captured_events(folder, tally, period):
        if INPUT in sides and event.asked is not None:
            asked.take(event.asked, tally)
        if OUTPUT in sides and event.answered is not None:
            answered.take(event.answered, tally)
    return _beside(answered.finish(edges), asked.finish(edges)), tally


class _Side:
    """Takes in payloads, many at once: one alone has few rows."""

    def __init__(self, read: _Read, state: TableStatistics) -> None:
        self._read, self._state = read, state
        self._waiting: dict[pa.Schema, list[pa.RecordBatch]] = {}
        self._batches = self._rows = self._bytes = 0

    def take(self, payload: Payload, tally: Tally) -> None:
        try:
            batches = self._read(payload)
            for batch in batches:
                _check_names(batch)
        except FastMLError as error:
            tally.unread += 1
            tally.told(str(error))
            return
        self._bytes += len(payload.body)
        for batch in batches:
            self._waiting.setdefault(batch.schema, []).append(batch)
            self._batches += 1
            self._rows += batch.num_rows
        if self._batches >= _BATCHES or self._rows >= BLOCK_ROWS or self._bytes >= _BYTES:
            self._flush()

    def finish(self, edges: Mapping[str, Float64 | None] | None) -> Statistics:
        self._flush()
        return self._state.finish(edges)

    def _flush(self) -> None:
        for batches in self._waiting.values():
            for batch in pa.Table.from_batches(batches).combine_chunks().to_batches():
                self._state.update(batch)
        self._waiting = {}
        self._batches = self._rows = self._bytes = 0


def _check_names(batch: pa.RecordBatch) -> None:
    if len(set(batch.schema.names)) < len(batch.schema):
        raise DataError(f"a payload has a column twice: {', '.join(batch.schema.names)[:200]}")


def _beside(answered: Statistics, asked: Statistics) -> Statistics:
    """Return the columns of answers, then those of requests: as Model Monitor lays them."""
    return Statistics(asked.rows or answered.rows, {**answered.features, **asked.features})


def _kinds(schema: pa.Schema, known: Mapping[str, Kind] | None) -> dict[str, Kind]:
    if known is None:
        return {field.name: kind_of(field.type) for field in schema}
    return {name: known[name] for name in schema.names if name in known}


def _first(names: Sequence[str]) -> Naming:
    return lambda n: [*names[:n], *(f"_output{i}" for i in range(len(names), n))]


def last_names(names: Sequence[str], n: int) -> list[str]:
    """Return names for columns that have none: the last that are known, then `_cNUMBER`."""
    return [*names[-n:], *(f"_c{i}" for i in range(len(names), n))]
