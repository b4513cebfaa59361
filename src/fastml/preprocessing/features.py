"""The features of a fitted encode plan: what each takes from a column, and where it puts it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa

from fastml._typing import Float32, Float64, Int32

__all__ = [
    "BinFeature",
    "CategoryFeature",
    "CodeFeature",
    "CrossFeature",
    "NumericFeature",
    "PartFeature",
    "code_kind",
    "is_plain_value",
]

MISSING = "(missing)"
INFREQUENT = "(infrequent)"


_JOINS = {"[": " in ", "<": " ", ">": " "}  # a column's name and the label of a bin
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
        What stands for a missing value, in raw units; NaN leaves it missing.
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


@dataclass(frozen=True, kw_only=True, eq=False)
class BinFeature:
    """The bin of a number, as one code.

    Parameters
    ----------
    column : str
        The input column.
    shift : float
        As of the column's `NumericFeature`: a value falls into a bin by ``float32(x - shift)``.
    edges : float64 array of shape (n_bins - 1,)
        Where each bin but the first begins, ascending, in raw units.
    missing : bool
        Whether a missing value has a code, which is the last.
    labels : tuple of str
        What each code stands for.
    alone : bool
        Whether the bins are a column of the design, or only parts of crosses.
    share : float64 array of shape (n_codes,)
        The share of the training rows that each code has.
    """

    column: str
    shift: float
    edges: Float64
    missing: bool
    labels: tuple[str, ...]
    alone: bool
    share: np.ndarray[Any, np.dtype[np.float64]] = field(repr=False)

    @property
    def name(self) -> str:
        """What the feature is called: the column has its own number beside it."""
        return f"{self.column} in bins"

    @property
    def n_codes(self) -> int:
        """How many codes there are."""
        return len(self.labels)

    @cached_property
    def staged_edges(self) -> Float32:
        """The edges as numbers are staged."""
        return (self.edges - self.shift).astype(np.float32)

    @cached_property
    def table(self) -> Int32:
        """The code of a missing value and of each bin; -1 for none."""
        bins = np.arange(-1, len(self.edges) + 1, dtype=np.int32)
        bins[0] = len(self.edges) + 1 if self.missing else -1
        return bins

    def names(self) -> list[str]:
        """Return a name for each code, such as `age in [30, 35)`."""
        return [f"{self.column}{_JOINS.get(label[0], '=')}{label}" for label in self.labels]


PartFeature: TypeAlias = CategoryFeature | BinFeature


@dataclass(frozen=True, kw_only=True, eq=False)
class CrossFeature:
    """A combination of the codes of several columns, as one code.

    Parameters
    ----------
    parts : tuple of CategoryFeature or BinFeature
        What is crossed.
    keys : int64 array of shape (n_codes,)
        The combinations that have a code, ascending, each as the number
        ``(a * size_b + b) * size_c + c ...`` of the codes of its parts.
    share : float64 array of shape (n_codes,)
        The share of the training rows that each code has.
    """

    parts: tuple[PartFeature, ...]
    keys: np.ndarray[Any, np.dtype[np.int64]] = field(repr=False)
    share: np.ndarray[Any, np.dtype[np.float64]] = field(repr=False)

    @property
    def column(self) -> str:
        """The columns' names, joined."""
        return " x ".join(part.name if is_date_part(part) else part.column for part in self.parts)

    @property
    def name(self) -> str:
        """What the feature is called."""
        return self.column

    @property
    def n_codes(self) -> int:
        """How many codes there are."""
        return len(self.keys)

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many codes each part has."""
        return tuple(part.n_codes for part in self.parts)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """What each code stands for."""
        return tuple(self._joined([part.labels for part in self.parts]))

    def names(self) -> list[str]:
        """Return a name for each code, such as `city=Bern x age in [30, 35)`."""
        return self._joined([part.names() for part in self.parts])

    def _joined(self, words: Sequence[Sequence[str]]) -> list[str]:
        codes = zip(*np.unravel_index(self.keys, self.sizes), strict=True)
        joined = [
            " x ".join(word[code] for word, code in zip(words, each, strict=True)) for each in codes
        ]
        if len(set(joined)) < len(joined):  # where categories have an " x " in them
            joined = [f"{word} ({i})" for i, word in enumerate(joined)]
        return joined


CodeFeature: TypeAlias = CategoryFeature | BinFeature | CrossFeature


def code_kind(feature: CodeFeature) -> str:
    """Return what a feature of the code part is called in an explanation."""
    if isinstance(feature, CategoryFeature):
        return "categorical"
    return "binned" if isinstance(feature, BinFeature) else "crossed"


def is_date_part(feature: PartFeature) -> bool:
    """Say whether a feature is a part of a date."""
    return isinstance(feature, CategoryFeature) and feature.part is not None
