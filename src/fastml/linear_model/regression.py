"""Linear regression: of the mean, of a robust mean, or of a quantile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, Self, get_args

import numpy as np

from fastml._base import check_finite
from fastml._native.linear import DesignKernels
from fastml._typing import Float64
from fastml.errors import ConfigError, DataError
from fastml.linear_model.base import LinearModel, blocks_of, total_weight, watch_for
from fastml.linear_model.design import Design, DesignBlock
from fastml.linear_model.settings import Schedule, Settings, Solver, is_number
from fastml.linear_model.training import Trained, train

__all__ = ["LinearRegression"]

RegressionLoss = Literal["squared", "huber", "quantile"]
WIDTHS = (0.3, 0.1, 0.03, 0.01, 0.003)
"""Of the quantile loss's smoothed kink, in standard deviations of the target: each in turn."""
FLOOR = {"squared": 0.0, "huber": 0.1, "quantile": 0.1}
"""Added to a row's curvature in the preconditioner, for losses with flat parts."""


@dataclass(frozen=True, slots=True)
class _Scale:
    """The target's units: training sees ``(y - centre) / size``, so no rate depends on them."""

    centre: float
    size: float

    def penalties(self, loss: str, l2: float, l1: float) -> tuple[float, float]:
        """Return the penalties that mean the same in training's units.

        With coef = size * coef', a squared loss shrinks by size^2 and a quantile loss by size.
        """
        return (l2 * self.size, l1) if loss == "quantile" else (l2, l1 / self.size)

    def value(self, loss: str, value: float) -> float:
        """Return the objective in the target's units."""
        return value * (self.size if loss == "quantile" else self.size**2)

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


class LinearRegression(LinearModel):
    """Linear regression with a squared, Huber or quantile loss.

    Minimises ``sum_i w_i loss_i / sum_i w_i + l2/2 |coef|^2 + l1 |coef|_1`` with the intercept
    free of penalties; the squared loss is ``(y - prediction)^2 / 2``.

    Parameters
    ----------
    loss : {"squared", "huber", "quantile"}
        Estimates the mean; a mean that large errors do not sway; a quantile.
    quantile : float
        Between 0 and 1, for loss="quantile"; 0.5 is the median.
    threshold : float, optional
        The error, in units of the target, at which loss="huber" turns from squared to linear;
        default 1.35 robust standard deviations (1.4826 median absolute deviations) of the target.
    l2, l1, solver, learning_rate, schedule, epochs, batch_size, max_iter, tolerance, patience, \
time_budget, fit_intercept, warm_start, threads, seed
        As in `LogisticRegression`. The learning rate applies to a target scaled to unit variance.

    Attributes
    ----------
    weights_ : float64 ndarray of shape (n_features, 1)
    coef_ : float64 ndarray of shape (n_features,)
    intercept_ : float64 ndarray of shape (1,)
    n_iter_, objective_, gap_, stop_reason_, n_features_in_, feature_names_in_
        As in `LogisticRegression`; for loss="quantile" the kink of the objective is rounded over
        0.003 standard deviations of the target.
    """

    _estimator_type = "regressor"

    def __init__(
        self,
        *,
        loss: RegressionLoss = "squared",
        quantile: float = 0.5,
        threshold: float | None = None,
        l2: float | None = None,
        l1: float = 0.0,
        solver: Solver = "auto",
        learning_rate: float = 0.1,
        schedule: Schedule = "adaptive",
        epochs: int = 10,
        batch_size: int = 16,
        max_iter: int = 500,
        tolerance: float | None = None,
        patience: int = 3,
        time_budget: float | None = None,
        fit_intercept: bool = True,
        warm_start: bool = False,
        threads: int | None = None,
        seed: int = 0,
    ) -> None:
        self.loss = loss
        self.quantile = quantile
        self.threshold = threshold
        self.l2 = l2
        self.l1 = l1
        self.solver = solver
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.epochs = epochs
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.tolerance = tolerance
        self.patience = patience
        self.time_budget = time_budget
        self.fit_intercept = fit_intercept
        self.warm_start = warm_start
        self.threads = threads
        self.seed = seed

    # -- training -----------------------------------------------------------------------------

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on a table of numbers.

        Parameters
        ----------
        X : array-like or table of shape (n_rows, n_features)
        y : array-like of shape (n_rows,)
        sample_weight : array-like of shape (n_rows,), optional

        Raises
        ------
        DataError
            If X or y cannot be learned from: NaN, infinities, no rows.
        ConfigError
            If a parameter is out of range.
        """
        self._settings()
        return self.fit_design(self._read_design(X, y, sample_weight, reset=True))

    def fit_design(
        self,
        design: Design,
        *,
        validation: Design | None = None,
        n_classes: int | None = None,
        threads: int | None = None,
    ) -> Self:
        """Train on design blocks whose targets are numbers.

        Parameters
        ----------
        design : Design
        validation : Design, optional
            Rows to watch for the moment to stop (see `patience`).
        n_classes : int, optional
            There are none; accepted so that one call serves both estimators.
        threads : int, optional
            Overrides the parameter.
        """
        settings = self._settings(threads)
        weight = total_weight(design)
        scale = self._scale(design, weight)
        threshold = self._threshold(design, scale)
        l2, l1 = scale.penalties(self.loss, self._l2_for(weight), float(self.l1))
        start = self._start(design.n_features + 2, 1)
        trained: Trained | None = None
        n_iter = 0
        for width in self._widths(settings):
            kernels = self._kernels(design, scale, threshold, width)
            watch = None
            if validation is not None:
                held_out = self._kernels(validation, scale, threshold, width)
                watch = watch_for(held_out, total_weight(validation), settings)
            if trained is not None:
                start = trained.weights
            elif start is not None:
                start = scale.inward(start)
            trained = train(
                kernels,
                settings,
                total_weight=weight,
                l2=l2,
                l1=l1,
                start=start,
                watch=watch,
                floor=FLOOR[self.loss],
            )
            n_iter += trained.n_iter
        assert trained is not None
        self.n_features_in_ = design.n_features
        self._trained_scale, self._seen_weight = scale, weight
        value = scale.value(self.loss, trained.value)
        self._remember(scale.outward(trained.weights), replace(trained, value=value, n_iter=n_iter))
        return self

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Make one pass of stochastic steps over some rows, on top of what was learned before.

        The first call's rows decide the scale of the target that the learning rate applies to.
        """
        self._settings()
        first = not hasattr(self, "weights_")
        return self.partial_fit_design(self._read_design(X, y, sample_weight, reset=first))

    def partial_fit_design(self, design: Design) -> Self:
        """Make one pass of stochastic steps over design blocks; see `fit_design`."""
        settings = self._settings()
        weight = total_weight(design)
        if not hasattr(self, "weights_"):
            self._trained_scale = self._scale(design, weight)
        scale = self._trained_scale
        kernels = self._kernels(design, scale, self._threshold(design, scale), WIDTHS[-1])
        fitted = hasattr(self, "weights_")
        start = scale.inward(self._matrix()) if fitted else np.zeros((kernels.rows, 1))
        solver = self._stochastic_solver(settings, start)
        self._seen_weight += weight
        l2, l1 = scale.penalties(self.loss, self._l2_for(self._seen_weight), float(self.l1))
        loss = solver.run(kernels, total_weight=weight, l2=l2, l1=l1)
        self.n_features_in_ = design.n_features
        self._remember_step(scale.outward(solver.weights), solver, scale.value(self.loss, loss))
        return self

    def _settings(self, threads: int | None = None) -> Settings:
        if self.loss not in get_args(RegressionLoss):
            raise ConfigError(
                f"loss is {self.loss!r}; expected one of "
                + ", ".join(map(repr, get_args(RegressionLoss)))
            )
        if not (is_number(self.quantile) and 0.0 < self.quantile < 1.0):
            raise ConfigError(f"quantile is {self.quantile!r}; expected a number between 0 and 1")
        if self.threshold is not None and not (is_number(self.threshold) and self.threshold > 0):
            raise ConfigError(f"threshold is {self.threshold!r}; expected a number above 0")
        return super()._settings(threads)

    def _read_design(self, X: Any, y: Any, sample_weight: Any, *, reset: bool) -> Design:
        matrix, target, weight = self._read_rows(X, y, sample_weight, reset=reset)
        try:
            target = target.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(
                f"y has values that are not numbers ({error}); use LogisticRegression for classes"
            ) from error
        return blocks_of(matrix, target, weight)

    def _widths(self, settings: Settings) -> tuple[float, ...]:
        """Return the widths of the kink to train with in turn, each from where the last ended."""
        if self.loss != "quantile" or settings.solver == "sgd":
            return WIDTHS[-1:]
        return WIDTHS

    def _scale(self, design: Design, weight: float) -> _Scale:
        """Return the target's mean and standard deviation; 1 where it is constant."""
        for block in design.blocks:
            check_finite(_target(block), "y")
        mean = _weighted_sum(design, lambda y: y) / weight
        variance = _weighted_sum(design, lambda y: (y - mean) ** 2) / weight
        size = float(np.sqrt(variance))
        constant = size <= 1e-12 * abs(mean)
        return _Scale(mean if self.fit_intercept else 0.0, 1.0 if constant else size)

    def _threshold(self, design: Design, scale: _Scale) -> float:
        """Return Huber's threshold in training's units."""
        if self.loss != "huber":
            return float(self.quantile)
        if self.threshold is not None:
            return float(self.threshold) / scale.size
        y = np.concatenate([_target(block) for block in design.blocks])
        weight = np.concatenate([_weight(block) for block in design.blocks])
        deviation = 1.4826 * _median(np.abs(y - _median(y, weight)), weight)
        return 1.35 * (deviation / scale.size or 1.0)

    def _kernels(
        self, design: Design, scale: _Scale, parameter: float, width: float
    ) -> DesignKernels:
        blocks = []
        for block in design.blocks:
            dtype = block.dense.dtype
            target = ((_target(block) - scale.centre) / scale.size).astype(dtype)
            weight = None
            if block.weight is not None:
                weight = np.ascontiguousarray(block.weight, dtype=dtype)
            blocks.append((block.dense, block.codes, target, weight))
        return DesignKernels(blocks, design.n_codes, 1, self.loss, parameter, width)

    # -- prediction ---------------------------------------------------------------------------

    @property
    def coef_(self) -> Float64:
        """Weights as scikit-learn has them, (n_features,)."""
        return self.weights_[:, 0]

    def predict(self, X: Any) -> Float64:
        """Return the predictions, (n_rows,)."""
        return self._margins(X)[:, 0]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of the target's variance that is explained (R squared)."""
        _, target, weight = self._read_rows(X, y, sample_weight, reset=False)
        target = target.astype(np.float64)
        errors = np.average((target - self.predict(X)) ** 2, weights=weight)
        spread = np.average((target - np.average(target, weights=weight)) ** 2, weights=weight)
        if spread == 0.0:
            return 1.0 if errors == 0.0 else 0.0
        return float(1.0 - errors / spread)


def _target(block: DesignBlock) -> Float64:
    if block.target is None:
        raise DataError("the design has no target")
    return np.asarray(block.target, dtype=np.float64)


def _weight(block: DesignBlock) -> Float64:
    if block.weight is None:
        return np.ones(block.n_rows)
    return np.asarray(block.weight, dtype=np.float64)


def _weighted_sum(design: Design, of: Callable[[Float64], Float64]) -> float:
    return sum(float((of(_target(block)) * _weight(block)).sum()) for block in design.blocks)


def _median(values: Float64, weight: Float64) -> float:
    """Return the least value that half of the weight does not exceed."""
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weight[order])
    return float(values[order[np.searchsorted(below, below[-1] / 2.0)]])
