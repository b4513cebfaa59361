"""Design blocks as XGBoost reads them: Arrow tables, handed over one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fastml._typing import Int32
from fastml.extras import load_extra
from fastml.linear_model.design import Design, DesignBlock

__all__ = ["block_table", "feature_types", "first_codes", "quantile_matrix"]

Labels = Callable[[DesignBlock], tuple[NDArray[Any], NDArray[Any] | None]]


def first_codes(design: Design) -> Int32:
    """Return the least code of each code column, where there is any, int32 (n_columns,)."""
    least = np.full(design.blocks[0].codes.shape[1], np.iinfo(np.int32).max, np.int32)
    for block in design.blocks:
        if block.n_rows:
            known = np.where(block.codes < 0, np.iinfo(np.int32).max, block.codes)
            least = np.minimum(least, known.min(axis=0))
            block.rest()
    return least


def feature_types(n_dense: int, n_columns: int) -> list[str]:
    """Return XGBoost's types of the columns of `block_table`: quantities, then categories."""
    return ["q"] * n_dense + ["c"] * n_columns


def block_table(block: DesignBlock, first: Int32) -> pa.Table:
    """Return a block column by column, under the names 0, 1, 2 ...

    A NaN of the dense part is a missing value; the codes of a column count from 0, and one below
    the first, or none, is missing.
    """
    dense = np.ascontiguousarray(block.dense.T, np.float32)
    codes = np.ascontiguousarray(block.codes.T) - first[:, None]
    columns = [
        *map(pa.array, dense),
        *(pa.array(column, mask=column < 0) for column in codes),
    ]
    return pa.table(columns, names=list(map(str, range(len(columns)))))


def quantile_matrix(
    design: Design, first: Int32, labels: Labels, *, max_bins: int, threads: int, ref: Any = None
) -> Any:
    """Return a design as XGBoost's `QuantileDMatrix`, which holds the bin of each value.

    Parameters
    ----------
    design : Design
    first : int32 array
        As `first_codes` gives it.
    labels : callable
        Returns a block's target and row weights.
    max_bins, threads : int
    ref : QuantileDMatrix, optional
        Whose bins to use: that of the training rows, for those of validation.
    """
    xgboost = load_extra("xgboost")
    types = feature_types(design.n_dense, len(first))

    class Blocks(xgboost.DataIter):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.blocks: Sequence[DesignBlock] = [b for b in design.blocks if b.n_rows]
            self.at = 0

        def reset(self) -> None:
            self.at = 0

        def next(self, input_data: Callable[..., None]) -> bool:
            if self.at == len(self.blocks):
                return False
            block = self.blocks[self.at]
            target, weight = labels(block)
            table = block_table(block, first)
            block.rest()
            input_data(data=table, label=target, weight=weight, feature_types=types)
            self.at += 1
            return True

    return xgboost.QuantileDMatrix(
        Blocks(), max_bin=max_bins, nthread=threads, ref=ref, enable_categorical=True
    )
