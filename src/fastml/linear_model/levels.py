"""What the intercept and the categories of a column can say alike.

Where every row has a category of a column, adding a number to the weights of all its categories and
taking it from the intercept changes no margin: along that shift an objective has the curvature of
the ridge penalty alone, a millionth of that of any single weight. No gradient of a single weight
tells how far there is to go; their sum does, in which the losses cancel and the penalty is left.
Without it L-BFGS takes more iterations for these few directions than for all the others.
"""

from __future__ import annotations

from copy import copy
from typing import Self

import numpy as np
from numpy.typing import NDArray

from fastml._typing import Float64
from fastml.checkpoint import State
from fastml.linear_model.lanes import Lanes
from fastml.linear_model.objective import Objective

__all__ = ["Levels"]


class Levels:
    """The inverse of the Hessian along the shifts between the columns of codes and the intercept.

    Parameters
    ----------
    objective : Objective
    diagonal : float64 ndarray of shape (rows, lanes)
        Of its Hessian.
    """

    def __init__(self, objective: Objective, diagonal: Float64) -> None:
        self._columns = objective.code_columns()
        self._whole: Float64 = diagonal[-1]
        self._seen: list[NDArray[np.bool_]] = []
        self._without: list[Float64] = []
        lanes = objective.lanes
        for codes in self._columns:
            of_rows = diagonal[codes] - lanes.l2
            self._seen.append(of_rows > 0.0)
            # Rows without a category of the column are those that a shift does move.
            self._without.append(np.maximum(self._whole - of_rows.sum(axis=0), 0.0))
        self._inverse = self._inverse_of(lanes)

    def state(self) -> State:
        """Return what it is made of, but for what is the design's."""
        columns = range(len(self._columns))
        return {"whole": self._whole} | {
            **{f"seen.{i}": self._seen[i] for i in columns},
            **{f"without.{i}": self._without[i] for i in columns},
        }

    @classmethod
    def restored(cls, objective: Objective, state: State) -> Self:
        """Return the one that `state` was taken of."""
        self = cls.__new__(cls)
        self._columns = objective.code_columns()
        columns = range(len(self._columns))
        self._whole = state["whole"].copy()
        self._seen = [state[f"seen.{i}"].copy() for i in columns]
        self._without = [state[f"without.{i}"].copy() for i in columns]
        self._inverse = self._inverse_of(objective.lanes)
        return self

    def _inverse_of(self, lanes: Lanes) -> list[Float64]:
        inverse = []
        for without, seen in zip(self._without, self._seen, strict=True):
            moved = without + lanes.l2 * seen.sum(axis=0)
            # A lasso has its kinks along a shift; and what only rounding holds must stay put.
            known = (lanes.l1 == 0.0) & (moved > 1e-12 * self._whole) & (self._whole > 0.0)
            inverse.append(np.where(known, 1.0, 0.0) / np.where(known, moved, 1.0))
        return inverse

    def shared(self, lanes: Lanes) -> Levels:
        """Return them for lanes of models that resemble this one, with their own penalties."""
        n_models = len(lanes) // len(self._whole)
        shared = copy(self)
        shared._whole = np.tile(self._whole, n_models)
        shared._seen = [np.tile(each, n_models) for each in self._seen]
        shared._without = [np.tile(each, n_models) for each in self._without]
        shared._inverse = shared._inverse_of(lanes)
        return shared

    def add(self, gradient: Float64, product: Float64) -> None:
        """Add to `product` (rows, lanes) what the shifts have of the inverse times `gradient`."""
        for codes, inverse, seen in zip(self._columns, self._inverse, self._seen, strict=True):
            shift = ((gradient[codes] * seen).sum(axis=0) - gradient[-1]) * inverse
            product[codes] += shift * seen
            product[-1] -= shift
