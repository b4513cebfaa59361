"""Bins and crosses of a plan: which columns have them, and what the staged rows say of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from fastml._native.codes import CombinationCounts, count_codes
from fastml.engine import ordered_map
from fastml.errors import ConfigError
from fastml.preprocessing.feature_crosser import FeatureCrosser
from fastml.preprocessing.features import (
    BinFeature,
    CategoryFeature,
    CrossFeature,
    NumericFeature,
    PartFeature,
)
from fastml.preprocessing.k_bins_discretizer import KBinsDiscretizer
from fastml.preprocessing.parts import StagedParts
from fastml.preprocessing.staging import StagedBlock, Staging

__all__ = ["BINS_OF_CROSSES", "Bending", "bend"]

BINS_OF_CROSSES = 16
"""Into how many bins a number is cut for a cross, unless it has bins of its own."""


@dataclass(frozen=True, slots=True)
class Bending:
    """What lets a linear model bend.

    Parameters
    ----------
    bins : int, or mapping of column to int, optional
        Into how many bins numbers are cut: all of them, or those named.
    crosser : FeatureCrosser
        Which columns are combined.
    """

    bins: int | Mapping[str, int] | None = None
    crosser: FeatureCrosser = field(default_factory=lambda: FeatureCrosser(()))

    @property
    def needs_quantiles(self) -> bool:
        """Whether `bend` asks for quantiles."""
        return self.bins is not None or bool(self.crosser.crosses)


def bend(
    staging: Staging,
    bending: Bending,
    numeric: Sequence[NumericFeature],
    categorical: Sequence[CategoryFeature],
    dropped: Mapping[str, str],
    threads: int,
) -> tuple[list[BinFeature], list[CrossFeature]]:
    """Decide the bins and the crosses of a plan.

    Parameters
    ----------
    staging : Staging
        After the first pass, with quantiles.
    bending : Bending
    numeric, categorical : sequences of features
        What the plan has; only these can be binned and crossed.
    dropped : mapping of column to reason
    threads : int

    Raises
    ------
    ConfigError
        If a column that is named was dropped, or cannot be binned or crossed.
    """
    if not bending.needs_quantiles:
        return [], []
    columns = _Columns(staging, numeric, categorical, dropped)
    bins = columns.bins_of(bending.bins)
    crosses = [
        tuple(columns.part(str(name), bins) for name in cross)
        for cross in bending.crosser.crosses or ()
    ]
    return _counted(staging, list(bins.values()), crosses, bending.crosser, threads)


class _Columns:
    """The columns of a plan by name."""

    def __init__(
        self,
        staging: Staging,
        numeric: Sequence[NumericFeature],
        categorical: Sequence[CategoryFeature],
        dropped: Mapping[str, str],
    ) -> None:
        self._staging, self._dropped = staging, dropped
        self._numeric = {f.column: f for f in numeric}
        self._categorical = {f.name: f for f in categorical}
        self._missing = staging.n_rows - staging.moments.count

    def bins_of(self, wanted: int | Mapping[str, int] | None) -> dict[str, BinFeature]:
        """Return the bins that stand as columns of the design."""
        if isinstance(wanted, Mapping):
            return {name: self._bins(name, n, alone=True) for name, n in wanted.items()}
        if wanted is None:
            return {}
        found = {
            name: self._bins(name, wanted, alone=True)
            for name, feature in self._numeric.items()
            if feature.kind == "numeric"
        }
        # Two values lie on a line already.
        return {name: bins for name, bins in found.items() if len(bins.edges) > 1}

    def _bins(self, name: str, n_bins: int, *, alone: bool) -> BinFeature:
        feature = self._numeric.get(name)
        if feature is None or feature.kind == "datetime":
            raise ConfigError(f"{'bins' if alone else 'crosses'} names {self._why_not(name)}")
        at = self._staging.numeric.index(name)
        assert self._staging.quantiles is not None
        values, rows = self._staging.quantiles.items(at)
        distinct, first = np.unique(values, return_index=True)
        counts = np.add.reduceat(rows, first) if len(first) else rows
        return BinFeature(
            column=name,
            kind=feature.kind,
            shift=feature.shift,
            edges=KBinsDiscretizer(n_bins).choose_edges(distinct, counts),
            missing=bool(self._missing[at]),
            alone=alone,
            share=np.empty(0),
        )

    def part(self, name: str, bins: dict[str, BinFeature]) -> PartFeature:
        """Return what a cross takes of a column; bins that are not there yet are added."""
        if name in self._categorical:
            return self._categorical[name]
        if name not in bins:
            bins[name] = self._bins(name, BINS_OF_CROSSES, alone=False)
        return bins[name]

    def _why_not(self, name: str) -> str:
        parts = [each.name for each in self._categorical.values() if each.column == name]
        if name in self._categorical:
            return f"{name!r}, which holds categories; only numbers are cut into bins: take it out"
        if parts:
            return f"{name!r}, which is a date; it can be crossed by its parts: {', '.join(parts)}"
        if name in self._dropped:
            return (
                f"{name!r}, which is left out: {self._dropped[name]}; take it out there too, or "
                f"keep the column: keep=[{name!r}]"
            )
        return f"{name!r}, which is no feature; take it out"


def _counted(
    staging: Staging,
    bins: list[BinFeature],
    crosses: list[tuple[PartFeature, ...]],
    crosser: FeatureCrosser,
    threads: int,
) -> tuple[list[BinFeature], list[CrossFeature]]:
    """Count the staged rows of every bin and combination, once."""
    features: list[PartFeature] = list(
        {id(f): f for f in (*bins, *(part for cross in crosses for part in cross))}.values()
    )
    place = {id(f): i for i, f in enumerate(features)}
    staged = StagedParts(staging, features)
    sizes = [[part.n_codes for part in cross] for cross in crosses]

    def count(block: StagedBlock) -> tuple[list[np.ndarray[Any, Any]], list[CombinationCounts]]:
        parts = [of.by(f.table) for of, f in zip(staged.of(block), features, strict=True)]
        combined = [CombinationCounts(each) for each in sizes]
        for counts, cross in zip(combined, crosses, strict=True):
            counts.update([parts[place[id(f)]] for f in cross], block.n_rows)
        return [count_codes(parts[place[id(f)]], block.n_rows, f.n_codes) for f in bins], combined

    rows = [np.zeros(f.n_codes + 1, np.int64) for f in bins]
    totals = [CombinationCounts(each) for each in sizes]
    for counts, combined in ordered_map(count, staging.blocks, threads):
        for total, own in zip(rows, counts, strict=True):
            total += own
        for whole, part in zip(totals, combined, strict=True):
            whole.merge(part)
    n_rows = max(staging.n_rows, 1)
    known = {id(f): replace(f, share=own[1:] / n_rows) for f, own in zip(bins, rows, strict=True)}
    found = []
    for cross, total in zip(crosses, totals, strict=True):
        keys, counts = total.items()
        kept = crosser.choose_combinations(keys, counts)
        parts = tuple(known.get(id(f), f) for f in cross)
        found.append(CrossFeature(parts=parts, keys=keys[kept], share=counts[kept] / n_rows))
    return list(known.values()), found
