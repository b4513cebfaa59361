"""How far apart two distributions of a column are: 0 where they are the same, 1 at most.

Both are distances of Model Monitor: between numbers the largest difference of the cumulative
distributions (that of Kolmogorov and Smirnov), between categories the largest difference of shares.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np

from fastml._typing import Float64
from fastml.monitoring.features import FEW, Feature, Numbers

__all__ = ["feature_distance", "noise"]

_SIGNIFICANT = 1.8
"""By chance a distance of n rows from m is beyond 1.8 sqrt((n + m) / nm) 3 times of 1,000."""


def feature_distance(now: Feature, before: Feature) -> float | None:
    """Return how far a column is from what it was; None where that is not known.

    It is not known where a column has no values, too many texts to list, or is neither numbers nor
    text.
    """
    if not now.present or not before.present:
        return None
    if now.numbers is not None and before.numbers is not None:
        return _between_numbers(now.numbers, before.numbers)
    if now.texts and before.texts and len(before.texts) <= FEW:
        return _between_texts(now.texts, before.texts, now.present)
    return None


def noise(now: int, before: int) -> float:
    """Return the distance that samples of so many rows of one distribution hardly exceed."""
    return _SIGNIFICANT * math.sqrt((now + before) / (now * before))


def _between_numbers(now: Numbers, before: Numbers) -> float | None:
    if not len(now.values) or not before.weights.sum():
        return None
    if before.binned:
        # Of buckets it is only known how many values are below each bound; the last has its own.
        below = _cumulative(now, before.values[:-1], "left")
        return float(np.abs(below - _behind(before)[1:-1]).max(initial=_beyond(now, before)))
    at = np.union1d(now.values, before.values)
    return float(np.abs(_cumulative(now, at) - _cumulative(before, at)).max())


def _beyond(now: Numbers, before: Numbers) -> float:
    """Return the share of the rows that are above all buckets."""
    return 1.0 - float(_cumulative(now, before.values[-1:])[0])


def _cumulative(numbers: Numbers, at: Float64, side: Literal["left", "right"] = "right") -> Float64:
    """Return the share of the rows up to each value; with "left" of those below it."""
    found: Float64 = _behind(numbers)[np.searchsorted(numbers.values, at, side=side)]
    return found


def _behind(numbers: Numbers) -> Float64:
    behind: Float64 = np.concatenate([[0.0], np.cumsum(numbers.weights)])
    behind /= behind[-1]
    return behind


def _between_texts(now: Mapping[str, int], before: Mapping[str, int], present: int) -> float:
    total = sum(before.values())
    texts = {*now, *before}
    return max(abs(now.get(t, 0) / present - before.get(t, 0) / total) for t in texts)
