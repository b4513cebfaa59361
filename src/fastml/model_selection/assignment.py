"""Which row belongs to which split: pure functions from keys, codes or times to labels."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastml.errors import ConfigError, DataError
from fastml.evaluation.numbers import how_many

__all__ = ["Labels", "Shares", "by_group", "by_time", "randomly", "stratified"]

Labels = NDArray[np.uint8]
Codes = NDArray[np.int64]
_NAMES = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Shares:
    """The share of the rows that each split gets; a share of 0 leaves a split empty."""

    train: float = 0.7
    validation: float = 0.2
    test: float = 0.1

    def __post_init__(self) -> None:
        for name, share in zip(_NAMES, self.all, strict=True):
            if not isfinite(share) or not 0.0 <= share <= 1.0:
                raise ConfigError(f"{name} is {share}; expected a share between 0 and 1")
        if self.train == 0:
            raise ConfigError("train is 0; expected rows to train on, such as train=0.7")
        if abs(sum(self.all) - 1.0) > 1e-9:
            total = " + ".join(f"{share:g}" for share in self.all)
            raise ConfigError(
                f"train + validation + test is {total} = {sum(self.all):g}; expected a sum of 1"
            )

    @property
    def all(self) -> tuple[float, float, float]:
        """The three shares in order."""
        return self.train, self.validation, self.test

    @property
    def used(self) -> list[int]:
        """The splits that get rows."""
        return [split for split, share in enumerate(self.all) if share > 0]

    def counts(self, rows: int) -> NDArray[np.int64]:
        """Return how many of `rows` each split gets: within one of its share, and at least one.

        The rows over after rounding down go to the largest remainders, the earlier split at ties.
        With fewer rows than splits the later ones stay empty.
        """
        exact = np.array(self.all) * rows
        # What is a whole number but for rounding (0.7 * 10 is 7.000000000000001) is that number.
        whole = np.floor(np.round(exact, 6)).astype(np.int64)
        over = rows - int(whole.sum())
        whole[np.argsort(whole - exact, kind="stable")[:over]] += 1
        for split in self.used:
            if whole[split] == 0 and whole.max() > 1:
                whole[whole.argmax()] -= 1
                whole[split] += 1
        return whole


def randomly(rows: int, shares: Shares, seed: int) -> Labels:
    """Deal `rows` rows out at random, each split its exact share.

    The keys are the raw stream of PCG64, which NumPy keeps the same from version to version.

    Raises
    ------
    DataError
        If there are fewer rows than splits.
    """
    _require(rows, shares, "rows")
    ends = np.cumsum(shares.counts(rows))
    labels: Labels = np.full(rows, 2, dtype=np.uint8)
    order = np.argpartition(_keys(rows, seed), [max(end - 1, 0) for end in ends[:2]])
    labels[order[: ends[1]]] = 1
    labels[order[: ends[0]]] = 0
    return labels


def stratified(codes: Codes, names: list[Any], shares: Shares, seed: int, column: str) -> Labels:
    """Deal the rows of each class out at random, each split its share of every class.

    Parameters
    ----------
    codes : (n,) int64
        Each row's class, an index into `names`.
    names : list
        The classes; None for rows without one, which are dealt like a class but may be few.
    shares, seed
        As elsewhere.
    column : str
        For messages.

    Raises
    ------
    DataError
        If not two classes have as many rows as there are splits. Rarer ones beside them are in
        train first, so that they are known.
    """
    _require(len(codes), shares, "rows")
    counts = np.bincount(codes, minlength=len(names))
    named = np.array([name is not None for name in names], dtype=np.bool_)
    scarce = np.flatnonzero(named & (counts > 0) & (counts < len(shares.used)))
    if len(scarce) and np.count_nonzero(named & (counts >= len(shares.used))) < 2:
        first = scarce[0]
        others = f" (and {len(scarce) - 1:,} more classes like it)" if len(scarce) > 1 else ""
        raise DataError(
            f"class {names[first]!r} of column {column!r} has "
            f"{how_many(int(counts[first]), 'row')}{others}; a stratified split into "
            f"{len(shares.used)} needs at least {len(shares.used)} rows of each class; merge or "
            "drop rare classes, or use method='random'"
        )
    order = np.argsort(_keys(len(codes), seed), kind="stable")
    narrow = np.uint16 if len(names) < 2**16 else np.int64  # sorted by radix
    order = order[np.argsort(codes[order].astype(narrow), kind="stable")]
    dealt = [np.repeat(np.arange(3, dtype=np.uint8), shares.counts(int(n))) for n in counts if n]
    labels: Labels = np.empty(len(codes), dtype=np.uint8)
    labels[order] = np.concatenate(dealt)
    return labels


def by_time(times: NDArray[Any], shares: Shares, column: str) -> Labels:
    """Give the earliest rows to train, the latest to test; equal times stay together.

    Each boundary moves to the nearest change of time, so that shares are as exact as ties allow.

    Raises
    ------
    DataError
        If there are fewer distinct times than splits.
    """
    _require(len(times), shares, "rows")
    distinct, place, counts = np.unique(times, return_inverse=True, return_counts=True)
    _require(len(distinct), shares, f"distinct times in column {column!r}")
    rows_before = np.concatenate([[0], np.cumsum(counts)])
    wanted = np.cumsum(shares.counts(len(times)))
    label_of: Labels = np.empty(len(distinct), dtype=np.uint8)
    start = 0
    for later, split in zip(reversed(range(len(shares.used))), shares.used, strict=True):
        # At least one time for this split, and one for each that follows.
        possible = rows_before[start + 1 : len(distinct) - later + 1]
        end = len(distinct)
        if later:
            end = start + 1 + int(np.abs(possible - wanted[split]).argmin())
        label_of[start:end] = split
        start = end
    return label_of[place]


def by_group(codes: Codes, shares: Shares, seed: int, column: str) -> Labels:
    """Deal whole groups out at random, so that no group is in two splits.

    Groups are laid end to end in random order, and each goes to the split in which its middle row
    falls: a boundary is off by at most half a group.

    Raises
    ------
    DataError
        If there are fewer groups than splits.
    """
    _require(len(codes), shares, "rows")
    groups, place, counts = np.unique(codes, return_inverse=True, return_counts=True)
    _require(len(groups), shares, f"groups in column {column!r}")
    order = np.argsort(_keys(len(groups), seed), kind="stable")
    middle = np.cumsum(counts[order]) - counts[order] / 2
    ends = np.cumsum(shares.counts(len(codes)))[:2]
    label_of = np.empty(len(groups), dtype=np.uint8)
    label_of[order] = np.searchsorted(ends, middle, side="right")
    _fill_empty(label_of, counts, shares)
    return label_of[place]


def _fill_empty(label_of: Labels, sizes: NDArray[np.int64], shares: Shares) -> None:
    """Give a split that got no group the smallest group of the split with most groups."""
    for split in shares.used:
        held = np.bincount(label_of, minlength=3)
        if held[split] == 0:
            spare = np.flatnonzero(label_of == held.argmax())
            label_of[spare[sizes[spare].argmin()]] = split


def _keys(rows: int, seed: int) -> NDArray[np.uint64]:
    return np.asarray(np.random.PCG64(seed).random_raw(rows), dtype=np.uint64)


def _require(found: int, shares: Shares, what: str) -> None:
    needed = len(shares.used)
    if found < needed:
        raise DataError(
            f"there are {found:,} {what}; a split into {needed} needs at least {needed}"
        )
