"""Where numbers are cut into bins, and how the bins are called."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from fastml._typing import Float64

__all__ = ["bin_edges", "bin_labels"]

Flags: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]


def bin_edges(values: Float64, counts: ArrayLike, n_bins: int) -> Float64:
    """Return where bins of about equal counts begin; the first bin begins at no edge.

    With no more distinct values than bins, each is a bin. A value as frequent as a whole bin is a
    bin of its own, and the other bins share out the rest: of a column that is mostly zero, most
    bins are for what is not.

    Parameters
    ----------
    values : float64 array of shape (n,)
        Ascending and distinct.
    counts : array of shape (n,)
        How often each occurs.
    n_bins : int
        The most bins.

    Returns
    -------
    float64 array of at most n_bins - 1 of the values, ascending
        Edge i is the least value of bin i + 1.
    """
    if len(values) <= n_bins:
        return values[1:]
    counts = np.asarray(counts, np.float64)
    frequent = counts >= counts.sum() / n_bins
    rest = counts[~frequent].sum()
    size = rest / (n_bins - np.count_nonzero(frequent))
    while len(starts := _starts(counts, frequent, size)) >= n_bins:
        size *= 1.25  # what is left between frequent values had made too many bins
    return values[starts]


def _starts(
    counts: Float64, frequent: np.ndarray[tuple[int], np.dtype[np.bool_]], size: float
) -> list[int]:
    """Return the places at which bins but the first begin, so that each holds about `size` rows."""
    behind = np.cumsum(np.where(frequent, 0.0, counts))  # rows of values that share bins, so far
    alone = np.append(np.flatnonzero(frequent), len(counts))
    starts: list[int] = []
    start, last = 0, len(counts)
    while True:
        end = start + 1
        if not frequent[start]:
            before = behind[start] - counts[start]
            full = (np.floor(before / size + 1e-9) + 1.0) * size
            barrier = int(alone[np.searchsorted(alone, start)])
            end = min(int(np.searchsorted(behind, full * (1.0 - 1e-9))) + 1, barrier)
            few = behind[end - 1] - before < size / 2.0
            if end == barrier < last and few:
                end += 1  # too few to stand alone: they join the frequent value above them
        if end >= last:
            return starts
        starts.append(end)
        start = end


def bin_labels(edges: Float64, words: Sequence[str] | None = None) -> list[str]:
    """Return a label for each bin: `< 18`, `[18, 30)`, `>= 30`; no two are equal.

    Parameters
    ----------
    edges : float64 array, ascending and distinct
    words : sequence of str, optional
        The edges in words; default as short numbers.
    """
    if not len(edges):
        return ["any value"]
    words = words or _words(edges)
    inner = [f"[{low}, {high})" for low, high in pairwise(words)]
    return [f"< {words[0]}", *inner, f">= {words[-1]}"]


def _words(edges: Float64) -> list[str]:
    """Write distinct numbers in as few digits as keep them apart, whole ones as they are."""
    words: list[str] = []
    for digits in range(4, 18):
        words = [
            f"{edge:.0f}" if edge.is_integer() and abs(edge) < 1e15 else f"{edge:.{digits}g}"
            for edge in edges.tolist()
        ]
        if len(set(words)) == len(words):
            break
    return words
