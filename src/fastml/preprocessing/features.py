"""The features of a fitted encode plan: what each takes from a column, and where it puts it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from fastml._typing import Int32

__all__ = ["CategoryFeature", "NumericFeature", "is_plain_value"]

MISSING = "(missing)"
INFREQUENT = "(infrequent)"


_PLAIN = re.compile(r"0|-?[1-9][0-9]*|true|false")


def is_plain_value(text: str) -> bool:
    """Say whether a text is how a whole number or a boolean becomes a category."""
    return _PLAIN.fullmatch(text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class NumericFeature:
    """A number, imputed and scaled: ``out = (float32(x - shift) - offset) * factor``.

    Parameters
    ----------
    column : str
        The input column.
    kind : {"numeric", "boolean", "datetime"}
        What the column holds; a datetime is the number that Arrow stores.
    center, scale : float
        In raw units: out is about ``(x - center) / scale``.
    imputed : float
        What stands for a missing value, in raw units.
    shift : float
        Taken off in float64 before anything else, so that float32 holds the rest.
    indicator : bool
        Whether a second output says that the value was missing.
    mean, std : float, optional
        Of the training rows that have a value, in raw units; default `center` and `scale`.
    missing : float
        The share of the training rows that have none.
    """

    column: str
    kind: Literal["numeric", "boolean", "datetime"]
    center: float
    scale: float
    imputed: float
    shift: float
    indicator: bool = False
    mean: float | None = None
    std: float | None = None
    missing: float = 0.0

    @property
    def average(self) -> float:
        """The mean output over the training rows."""
        mean = self.center if self.mean is None else self.mean
        return (1.0 - self.missing) * (mean - self.center) / self.scale + self.missing * float(
            self.fill
        )

    @property
    def spread(self) -> float:
        """The standard deviation of the output over the training rows that have a value."""
        return 1.0 if self.std is None else self.std / self.scale

    @property
    def offset(self) -> np.float32:
        """What is left of the centre after the shift."""
        return np.float32(self.center - self.shift)

    @property
    def factor(self) -> np.float32:
        """The reciprocal of the scale."""
        return np.float32(1.0 / self.scale)

    @property
    def fill(self) -> np.float32:
        """What stands for a missing value, in units of the output."""
        value = np.float32((np.float32(self.imputed - self.shift) - self.offset) * self.factor)
        return np.float32(value)

    def names(self) -> list[str]:
        """Return the names of the outputs."""
        return [self.column, f"{self.column} is missing"] if self.indicator else [self.column]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CategoryFeature:
    """A category, as one code.

    Parameters
    ----------
    column : str
        The input column.
    part : str or None
        A part of a date that is the category (`month`, `weekday`, `hour`), or None.
    values : pyarrow.StringArray
        The values that were seen, in the order of `table`; empty for a part of a date, whose
        values are ``0 .. len(table) - 3``.
    table : int32 array of shape (len(values) + 2,)
        The code of a missing value, of each known value, and of an unknown one; -1 for none.
    labels : tuple of str
        What each code stands for.
    share : float64 array of shape (len(labels),)
        The share of the training rows that each code has.
    """

    column: str
    part: str | None
    values: pa.StringArray
    table: Int32
    labels: tuple[str, ...]
    share: np.ndarray[Any, np.dtype[np.float64]] = field(repr=False)

    @property
    def n_codes(self) -> int:
        """How many codes there are."""
        return len(self.labels)

    @property
    def name(self) -> str:
        """The column's name, with the part of the date where there is one."""
        return self.column if self.part is None else f"{self.column}.{self.part}"

    def names(self) -> list[str]:
        """Return a name for each code."""
        return [f"{self.name}={label}" for label in self.labels]
