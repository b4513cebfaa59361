"""Columns as parts of codes: what the kernels of `_native/codes` read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

from numpy.typing import NDArray

from fastml._typing import Float32, Int32
from fastml.preprocessing.features import BinFeature, PartFeature
from fastml.preprocessing.staging import StagedBlock, Staging

__all__ = ["Part", "PartColumn", "StagedParts"]

Part: TypeAlias = tuple[NDArray[Any], Float32 | None, Int32]
"""Codes or numbers, the edges of the numbers' bins, and what each code becomes."""


class PartColumn(NamedTuple):
    """The rows of a part.

    Attributes
    ----------
    rows : int32 array of codes or float32 array of numbers less their shift, (n,)
    edges : float32 array of a number's bins, or None
    remap : int32 array, or None
        What each code of these rows is in the feature's own vocabulary, where that is another.
    """

    rows: NDArray[Any]
    edges: Float32 | None = None
    remap: Int32 | None = None

    def by(self, table: Int32) -> Part:
        """Return the part whose codes become what a table of the feature says."""
        return self.rows, self.edges, table if self.remap is None else table[self.remap + 1]


class StagedParts:
    """Finds the staged columns of features.

    Parameters
    ----------
    staging : Staging
    features : sequence of PartFeature
    """

    def __init__(self, staging: Staging, features: Sequence[PartFeature]) -> None:
        self._numbers = {name: i for i, name in enumerate(staging.numeric)}
        self._text = {name: i for i, name in enumerate(staging.text)}
        self._dates = {part: i for i, part in enumerate(staging.parts, len(staging.text))}
        self._features = features

    def of(self, block: StagedBlock) -> list[PartColumn]:
        """Return a block's column of each feature."""
        return [self._column(block, feature) for feature in self._features]

    def _column(self, block: StagedBlock, feature: PartFeature) -> PartColumn:
        if isinstance(feature, BinFeature):
            return PartColumn(block.dense[self._numbers[feature.column]], feature.staged_edges)
        if feature.part is not None:
            return PartColumn(block.codes[self._dates[feature.column, feature.part]])
        row = self._text[feature.column]
        return PartColumn(block.codes[row], None, block.remaps[row])
