"""Doing without machine learning: the majority or mean, and the best rule of a single column.

The search is a fold over batches that keeps a uniform sample of the rows (all of them up to
262,144), so that its memory is bounded. A column's rule predicts, for each of its categories or of
64 bins of equal count, what the sample's rows there had. Columns are ranked on held-out folds, so
that a column of many categories does not win by remembering.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from fastml._typing import Float64, Task
from fastml.errors import ConfigError, DataError, SchemaError
from fastml.evaluation.cells import Cells, fit_cells
from fastml.evaluation.numbers import amount
from fastml.evaluation.sample import RowSample

__all__ = ["BaselineSearch", "Rule"]

SAMPLE_ROWS = 262_144
_BINS = 64
_FOLDS = 5
_PRIOR_ROWS = 10.0  # a cell's outcome is pulled to the overall one as by so many rows


@dataclass(frozen=True, slots=True)
class Rule:
    """A prediction without machine learning.

    Attributes
    ----------
    column : str or None
        The one column that it looks at; None for the majority or mean.
    words : str
        The rule as a phrase.
    task : str
    cells : Cells or None
        The cells of the column; None without a column.
    outcomes : (c, k) float64
        What each cell predicts: the chance of each class, or the mean (k = 1).
    """

    column: str | None
    words: str
    task: Task
    cells: Cells | None
    outcomes: Float64

    def predict(self, batch: pa.RecordBatch | pa.Table) -> Float64:
        """Return scores as `evaluate` takes them: (n,) or, for several classes, (n, k).

        Raises
        ------
        SchemaError
            If the rule's column is not there.
        """
        if self.column is None or self.cells is None:
            scores = np.repeat(self.outcomes, batch.num_rows, axis=0)
        else:
            scores = self.outcomes[self.cells.index(_chunked(batch, self.column))]
        return scores if self.task == "multiclass" else np.ascontiguousarray(scores[:, -1])


class BaselineSearch:
    """Finds the best rule without machine learning; a mergeable fold over batches.

    Parameters
    ----------
    task : {"binary", "multiclass", "regression"}
    columns : sequence of str
        The columns that a rule may look at: numbers, booleans, dates, times and text. Columns of
        other types are passed over.
    classes : sequence, optional
        The names of the classes, in the order of their codes; needed for several classes.
    first_row : int
        The place of this state's first row in the stream, where states are to be merged.

    Examples
    --------
    >>> import pyarrow as pa
    >>> search = BaselineSearch("binary", ["plan"])
    >>> plans = pa.record_batch({"plan": ["free"] * 50 + ["paid"] * 50})
    >>> search.update(plans, [1] * 40 + [0] * 60)
    >>> search.best().words
    "the chance by 'plan' alone: from 6.67% for 'paid' to 73.3% for 'free'"
    """

    def __init__(
        self,
        task: Task,
        columns: Sequence[str],
        *,
        classes: Sequence[object] | None = None,
        first_row: int = 0,
    ) -> None:
        if task == "multiclass" and classes is None:
            raise ConfigError("a baseline of several classes needs their names; give classes=")
        self._task: Task = task
        self._columns = tuple(columns)
        self._classes = () if task == "regression" else tuple(classes or (0, 1))
        self._sample = RowSample(SAMPLE_ROWS, first_row)

    def update(
        self, batch: pa.RecordBatch, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> None:
        """Take in the next batch and its target, coded as `evaluate` takes it.

        Raises
        ------
        SchemaError
            If a column is not there.
        DataError
            If the target does not fit the batch or the task.
        """
        target = np.asarray(y, dtype=np.float64)
        if target.shape != (batch.num_rows,):
            raise DataError(f"y has shape {target.shape}; expected ({batch.num_rows},)")
        usable = np.isfinite(target)
        expected = "finite numbers"
        if self._classes:
            usable = np.isin(target, np.arange(len(self._classes)))
            expected = f"the codes 0 to {len(self._classes) - 1}"
        if not usable.all():
            row = int((~usable).argmax())
            raise DataError(f"y has {target[row]:g} at row {row:,} of a batch; expected {expected}")
        weight = np.ones(len(target)) if sample_weight is None else np.asarray(sample_weight)
        kept = [_column(batch, name) for name in self._columns]
        kept += [pa.array(target), pa.array(weight, pa.float64())]
        # Named by place: no column's own name can collide with the target's.
        self._sample.update(pa.record_batch(kept, names=[str(i) for i in range(len(kept))]))

    def merge(self, other: BaselineSearch) -> None:
        """Take in another state's rows."""
        self._sample.merge(other._sample)

    def constant(self) -> Rule:
        """Return the majority (as the share of each class) or the mean.

        Raises
        ------
        DataError
            If there were no rows.
        """
        _, target, weight = self._rows()
        return self._rule(None, None, np.zeros(len(target), np.intp), target, weight)

    def best(self) -> Rule:
        """Return the best rule of one column, or the constant where no column's is better.

        Raises
        ------
        DataError
            If there were no rows.
        """
        table, target, weight = self._rows()
        column: str | None = None
        cells: Cells | None = None
        index = np.zeros(len(target), np.intp)
        least = self._held_out_loss(index, 1, target, weight)
        for place, name in enumerate(self._columns):
            candidate = fit_cells(table.column(place), _BINS)
            # More cells than every second row is an identifier, of which no rule can be told.
            if candidate is None or candidate.count > max(len(target) // 2, _BINS):
                continue
            candidate_index = candidate.index(table.column(place))
            loss = self._held_out_loss(candidate_index, candidate.count, target, weight)
            if loss < least:
                least, column, cells, index = loss, name, candidate, candidate_index
        return self._rule(column, cells, index, target, weight)

    def _rows(self) -> tuple[pa.Table, Float64, Float64]:
        table = self._sample.table()
        if table is None or not table.num_rows:
            raise DataError("there are no rows to find a baseline in")
        target, weight = (column.to_numpy() for column in table.columns[-2:])
        if not weight.any():
            raise DataError("every sample_weight is zero; expected at least one row that counts")
        # In rows, whatever their unit, since they are compared with `_PRIOR_ROWS`.
        return table, target, weight / weight[weight > 0].mean()

    def _totals(
        self, index: NDArray[np.intp], count: int, target: Float64, weight: Float64
    ) -> tuple[Float64, Float64]:
        """Return each cell's weight (c,), and its weight of each class or sum of y (c, k)."""
        sums: Float64
        if not self._classes:
            sums = np.bincount(index, weight * target, count).astype(np.float64)[:, None]
            return np.bincount(index, weight, count).astype(np.float64), sums
        k = len(self._classes)
        place = index * k + target.astype(np.intp)
        sums = np.bincount(place, weight, count * k).astype(np.float64).reshape(count, k)
        return sums.sum(axis=1), sums

    def _held_out_loss(
        self, index: NDArray[np.intp], count: int, target: Float64, weight: Float64
    ) -> float:
        """Return the loss of each fold's rows under the cells of the other folds."""
        fold = np.arange(len(index)) % _FOLDS
        if not self._classes:
            target = target - np.average(target, weights=weight)
        held_weight, held = self._totals(fold * count + index, _FOLDS * count, target, weight)
        held_weight, held = held_weight.reshape(_FOLDS, count), held.reshape(_FOLDS, count, -1)
        rest_weight, rest = held_weight.sum(axis=0) - held_weight, held.sum(axis=0) - held
        prior = held.sum(axis=(0, 1)) / held_weight.sum()
        outcomes = (rest + _PRIOR_ROWS * prior) / (rest_weight + _PRIOR_ROWS)[:, :, None]
        if not self._classes:  # the squared error, less the target's own squares
            return float((held_weight[:, :, None] * outcomes**2 - 2 * held * outcomes).sum())
        return float(-(held * np.log(np.maximum(outcomes, np.finfo(np.float64).tiny))).sum())

    def _rule(
        self,
        column: str | None,
        cells: Cells | None,
        index: NDArray[np.intp],
        target: Float64,
        weight: Float64,
    ) -> Rule:
        count = 1 if cells is None else cells.count
        seen, sums = self._totals(index, count, target, weight)
        overall = sums.sum(axis=0) / seen.sum()
        if cells is None:
            outcomes = overall[None, :]
            words = self._constant_words(overall)
        else:
            outcomes = (sums + _PRIOR_ROWS * overall) / (seen + _PRIOR_ROWS)[:, None]
            words = self._rule_words(f"by {column!r} alone", cells, outcomes[:, -1], seen)
        return Rule(column, words, self._task, cells, outcomes)

    def _constant_words(self, overall: Float64) -> str:
        if self._task == "regression":
            return f"the mean, {amount(overall[0], 6)}, for every row"
        if self._task == "binary":
            return f"the chance of {100 * overall[1]:.3g}% for every row"
        code = int(overall.argmax())
        return f"{self._classes[code]!r} for every row, right for {100 * overall[code]:.3g}%"

    def _rule_words(self, by: str, cells: Cells, outcomes: Float64, seen: Float64) -> str:
        if self._task == "multiclass":
            return f"the share of each class {by}"
        used = np.flatnonzero(seen)
        low, high = used[outcomes[used].argmin()], used[outcomes[used].argmax()]
        least, most = (
            f"{100 * outcomes[cell]:.3g}%" if self._classes else amount(outcomes[cell], 6)
            for cell in (low, high)
        )
        return (
            f"the {'chance' if self._classes else 'mean'} {by}: from {least} for "
            f"{cells.label(int(low))} to {most} for {cells.label(int(high))}"
        )


def _column(batch: pa.RecordBatch | pa.Table, name: str) -> pa.Array | pa.ChunkedArray:
    places = batch.schema.get_all_field_indices(name)
    if len(places) != 1:
        found = f"is there {len(places)} times" if places else "is not there"
        raise SchemaError(
            f"column {name!r} {found}; the columns are {', '.join(batch.schema.names)}"
        )
    return batch.column(places[0])


def _chunked(batch: pa.RecordBatch | pa.Table, name: str) -> pa.ChunkedArray:
    column = _column(batch, name)
    return column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])
