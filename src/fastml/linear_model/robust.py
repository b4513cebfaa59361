"""From which error on Huber's loss is linear: what the errors themselves say."""

from __future__ import annotations

import numpy as np

from fastml._native.linear import DesignKernels
from fastml._typing import Float64
from fastml.linear_model.design import Design

__all__ = ["error_threshold"]

DEVIATIONS = 1.35
"""Robust standard deviations of the errors: 95 % as efficient as least squares on normal ones."""
NORMAL = 1.4826
"""Standard deviations in a median absolute deviation, where errors are normal."""
EXACT = 1e-6
"""Errors of that size are rounding: there is no noise to tell outliers from."""


def error_threshold(design: Design, weights: Float64) -> float:
    """Return 1.35 robust standard deviations of a model's errors.

    Huber & Ronchetti, Robust Statistics (2009), chapter 7.

    Parameters
    ----------
    design : Design
        Its target of about unit variance, which takes the place of errors that are none.
    weights : float64 ndarray of shape (n_features + 2, 1)
        As the kernels have them.
    """
    blocks = [(block.dense, block.codes, None, None) for block in design.blocks]
    mapped = [block.mapped for block in design.blocks]
    kernels = DesignKernels(blocks, design.n_codes, mapped=mapped)
    typed = weights.astype(design.dtype)
    errors: list[Float64] = []
    shares: list[Float64] = []
    for place, block in enumerate(design.blocks):
        margins = kernels.margins(place, typed, np.empty((block.n_rows, 1), design.dtype))
        errors.append(margins[:, 0].astype(np.float64) - block.target)
        weight = 1.0 if block.weight is None else block.weight
        shares.append(np.broadcast_to(weight, block.n_rows).astype(np.float64))
    error, share = np.concatenate(errors), np.concatenate(shares)
    deviation = NORMAL * _median(np.abs(error - _median(error, share)), share)
    return DEVIATIONS * (deviation if deviation > EXACT else 1.0)


def _median(values: Float64, weight: Float64) -> float:
    """Return the least value that half of the weight does not exceed."""
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weight[order])
    return float(values[order[np.searchsorted(below, below[-1] / 2.0)]])
