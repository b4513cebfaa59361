"""The kernels that are counted, each with a fixed input."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from fastml._native.categories import CategoryCounts
from fastml._native.codes import CombinationCounts, Combinations, finish_codes
from fastml._native.distinct import DistinctCounts
from fastml._native.encode import DenseEncoder, stage_dense
from fastml._native.linear import DesignKernels
from fastml._native.lookup import CategoryLookup
from fastml._native.moments import NumericMoments
from fastml._native.quantiles import QuantileSketch

ROWS, NUMBERS, STRINGS, KNOWN = 8192, 8, 4, 500
COLUMNS = np.arange(NUMBERS)
NOWHERE = np.full(NUMBERS, -1)

Call = Callable[[], object]


def numbers() -> pa.RecordBatch:
    """Return float64 columns, every other one with 5% nulls."""
    draw = np.random.default_rng(1)
    columns = {
        f"n{j}": pa.array(draw.normal(size=ROWS), mask=draw.random(ROWS) < 0.05 * (j % 2))
        for j in range(NUMBERS)
    }
    return pa.RecordBatch.from_pydict(columns)


def categories() -> pa.StringArray:
    """Return strings of `KNOWN` kinds, skewed, with 2% nulls."""
    draw = np.random.default_rng(2)
    codes = (KNOWN * draw.random(ROWS) ** 3).astype(np.int32)
    names = pa.array([f"category {code}" for code in range(KNOWN)])
    return names.take(pa.array(codes, mask=draw.random(ROWS) < 0.02))


def encode_dense() -> Call:
    zero = np.zeros(NUMBERS, np.float32)
    encoder = DenseEncoder(np.zeros(NUMBERS), zero, zero + 1, zero, COLUMNS, NOWHERE)
    return partial(encoder.encode, numbers(), COLUMNS, np.zeros((ROWS, NUMBERS), np.float32))


def stage() -> Call:
    staged = np.zeros((NUMBERS, ROWS), np.float32)
    return partial(stage_dense, numbers(), COLUMNS, np.zeros(NUMBERS), staged)


def encode_codes() -> Call:
    staged = np.random.default_rng(3).integers(-1, KNOWN, (STRINGS, ROWS), np.int32)
    table = np.arange(-1, KNOWN + 1, dtype=np.int32)
    parts = [(codes, None, table) for codes in staged]
    return partial(finish_codes, parts, [], np.zeros((ROWS, STRINGS), np.int32))


def encode_bins() -> Call:
    draw = np.random.default_rng(5)
    edges = np.sort(draw.normal(size=31)).astype(np.float32)
    values = draw.normal(size=(NUMBERS, ROWS)).astype(np.float32)
    table = np.arange(-1, len(edges) + 1, dtype=np.int32)
    parts = [(column, edges, table) for column in values]
    return partial(finish_codes, parts, [], np.zeros((ROWS, NUMBERS), np.int32))


def crossed() -> tuple[list[Any], Combinations]:
    staged = np.random.default_rng(3).integers(-1, KNOWN, (2, ROWS), np.int32)
    table = np.arange(-1, KNOWN, dtype=np.int32)
    known = np.arange(0, KNOWN * KNOWN, 3)
    return [(codes, None, table) for codes in staged], Combinations([KNOWN, KNOWN], known)


def encode_crosses() -> Call:
    parts, known = crossed()
    return partial(finish_codes, [], [(parts, known, 0)], np.zeros((ROWS, 1), np.int32))


def count_combinations() -> Call:
    return partial(CombinationCounts([KNOWN, KNOWN]).update, crossed()[0], ROWS)


def find_codes(column: Any) -> Call:
    lookup = CategoryLookup(pa.array([f"category {code}" for code in range(KNOWN)]))
    return partial(lookup.find, column, np.zeros(ROWS, np.int32))


def count_categories(column: Any) -> Call:
    return partial(CategoryCounts().update, column, np.zeros(ROWS, np.int32))


def fold(state: Any) -> Call:
    return partial(state.update, numbers(), COLUMNS)


def design(lanes: int) -> DesignKernels:
    draw = np.random.default_rng(4)
    dense = draw.normal(size=(ROWS, NUMBERS)).astype(np.float32)
    codes = draw.integers(0, KNOWN, (ROWS, STRINGS), np.int32)
    target = (draw.random(ROWS) < 0.4).astype(np.float32)
    return DesignKernels([(dense, codes, target, None)], KNOWN, lanes=lanes, loss="logistic")


def stochastic(lanes: int) -> Call:
    kernels = design(lanes)
    each = np.ones(lanes)
    return partial(
        kernels.stochastic,
        np.zeros((kernels.rows, 3, lanes), np.float32),
        np.zeros(kernels.rows, np.int32),
        np.array([[0, 0, ROWS]]),
        batch_size=16,
        adaptive=True,
        fit_intercept=True,
        weight_scale=each,
        rate=0.1 * each,
        l2=1e-6 * each,
        l1=0 * each,
        loss=0 * each,
    )


def margins(lanes: int) -> Call:
    kernels = design(lanes)
    weights = np.zeros((kernels.rows, lanes), np.float32)
    return partial(kernels.margins, 0, weights, np.zeros((ROWS, lanes), np.float32))


def gradient(lanes: int) -> Call:
    kernels = design(lanes)
    at = np.zeros((ROWS, lanes), np.float32)
    into, loss = np.zeros((kernels.rows, lanes)), np.zeros(lanes)
    return partial(kernels.gradient, 0, at, None, np.zeros(lanes), into, loss)


KERNELS: dict[str, Callable[[], Call]] = {
    "encode dense": encode_dense,
    "encode codes": encode_codes,
    "encode bins": encode_bins,
    "encode crosses": encode_crosses,
    "count combinations": count_combinations,
    "stage dense": stage,
    "find codes, plain": lambda: find_codes(categories()),
    "find codes, dictionary": lambda: find_codes(categories().dictionary_encode()),
    "count categories, plain": lambda: count_categories(categories()),
    "count categories, dictionary": lambda: count_categories(categories().dictionary_encode()),
    "moments": lambda: fold(NumericMoments(NUMBERS)),
    "moments and correlations": lambda: fold(NumericMoments(NUMBERS, True)),
    "quantiles": lambda: fold(QuantileSketch(NUMBERS, start=100 * ROWS)),
    "distinct values": lambda: fold(DistinctCounts(NUMBERS)),
    "margins, 1 lane": lambda: margins(1),
    "margins, 16 lanes": lambda: margins(16),
    "gradient, 1 lane": lambda: gradient(1),
    "gradient, 16 lanes": lambda: gradient(16),
    "stochastic, 1 lane": lambda: stochastic(1),
    "stochastic, 16 lanes": lambda: stochastic(16),
}
"""By name: makes the input, and returns the call that is counted."""
