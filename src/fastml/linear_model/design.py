"""What a learner reads: a table whose one-hot part was never built.

A design of `n_dense` numeric features and `n_codes` categories stands for the matrix
``X = [dense | one_hot(codes)]`` of ``n_dense + n_codes`` columns, kept in blocks of rows::

    X @ W          = dense @ W[:n_dense] + sum_j W[n_dense + codes[:, j]]
    X.T @ r        = dense.T @ r, and a scatter of r to n_dense + codes[:, j]

Code k is feature ``n_dense + k``; a code of -1 (an unknown category) contributes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from fastml._typing import Float32, Float64, Int32
from fastml.engine import default_threads, ordered_map
from fastml.engine.memory import Region
from fastml.errors import SchemaError
from fastml.fingerprint import fingerprint

__all__ = ["Design", "DesignBlock"]


@dataclass(slots=True)
class DesignBlock:
    """Some rows of a design.

    Parameters
    ----------
    dense : ndarray of shape (n_rows, n_dense), float32 or float64, C-contiguous
        Imputed and scaled numbers.
    codes : ndarray of shape (n_rows, n_columns), int32, C-contiguous
        One code a categorical column, already offset into ``[0, n_codes)``; -1 is unknown.
    target : ndarray of shape (n_rows,) or (n_rows, n_lanes), float, or None
        What is learned: 0 or 1, the index of a class, or a number. None where a block is only
        predicted.
    weight : ndarray of shape (n_rows,), float, or None
        Row weights; None counts every row once.
    memory : Region, optional
        Where `dense` and `codes` lie, if it was lent; whoever has read them lets it rest.
    """

    dense: Float32 | Float64
    codes: Int32
    target: Float32 | Float64 | None = None
    weight: Float32 | Float64 | None = None
    memory: Region | None = None

    @property
    def n_rows(self) -> int:
        """Rows in the block."""
        return int(self.dense.shape[0])

    @property
    def mapped(self) -> bool:
        """Whether `dense` and `codes` lie in a mapped file."""
        return self.memory is not None and self.memory.mapped

    def rest(self) -> None:
        """Let the pages of `dense` and `codes` go, if they lie in a file."""
        if self.memory is not None:
            self.memory.rest()

    def rows(self, first: int, end: int) -> DesignBlock:
        """Return some of the rows, without copying them."""
        parts = (self.dense, self.codes, self.target, self.weight)
        own = (None if part is None else part[first:end] for part in parts)
        return DesignBlock(*own, memory=self.memory)  # type: ignore[arg-type, misc]


@dataclass(slots=True)
class Design:
    """A table as blocks of rows, in order.

    Parameters
    ----------
    blocks : sequence of DesignBlock
        All of the same dtype and of the same number of dense features and code columns; all with
        weights, or none.
    n_dense : int
        Dense features.
    n_codes : int
        Categories over all code columns.
    memory : int, optional
        Bytes that the process may hold while something is learned from the design; default
        `memory_budget()`.
    """

    blocks: Sequence[DesignBlock]
    n_dense: int
    n_codes: int
    memory: int | None = None
    _fingerprint: str | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        dtypes = {block.dense.dtype for block in self.blocks}
        shapes = {(block.dense.shape[1], block.codes.shape[1]) for block in self.blocks}
        if len(dtypes) > 1 or len(shapes) > 1:
            raise SchemaError(
                f"the blocks of a design differ: got dtypes {sorted(map(str, dtypes))} and "
                f"(dense, code) columns {sorted(shapes)}, expected one of each"
            )
        if shapes and next(iter(shapes))[0] != self.n_dense:
            raise SchemaError(
                f"the blocks have {next(iter(shapes))[0]} dense features, "
                f"but the design says {self.n_dense}"
            )
        weighted = {block.weight is not None for block in self.blocks}
        if len(weighted) > 1:
            raise SchemaError(
                "some blocks of the design have row weights and some have none; give all of them "
                "weights (1 counts a row once)"
            )

    def fingerprint(self) -> str:
        """Return what tells the design from others: one pass over all that it holds, once."""
        if self._fingerprint is None:

            def of_block(block: DesignBlock) -> str:
                found = fingerprint(block.dense, block.codes, block.target, block.weight)
                block.rest()
                return found

            self._fingerprint = fingerprint(
                self.n_codes, *ordered_map(of_block, self.blocks, default_threads())
            )
        return self._fingerprint

    @property
    def n_features(self) -> int:
        """Columns of the matrix that the design stands for."""
        return self.n_dense + self.n_codes

    @property
    def n_rows(self) -> int:
        """Rows over all blocks."""
        return sum(block.n_rows for block in self.blocks)

    @property
    def dtype(self) -> np.dtype[np.floating]:
        """Type of the dense part."""
        return self.blocks[0].dense.dtype if self.blocks else np.dtype(np.float64)
