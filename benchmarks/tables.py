"""The benchmark tables, made from a seed: the same bytes of data on every machine.

========  ==========  =======  ======  ==================================
table     rows        numeric  string  target ``y``
========  ==========  =======  ======  ==================================
D1        2,000,000   20       10      0 or 1 (int8)
D2        2,000,000   20       10      a number (float64); features of D1
D3        10,000,000  10       5       0 or 1 (int8)
D4        10,000,000  20       10      0 or 1 (int8); begins as D1
churn     5,000       real customers; see `fastml demo`
========  ==========  =======  ======  ==================================

Half of the numeric columns have 5% nulls, three pairs are correlated above 0.98 in size, scales
span eight orders of magnitude; string columns have 3 to 10,000 categories under a Zipf law and 2%
nulls. The first 90% of the rows are for training. Every row group has a random stream of its own,
so that a smaller table of whole row groups is the beginning of the larger one.

Usage: ``python -m benchmarks.tables D1 D2 D3 D4`` makes those that are absent in ``bench-data/``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

import fastml
from fastml.atomic import atomic_path

__all__ = ["QUICK_ROWS", "TABLES", "Layout", "table_path", "training_rows"]

SEED = 20_261_123
GROUP_ROWS = 131_072
QUICK_ROWS = GROUP_ROWS
FOLDER = Path(__file__).parents[1] / "bench-data"

Rows = NDArray[np.float64]


@dataclass(frozen=True)
class Layout:
    """What one table looks like."""

    rows: int
    numeric: int
    categories: tuple[int, ...]  # how many in each string column
    binary: bool
    stream: int  # tables with the same stream have the same features

    @property
    def numeric_columns(self) -> list[str]:
        return [f"num{j}" for j in range(self.numeric)]

    @property
    def string_columns(self) -> list[str]:
        return [f"cat{j}" for j in range(len(self.categories))]


WIDE = (3, 5, 8, 12, 20, 50, 100, 500, 2000, 10000)
TABLES = {
    "D1": Layout(2_000_000, 20, WIDE, binary=True, stream=1),
    "D2": Layout(2_000_000, 20, WIDE, binary=False, stream=1),
    "D3": Layout(10_000_000, 10, (3, 12, 50, 200, 1000), binary=True, stream=3),
    "D4": Layout(10_000_000, 20, WIDE, binary=True, stream=1),
    "churn": Layout(5_000, 15, (), binary=True, stream=0),
}
PUBLISHED = {"churn": Path(fastml.__file__).parent / "workflow/demo/telco_churn_mlc.parquet"}
"""Real tables, which are not made: the one that comes with fastml."""


def training_rows(rows: int) -> int:
    """Return how many of a table's first rows are for training; the rest are held out."""
    return rows * 9 // 10


class World:
    """The truth behind a table: scales, effects and the names of the categories."""

    def __init__(self, layout: Layout) -> None:
        draw = np.random.default_rng(SEED + layout.stream)
        n = layout.numeric
        self.layout = layout
        self.scale = 10.0 ** draw.uniform(-3, 5, n)
        self.shift = self.scale * draw.normal(0, 3, n)
        self.slope = draw.normal(0, 0.45, n)
        self.effects: list[Rows] = []
        self.names: list[pa.Array] = []
        for column, count in enumerate(layout.categories):
            self.effects.append(draw.normal(0, 0.6, count))
            # Lengths differ, and the order of the names is not that of the frequencies.
            self.names.append(
                pa.array(
                    [
                        f"c{column}_{i:05d}" if i % 3 else f"category-{column}-value-{i}"
                        for i in draw.permutation(count).tolist()
                    ],
                    pa.string(),
                )
            )
        self.null_string_effect = draw.normal(0, 0.4, len(layout.categories))
        self.null_number_effect = draw.normal(0, 0.15, n)
        self.frequencies = [zipf(count) for count in layout.categories]

    def rows(self, n: int, draw: np.random.Generator) -> pa.RecordBatch:
        """Draw `n` rows."""
        signal = np.zeros(n)
        columns: dict[str, pa.Array] = {}
        for j, standard in enumerate(self._numbers(n, draw)):
            value = standard * self.scale[j] + self.shift[j]
            effect = self.slope[j] * np.clip(standard, -4, 4)
            missing = draw.random(n) < 0.05 if j % 2 == 0 else None
            if missing is not None:
                effect = np.where(missing, self.null_number_effect[j], effect)
            signal += effect
            columns[f"num{j}"] = pa.array(value, mask=missing)
        for j, frequency in enumerate(self.frequencies):
            codes = draw.choice(len(frequency), size=n, p=frequency).astype(np.int32)
            missing = draw.random(n) < 0.02
            signal += np.where(missing, self.null_string_effect[j], self.effects[j][codes])
            columns[f"cat{j}"] = self.names[j].take(pa.array(codes, mask=missing))
        columns["y"] = self._target(signal, draw)
        return pa.RecordBatch.from_pydict(columns)

    def _numbers(self, n: int, draw: np.random.Generator) -> list[Rows]:
        kinds = islice(cycle(DISTRIBUTIONS), self.layout.numeric)
        numbers = [distribution(draw, n) for distribution in kinds]
        # The last three follow others, nearly.
        for source, follower, sign in ((0, -1, 1.0), (1, -2, 1.0), (5, -3, -1.0)):
            noise = 0.12 * draw.standard_normal(n) * numbers[source].std()
            numbers[follower] = sign * numbers[source] + noise
        return numbers

    def _target(self, signal: Rows, draw: np.random.Generator) -> pa.Array:
        if self.layout.binary:
            probability = 1 / (1 + np.exp(-(signal - 0.8)))
            return pa.array((draw.random(len(signal)) < probability).astype(np.int8))
        return pa.array(signal * 10 + 100 + 5.0 * draw.standard_normal(len(signal)))


DISTRIBUTIONS: tuple[Callable[[np.random.Generator, int], Rows], ...] = (
    lambda draw, n: draw.standard_normal(n),
    lambda draw, n: (np.exp(draw.standard_normal(n) * 0.9) - 1.5) / 1.6,
    lambda draw, n: draw.standard_t(3, n) / 1.73,
    lambda draw, n: draw.standard_exponential(n) - 1.0,
    lambda draw, n: (draw.integers(0, 100, n) - 49.5) / 28.9,
)


def zipf(count: int, power: float = 1.1) -> Rows:
    """Return the probabilities of `count` categories under a Zipf law."""
    weights = 1.0 / np.arange(1, count + 1) ** power
    return np.asarray(weights / weights.sum())


def schema(layout: Layout) -> pa.Schema:
    """Return a table's columns and their types."""
    fields = [(name, pa.float64()) for name in layout.numeric_columns]
    fields += [(name, pa.string()) for name in layout.string_columns]
    return pa.schema([*fields, ("y", pa.int8() if layout.binary else pa.float64())])


def row_groups(layout: Layout, rows: int) -> Iterator[pa.RecordBatch]:
    """Yield a table's row groups, in order."""
    world = World(layout)
    for group, start in enumerate(range(0, rows, GROUP_ROWS)):
        draw = np.random.default_rng([SEED, layout.stream, group])
        yield world.rows(min(GROUP_ROWS, rows - start), draw)


def table_path(name: str, rows: int | None = None, folder: Path = FOLDER) -> Path:
    """Return the Parquet file of a table, or of its first `rows` rows; make it if it is absent."""
    if name in PUBLISHED:
        return PUBLISHED[name]
    layout = TABLES[name]
    path = folder / (f"{name}.parquet" if rows is None else f"{name}-{rows}.parquet")
    if not path.exists():
        with (
            atomic_path(path) as beside,
            pq.ParquetWriter(beside, schema(layout), compression="zstd") as file,
        ):
            for group in row_groups(layout, rows or layout.rows):
                file.write_batch(group, row_group_size=GROUP_ROWS)
    return path


if __name__ == "__main__":
    for table in sys.argv[1:] or TABLES:
        began = time.perf_counter()
        place = table_path(table)
        megabytes = place.stat().st_size / 1e6
        print(f"{place}: {megabytes:.0f} MB, {time.perf_counter() - began:.1f} s", flush=True)
