"""`TableProfile`: the statistics of a table, as a fold over its record batches."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fastml._native.categories import CategoryCounts
from fastml._native.distinct import DistinctCounts
from fastml._native.moments import NumericMoments
from fastml._native.quantiles import QuantileSketch
from fastml._typing import Float64
from fastml.data import Source, scan
from fastml.engine import BLOCK_ROWS, ordered_map
from fastml.errors import SchemaError
from fastml.profile.column import ColumnProfile
from fastml.profile.roles import SAMPLE, Evidence, decide_role, is_number, is_text
from fastml.profile.terminal import as_rich, as_text

__all__ = ["TableProfile", "profile"]

_MOST_CORRELATED = 300  # numeric columns beyond which pairs cost more than all else
_CATEGORIES = 100_000  # strings of a column that are counted one by one
_CATEGORY_BYTES = 1 << 24
_TOP = 100


class TableProfile:
    """Statistics of every column of a table, gathered block by block.

    Counts, extremes and the counts of categories are exact; means, variances and correlations are
    exact to rounding; quantiles and distinct counts are within their stated bounds. States of
    consecutive parts of a table merge into the state of the whole.

    Parameters
    ----------
    schema : pyarrow.Schema
        The table's columns, in the types of `Source.canonical`; others have no statistics.
    start : int, default 0
        The place in the table of the first row to come.
    correlations : bool, optional
        Whether to gather the correlations of numeric columns; default: up to 300 of them.
    """

    def __init__(
        self, schema: pa.Schema, *, start: int = 0, correlations: bool | None = None
    ) -> None:
        self.schema = schema
        self.rows = 0
        self._start = start
        self._numbers = [i for i, field in enumerate(schema) if is_number(field.type)]
        self._texts = [i for i, field in enumerate(schema) if is_text(field.type)]
        n = len(self._numbers)
        self._correlated = n <= _MOST_CORRELATED if correlations is None else correlations
        self._moments = NumericMoments(n, self._correlated)
        # Extremes of what a float64 does not hold exactly, by the place in `_numbers`.
        wide = [i for i, column in enumerate(self._numbers) if _is_wide(schema.field(column).type)]
        self._extremes: dict[int, tuple[int, int] | None] = dict.fromkeys(wide)
        self._quantiles = QuantileSketch(n, start)
        self._distinct = DistinctCounts(n)
        self._distinct_texts = DistinctCounts(len(self._texts))
        self._categories = [_counts() for _ in self._texts]
        self._nulls = np.zeros(len(schema), dtype=np.int64)
        self._first: pa.RecordBatch | None = None  # a few rows, to look at

    def update(self, batch: pa.RecordBatch) -> None:
        """Take in the rows that follow.

        Raises
        ------
        SchemaError
            If the batch has other columns than the table.
        """
        if not batch.schema.equals(self.schema):
            raise SchemaError(
                f"a batch has the columns {_described(batch.schema)}; "
                f"this profile is of {_described(self.schema)}"
            )
        block = TableProfile(
            self.schema, start=self._start + self.rows, correlations=self._correlated
        )
        block._fold(batch)
        self.merge(block)

    def _fold(self, batch: pa.RecordBatch) -> None:
        """Take in the one batch of a state that is new."""
        self.rows = batch.num_rows
        self._first = batch.slice(0, SAMPLE)
        self._moments.update(batch, self._numbers)
        self._extremes = {i: _extremes(batch.column(self._numbers[i])) for i in self._extremes}
        self._quantiles.update(batch, self._numbers)
        self._distinct.update(batch, self._numbers)
        self._nulls = np.array([column.null_count for column in batch.columns], dtype=np.int64)
        for counts, column in zip(self._categories, self._texts, strict=True):
            counts.update(batch.column(column))
        self._distinct_texts = self._block_texts(batch)

    def _block_texts(self, batch: pa.RecordBatch) -> DistinctCounts:
        """Count distinct strings from those of the block, unless they had no room."""
        total = DistinctCounts(len(self._texts))
        for i, (counts, column) in enumerate(zip(self._categories, self._texts, strict=True)):
            strings = batch.column(column) if counts.overflowed else counts.categories()
            total.update_column(i, strings)
        return total

    def merge(self, other: TableProfile) -> None:
        """Take in the state of the rows that follow this one's.

        Raises
        ------
        SchemaError
            If `other` is of another table, or only one of both keeps correlations.
        """
        if not other.schema.equals(self.schema) or other._correlated != self._correlated:
            raise SchemaError(
                f"cannot merge a profile of {_described(other.schema)} "
                f"into one of {_described(self.schema)}: columns and correlations must be the same"
            )
        self.rows += other.rows
        self._moments.merge(other._moments)
        for i, theirs in other._extremes.items():
            mine = self._extremes[i]
            if mine is None or theirs is None:
                self._extremes[i] = mine or theirs
            else:
                self._extremes[i] = min(mine[0], theirs[0]), max(mine[1], theirs[1])
        self._quantiles.merge(other._quantiles)
        self._distinct.merge(other._distinct)
        self._distinct_texts.merge(other._distinct_texts)
        self._nulls = self._nulls + other._nulls
        for counts, others in zip(self._categories, other._categories, strict=True):
            counts.merge(others)
        if self._first is None or self._first.num_rows == 0:
            self._first = other._first

    @property
    def columns(self) -> dict[str, ColumnProfile]:
        """What each column holds, by name, in the table's order; of the rows taken in so far."""
        found = {**self._number_columns(), **self._text_columns(), **self._other_columns()}
        return {name: found[name] for name in self.schema.names}

    def _number_columns(self) -> dict[str, ColumnProfile]:
        moments = self._moments
        nulls = moments.nulls + moments.nans
        statistics = zip(
            moments.mean, np.sqrt(moments.variance(ddof=1)), moments.min, moments.max, strict=True
        )
        count, infinite = moments.count, moments.infinite
        distinct, exact = self._distinct.estimate(), self._distinct.exact
        found = {}
        for i, (mean, std, low, high) in enumerate(statistics):
            field = self.schema.field(self._numbers[i])
            low, high = self._extremes.get(i) or (float(low), float(high))
            frequent: list[tuple[Any, int]] = []
            if pa.types.is_boolean(field.type) and count[i]:
                true = round(mean * count[i])
                pairs = [(True, true), (False, int(count[i]) - true)]
                frequent = sorted((pair for pair in pairs if pair[1]), key=lambda pair: -pair[1])
            found[field.name] = self._column(
                field,
                nulls=int(nulls[i]),
                infinite=int(infinite[i]),
                distinct=min(float(distinct[i]), float(self.rows - nulls[i])),
                distinct_exact=bool(exact[i]),
                mean=float(mean),
                std=float(std),
                min=low,
                max=high,
                sketch=(self._quantiles, i),
                frequent=frequent,
                sample=self._sample(self._numbers[i]),
            )
        return found

    def _text_columns(self) -> dict[str, ColumnProfile]:
        estimates = self._distinct_texts.estimate()
        found = {}
        for i, counts in enumerate(self._categories):
            field = self.schema.field(self._texts[i])
            categories, occurs = counts.categories(), counts.counts()
            order = np.argsort(-occurs, kind="stable")[:_TOP]
            found[field.name] = self._column(
                field,
                nulls=counts.nulls,
                distinct=(
                    min(float(estimates[i]), float(self.rows - counts.nulls))
                    if counts.overflowed
                    else float(len(counts))
                ),
                distinct_exact=not counts.overflowed,
                frequent=[(categories[int(code)].as_py(), int(occurs[code])) for code in order],
                sample=categories[:SAMPLE].to_pylist(),
            )
        return found

    def _other_columns(self) -> dict[str, ColumnProfile]:
        known = {*self._numbers, *self._texts}
        return {
            field.name: self._column(
                field, nulls=int(self._nulls[i]), distinct=math.nan, distinct_exact=False, sample=[]
            )
            for i, field in enumerate(self.schema)
            if i not in known
        }

    def _sample(self, column: int) -> list[Any]:
        """Return some values of a column of numbers, as they come."""
        if self._first is None or pa.types.is_temporal(self.schema.field(column).type):
            return []
        values: list[Any] = self._first.column(column).drop_null().to_pylist()
        return values

    def _column(
        self, field: pa.Field, *, nulls: int, distinct: float, sample: list[Any], **statistics: Any
    ) -> ColumnProfile:
        evidence = Evidence(
            name=field.name,
            type=field.type,
            present=self.rows - nulls,
            missing=nulls,
            distinct=distinct,
            min=statistics.get("min", math.nan),
            max=statistics.get("max", math.nan),
            sample=sample,
        )
        role, reason = decide_role(evidence)
        return ColumnProfile(
            name=field.name,
            type=field.type,
            role=role,
            reason=reason,
            count=self.rows,
            nulls=nulls,
            distinct=distinct,
            **statistics,
        )

    def correlation(self) -> tuple[list[str], Float64]:
        """Return the numeric columns' names and their correlations (Pearson's, float64 (k, k)).

        Each over the rows where both columns are present; NaN where one is constant there. Both
        are empty where correlations are not kept.
        """
        if not self._correlated:
            return [], np.empty((0, 0))
        names = [self.schema.field(i).name for i in self._numbers]
        return names, self._moments.correlation()

    def to_dict(self) -> dict[str, Any]:
        """Return the profile as JSON takes it.

        `rows`; `columns`, a list of `ColumnProfile.to_dict`; `correlation`, the `columns` it is of
        and its `matrix`, a list of rows with None where it is not known.
        """
        names, matrix = self.correlation()
        rows = [[None if math.isnan(r) else round(r, 6) for r in row] for row in matrix.tolist()]
        return {
            "rows": self.rows,
            "columns": [column.to_dict() for column in self.columns.values()],
            "correlation": {"columns": names, "matrix": rows},
        }

    def to_json(self, indent: int | None = None) -> str:
        """Return `to_dict` as JSON."""
        return json.dumps(self.to_dict(), indent=indent, ensure_ascii=False, allow_nan=False)

    def __repr__(self) -> str:
        return f"<TableProfile: {self.rows:,} rows, {len(self.schema):,} columns>"

    def __str__(self) -> str:
        return as_text(self.rows, self.columns.values())

    def __rich__(self) -> Any:
        """Return the profile as `rich` draws it on a terminal."""
        return as_rich(self.rows, self.columns.values())


def _is_wide(kind: pa.DataType) -> bool:
    """Whether values are whole numbers that a float64 may not hold."""
    whole = pa.types.is_integer(kind) or pa.types.is_temporal(kind)
    return bool(whole and is_number(kind) and kind.bit_width == 64)


def _extremes(column: pa.Array) -> tuple[int, int] | None:
    """Return the least and the greatest value of a column of 64 bits a value, None if all null."""
    if pa.types.is_temporal(column.type):
        column = column.view(pa.int64())
    found = pc.min_max(column)
    return (found["min"].as_py(), found["max"].as_py()) if found["min"].is_valid else None


def _counts() -> CategoryCounts:
    return CategoryCounts(_CATEGORIES, _CATEGORY_BYTES)


def _described(schema: pa.Schema) -> str:
    columns = [f"{field.name}: {field.type}" for field in schema]
    return ", ".join(columns[:12]) + (", ..." if len(columns) > 12 else "")


def profile(
    source: Any, *, threads: int | None = None, correlations: bool | None = None
) -> TableProfile:
    """Gather what is in a table, in one pass and in bounded memory.

    Parameters
    ----------
    source : Source or anything that `fastml.scan` takes
    threads : int, optional
        Default: `FASTML_THREADS`, else the cores available. The result never depends on it.
    correlations : bool, optional
        Whether to gather the correlations of numeric columns; default: up to 300 of them.

    Returns
    -------
    TableProfile

    Examples
    --------
    >>> import pyarrow as pa
    >>> table = pa.table({"size": [1.0, 2.0, 4.0], "colour": ["red", "red", None]})
    >>> found = profile(table)
    >>> found.columns["size"].max, found.columns["colour"].top()
    (4.0, [('red', 2)])
    """
    table = scan(source).canonical()
    total = TableProfile(table.schema, correlations=correlations)
    fold = partial(_profile_block, table.schema, correlations)
    for block in ordered_map(fold, _numbered(table), threads):
        total.merge(block)
    return total


def _numbered(source: Source) -> Iterator[tuple[int, pa.RecordBatch]]:
    for number, block in enumerate(source.blocks(BLOCK_ROWS)):
        yield number * BLOCK_ROWS, block


def _profile_block(
    schema: pa.Schema, correlations: bool | None, block: tuple[int, pa.RecordBatch]
) -> TableProfile:
    start, batch = block
    state = TableProfile(schema, start=start, correlations=correlations)
    state._fold(batch)
    return state
