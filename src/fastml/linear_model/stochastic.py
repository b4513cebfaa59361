"""Stochastic steps over the blocks of a design, epoch by epoch."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fastml._native.linear import DesignKernels
from fastml._typing import Bool, Float64
from fastml.engine.memory import BlockMemory
from fastml.errors import DataError
from fastml.linear_model.lanes import Lanes
from fastml.linear_model.objective import Objective
from fastml.linear_model.runs import draw_runs
from fastml.linear_model.settings import Settings

__all__ = ["DivergenceError", "StochasticSolver", "blank_state", "squares_of_fit"]


class DivergenceError(DataError):
    """Stochastic steps were too long for the data."""

    def __init__(self, epoch: int, learning_rate: float) -> None:
        super().__init__(
            f"training diverged in epoch {epoch}: the loss is not finite at "
            f"learning_rate={learning_rate:g}; lower learning_rate (by ten, to begin with), use "
            "schedule='adaptive', or scale the features (StandardScaler)"
        )


@dataclass(slots=True)
class StochasticSolver:
    """The weights and AdaGrad's sums of models that are being trained step by step.

    Each epoch cuts the blocks into about a thousand runs of consecutive rows, at most 4,096,
    shuffles the runs and reads sixteen places of that order at once, so that every mini-batch is
    drawn from all over the table, however it is sorted, and each place is still read in order.
    All lanes see the rows in the same order.

    Parameters
    ----------
    weights : ndarray of shape (rows, lanes), float64
        Where to start.
    squares : ndarray of shape (rows, lanes), float64, optional
        AdaGrad's sums at the start; default zero, so that the first step of a weight is a whole
        learning rate. A model that was fitted starts with those of `squares_of_fit`.
    epoch : int
        Epochs that are over.
    state : ndarray of shape (rows, 3, lanes), optional
        What a pass left: weights, one over the roots of AdaGrad's sums, zeros. It overrules
        `squares`, and `weights` are those in it.
    """

    weights: Float64
    squares: Float64 | None = None
    epoch: int = 0
    state: NDArray[np.floating] | None = field(default=None, repr=False)

    def run(
        self,
        kernels: DesignKernels,
        settings: Settings,
        lanes: Lanes,
        *,
        moving: Bool | None = None,
        part: tuple[float, float] = (0.0, 1.0),
    ) -> Float64:
        """Make one epoch, or a part of it, in the lanes that are `moving` (default: all).

        An epoch's order of rows is the same whichever of its parts, as shares from its begin to
        its end, are made; it is over with the last.

        Returns
        -------
        float64 ndarray of shape (n_models,)
            The mean loss, each row's before its step. Not finite where the steps were too long:
            such a model's weights are those of before.
        """
        before = self.weights
        state = self._state_for(kernels)
        runs = draw_runs(_rows(kernels), (settings.seed, self.epoch), part)
        slower = float(np.sqrt(self.epoch + 1)) if settings.schedule == "invscaling" else 1.0
        self.epoch += part[1] == 1.0
        rate = lanes.learning_rate / slower
        loss = np.zeros(len(lanes))
        scale = sum(_rows(kernels)) / lanes.total_weight
        seen = kernels.stochastic(
            state,
            np.zeros(kernels.rows, np.int32),
            runs,
            settings.batch_size,
            settings.schedule == "adaptive",
            settings.fit_intercept,
            scale,
            rate if moving is None else np.where(moving, rate, 0.0),
            lanes.l2,
            lanes.l1,
            loss,
        )
        mean = lanes.per_model(loss * (scale / max(seen, 1)))
        weights = state[:, 0].astype(np.float64)
        strayed = np.asarray(~np.isfinite(weights).all(axis=0))
        mean = np.where(lanes.per_model(strayed) > 0, np.nan, mean)
        lost = ~lanes.per_lane(np.isfinite(mean))
        if lost.any():
            weights[:, lost] = before[:, lost]
            state[:, 0, lost], state[:, 1:, lost] = before[:, lost], 0.0
        self.weights = weights
        return mean

    def resume(self, weights: Float64, epoch: int, state: NDArray[np.floating]) -> None:
        """Go on from where another one was after an epoch."""
        self.weights, self.epoch = weights.copy(), epoch
        self.state = blank_state(weights.shape, state.dtype)
        self.state[:] = state

    def _state_for(self, kernels: DesignKernels) -> NDArray[np.floating]:
        """Return weights, one over the roots of AdaGrad's sums, and gradients: (rows, 3, lanes)."""
        shape = (kernels.rows, 3, kernels.lanes)
        if self.state is None or self.state.shape != shape:
            self.state = blank_state((kernels.rows, kernels.lanes), kernels.dtype)
            self.state[:, 0] = self.weights
            if self.squares is not None:
                self.state[:, 1] = _inverse_roots(self.squares)
        elif self.state.dtype != kernels.dtype:
            self.state = self.state.astype(kernels.dtype)
        return self.state


def blank_state(shape: tuple[int, ...], dtype: np.dtype[np.floating]) -> NDArray[np.floating]:
    """Return the state of a solver that has made no step, for weights of shape (rows, lanes)."""
    rows, lanes = shape
    _, (state,) = BlockMemory().arrays(((rows, 3, lanes), dtype))  # sixteen lanes fill a cache line
    state[:] = 0.0
    return state


def squares_of_fit(
    kernels: DesignKernels,
    weights: Float64,
    lanes: Lanes,
    *,
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
    lanes : Lanes
        Of those rows, without penalties.
    seen_weight : float
        The row weights that the fit saw; 0 where that is not known.
    batch_size : int
    floor : float
        Added to a row's curvature.
    """
    objective = Objective(kernels, lanes)
    objective.move_to(weights)
    curvature = objective.curvature(floor)
    n_rows = sum(_rows(kernels))
    # A category that is not among these rows may have been among those of the fit.
    curvature[:-2] = np.maximum(curvature[:-2], curvature[-1] / n_rows)
    return curvature * (n_rows * np.maximum(seen_weight / lanes.total_weight, 1.0) / batch_size)


def _inverse_roots(squares: Float64) -> Float64:
    some = squares > 0.0
    roots: Float64 = np.where(some, 1.0, 0.0) / np.sqrt(np.where(some, squares, 1.0))
    return roots


def _rows(kernels: DesignKernels) -> list[int]:
    return [kernels.block_rows(block) for block in range(kernels.n_blocks)]
