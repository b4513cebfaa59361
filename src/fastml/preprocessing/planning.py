"""From the statistics of a first pass to an encode plan: every step decides, in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from fastml._typing import Float64
from fastml.errors import DataError
from fastml.preprocessing._scaler import Scaler
from fastml.preprocessing.bending import Bending
from fastml.preprocessing.bent_features import bent_features
from fastml.preprocessing.calendar import part_labels
from fastml.preprocessing.correlation_pruner import LEAST_OVERLAP, CorrelationPruner
from fastml.preprocessing.encode_plan import EncodePlan, needed_schema, part_table
from fastml.preprocessing.features import MISSING, CategoryFeature, NumericFeature
from fastml.preprocessing.one_hot_encoder import OneHotEncoder
from fastml.preprocessing.simple_imputer import SimpleImputer
from fastml.preprocessing.staging import Staging

__all__ = ["StagedColumn", "Steps", "plan_features"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """The steps of a plan."""

    imputer: SimpleImputer
    scaler: Scaler
    encoder: OneHotEncoder
    pruner: CorrelationPruner
    bending: Bending = field(default_factory=Bending)
    infinite: Literal["error", "missing"] = "error"

    @property
    def needs_quantiles(self) -> bool:
        """Whether a step asks for quantiles of the numbers."""
        return any(step.needs_quantiles for step in (self.imputer, self.scaler, self.bending))


@dataclass(frozen=True, slots=True)
class StagedColumn:
    """The statistics of one staged number, as the steps ask for them (`ColumnStatistics`)."""

    staging: Staging
    index: int
    count: int
    nulls: int
    mean: float
    std: float
    min: float
    max: float

    def quantile(self, q: float) -> float:
        """Return a quantile, within the rank error of the sketch."""
        assert self.staging.quantiles is not None
        return float(self.staging.quantiles.quantile(q)[self.index, 0])

    def top(self, k: int) -> Sequence[tuple[float, int]]:
        """Return the most frequent values with their counts (values to float32's precision)."""
        parts = []
        for block in self.staging.blocks:
            parts.append(block.dense[self.index].copy())
            block.memory.rest()
        values = np.concatenate(parts)
        values, counts = np.unique(values[~np.isnan(values)], return_counts=True)
        order = np.argsort(-counts, kind="stable")[:k]
        raw = values[order].astype(np.float64) + self.staging.shift[self.index]
        return list(zip(raw.tolist(), counts[order].tolist(), strict=True))


def staged_columns(staging: Staging) -> dict[str, StagedColumn]:
    """Return the statistics of every staged number."""
    moments = staging.moments
    count, nulls = moments.count, moments.nulls + moments.nans + moments.infinite
    mean, std = moments.mean, np.sqrt(moments.variance())
    low, high = moments.min, moments.max
    return {
        name: StagedColumn(
            staging, i, int(count[i]), int(nulls[i]),
            float(mean[i]), float(std[i]), float(low[i]), float(high[i]),
        )
        for i, name in enumerate(staging.numeric)
    }  # fmt: skip


def plan_features(
    staging: Staging,
    steps: Steps,
    dropped: dict[str, str],
    keep: Sequence[str] = (),
    where: str = "the table",
    threads: int = 1,
) -> EncodePlan:
    """Make the plan of the columns that were not dropped; add what the pruner drops.

    Parameters
    ----------
    staging : Staging
        After the first pass.
    steps : Steps
    dropped : dict of column to reason
        What the screening left out; the pruner's columns are added.
    keep : sequence of str
        Columns that the pruner must not drop.
    where : str
        The source's name, for messages.
    threads : int
        For bins and crosses, whose rows are counted.

    Raises
    ------
    DataError
        If no feature is left.
    ConfigError
        If bins or crosses ask for a column that has none.
    """
    schema, columns, screened = staging.schema, staged_columns(staging), set(dropped)
    numbers = [name for name in staging.numeric if name not in dropped]
    numbers = _prune(staging, numbers, steps.pruner, dropped, keep)
    numeric = [_number(columns[name], name, schema.field(name).type, steps) for name in numbers]
    categorical = [
        _category(staging, j, name, steps.encoder)
        for j, name in enumerate(staging.text)
        if name not in dropped
    ]
    for j, (name, part) in enumerate(staging.parts):
        counts = staging.part_counts[j]
        if name not in screened and np.count_nonzero(counts[1:]) > 1:
            categorical.append(_part(name, part, counts))
    for name in {f.column for f in categorical if f.part is not None} & set(dropped):
        dropped[name] += "; its month, weekday and hour stay"
    if not numeric and not categorical:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in dropped.items())
        raise DataError(
            f"no feature is left of {where}"
            + (f" ({reasons}); keep a column with keep=[...]" if reasons else "; add columns to it")
        )
    used = [f.column for f in numeric] + [f.column for f in categorical]
    needed = [name for name in schema.names if name in set(used)]
    bins, crosses = bent_features(staging, steps.bending, numeric, categorical, dropped, threads)
    return EncodePlan(
        needed_schema(schema, needed),
        numeric,
        categorical,
        steps.infinite,
        bins=bins,
        crosses=crosses,
    )


def _prune(
    staging: Staging,
    numbers: list[str],
    pruner: CorrelationPruner,
    dropped: dict[str, str],
    keep: Sequence[str],
) -> list[str]:
    if len(numbers) < 2:
        return numbers
    at = [staging.numeric.index(name) for name in numbers]
    correlation: Float64 = staging.moments.correlation()[np.ix_(at, at)]
    correlation[staging.moments.pair_counts()[np.ix_(at, at)] < LEAST_OVERLAP] = np.nan
    missing = staging.n_rows - staging.moments.count[at]
    decision = pruner.choose(numbers, correlation, missing, keep)
    dropped.update(decision.reasons())
    return [name for name in numbers if name not in dropped]


def _number(stats: StagedColumn, name: str, type_: pa.DataType, steps: Steps) -> NumericFeature:
    center, scale = steps.scaler.center_and_scale(stats)
    if scale < np.finfo(np.float32).tiny:  # its reciprocal would not be a float32
        scale = 1.0
    kind: Any = "numeric"
    if pa.types.is_boolean(type_):
        kind = "boolean"
    elif pa.types.is_temporal(type_):
        kind = "datetime"
    return NumericFeature(
        column=name,
        kind=kind,
        center=float(center),
        scale=float(scale),
        imputed=float(steps.imputer.fill_value_of(stats)),
        shift=float(stats.staging.shift[stats.index]),
        indicator=bool(steps.imputer.add_indicator and stats.nulls),
        mean=stats.mean if stats.count else None,
        std=stats.std if stats.count else None,
        missing=stats.nulls / max(stats.staging.n_rows, 1),
    )


def _category(staging: Staging, j: int, name: str, encoder: OneHotEncoder) -> CategoryFeature:
    seen = staging.categories[j]
    values, counts, nulls = seen.categories(), seen.counts(), int(seen.nulls)
    plan = encoder.choose_categories(values, counts, nulls)
    table = plan.table
    rows = np.concatenate([[nulls], counts, [0]])
    has_code = table >= 0
    share = np.bincount(table[has_code], rows[has_code], plan.n_codes) / max(staging.n_rows, 1)
    return CategoryFeature(
        column=name,
        part=None,
        values=values.cast(pa.string()),
        table=table,
        labels=plan.labels,
        share=share,
    )


def _part(name: str, part: str, counts: np.ndarray[Any, Any]) -> CategoryFeature:
    rows = counts[1:].tolist() + ([counts[0]] if counts[0] else [])
    return CategoryFeature(
        column=name,
        part=part,
        values=pa.array([], pa.string()),
        table=part_table(part, counts),
        labels=(*part_labels(part), *([MISSING] if counts[0] else [])),
        share=np.array(rows, np.float64) / max(int(counts.sum()), 1),
    )
