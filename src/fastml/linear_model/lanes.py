"""Lanes: many models, moved by one pass over the data.

A learner's weights are a matrix, features x lanes, and the kernels move all lanes at once: a row
is read once, and sixteen float32 lanes fill one register. A lane is a whole model, with its own
penalties, its own learning rate, its own weight for each row and, where that is asked for, its own
target. So these are one mechanism:

- a grid of hyperparameters or a path of penalties: a lane each;
- K-fold cross-validation: the rows of a lane's fold have the weight 0 in it;
- a bootstrap: a lane's row weights are Poisson counts;
- one class against the rest, several targets: a lane has its own target;
- multinomial softmax: the lanes are coupled by the loss, and are one model together.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastml._typing import Float64

__all__ = ["LANES", "Lanes", "fitting"]

LANES = 16
"""Lanes that the kernels move best: a register of float32 in AVX-512, two in AVX2, four in NEON."""


@dataclass(frozen=True, slots=True)
class Lanes:
    """What sets the models of one training apart, beside their targets and row weights.

    Parameters
    ----------
    total_weight : float64 ndarray of shape (lanes,)
        Sum of a lane's row weights.
    l2, l1 : float64 ndarray of shape (lanes,)
        Penalties.
    learning_rate : float64 ndarray of shape (lanes,)
        Of the stochastic steps.
    classes : int
        Lanes side by side that are one model together (softmax); 1 where each is its own.
    """

    total_weight: Float64
    l2: Float64
    l1: Float64
    learning_rate: Float64
    classes: int = 1

    @classmethod
    def of(
        cls,
        n_models: int,
        *,
        total_weight: ArrayLike,
        l2: ArrayLike = 0.0,
        l1: ArrayLike = 0.0,
        learning_rate: ArrayLike = 0.1,
        classes: int = 1,
    ) -> Self:
        """Return the lanes of models; a single number holds for all of them."""

        def each(value: ArrayLike) -> Float64:
            return np.repeat(np.broadcast_to(np.asarray(value, np.float64), n_models), classes)

        return cls(each(total_weight), each(l2), each(l1), each(learning_rate), classes)

    def __len__(self) -> int:
        return len(self.l2)

    @property
    def n_models(self) -> int:
        """Models: as many as lanes, but of softmax."""
        return len(self) // self.classes

    def per_model(self, of_lanes: NDArray[Any]) -> NDArray[Any]:
        """Return what lanes add up to in their model: (..., lanes) as (..., n_models)."""
        if self.classes == 1:
            return of_lanes
        by_model = of_lanes.reshape(*of_lanes.shape[:-1], self.n_models, self.classes)
        return np.asarray(by_model.sum(axis=-1))

    def per_lane(self, of_models: NDArray[Any]) -> NDArray[Any]:
        """Return what holds for a model for each of its lanes: (n_models,) as (lanes,)."""
        return of_models if self.classes == 1 else np.repeat(of_models, self.classes)

    def dot(self, a: Float64, b: Float64) -> Float64:
        """Return each model's inner product of two matrices (rows, lanes): shape (n_models,).

        BLAS would start its own threads, which spin, and whose number moves the last bits.
        """
        return self.per_model((a * b).sum(axis=0))

    def without_penalties(self) -> Self:
        """Return the lanes with the losses alone."""
        return replace(self, l2=np.zeros(len(self)), l1=np.zeros(len(self)))

    def padded(self) -> Self:
        """Return as many lanes as the kernels move well; those that were added stand still."""
        n = fitting(len(self)) - len(self) if self.classes == 1 else 0
        none = np.zeros(n)
        return replace(
            self,
            total_weight=np.append(self.total_weight, none + 1.0),
            l2=np.append(self.l2, none),
            l1=np.append(self.l1, none),
            learning_rate=np.append(self.learning_rate, none),
        )

    def at(self, models: slice) -> Self:
        """Return the lanes of models that lie side by side."""
        return self.of_models(np.arange(models.start, models.stop))

    def of_models(self, models: NDArray[np.intp]) -> Self:
        """Return the lanes of some of the models."""
        lanes = (models[:, None] * self.classes + np.arange(self.classes)).ravel()
        arrays = {f.name: getattr(self, f.name)[lanes] for f in fields(self) if f.name != "classes"}
        return replace(self, **arrays)


def fitting(lanes: int) -> int:
    """Return the least number from `lanes` on that is 1, 8 or a multiple of 16."""
    if lanes == 1 or lanes == 8:
        return lanes
    return 8 if lanes < 8 else -(-lanes // LANES) * LANES
