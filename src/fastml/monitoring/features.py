"""`Statistics`: what is known of a table's columns, as SageMaker's `statistics.json` has it.

The schema is that of Model Monitor (version 0), so that its tools read what is written here, and a
baseline that its own container made is read here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias

import numpy as np

from fastml._typing import Float64
from fastml.errors import DataError

__all__ = ["FEW", "Feature", "Kind", "Numbers", "Statistics", "read_json"]

Kind: TypeAlias = Literal["Integral", "Fractional", "String", "Unknown"]
"""What a column holds: whole numbers or booleans, numbers, text, or anything else."""

FEW = 120
"""Distinct texts up to which a column's are listed and compared; Model Monitor has the same."""
_BUCKETS = 10


@dataclass(frozen=True, slots=True)
class Numbers:
    """The distribution of a column of numbers; of no values all is NaN and empty.

    Parameters
    ----------
    mean, total, std, min, max : float
        Of the finite values; `std` is of the population.
    values, weights : float64 array (k,)
        Values that stand for all, ascending, and for how many rows each does.
    binned : bool
        Whether these are no values, but the upper bounds of buckets.
    edges : float64 array, optional
        Bounds of the buckets that are written; default 10 of equal width.
    """

    mean: float = math.nan
    total: float = math.nan
    std: float = math.nan
    min: float = math.nan
    max: float = math.nan
    values: Float64 = field(default_factory=lambda: np.empty(0))
    weights: Float64 = field(default_factory=lambda: np.empty(0))
    edges: Float64 | None = None
    binned: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the part of the schema that is of numbers."""
        return {
            "mean": _finite(self.mean),
            "sum": _finite(self.total),
            "std_dev": _finite(self.std),
            "min": _finite(self.min),
            "max": _finite(self.max),
            "distribution": {
                "kll": {
                    "buckets": self._buckets(),
                    "sketch": {"parameters": {"c": 0.64, "k": 1024.0}, "data": self._levels()},
                }
            },
        }

    @classmethod
    def from_dict(cls, stated: Mapping[str, Any]) -> Self:
        """Read the part of the schema that is of numbers."""
        kll = stated.get("distribution", {}).get("kll", {})
        buckets, levels = kll.get("buckets") or [], (kll.get("sketch") or {}).get("data") or []
        if levels:
            pairs = [(v, 2.0**i) for i, level in enumerate(levels) for v in level]
        else:
            pairs = [(bucket["upper_bound"], bucket["count"]) for bucket in buckets]
        kept = np.array(sorted(pairs), np.float64).reshape(len(pairs), 2)
        bounds = [b["lower_bound"] for b in buckets] + [b["upper_bound"] for b in buckets[-1:]]
        names = ("mean", "sum", "std_dev", "min", "max")
        mean, total, std, low, high = (
            math.nan if stated.get(name) is None else float(stated[name]) for name in names
        )
        edges = np.array(bounds, np.float64) if buckets else None
        values, weights = kept[:, 0], kept[:, 1]
        return cls(mean, total, std, low, high, values, weights, edges, binned=not levels)

    def _levels(self) -> list[list[float]]:
        """Return the values by the power of two that each stands for, as a KLL sketch has them."""
        if not len(self.values):
            return []
        power = np.log2(self.weights).round().astype(int)
        return [self.values[power == i].tolist() for i in range(power.max() + 1)]

    def _buckets(self) -> list[dict[str, float]]:
        if not len(self.values):
            return []
        if self.edges is None:
            share = np.linspace(0.0, 1.0, _BUCKETS + 1)
            edges = self.min * (1.0 - share) + self.max * share  # max - min may overflow
        else:
            edges = self.edges.copy()
        edges[0], edges[-1] = min(edges[0], self.min), max(edges[-1], self.max)
        below = np.searchsorted(self.values, edges[1:-1], side="left")
        behind = np.concatenate([[0.0], np.cumsum(self.weights)])
        counts = np.diff(behind[np.concatenate([[0], below, [len(self.values)]])])
        return [
            {"lower_bound": float(low), "upper_bound": float(high), "count": float(count)}
            for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class Feature:
    """What one column holds.

    Parameters
    ----------
    name : str
    kind : {"Integral", "Fractional", "String", "Unknown"}
        What it is taken for.
    present, missing : int
        Rows with a value and without: null or NaN.
    whole, others : int
        Of numbers, how many are whole, and how many values are no numbers; of text, how many are
        neither text nor numbers.
    numbers : Numbers, optional
    distinct : float
        Distinct texts, exact up to 1,024.
    texts : mapping of str to int, optional
        The rows of each text; None where there are too many for it.
    """

    name: str
    kind: Kind
    present: int
    missing: int
    whole: int = 0
    others: int = 0
    numbers: Numbers | None = None
    distinct: float = 0.0
    texts: Mapping[str, int] | None = None

    @property
    def completeness(self) -> float:
        """The share of rows with a value; NaN of no rows."""
        rows = self.present + self.missing
        return self.present / rows if rows else math.nan

    def to_dict(self) -> dict[str, Any]:
        """Return the feature as the schema has it."""
        common = {"num_present": self.present, "num_missing": self.missing}
        head: dict[str, Any] = {"name": self.name, "inferred_type": self.kind}
        if self.numbers is not None:
            told = self.numbers.to_dict()
            return {**head, "numerical_statistics": {"common": common, **told}}
        few = self.texts if self.texts is not None and len(self.texts) <= FEW else {}
        buckets = [{"value": text, "count": count} for text, count in few.items()]
        return {
            **head,
            "string_statistics": {
                "common": common,
                "distinct_count": round(self.distinct),
                "distribution": {"categorical": {"buckets": buckets}},
            },
        }

    @classmethod
    def from_dict(cls, stated: Mapping[str, Any]) -> Self:
        """Read a feature of the schema."""
        numbers, strings = stated.get("numerical_statistics"), stated.get("string_statistics")
        told = numbers or strings or {}
        common = told.get("common", {})
        head = (str(stated["name"]), stated["inferred_type"])
        counts = int(common.get("num_present", 0)), int(common.get("num_missing", 0))
        if numbers is not None:
            return cls(*head, *counts, numbers=Numbers.from_dict(numbers))
        buckets = told.get("distribution", {}).get("categorical", {}).get("buckets") or []
        texts = {str(each["value"]): int(each["count"]) for each in buckets} or None
        return cls(*head, *counts, distinct=float(told.get("distinct_count", 0)), texts=texts)


@dataclass(frozen=True, slots=True)
class Statistics:
    """What is known of a table.

    Parameters
    ----------
    rows : int
    features : mapping of str to Feature
        In the table's order.
    """

    rows: int
    features: Mapping[str, Feature]

    def __iter__(self) -> Iterator[Feature]:
        return iter(self.features.values())

    def to_dict(self) -> dict[str, Any]:
        """Return the statistics as the schema has them."""
        return {
            "version": 0.0,
            "dataset": {"item_count": self.rows},
            "features": [feature.to_dict() for feature in self],
        }

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read a file of statistics.

        Raises
        ------
        DataError
            If it cannot be read, or is of another schema.
        """
        stated = read_json(file)
        try:
            features = [Feature.from_dict(each) for each in stated["features"]]
            rows = int(stated["dataset"]["item_count"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(
                f"{file} has not the schema of Model Monitor's statistics ({error!r}); "
                "expected what a baseline job writes as statistics.json"
            ) from error
        return cls(rows, {feature.name: feature for feature in features})


def read_json(file: Path) -> dict[str, Any]:
    """Return the object in a file of JSON.

    Raises
    ------
    DataError
        If it cannot be read, or is none.
    """
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{file} cannot be read as JSON: {error}") from error
    if not isinstance(content, dict):
        raise DataError(f"{file}: expected an object of JSON, found {str(content)[:60]!r}")
    return content


def _finite(value: float) -> float | None:
    """Return a number that JSON has; beyond what a float64 holds there is none."""
    return float(value) if math.isfinite(value) else None
