"""`ColumnProfile`: what one column holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from fastml._native.quantiles import QuantileSketch
from fastml.schema import Role

__all__ = ["QUANTILES", "ColumnProfile"]

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
"""The quantiles of `ColumnProfile.to_dict`."""

_TOP = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnProfile:
    """What one column holds; floats are NaN where they do not apply or nothing is present.

    Parameters
    ----------
    name : str
    type : pyarrow.DataType
    role, reason : Role, str
        What its values stand for, and why that was decided.
    count : int
        Rows.
    nulls : int
        Rows without a value: null or NaN.
    infinite : int
        Infinities; the other statistics but `distinct` leave them out.
    distinct : float
        Distinct values: exact where `distinct_exact`, else within 0.81% (one sigma).
    mean, std, min, max : float
        Of numbers; `std` is of the sample (ddof 1), `min` and `max` whole numbers where a float
        would not hold them. Of dates and times in the unit in which they are stored, counted from
        1970; see `moment`.
    """

    name: str
    type: pa.DataType
    role: Role
    reason: str
    count: int
    nulls: int
    infinite: int = 0
    distinct: float
    distinct_exact: bool
    mean: float = math.nan
    std: float = math.nan
    min: float = math.nan
    max: float = math.nan
    sketch: tuple[QuantileSketch, int] | None = None
    frequent: Sequence[tuple[Any, int]] = ()

    @property
    def kind(self) -> str:
        """The type in a word: text is `string`, however it is encoded."""
        kind = self.type.value_type if pa.types.is_dictionary(self.type) else self.type
        return "string" if pa.types.is_large_string(kind) else str(kind)

    @property
    def present(self) -> int:
        """Rows with a value."""
        return self.count - self.nulls

    @property
    def variance(self) -> float:
        """Variance of the sample (ddof 1)."""
        return self.std**2

    def quantile(self, q: float) -> float:
        """Return a quantile, 0 <= q <= 1; NaN where the column has no numbers.

        Exact up to 4,096 values; of more, its rank is within 0.5% of `q`, 99 times of 100.
        """
        if self.sketch is None:
            return math.nan
        if q in (0.0, 1.0):
            return self.max if q else self.min
        sketch, column = self.sketch
        return float(sketch.column_quantile(column, q)[0])

    def top(self, k: int = _TOP) -> list[tuple[Any, int]]:
        """Return the `k` most frequent strings or booleans with their rows, most frequent first.

        Of equally frequent ones the first met comes first. Empty for numbers.
        """
        return list(self.frequent[:k])

    def moment(self, value: float) -> str | float:
        """Return a statistic of the column as people read it: dates and instants as ISO 8601.

        Those of a time zone are told in UTC, and end in `Z`.
        """
        if math.isnan(value) or not self._is_point_in_time:
            return value
        unit = "D" if pa.types.is_date(self.type) else self.type.unit
        text = str(np.array(round(value), f"datetime64[{unit}]"))
        text = text.rstrip("0").rstrip(".") if "." in text else text
        zoned = pa.types.is_timestamp(self.type) and self.type.tz is not None
        return text + "Z" if zoned else text

    @property
    def _is_point_in_time(self) -> bool:
        return bool(pa.types.is_date(self.type) or pa.types.is_timestamp(self.type))

    def to_dict(self) -> dict[str, Any]:
        """Return the column as JSON takes it: NaN is None, and no value of a person is in it."""
        shown = self.role not in (Role.PERSONAL, Role.IDENTIFIER, Role.TEXT)
        numbers = {
            "mean": self.mean,
            "std": math.nan if self._is_point_in_time else self.std,
            "min": self.min,
            "max": self.max,
        }
        numbers = {name: value if shown else math.nan for name, value in numbers.items()}
        quantiles = {}
        if self.sketch is not None and self.present > self.infinite and shown:
            quantiles = {f"{q:g}": self._plain(self.quantile(q)) for q in QUANTILES}
        return {
            "name": self.name,
            "type": self.kind,
            "role": str(self.role),
            "reason": self.reason,
            "count": self.count,
            "nulls": self.nulls,
            "infinite": self.infinite,
            "distinct": None if math.isnan(self.distinct) else round(self.distinct),
            "distinct_exact": self.distinct_exact,
            **{name: self._plain(value) for name, value in numbers.items()},
            "quantiles": quantiles,
            "top": [list(pair) for pair in self.top()] if shown else [],
        }

    def _plain(self, value: float) -> str | float | None:
        return None if math.isnan(value) else self.moment(value)
