"""The units in which a regression is trained, so that no learning rate depends on the target's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from fastml._base import check_finite
from fastml._typing import Float64
from fastml.errors import DataError
from fastml.linear_model.design import Design, DesignBlock

__all__ = ["TargetScale"]


@dataclass(frozen=True, slots=True)
class TargetScale:
    """Training sees ``(y - centre) / size``; both float64 ndarrays of shape (n_targets,)."""

    centre: Float64
    size: Float64

    @classmethod
    def of(cls, design: Design, weight: float, *, centred: bool) -> Self:
        """Return the targets' means (or 0) and standard deviations; 1 where one is constant.

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
        # Squares of very large or small numbers leave the range of floats; those of shares do not.
        furthest = np.max(
            [np.abs(_target(b) - mean).max(axis=0, initial=0.0) for b in design.blocks], axis=0
        )
        unit = np.where(furthest > 0.0, furthest, 1.0)
        variance = _weighted_sum(design, lambda y: ((y - mean) / unit) ** 2) / weight
        size = unit * np.sqrt(variance)
        constant = size <= 1e-12 * np.abs(mean)
        if not (size < np.sqrt(np.finfo(np.float64).max)).all():
            raise DataError(
                f"y has values so large ({furthest.max():g} from their mean) that their squares "
                "overflow; divide y by a power of ten"
            )
        return cls(mean if centred else np.zeros_like(mean), np.where(constant, 1.0, size))

    @property
    def n_targets(self) -> int:
        """Columns of the target."""
        return len(self.size)

    def penalties(self, loss: str, l2: Float64, l1: Float64) -> tuple[Float64, Float64]:
        """Return the penalties that mean the same in training's units.

        With coef = size * coef', a squared loss shrinks by size^2 and a quantile loss by size.

        Parameters
        ----------
        loss : {"squared", "huber", "quantile"}
        l2, l1 : float64 ndarrays of shape (n_models,), n_models a multiple of n_targets
        """
        size = self._of_models(len(l2))
        return (l2 * size, l1) if loss == "quantile" else (l2, l1 / size)

    def value(self, loss: str, value: Float64) -> Float64:
        """Return the models' objectives in the targets' units."""
        size = self._of_models(len(value))
        return value * (size if loss == "quantile" else size**2)

    def design(self, design: Design) -> Design:
        """Return a design with its targets in training's units; the rest is shared."""
        blocks = []
        for block in design.blocks:
            dtype, weight = block.dense.dtype, block.weight
            scaled = (_target(block) - self.centre) / self.size
            assert block.target is not None
            target: Any = scaled.reshape(block.target.shape).astype(dtype)
            typed: Any = None if weight is None else np.ascontiguousarray(weight, dtype=dtype)
            blocks.append(replace(block, target=target, weight=typed))
        return replace(design, blocks=blocks)

    def inward(self, weights: Float64) -> Float64:
        """Return models of the targets' units in training's: (rows, n_models)."""
        n = weights.shape[1]
        scaled: Float64 = weights / self._of_models(n)
        scaled[-1] -= np.tile(self.centre / self.size, n // self.n_targets)
        return scaled

    def outward(self, weights: Float64) -> Float64:
        """Return models of training's units in the targets': (rows, n_models)."""
        n = weights.shape[1]
        scaled: Float64 = weights * self._of_models(n)
        scaled[-1] += np.tile(self.centre, n // self.n_targets)
        return scaled

    def _of_models(self, n_models: int) -> Float64:
        """Return each model's size; the targets of a variant lie side by side."""
        return np.tile(self.size, n_models // self.n_targets)

    def of_target(self, target: int) -> Self:
        """Return the scale of one target."""
        one = slice(target, target + 1)
        return type(self)(self.centre[one], self.size[one])

    def state(self) -> dict[str, list[float]]:
        """Return what a saved model holds."""
        return {"centre": self.centre.tolist(), "size": self.size.tolist()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Restore a scale; early models have a number in the place of a list."""
        return cls(
            np.atleast_1d(np.array(state["centre"], np.float64)),
            np.atleast_1d(np.array(state["size"], np.float64)),
        )


def _target(block: DesignBlock) -> Float64:
    """Return the targets of a block, (n_rows, n_targets)."""
    if block.target is None:
        raise DataError("the design has no target")
    target = np.asarray(block.target, dtype=np.float64)
    return target[:, None] if target.ndim == 1 else target


def _weighted_sum(design: Design, of: Callable[[Float64], Float64]) -> Float64:
    total: Any = 0.0
    for block in design.blocks:
        values = of(_target(block))
        total = total + (values if block.weight is None else values * block.weight[:, None]).sum(
            axis=0
        )
    return np.asarray(total)
