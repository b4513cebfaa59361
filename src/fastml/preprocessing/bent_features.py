"""The bins and crosses of a plan, decided from what was staged of the training table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from fastml._native.codes import CombinationCounts, count_codes
from fastml._typing import Float64
from fastml.engine import ordered_map
from fastml.errors import ConfigError
from fastml.preprocessing.bending import Bending
from fastml.preprocessing.bins import bin_labels
from fastml.preprocessing.feature_crosser import FeatureCrosser
from fastml.preprocessing.features import (
    MISSING,
    BinFeature,
    CategoryFeature,
    CrossFeature,
    NumericFeature,
    PartFeature,
)
from fastml.preprocessing.k_bins_discretizer import KBinsDiscretizer
from fastml.preprocessing.parts import StagedParts
from fastml.preprocessing.staging import StagedBlock, Staging

__all__ = ["BINS_OF_CROSSES", "bent_features"]

BINS_OF_CROSSES = 16
"""Into how many bins a number is cut for a cross, unless it has bins of its own."""

Cross = tuple[PartFeature, ...]


def bent_features(
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
        After the first pass; with quantiles where bins or crosses are asked for.
    bending : Bending
    numeric, categorical : sequences of features
        What the plan has; only these are binned and crossed.
    dropped : mapping of column to reason
    threads : int

    Raises
    ------
    ConfigError
        If a column that is named was dropped, or is of a kind that cannot be binned or crossed.
    """
    columns = _Columns(staging, numeric, categorical, dropped)
    bins = columns.bins(bending.bins)
    crosses = [
        tuple(columns.part(str(name), bins) for name in cross)
        for cross in bending.crosser.crosses or ()
    ]
    if not bins and not crosses:
        return [], []
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

    def bins(self, wanted: int | Mapping[str, int] | None) -> dict[str, BinFeature]:
        """Return the bins that are columns of the design."""
        if wanted is None:
            return {}
        if isinstance(wanted, Mapping):
            return {
                name: self._bins(self._number(name, "bins"), n, alone=True)
                for name, n in wanted.items()
            }
        found = {
            name: self._bins(number, wanted, alone=True)
            for name, number in self._numeric.items()
            if number.kind == "numeric"  # of dates to come, all would be in the last bin
        }
        # Two values lie on a line already.
        return {name: bins for name, bins in found.items() if len(bins.edges) > 1}

    def part(self, name: str, bins: dict[str, BinFeature]) -> PartFeature:
        """Return what a cross takes of a column; bins that are not there yet are added."""
        if name in self._categorical:
            return self._categorical[name]
        if name not in bins:
            bins[name] = self._bins(self._number(name, "crosses"), BINS_OF_CROSSES, alone=False)
        return bins[name]

    def _number(self, name: str, setting: str) -> NumericFeature:
        parts = [f"{name}.{part}" for column, part in self._staging.parts if column == name]
        if setting == "crosses" and parts:
            why = f"which is a date; name a part of it, such as {parts[-1]!r}, or give it bins"
        elif name in self._numeric:
            return self._numeric[name]
        elif name in self._categorical:
            why = "which holds categories; only numbers are cut into bins: take it out"
        elif name in self._dropped:
            why = (
                f"which is left out: {self._dropped[name]}; take it out of {setting}, or keep the "
                f"column: keep=[{name!r}]"
            )
        else:
            why = "which is no feature; take it out"
        raise ConfigError(f"{setting} names {name!r}, {why}")

    def _bins(self, number: NumericFeature, n_bins: int, *, alone: bool) -> BinFeature:
        at = self._staging.numeric.index(number.column)
        edges = KBinsDiscretizer(n_bins).choose_edges(*self._values(at))
        missing = int(self._staging.moments.count[at]) < self._staging.n_rows
        labels = _labels(edges, self._staging.schema.field(number.column).type)
        return BinFeature(
            column=number.column,
            shift=number.shift,
            edges=edges,
            missing=missing,
            labels=(*labels, *([MISSING] if missing else [])),
            alone=alone,
            share=np.zeros(len(labels) + missing),
        )

    def _values(self, column: int) -> tuple[Float64, Float64]:
        """Return the values that the sketch holds of a column, and the rows of each."""
        assert self._staging.quantiles is not None
        values, rows = self._staging.quantiles.items(column)
        distinct, first = np.unique(values, return_index=True)
        return distinct, np.add.reduceat(rows, first) if len(first) else rows


def _labels(edges: Float64, type_: pa.DataType) -> list[str]:
    if pa.types.is_boolean(type_) and len(edges) == 1:
        return ["false", "true"]
    if not pa.types.is_temporal(type_):
        return bin_labels(edges)
    stored = pa.int32() if type_.bit_width == 32 else pa.int64()
    moments = pa.array(edges.astype(np.int64), stored).cast(type_)
    return bin_labels(edges, [str(moment) for moment in moments])


def _counted(
    staging: Staging,
    bins: list[BinFeature],
    crosses: list[Cross],
    crosser: FeatureCrosser,
    threads: int,
) -> tuple[list[BinFeature], list[CrossFeature]]:
    """Count the staged rows of every bin and every combination, in one pass."""
    # Features are known by identity: they hold arrays, and have no hash.
    features = list({id(f): f for f in (*bins, *(f for cross in crosses for f in cross))}.values())
    staged = StagedParts(staging, features)

    def count(
        block: StagedBlock,
    ) -> tuple[list[np.ndarray[Any, Any]], list[CombinationCounts]]:
        parts = {
            id(f): column.by(f.table) for f, column in zip(features, staged.of(block), strict=True)
        }
        combined = [CombinationCounts([f.n_codes for f in cross]) for cross in crosses]
        for counts, cross in zip(combined, crosses, strict=True):
            counts.update([parts[id(f)] for f in cross], block.n_rows)
        counted = [count_codes(parts[id(f)], block.n_rows, f.n_codes) for f in bins]
        block.memory.rest()
        return counted, combined

    rows = [np.zeros(f.n_codes + 1, np.int64) for f in bins]
    totals = [CombinationCounts([f.n_codes for f in cross]) for cross in crosses]
    for counts, combined in ordered_map(count, staging.blocks, threads):
        for sums, own in zip(rows, counts, strict=True):
            sums += own
        for total, part in zip(totals, combined, strict=True):
            total.merge(part)
    n_rows = max(staging.n_rows, 1)
    known = {id(f): replace(f, share=own[1:] / n_rows) for f, own in zip(bins, rows, strict=True)}
    found = []
    for cross, total in zip(crosses, totals, strict=True):
        keys, seen = total.items()
        kept = crosser.choose_combinations(keys, seen)
        parts = tuple(known.get(id(f), f) for f in cross)
        found.append(CrossFeature(parts=parts, keys=keys[kept], share=seen[kept] / n_rows))
    return list(known.values()), found
