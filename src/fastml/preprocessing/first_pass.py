"""One reading of a training table: its rows staged, its statistics folded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fastml._typing import Float64
from fastml.data import Source
from fastml.engine import BlockMemory, ordered_map
from fastml.errors import DataError
from fastml.preprocessing.conform import conform
from fastml.preprocessing.encode_plan import infinite_error, too_large_error
from fastml.preprocessing.feature_types import feature_schema
from fastml.preprocessing.missing_row_dropper import MissingRowDropper
from fastml.preprocessing.staging import StagedBlock, Staging, as_floats
from fastml.preprocessing.weights import check_weight_type, check_weights

__all__ = ["FirstPass"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstPass:
    """Which columns and rows are learned from, and what is gathered of them.

    Parameters
    ----------
    features : sequence of str
        The candidates.
    target : str
        Rows without it are left out.
    weight : str or None
    rows : MissingRowDropper or None
        Says which other rows are left out.
    categorical, numeric : sequence of str
        As `feature_schema` takes them.
    quantiles : bool
        Whether a step asks for quantiles of the numbers.
    infinite : {"error", "missing"}
        What an infinite number is.
    """

    features: Sequence[str]
    target: str
    weight: str | None = None
    rows: MissingRowDropper | None = None
    categorical: Sequence[str] = ()
    numeric: Sequence[str] = ()
    quantiles: bool = False
    infinite: str = "error"

    def run(self, source: Source, threads: int, memory: BlockMemory | None = None) -> Staging:
        """Read the table once, into `memory` (default: without a bound).

        Raises
        ------
        SchemaError
            If a column cannot be read as what it is to be.
        DataError
            If there is no row to learn from, or a number or a weight is out of its range.
        """
        source = source.select(
            [*self.features, self.target, *([self.weight] if self.weight else [])]
        )
        if self.weight:
            check_weight_type(source.schema.field(self.weight), source.name)
        staging: Staging | None = None
        seen = 0

        def started() -> Iterator[tuple[int, pa.RecordBatch]]:
            nonlocal staging, seen
            for batch in source.blocks():
                if staging is None:
                    staging = self._staging(batch, source.name, memory)
                yield seen, batch
                seen += batch.num_rows

        def stage(item: tuple[int, pa.RecordBatch]) -> StagedBlock:
            row, batch = item
            assert staging is not None
            batch = conform(batch, staging.schema, source.name, row)
            return staging.stage(self._trainable(batch, source.name, row), row)

        for block in ordered_map(stage, started(), threads):
            assert staging is not None
            staging.take(block)
        if staging is None:
            raise DataError(f"{source.name} has no rows; there is nothing to learn from")
        if staging.n_rows == 0:
            raise DataError(
                f"no row of {source.name} has a value in the target {self.target!r}; "
                "name the column that is to be predicted"
            )
        staging.n_left_out = seen - staging.n_rows
        pa.default_memory_pool().release_unused()  # what decoding held
        self._check_range(staging, source)
        return staging

    def _staging(self, first: pa.RecordBatch, where: str, memory: BlockMemory | None) -> Staging:
        schema = feature_schema(first, self.features, self.categorical, self.numeric)
        first = conform(first, schema, where)
        return Staging(
            first,
            self.features,
            self.target,
            self.weight,
            quantiles=self.quantiles,
            memory=memory,
        )

    def _trainable(self, batch: pa.RecordBatch, where: str, row: int) -> pa.RecordBatch:
        """Leave out the rows that have no target, and those that `rows` does not keep."""
        target = batch.column(self.target)
        known = pc.is_valid(target)
        if pa.types.is_floating(target.type):
            known = pc.and_(known, pc.invert(pc.fill_null(pc.is_nan(target), False)))
        if self.rows is not None:
            known = pc.and_(known, pa.array(self.rows.keep(batch)))
        if self.weight is not None:
            check_weights(batch.column(self.weight), known, self.weight, where, row)
        return batch if pc.all(known).as_py() else batch.filter(known)

    def _check_range(self, staging: Staging, source: Source) -> None:
        """Raise for the first number that is infinite, or too large for a float32."""
        for i in np.flatnonzero(staging.too_large).tolist():
            column = staging.numeric[i]
            row, value = _first(source, column, partial(staging.is_too_large, i))
            raise too_large_error(column, value, source.name, row)
        if self.infinite == "missing":
            return
        for i in np.flatnonzero(staging.moments.infinite).tolist():
            column = staging.numeric[i]
            raise infinite_error(column, source.name, _first(source, column, np.isinf)[0])


def _first(
    source: Source, column: str, wrong: Callable[[Float64], NDArray[np.bool_]]
) -> tuple[int | None, float | None]:
    """Return the row and the value of the first wrong number, if the source can be reread."""
    row = 0
    for batch in source.select([column]).batches() if source.rereadable else ():
        values = as_floats(batch.column(0))
        at = np.flatnonzero(wrong(values))
        if len(at):
            return row + int(at[0]) + 1, float(values[at[0]])
        row += len(values)
    return None, None
