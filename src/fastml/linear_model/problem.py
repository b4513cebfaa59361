"""What a solver is given: a design, a loss, and what each of many models has of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fastml._native.linear import DesignKernels
from fastml._typing import Float64
from fastml.linear_model.design import Design
from fastml.linear_model.lanes import LANES, Lanes
from fastml.linear_model.target_scale import TargetScale

__all__ = ["Counts", "Loss", "Problem", "RowWeights", "Targets"]

Counts: TypeAlias = Callable[[int], NDArray[Any]]
"""Of a block's number: how often each model has each row, (n_rows, n_models)."""
Targets: TypeAlias = Callable[[int], NDArray[Any]]
"""Of a block's number: the target of each row, (n_rows,), or of each row and model."""


@dataclass(frozen=True, slots=True)
class Loss:
    """A loss by its name and settings, as `DesignKernels` takes them.

    Parameters
    ----------
    name : {"logistic", "softmax", "squared", "huber", "quantile"}
    parameter, width : float
    classes : int
        Lanes of one model.
    floor : float
        Added to a row's curvature in the preconditioner, where the loss may be flat.
    """

    name: str
    parameter: float = 1.0
    width: float = 0.0
    classes: int = 1
    floor: float = 0.0


@dataclass(frozen=True, slots=True)
class RowWeights:
    """What each model counts each row by: its weight, how often the model has it, its class.

    Parameters
    ----------
    design : Design
    counts : callable, optional
        Default: every model has every row once.
    factors : float64 ndarray of shape (n_models, n_classes), or (1, n_classes), optional
        By the row's class, which is then the target; one row of factors holds for all models.
    """

    design: Design
    counts: Counts | None = None
    factors: Float64 | None = None

    def of(self, number: int, models: slice) -> NDArray[Any] | None:
        """Return the weights of a block's rows, (n_rows,) or (n_rows, n_models), or None: all 1."""
        block = self.design.blocks[number]
        parts: list[NDArray[Any]] = [] if block.weight is None else [block.weight]
        if self.factors is not None:
            assert block.target is not None
            factors = self.factors if len(self.factors) == 1 else self.factors[models]
            by_row = factors.T[block.target.astype(np.intp)]
            parts.append(by_row[:, 0] if len(self.factors) == 1 else by_row)
        if self.counts is not None:
            parts.append(self.counts(number)[:, models])
        if not parts:
            return None
        whole = parts[0]
        for part in parts[1:]:
            whole = _column(whole, part.ndim) * _column(part, whole.ndim)
        return np.ascontiguousarray(whole, dtype=self.design.dtype)

    def totals(self) -> Float64:
        """Return the models' total weights, (n_models,), or (1,) where all have the same.

        Without `factors`: by class they are `class_totals`.
        """
        total: Any = 0.0
        for number, block in enumerate(self.design.blocks):
            weight = np.ones(block.n_rows) if block.weight is None else block.weight
            if self.counts is None:
                total += np.array([weight.sum(dtype=np.float64)])
            else:
                total += weight.astype(np.float64) @ self.counts(number)
        return np.asarray(total)


def _column(values: NDArray[Any], other: int) -> NDArray[Any]:
    return values[:, None] if values.ndim < other else values


@dataclass(frozen=True, slots=True)
class Problem:
    """A loss over a design for many models.

    Parameters
    ----------
    design : Design
    loss : Loss
    lanes : Lanes
        Of all models.
    weights : RowWeights
    scale : TargetScale, optional
        Of the targets of a regression, in whose units the design is.
    targets : callable, optional
        Default: the design's own. Where those are several columns, each variant of a model has a
        model for each column, side by side.
    """

    design: Design
    loss: Loss
    lanes: Lanes
    weights: RowWeights
    scale: TargetScale | None = None
    targets: Targets | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the weights, (features, the unknown code, the intercept) x lanes."""
        return self.design.n_features + 2, len(self.lanes)

    def outward(self, weights: Float64) -> Float64:
        """Return weights (rows, lanes) in the units of the target."""
        return weights if self.scale is None else self.scale.outward(weights)

    def kernels(self, models: slice) -> DesignKernels:
        """Bind the blocks to the loss for some of the models."""
        blocks = []
        dtype = self.design.dtype
        for number, block in enumerate(self.design.blocks):
            target: Any = block.target if self.targets is None else self.targets(number)
            if target.ndim == 2:
                target = target[:, np.arange(models.start, models.stop) % target.shape[1]]
            target = np.ascontiguousarray(target, dtype=dtype)
            blocks.append((block.dense, block.codes, target, self.weights.of(number, models)))
        loss = self.loss
        return DesignKernels(
            blocks,
            self.design.n_codes,
            (models.stop - models.start) * loss.classes,
            loss.name,
            loss.parameter,
            loss.width,
            loss.classes,
        )

    def groups(self, most: int = LANES) -> Iterator[slice]:
        """Cut the models into groups of about equal size, of at most `most` lanes each.

        A group has one model at least, however many lanes that takes.
        """
        n = self.lanes.n_models
        n_groups = -(-n // max(1, most // self.loss.classes))
        for group in range(n_groups):
            yield slice(n * group // n_groups, n * (group + 1) // n_groups)
