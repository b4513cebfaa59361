"""The encoded rows of many plans over one table, which is read once."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from numpy.typing import NDArray

from fastml.data import Source, scan
from fastml.linear_model.design import Design
from fastml.pipeline.rows import RowReader
from fastml.pipeline.training import ReadTable, plan_table, steps_of
from fastml.preprocessing.encode_plan import EncodePlan
from fastml.preprocessing.encode_plan_state import plan_state
from fastml.preprocessing.finishing import finished_design

if TYPE_CHECKING:
    from fastml.pipeline import Pipeline

__all__ = ["Encoding", "Encodings"]

KEPT = 4
"""Encoded rows are kept up to this many times the memory of the rows as they were read."""
LITTLE = 1 << 28
"""Bytes that encoded rows may take in any case."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """Rows as one plan encodes them.

    Parameters
    ----------
    plan : EncodePlan
    dropped : dict of column to reason
    train, validation : Design
    """

    plan: EncodePlan
    dropped: dict[str, str]
    train: Design
    validation: Design

    def arrays(self) -> Iterator[NDArray[Any]]:
        """Yield all that the rows consist of."""
        for design in (self.train, self.validation):
            for block in design.blocks:
                parts = (block.dense, block.codes, block.target, block.weight)
                yield from (part for part in parts if part is not None)


class Encodings:
    """Encodes the rows of a search once for each plan, and keeps what was used last.

    Settings that make the same plan share its rows. Threads may share one.

    Parameters
    ----------
    table : ReadTable
        The rows to train on, which are kept as they were read.
    validation : Source
        Rows to judge on; they are kept in memory.
    pipeline : Pipeline
        How rows are read.
    threads : int
    most_bytes : int, optional
        What encoded rows may take; those in use are kept, whatever they take. Default: four times
        what the rows take as they were read, or 256 MiB.

    Attributes
    ----------
    made, reused : int
        How often rows were encoded, and how often they were there.
    """

    def __init__(
        self,
        table: ReadTable,
        validation: Any,
        pipeline: Pipeline,
        threads: int,
        most_bytes: int | None = None,
    ) -> None:
        self._table, self._threads = table, threads
        staged = sum(b.dense.nbytes + b.codes.nbytes for b in table.staging.blocks)
        self._most = max(KEPT * staged, LITTLE) if most_bytes is None else most_bytes
        self._plans: dict[str, tuple[str, dict[str, str]]] = {}  # by settings: plan, drops
        self._kept: OrderedDict[str, Encoding] = OrderedDict()
        self._lock = Lock()
        self.made = self.reused = 0
        plan, _ = plan_table(pipeline, table, threads)
        self._validation = self._in_memory(self._reader(plan, pipeline).scan(validation))

    def _reader(self, plan: EncodePlan, pipeline: Pipeline) -> RowReader:
        return RowReader(plan, self._table.target, pipeline.weight, pipeline.reading, self._threads)

    def _in_memory(self, source: Source) -> Source:
        """Read the columns that any plan may need."""
        source = source.canonical()
        staged = set(self._table.staging.schema.names)
        return scan(source.select([n for n in source.schema.names if n in staged]).to_table())

    def of(self, pipeline: Pipeline) -> Encoding:
        """Return the rows as a pipeline's steps encode them."""
        settings = repr(steps_of(pipeline))
        with self._lock:
            plan = None
            if settings not in self._plans:
                plan, dropped = plan_table(pipeline, self._table, self._threads)
                self._plans[settings] = _fingerprint(plan), dropped
            known, dropped = self._plans[settings]
            if known in self._kept:
                self.reused += 1
                self._kept.move_to_end(known)
                return replace(self._kept[known], dropped=dropped)
            if plan is None:
                plan, _ = plan_table(pipeline, self._table, self._threads)
            train = finished_design(plan, self._table.staging, self._threads, keep=True)
            held_out = self._reader(plan, pipeline).design(
                self._validation, self._table.staging.memory
            )
            self.made += 1
            found = self._kept[known] = Encoding(plan, dropped, train, held_out)
            self._let_go()
            return found

    def _let_go(self) -> None:
        sizes = [sum(part.nbytes for part in each.arrays()) for each in self._kept.values()]
        while len(sizes) > 1 and sum(sizes) > self._most:
            self._kept.popitem(last=False)
            sizes.pop(0)


def _fingerprint(plan: EncodePlan) -> str:
    """Return what tells a plan from any other."""
    state, tables = plan_state(plan)
    found = hashlib.sha256(json.dumps(state, sort_keys=True).encode())
    for name in sorted(tables):
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, tables[name].schema) as stream:
            stream.write_table(tables[name])
        found.update(sink.getvalue())
    return found.hexdigest()
