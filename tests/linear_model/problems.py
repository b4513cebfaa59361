"""Small tables and designs that the tests of the learners share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastml.linear_model import Design, DesignBlock

Floats = NDArray[np.float64]


def classes_table(
    n: int = 400, d: int = 5, n_classes: int = 2, seed: int = 0
) -> tuple[Floats, NDArray[np.int64]]:
    """Return correlated numbers of several sizes, and classes that depend on them noisily."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 1.0
    margins = x @ rng.normal(size=(d, n_classes)) / d + rng.gumbel(size=(n, n_classes))
    return x, margins.argmax(axis=1)


def numbers_table(n: int = 400, d: int = 5, seed: int = 0) -> tuple[Floats, Floats]:
    """Return correlated numbers, and a target in units of its own with some outliers."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 1.0
    noise = rng.standard_t(2, size=n)
    return x, 1e4 + 50.0 * (x @ rng.normal(size=d) + noise)


def coded_design(
    n: int = 20_000,
    *,
    sizes: tuple[int, ...] = (3, 40, 1000),
    block_rows: int = 4096,
    dtype: Any = np.float32,
    order: NDArray[np.intp] | None = None,
    weighted: bool = False,
    seed: int = 0,
) -> Design:
    """Return a design of numbers and skewed categories with a binary target."""
    rng = np.random.default_rng(seed)
    dense = rng.normal(size=(n, 4))
    starts = np.cumsum([0, *sizes])
    codes = np.stack(
        [
            start + (k * rng.random(n) ** 3).astype(np.int32)
            for start, k in zip(starts[:-1], sizes, strict=True)
        ],
        axis=1,
        dtype=np.int32,
    )
    effects = rng.normal(size=starts[-1]) / 2
    margins = dense @ [1.0, -0.5, 0.25, 0.0] + effects[codes].sum(axis=1) - 0.5
    target = (rng.random(n) < 1.0 / (1.0 + np.exp(-margins))).astype(dtype)
    codes[rng.random(codes.shape) < 0.02] = -1
    weight = rng.integers(0, 3, n).astype(dtype) if weighted else None
    if order is None:
        order = np.arange(n)
    elif order.dtype == object:
        order = np.argsort(target, kind="stable")
    dense, codes, target = dense[order].astype(dtype), codes[order], target[order]
    blocks = [
        DesignBlock(
            dense[low : low + block_rows],
            codes[low : low + block_rows],
            target[low : low + block_rows],
            None if weight is None else weight[low : low + block_rows],
        )
        for low in range(0, n, block_rows)
    ]
    return Design(blocks, 4, int(starts[-1]))


def one_hot(design: Design) -> tuple[Any, Any]:
    """Return a design as a SciPy sparse matrix and its target."""
    from scipy.sparse import csr_matrix, hstack

    dense = np.concatenate([block.dense for block in design.blocks]).astype(np.float64)
    codes = np.concatenate([block.codes for block in design.blocks])
    target = np.concatenate([block.target for block in design.blocks])
    rows, columns = np.nonzero(codes >= 0)
    hot = csr_matrix(
        (np.ones(len(rows)), (rows, codes[rows, columns])), shape=(len(codes), design.n_codes)
    )
    return hstack([csr_matrix(dense), hot]).tocsr(), target
