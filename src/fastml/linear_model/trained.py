"""What training left behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from fastml._typing import Float64
from fastml.checkpoint import State

__all__ = ["ENDS", "Trained"]

ENDS = ("tolerance", "patience", "epochs", "time_budget", "precision", "max_iter", "diverged")
"""Why training may end, the worst last."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What training left behind.

    `n_iter`, `value`, `gap` and `reason` are as in `Minimum`, one for each model, at `weights`
    (rows, lanes); a gap is NaN where it is not known. Stochastic steps leave, as the value, the
    mean loss of the epoch's rows before their steps.
    """

    weights: Float64
    n_iter: NDArray[np.int64]
    value: Float64
    gap: Float64
    reason: tuple[str, ...]

    @classmethod
    def together(cls, groups: Sequence[Trained]) -> Trained:
        """Return what groups of models left behind, side by side."""
        if len(groups) == 1:
            return groups[0]
        return cls(
            np.hstack([each.weights for each in groups]),
            np.concatenate([each.n_iter for each in groups]),
            np.concatenate([each.value for each in groups]),
            np.concatenate([each.gap for each in groups]),
            tuple(reason for each in groups for reason in each.reason),
        )

    def state(self) -> State:
        """Return it as arrays."""
        return {
            "weights": self.weights,
            "n_iter": self.n_iter,
            "value": self.value,
            "gap": self.gap,
            "reason": np.array(self.reason, str),
        }

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Restore what `state` returned."""
        weights, n_iter, value, gap = (
            state[name].copy() for name in ("weights", "n_iter", "value", "gap")
        )
        return cls(weights, n_iter, value, gap, tuple(state["reason"].tolist()))
