"""Stochastic steps over the blocks of a design, epoch by epoch."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from fastml._native.linear import DesignKernels
from fastml._typing import Float64
from fastml.errors import DataError
from fastml.linear_model.settings import Schedule

__all__ = ["StochasticSolver"]

RUNS = 1024
LONGEST_RUN = 4096


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
    rate : float
        Learning rate.
    schedule : {"adaptive", "constant", "invscaling"}
        AdaGrad; the rate as it is; the rate over the root of the epoch's number.
    batch_size : int
        Rows that are judged at the same weights.
    fit_intercept : bool
        Without it the intercepts stay where they are.
    seed : int
        Of the shuffles; with the epoch's number it decides an epoch's order.
    """

    weights: Float64
    rate: float
    schedule: Schedule
    batch_size: int
    fit_intercept: bool
    seed: int
    epoch: int = 0
    _state: NDArray[np.floating] | None = field(default=None, repr=False)

    def run(
        self,
        kernels: DesignKernels,
        *,
        total_weight: float,
        l2: float,
        l1: float,
        share: float = 1.0,
    ) -> float:
        """Make one epoch, or a share of it; return the mean loss, each row's before its step.

        Raises
        ------
        DataError
            If the weights are no longer finite.
        """
        lanes = kernels.lanes
        state = self._state_for(kernels)
        runs = self._runs(kernels, share)
        self.epoch += 1
        slower = float(np.sqrt(self.epoch)) if self.schedule == "invscaling" else 1.0
        loss = np.zeros(lanes)
        n_rows = sum(kernels.block_rows(block) for block in range(kernels.n_blocks))
        seen = kernels.stochastic(
            state,
            np.zeros(kernels.rows, np.int32),
            runs,
            self.batch_size,
            self.schedule == "adaptive",
            self.fit_intercept,
            n_rows / total_weight,
            np.full(lanes, self.rate / slower),
            np.full(lanes, l2),
            np.full(lanes, l1),
            loss,
        )
        self.weights = state[:, 0].astype(np.float64)
        mean = float(loss.sum() * n_rows / (total_weight * max(seen, 1)))
        if not (np.isfinite(mean) and np.isfinite(self.weights).all()):
            raise DataError(
                f"training diverged in epoch {self.epoch}: the loss is {mean} at "
                f"learning_rate={self.rate:g}; lower learning_rate (by ten, to begin with), use "
                "schedule='adaptive', or scale the features (StandardScaler)"
            )
        return mean

    def _state_for(self, kernels: DesignKernels) -> NDArray[np.floating]:
        if self._state is None or self._state.shape[0] != kernels.rows:
            self._state = np.zeros((kernels.rows, 3, kernels.lanes), kernels.dtype)
            self._state[:, 0] = self.weights
        elif self._state.dtype != kernels.dtype:
            self._state = self._state.astype(kernels.dtype)
        return self._state

    def _runs(self, kernels: DesignKernels, share: float) -> NDArray[np.int64]:
        rows = [kernels.block_rows(block) for block in range(kernels.n_blocks)]
        length = min(max(sum(rows) // RUNS, 1), LONGEST_RUN)
        runs = [
            (block, start, stop)
            for block, n in enumerate(rows)
            for start, stop in pairwise([*range(0, n, length), n])
        ]
        order = np.random.default_rng((self.seed, self.epoch)).permutation(len(runs))
        kept = order[: max(1, round(share * len(runs)))]
        return np.array(runs, np.int64).reshape(-1, 3)[kept]
