"""Stochastic steps over the blocks of a design, epoch by epoch."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from fastml._native.linear import DesignKernels
from fastml._typing import Float64
from fastml.errors import DataError
from fastml.linear_model.objective import Objective
from fastml.linear_model.settings import Settings

__all__ = ["DivergenceError", "StochasticSolver", "squares_of_fit"]

RUNS = 1024
LONGEST_RUN = 4096


class DivergenceError(DataError):
    """Stochastic steps were too long for the data."""


@dataclass(slots=True)
class StochasticSolver:
    """The weights and AdaGrad's sums of a model that is being trained step by step.

    Each epoch cuts the blocks into about a thousand runs of consecutive rows, at most 4,096,
    shuffles the runs and reads sixteen places of that order at once, so that every mini-batch is
    drawn from all over the table, however it is sorted, and each place is still read in order.

    Parameters
    ----------
    weights : ndarray of shape (rows, lanes), float64
        Where to start.
    squares : ndarray of shape (rows, lanes), float64, optional
        AdaGrad's sums at the start; default zero, so that the first step of a weight is a whole
        learning rate. A model that was fitted starts with those of `squares_of_fit`.
    """

    weights: Float64
    squares: Float64 | None = None
    epoch: int = 0
    _state: NDArray[np.floating] | None = field(default=None, repr=False)

    def run(
        self,
        kernels: DesignKernels,
        settings: Settings,
        *,
        total_weight: float,
        l2: float,
        l1: float,
        share: float = 1.0,
    ) -> float:
        """Make one epoch, or a share of it; return the mean loss, each row's before its step.

        Raises
        ------
        DivergenceError
            If the weights are no longer finite; those of before are kept.
        """
        lanes = kernels.lanes
        state = self._state_for(kernels)
        runs = _runs(kernels, (settings.seed, self.epoch), share)
        self.epoch += 1
        slower = float(np.sqrt(self.epoch)) if settings.schedule == "invscaling" else 1.0
        loss = np.zeros(lanes)
        n_rows = sum(_rows(kernels))
        seen = kernels.stochastic(
            state,
            np.zeros(kernels.rows, np.int32),
            runs,
            settings.batch_size,
            settings.schedule == "adaptive",
            settings.fit_intercept,
            n_rows / total_weight,
            np.full(lanes, settings.learning_rate / slower),
            np.full(lanes, l2),
            np.full(lanes, l1),
            loss,
        )
        weights = state[:, 0].astype(np.float64)
        mean: float = loss.sum().item() * (n_rows / (total_weight * max(seen, 1)))
        if not (np.isfinite(mean) and np.isfinite(weights).all()):
            self._state = None
            raise DivergenceError(
                f"training diverged in epoch {self.epoch}: the loss is {mean} at "
                f"learning_rate={settings.learning_rate:g}; lower learning_rate (by ten, to begin "
                "with), use schedule='adaptive', or scale the features (StandardScaler)"
            )
        self.weights = weights
        return mean

    def _state_for(self, kernels: DesignKernels) -> NDArray[np.floating]:
        if self._state is None or self._state.shape[0] != kernels.rows:
            self._state = np.zeros((kernels.rows, 3, kernels.lanes), kernels.dtype)
            self._state[:, 0] = self.weights
            if self.squares is not None:
                self._state[:, 1] = self.squares
        elif self._state.dtype != kernels.dtype:
            self._state = self._state.astype(kernels.dtype)
        return self._state


def squares_of_fit(
    kernels: DesignKernels,
    weights: Float64,
    *,
    total_weight: float,
    seen_weight: float,
    batch_size: int,
    floor: float,
) -> Float64:
    """Return AdaGrad's sums as if stochastic steps had led to the weights of a fit.

    At an optimum a row's squared gradient is, on average, its loss's curvature. The batches of
    the rows that the fit saw are each given the squared gradient of a single row: more than they
    had, since a fit knows its weights better than a pass of steps does.

    Parameters
    ----------
    kernels : DesignKernels
        Some rows; of those the curvature is taken.
    weights : ndarray of shape (rows, lanes), float64
    total_weight, seen_weight : float
        Of those rows, and of all that the fit saw (0 where that is not known).
    batch_size : int
    floor : float
        Added to a row's curvature.
    """
    objective = Objective(kernels, total_weight=total_weight, l2=0.0)
    objective.move_to(weights)
    curvature = objective.curvature(floor)
    n_rows = sum(_rows(kernels))
    # A category that is not among these rows may have been among those of the fit.
    curvature[:-2] = np.maximum(curvature[:-2], curvature[-1] / n_rows)
    batches = n_rows * max(seen_weight / total_weight, 1.0) / batch_size
    return curvature * batches


def _rows(kernels: DesignKernels) -> list[int]:
    return [kernels.block_rows(block) for block in range(kernels.n_blocks)]


def _runs(kernels: DesignKernels, seed: tuple[int, int], share: float) -> NDArray[np.int64]:
    """Return a share of the runs (block, start, stop) of rows, shuffled."""
    rows = _rows(kernels)
    length = min(max(sum(rows) // RUNS, 1), LONGEST_RUN)
    runs = [
        (block, start, stop)
        for block, n in enumerate(rows)
        for start, stop in pairwise([*range(0, n, length), n])
    ]
    order = np.random.default_rng(seed).permutation(len(runs))
    kept = order[: max(1, round(share * len(runs)))]
    return np.array(runs, np.int64).reshape(-1, 3)[kept]
