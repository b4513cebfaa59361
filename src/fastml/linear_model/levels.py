"""What the intercept and the categories of a column can say alike.

Where every row has a category of a column, adding a number to the weights of all its categories and
taking it from the intercept changes no margin: along that shift an objective has the curvature of
the ridge penalty alone, a millionth of that of any single weight. No gradient of a single weight
tells how far there is to go; their sum does, in which the losses cancel and the penalty is left.
Without it L-BFGS takes more iterations for these few directions than for all the others.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

from fastml._typing import Float64
from fastml.checkpoint import State
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
        self._inverse: list[Float64] = []
        self._seen: list[NDArray[np.bool_]] = []
        lanes, whole = objective.lanes, diagonal[-1]
        for codes in self._columns:
            of_rows = diagonal[codes] - lanes.l2
            seen = of_rows > 0.0
            # Rows without a category of the column are those that a shift does move.
            moved = np.maximum(whole - of_rows.sum(axis=0), 0.0) + lanes.l2 * seen.sum(axis=0)
            # A lasso has its kinks along a shift; and what only rounding holds must stay put.
            known = (lanes.l1 == 0.0) & (moved > 1e-12 * whole) & (whole > 0.0)
            self._inverse.append(np.where(known, 1.0, 0.0) / np.where(known, moved, 1.0))
            self._seen.append(seen)

    def state(self) -> State:
        """Return what it is made of, but for what is the design's."""
        pairs = enumerate(zip(self._inverse, self._seen, strict=True))
        return {
            f"{name}.{i}": array
            for i, pair in pairs
            for name, array in zip(("inverse", "seen"), pair, strict=True)
        }

    @classmethod
    def restored(cls, objective: Objective, state: State) -> Self:
        """Return the one that `state` was taken of."""
        self = cls.__new__(cls)
        self._columns = objective.code_columns()
        columns = range(len(self._columns))
        self._inverse = [state[f"inverse.{i}"].copy() for i in columns]
        self._seen = [state[f"seen.{i}"].copy() for i in columns]
        return self

    def shared(self, n_models: int) -> Levels:
        """Return them for so many models that resemble this one."""
        whole = object.__new__(Levels)
        whole._columns = self._columns
        whole._inverse = [np.tile(each, n_models) for each in self._inverse]
        whole._seen = [np.tile(each, n_models) for each in self._seen]
        return whole

    def add(self, gradient: Float64, product: Float64) -> None:
        """Add to `product` (rows, lanes) what the shifts have of the inverse times `gradient`."""
        for codes, inverse, seen in zip(self._columns, self._inverse, self._seen, strict=True):
            shift = ((gradient[codes] * seen).sum(axis=0) - gradient[-1]) * inverse
            product[codes] += shift * seen
            product[-1] -= shift
