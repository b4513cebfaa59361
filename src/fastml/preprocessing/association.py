"""How well each column alone tells the target: near 1 is a leak, not a discovery."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from fastml._typing import Float64
from fastml.preprocessing.staging import Staging

__all__ = ["target_associations"]

SAMPLE_ROWS = 8_192
FEWEST_ROWS = 5
"""Rows of each class (twice as many of a number) from which on an order is more than chance."""
MOST_CLASSES = 8
"""The most frequent classes stand for all: a leak tells every one."""
BINS = 64
Rows: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]
Strength: TypeAlias = Callable[[Float64, Float64], float]


def target_associations(staging: Staging, task: str) -> dict[str, float]:
    """Score every staged column by what it alone says of the target, on a sample of the rows.

    A number is scored by its ranks, and by whether it is missing at all; a category by the mean
    target of its value on the other half of the sample, so that a column of many values gains
    nothing from having them. The score is the absolute rank correlation with a number and
    ``|2 AUC - 1|`` for two classes. For more, numbers count as categories of their ranks, and the
    score is the mean over classes, each against the rest: one class that is easily told from the
    others is no leak.

    Parameters
    ----------
    staging : Staging
        After the first pass, its targets already codes of classes, or numbers.
    task : {"binary", "multiclass", "regression"}

    Returns
    -------
    dict of column to score in [0, 1]; 0 where rows are too few to tell
    """
    rows = _sample(staging)
    y = np.concatenate([block.target[at] for block, at in zip(staging.blocks, rows, strict=True)])
    y = y.astype(np.float64)
    of_number, of_codes = _SCORES[task]
    numbers, codes = _sampled(staging, rows)
    of_each = {
        name: of_number(values, y) for name, values in zip(staging.numeric, numbers, strict=True)
    }
    for name, own in zip(staging.text, codes, strict=True):
        of_each[name] = of_codes(np.unique(own, return_inverse=True)[1], y)
    return of_each


def _by_ranks(values: Float64, y: Float64, strength: Strength) -> float:
    present = ~np.isnan(values)
    filled = np.where(present, values, values[present].mean() if present.any() else 0.0)
    tellers = [filled] if present.all() else [filled, present * 1.0]
    return max(strength(_midranks(each), y) for each in tellers)


def _by_codes(codes: Rows, y: Float64, strength: Strength) -> float:
    return strength(_midranks(_mean_by_code(codes, y)), y)


def _classes_by_number(values: Float64, y: Float64) -> float:
    bins = (_midranks(values) * (BINS / len(values))).astype(np.int64)
    bins[np.isnan(values)] = -1
    return _classes_by_codes(np.unique(bins, return_inverse=True)[1], y)


def _classes_by_codes(codes: Rows, y: Float64) -> float:
    classes, counts = np.unique(y, return_counts=True)
    common = np.argsort(-counts, kind="stable")[:MOST_CLASSES]
    told = [_by_codes(codes, (y == classes[i]).astype(np.float64), _separation) for i in common]
    return float(np.average(told, weights=counts[common]))


def _sample(staging: Staging) -> list[Rows]:
    """Return evenly spaced rows of the whole table, as places in each block."""
    rows = np.linspace(0, staging.n_rows - 1, min(staging.n_rows, SAMPLE_ROWS)).astype(np.int64)
    ends = np.cumsum([block.n_rows for block in staging.blocks])
    parts = np.split(rows, np.searchsorted(rows, ends[:-1]))
    return [
        part - (end - block.n_rows)
        for part, end, block in zip(parts, ends, staging.blocks, strict=True)
    ]


def _sampled(staging: Staging, rows: list[Rows]) -> tuple[Float64, Rows]:
    """Return the sampled rows of the staged numbers and of the categories, a row for each column.

    Numbers are as staged: a shift changes no rank. Categories are in codes of the whole table.
    """
    n_text = len(staging.text)
    numbers, codes = [np.empty((len(staging.numeric), 0))], [np.empty((n_text, 0), np.int64)]
    for block, at in zip(staging.blocks, rows, strict=True):
        numbers.append(block.dense[:, at].astype(np.float64))
        own = np.empty((n_text, len(at)), np.int64)
        for j, remap in enumerate(block.remaps):
            own[j] = remap[block.codes[j, at] + 1]
        codes.append(own)
        block.memory.rest()
    return np.concatenate(numbers, axis=1), np.concatenate(codes, axis=1)


def _mean_by_code(codes: Rows, outcome: Float64) -> Float64:
    """Return, for each row, the mean outcome of its code over the rows of the other half."""
    n_codes = int(codes.max()) + 1
    overall = outcome.mean()
    told = np.empty(len(codes))
    even, odd = slice(0, None, 2), slice(1, None, 2)
    for half, other in ((even, odd), (odd, even)):
        total = np.bincount(codes[other], outcome[other], n_codes)
        count = np.bincount(codes[other], minlength=n_codes)
        told[half] = np.where(count > 0, total / np.maximum(count, 1), overall)[codes[half]]
    return told


def _midranks(values: Float64) -> Float64:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2.0)[inverse])


def _separation(ranks: Float64, outcome: Float64) -> float:
    """Return ``|2 AUC - 1|`` of ranked values for an outcome of 0 and 1 (Mann-Whitney)."""
    positive = outcome > 0.5
    n, m = int(positive.sum()), int((~positive).sum())
    if min(n, m) < FEWEST_ROWS:
        return 0.0
    auc = (ranks[positive].sum() - n * (n + 1) / 2.0) / (n * m)
    return float(abs(2.0 * auc - 1.0))


def _rank_correlation(ranks: Float64, outcome: Float64) -> float:
    """Return the absolute rank correlation (Spearman's); 0 where either is constant."""
    if len(ranks) < 2 * FEWEST_ROWS:
        return 0.0
    a, b = ranks - ranks.mean(), _midranks(outcome)
    b -= b.mean()
    scale = np.sqrt(np.dot(a, a) * np.dot(b, b))
    return float(abs(np.dot(a, b)) / scale) if scale > 0 else 0.0


_SCORES: dict[str, tuple[Callable[[Float64, Float64], float], Callable[[Rows, Float64], float]]] = {
    "regression": (
        partial(_by_ranks, strength=_rank_correlation),
        partial(_by_codes, strength=_rank_correlation),
    ),
    "binary": (
        partial(_by_ranks, strength=_separation),
        partial(_by_codes, strength=_separation),
    ),
    "multiclass": (_classes_by_number, _classes_by_codes),
}
