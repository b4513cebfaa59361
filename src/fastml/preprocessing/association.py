"""How well each column alone tells the target: near 1 is a leak, not a discovery."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from fastml._typing import Float64
from fastml.preprocessing.staging import Staging

__all__ = ["target_associations"]

SAMPLE_ROWS = 8_192
Rows: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]


def target_associations(staging: Staging, task: str) -> dict[str, float]:
    """Score every staged column by what it alone says of the target, on a sample of the rows.

    A number is scored by its ranks, and by whether it is missing at all; a category by the mean
    target of its value on the other half of the sample, so that a column of many values gains
    nothing from having them. For classes the score is ``|2 AUC - 1|`` (the largest over classes,
    each against the rest), for numbers the absolute rank correlation.

    Parameters
    ----------
    staging : Staging
        After the first pass, its targets already codes of classes, or numbers.
    task : {"binary", "multiclass", "regression"}

    Returns
    -------
    dict of column to score in [0, 1]
    """
    rows = _sample(staging)
    y = np.concatenate([block.target[at] for block, at in zip(staging.blocks, rows, strict=True)])
    y = y.astype(np.float64)
    outcomes = (
        [y] if task != "multiclass" else [(y == code).astype(np.float64) for code in np.unique(y)]
    )
    strength = _rank_correlation if task == "regression" else _separation
    # Sorting is what costs: values are ranked once, whatever the number of classes.
    told = [_midranks(outcome) if task == "regression" else outcome for outcome in outcomes]
    scores: dict[str, float] = {}
    for name, values in _sampled(staging, rows):
        present = ~np.isnan(values)
        filled = np.where(present, values, values[present].mean() if present.any() else 0.0)
        tellers = [filled] if present.all() else [filled, present * 1.0]
        scores[name] = max(
            strength(ranks, outcome) for ranks in map(_midranks, tellers) for outcome in told
        )
    for name, codes in _sampled_codes(staging, rows):
        _, codes = np.unique(codes, return_inverse=True)
        score = max(
            strength(_midranks(_mean_by_code(codes, outcome)), ranked)
            for outcome, ranked in zip(outcomes, told, strict=True)
        )
        scores[name] = max(scores.get(name, 0.0), score)
    return scores


def _sample(staging: Staging) -> list[Rows]:
    """Return evenly spaced rows of the whole table, as places in each block."""
    rows = np.linspace(0, staging.n_rows - 1, min(staging.n_rows, SAMPLE_ROWS)).astype(np.int64)
    ends = np.cumsum([block.n_rows for block in staging.blocks])
    parts = np.split(rows, np.searchsorted(rows, ends[:-1]))
    return [
        part - (end - block.n_rows)
        for part, end, block in zip(parts, ends, staging.blocks, strict=True)
    ]


def _sampled(staging: Staging, rows: list[Rows]) -> list[tuple[str, Float64]]:
    """Return the sampled rows of each staged number; a shift changes no rank."""
    parts = [block.dense[:, at] for block, at in zip(staging.blocks, rows, strict=True)]
    sample = np.concatenate(parts, axis=1).astype(np.float64)
    return list(zip(staging.numeric, sample, strict=True))


def _sampled_codes(staging: Staging, rows: list[Rows]) -> list[tuple[str, Rows]]:
    """Return the sampled rows of each staged category, in codes of the whole table."""
    sampled = []
    for j, name in enumerate(staging.text):
        parts = [
            block.remaps[j][block.codes[j, at] + 1]
            for block, at in zip(staging.blocks, rows, strict=True)
        ]
        sampled.append((name, np.concatenate(parts)))
    return sampled


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
    if n == 0 or m == 0:
        return 0.0
    auc = (ranks[positive].sum() - n * (n + 1) / 2.0) / (n * m)
    return float(abs(2.0 * auc - 1.0))


def _rank_correlation(ranks: Float64, outcome: Float64) -> float:
    """Return the absolute correlation of ranks (Spearman's); 0 where either is constant."""
    a, b = ranks - ranks.mean(), outcome - outcome.mean()
    scale = np.sqrt(np.dot(a, a) * np.dot(b, b))
    return float(abs(np.dot(a, b)) / scale) if scale > 0 else 0.0
