"""Weights of more than 2^31 numbers: every index is of 64 bits."""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np
import pytest

from fastml._native.linear import DesignKernels

pytestmark = pytest.mark.kernel
N_CODES = 46_000_000
FEW = np.array([0, 1, 22_500_000, N_CODES - 2, N_CODES - 1])
"""The categories that rows have, the last of which lie beyond 2^31 numbers, and beyond 8 GB."""
LANES = 48


def untouched(shape: tuple[int, ...], dtype: Any) -> np.ndarray[Any, Any]:
    """Return zeros of which only the pages that are touched take memory."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    assert size // np.dtype(dtype).itemsize > 2**31
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)
    return np.frombuffer(mmap.mmap(-1, size, flags=flags), dtype).reshape(shape)


def kernels(codes: np.ndarray[Any, Any], n_codes: int, lanes: int) -> DesignKernels:
    rng = np.random.default_rng(1)
    n = len(codes)
    dense = rng.normal(size=(n, 3)).astype(np.float32)
    target = (rng.random(n) < 0.5).astype(np.float32)
    return DesignKernels([(dense, codes, target, None)], n_codes, lanes, "logistic")


def both(lanes: int) -> tuple[DesignKernels, DesignKernels, np.ndarray[Any, Any]]:
    """Return a design of many categories, the same of the few it has, and those rows' places."""
    few = np.random.default_rng(0).integers(0, len(FEW), (40, 2), np.int32)
    wide = kernels(FEW[few].astype(np.int32), N_CODES, lanes)
    narrow = kernels(few, len(FEW), lanes)
    places = np.concatenate([np.arange(3), 3 + FEW, [3 + N_CODES, 4 + N_CODES]])
    return wide, narrow, places


def test_margins_and_gradients() -> None:
    wide, narrow, places = both(LANES)
    weights = np.random.default_rng(2).normal(size=(narrow.rows, LANES)).astype(np.float32)
    spread = untouched((wide.rows, LANES), np.float32)
    spread[places] = weights
    margins = [np.empty((40, LANES), np.float32) for _ in range(2)]
    wide.margins(0, spread, margins[0])
    narrow.margins(0, weights, margins[1])
    np.testing.assert_array_equal(*margins)
    sums = untouched((wide.rows, LANES), np.float64), np.zeros((narrow.rows, LANES))
    for kernel, at, into in zip((wide, narrow), margins, sums, strict=True):
        kernel.gradient(0, at, None, np.zeros(LANES), into, np.zeros(LANES))
    np.testing.assert_array_equal(sums[0][places], sums[1])
    assert sums[1].any(axis=1)[:-2].all()


def test_stochastic_steps() -> None:
    lanes = 16
    wide, narrow, places = both(lanes)
    each, nothing = np.ones(lanes), np.zeros(lanes)
    states = (
        untouched((wide.rows, 3, lanes), np.float32),
        np.zeros((narrow.rows, 3, lanes), np.float32),
    )
    for kernel, state in zip((wide, narrow), states, strict=True):
        kernel.stochastic(
            state,
            np.zeros(kernel.rows, np.int32),
            np.array([[0, 0, 40]]),
            batch_size=8,
            adaptive=True,
            fit_intercept=True,
            weight_scale=each,
            rate=0.1 * each,
            l2=nothing,  # a penalty would be applied to every category in the end
            l1=nothing,
            loss=np.zeros(lanes),
        )
    np.testing.assert_array_equal(states[0][places], states[1])
    assert states[1][:-2, 0].any(axis=1).all()
