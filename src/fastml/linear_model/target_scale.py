"""The units in which a regression is trained, so that no learning rate depends on the target's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from fastml._base import check_finite
from fastml._typing import Float64
from fastml.errors import DataError
from fastml.linear_model.design import Design, DesignBlock

__all__ = ["TargetScale"]


@dataclass(frozen=True, slots=True)
class TargetScale:
    """Training sees ``(y - centre) / size``."""

    centre: float
    size: float

    @classmethod
    def of(cls, design: Design, weight: float, *, centred: bool) -> Self:
        """Return the target's mean (or 0) and standard deviation; 1 where it is constant.

        Parameters
        ----------
        design : Design
        weight : float
            Sum of the row weights.
        centred : bool
            Whether there is an intercept that can take the mean.
        """
        for block in design.blocks:
            check_finite(_target(block), "y")
        mean = _weighted_sum(design, lambda y: y) / weight
        variance = _weighted_sum(design, lambda y: (y - mean) ** 2) / weight
        size = float(np.sqrt(variance))
        constant = size <= 1e-12 * abs(mean)
        return cls(mean if centred else 0.0, 1.0 if constant else size)

    def penalties(self, loss: str, l2: float, l1: float) -> tuple[float, float]:
        """Return the penalties that mean the same in training's units.

        With coef = size * coef', a squared loss shrinks by size^2 and a quantile loss by size.
        """
        return (l2 * self.size, l1) if loss == "quantile" else (l2, l1 / self.size)

    def value(self, loss: str, value: float) -> float:
        """Return the objective in the target's units."""
        return value * (self.size if loss == "quantile" else self.size**2)

    def design(self, design: Design) -> Design:
        """Return a design with its target in training's units; the rest is shared."""
        blocks = []
        for block in design.blocks:
            dtype, weight = block.dense.dtype, block.weight
            target: Any = ((_target(block) - self.centre) / self.size).astype(dtype)
            typed: Any = None if weight is None else np.ascontiguousarray(weight, dtype=dtype)
            blocks.append(DesignBlock(block.dense, block.codes, target, typed))
        return Design(blocks, design.n_dense, design.n_codes)

    def inward(self, weights: Float64) -> Float64:
        """Return a model of the target's units in training's."""
        scaled = weights / self.size
        scaled[-1] -= self.centre / self.size
        return scaled

    def outward(self, weights: Float64) -> Float64:
        """Return a model of training's units in the target's."""
        scaled = weights * self.size
        scaled[-1] += self.centre
        return scaled


def _target(block: DesignBlock) -> Float64:
    if block.target is None:
        raise DataError("the design has no target")
    return np.asarray(block.target, dtype=np.float64)


def _weighted_sum(design: Design, of: Callable[[Float64], Float64]) -> float:
    total = 0.0
    for block in design.blocks:
        values = of(_target(block))
        total += float((values if block.weight is None else values * block.weight).sum())
    return total
