"""Linear regression: of the mean, of a robust mean, or of a quantile."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple, Self, get_args

import numpy as np

from fastml._typing import Float64
from fastml.errors import ConfigError, DataError
from fastml.linear_model.base import LinearModel, blocks_of, total_weight
from fastml.linear_model.bootstrap import drawn_groups, in_single, replicates_of
from fastml.linear_model.design import Design
from fastml.linear_model.lanes import Lanes
from fastml.linear_model.problem import Loss, Problem, RowGroups
from fastml.linear_model.robust import error_threshold
from fastml.linear_model.settings import Schedule, Settings, Solver, is_number
from fastml.linear_model.target_scale import TargetScale
from fastml.linear_model.trained import Trained
from fastml.linear_model.training import Monitor, train

__all__ = ["LinearRegression"]

RegressionLoss = Literal["squared", "huber", "quantile"]
WIDTHS = (0.3, 0.1, 0.03, 0.01, 0.003)
"""Of the quantile loss's smoothed kink, in standard deviations of the target: each in turn."""
ROUGH = 1e-4
"""Tolerance of a fit that is only asked how large the errors are."""
FLOOR = {"squared": 0.0, "huber": 0.1, "quantile": 0.1}
"""Added to a row's curvature in the preconditioner, for losses with flat parts."""


class _Stage(NamedTuple):
    """A loss to train with, from where the last stage ended."""

    loss: RegressionLoss
    width: float = WIDTHS[-1]
    rough: bool = False
    last: bool = False


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
        default 1.35 robust standard deviations (1.4826 median absolute deviations) of the errors of
        a first fit, taken once more from those of the second.
    l2, l1, solver, learning_rate, schedule, epochs, batch_size, max_iter, tolerance, patience, \
time_budget, fit_intercept, warm_start, bootstrap, threads, seed
        As in `LogisticRegression`. The learning rate applies to a target scaled to unit variance.

    Attributes
    ----------
    weights_ : float64 ndarray of shape (n_features, n_targets)
        Where y has several columns each is a model of its own, trained in the same passes.
    coef_ : float64 ndarray of shape (n_features,) or, of a matrix y, (n_targets, n_features)
    intercept_ : float64 ndarray of shape (n_targets,)
    n_iter_, objective_, gap_, stop_reason_, n_features_in_, feature_names_in_
        As in `LogisticRegression`; for loss="quantile" the kink of the objective is rounded over
        0.003 standard deviations of the target, or over more where training ended early.
    """

    _estimator_type = "regressor"
    _scale: TargetScale | None = None
    _error_threshold: float | None = None
    _flat: bool = True

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
        patience: int | None = None,
        time_budget: float | None = None,
        fit_intercept: bool = True,
        warm_start: bool = False,
        bootstrap: int = 0,
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
        self.bootstrap = bootstrap
        self.threads = threads
        self.seed = seed

    @property
    def _several_targets(self) -> bool:
        return self.loss != "huber"  # whose threshold is in the units of one target

    # -- training -----------------------------------------------------------------------------

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on a table of numbers.

        Parameters
        ----------
        X : array-like or table of shape (n_rows, n_features)
        y : array-like of shape (n_rows,) or (n_rows, n_targets)
        sample_weight : array-like of shape (n_rows,), optional

        Raises
        ------
        DataError
            If X or y cannot be learned from: NaN, infinities, no rows.
        ConfigError
            If a parameter is out of range.
        """
        return self.fit_design(self.read(X, y, sample_weight)[0])

    def read(self, X: Any, y: Any, sample_weight: Any = None) -> tuple[Design, None]:
        """Return a table of numbers as a design; there are no classes.

        Parameters and errors as `fit`'s.
        """
        self._settings()
        return self._read_design(X, y, sample_weight, reset=True), None

    def fit_design(
        self,
        design: Design,
        *,
        validation: Design | None = None,
        n_classes: int | None = None,
        start: Float64 | None = None,
        threads: int | None = None,
        monitor: Monitor | None = None,
    ) -> Self:
        """Train on design blocks whose targets are numbers.

        Parameters
        ----------
        design : Design
        validation : Design, optional
            Rows to watch for the moment to stop (see `patience`).
        n_classes : int, optional
            There are none; accepted so that one call serves both estimators.
        start : float64 ndarray of shape (n_features + 2, n_targets), optional
            Weights to begin from, as the kernels have them: of the features, the unknown code (0)
            and the intercept.
        threads : int, optional
            Overrides the parameter.
        monitor : callable, optional
            Hears of each round (see `fastml.linear_model.training.Monitor`), where there is a
            validation set; of a loss that is learned in stages, of the rounds of the last.
        """
        settings = self._settings(threads)
        weight = total_weight(design)
        self._scale = scale = self._scale_of(design)
        self._error_threshold = None
        if start is None:
            start = self._start(design.n_features + 2, scale.n_targets)
        trained = self._train_stages(
            scale.design(design),
            None if validation is None else scale.design(validation),
            settings,
            None if start is None else scale.inward(start),
            monitor and (lambda n, w: monitor(n, lambda: self._snapshot(scale.outward(w)))),
        )
        self.n_features_in_ = design.n_features
        self._seen_weight = weight
        value = scale.value(self.loss, trained.value)
        self._remember(scale.outward(trained.weights), replace(trained, value=value))
        if self.bootstrap:
            scaled = scale.design(design)
            last = _Stage(self.loss, last=True)
            groups = drawn_groups(design, self.bootstrap, settings.seed)
            drawn = self._problem(in_single(scaled), last, [self] * self.bootstrap, groups)
            fitted = self._problem(scaled, last, [self])
            self.replicates_ = replicates_of(
                fitted, trained.weights, replace(drawn, scale=scale), settings
            )
        self._flat = _is_flat(design)
        return self

    def problem(
        self,
        design: Design,
        variants: Sequence[LinearRegression] | None = None,
        groups: RowGroups | None = None,
    ) -> Problem:
        """Return what is minimised, for models that differ in some of their parameters.

        Parameters
        ----------
        design : Design
        variants : sequence of LinearRegression, optional
            Learners that may differ in l2, l1 and learning_rate; default this one.
        groups : RowGroups, optional
            Of rows that they weigh each in its own way. The scale of the target, and the default
            of `threshold`, are those of all rows.

        Raises
        ------
        DataError
            If there are no rows.
        """
        learner = self.clone()
        learner._scale = scale = self._scale_of(design)
        scaled = scale.design(design)
        if learner._finds_threshold():
            learner._train_stages(scaled, None, self._settings(), None)
        last = learner._problem(scaled, _Stage(self.loss, last=True), variants or [self], groups)
        return replace(last, scale=scale)

    def _train_stages(
        self,
        design: Design,
        validation: Design | None,
        settings: Settings,
        start: Float64 | None,
        monitor: Callable[[int, Float64], None] | None = None,
    ) -> Trained:
        """Train on designs of training's units, in one budget of time and iterations."""
        deadline = settings.deadline()
        n_iter = 0
        for stage in self._stages(settings):
            trained = train(
                self._problem(design, stage, [self]),
                _left(settings, n_iter, stage),
                start=start,
                validation=None if validation is None else self._problem(validation, stage, [self]),
                deadline=deadline,
                monitor=monitor if stage.last else None,
            )
            n_iter += int(trained.n_iter.max())
            start = trained.weights
            if stage.last or {"max_iter", "time_budget"} & {*trained.reason}:
                break
            if settings.solver != "sgd" and n_iter >= settings.max_iter:
                trained = replace(trained, reason=("max_iter",) * len(trained.reason))
                break
            self._error_threshold = self._threshold_from(design, start)
        return replace(trained, n_iter=np.full_like(trained.n_iter, n_iter))

    def _problem(
        self,
        design: Design,
        stage: _Stage,
        variants: Sequence[LinearRegression],
        groups: RowGroups | None = None,
        seen_weight: float = 0.0,
    ) -> Problem:
        """Return a problem over a design of training's units.

        `seen_weight` is that of rows seen before, which count for the default penalty.
        """
        assert self._scale is not None
        total = np.array([total_weight(design)]) if groups is None else groups.totals(design)
        totals = np.broadcast_to(total, len(variants))
        l2, l1 = (
            np.repeat(np.array(each, np.float64), self._scale.n_targets)
            for each in (
                [v._l2_for(seen_weight + own) for v, own in zip(variants, totals, strict=True)],
                [v.l1 for v in variants],
            )
        )
        l2, l1 = self._scale.penalties(self.loss, l2, l1)
        lanes = Lanes.of(
            len(l2),
            total_weight=np.repeat(totals, self._scale.n_targets),
            l2=l2,
            l1=l1,
            learning_rate=np.repeat([v.learning_rate for v in variants], self._scale.n_targets),
        )
        if groups is not None:
            groups = replace(groups, weight=np.repeat(groups.weight, self._scale.n_targets, axis=1))
        return Problem(design, self._loss(stage), lanes, groups)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Make one pass of stochastic steps over some rows, on top of what was learned before.

        The first call's rows decide the scale of the target that the learning rate applies to, and
        the default of `threshold`.
        """
        self._settings()
        first = not hasattr(self, "weights_")
        return self.partial_fit_design(self._read_design(X, y, sample_weight, reset=first))

    def partial_fit_design(self, design: Design) -> Self:
        """Make one pass of stochastic steps over design blocks; see `fit_design`."""
        settings = self._settings()
        fitted = hasattr(self, "weights_")
        if self._scale is None or not fitted:
            self._scale = self._scale_of(design)
        scale = self._scale
        flat = _is_flat(design)
        design = scale.design(design)
        if self._error_threshold is None:
            self._error_threshold = self._first_threshold(design, settings)
        weights, loss = self._step(
            self._problem(design, _Stage(self.loss), [self], seen_weight=self._seen_weight),
            settings,
            scale.inward(self._matrix()) if fitted else None,
        )
        self.n_features_in_ = design.n_features
        self._flat = flat
        self._remember_step(scale.outward(weights), float(scale.value(self.loss, loss).sum()))
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

    def _scale_of(self, design: Design) -> TargetScale:
        scale = TargetScale.of(design, total_weight(design), centred=self.fit_intercept)
        if scale.n_targets > 1 and not self._several_targets:
            raise ConfigError(
                f"loss='huber' learns one target at a time, but y has {scale.n_targets}: its "
                "threshold is in the target's units; fit a model for each"
            )
        return scale

    def _read_design(self, X: Any, y: Any, sample_weight: Any, *, reset: bool) -> Design:
        matrix, target, weight = self._read_rows(X, y, sample_weight, reset=reset)
        try:
            target = target.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(
                f"y has values that are not numbers ({error}); use LogisticRegression for classes"
            ) from error
        return blocks_of(matrix, target, weight)

    def _stages(self, settings: Settings) -> list[_Stage]:
        """Return what to train with in turn, each from where the last ended."""
        last = _Stage(self.loss, last=True)
        if self._finds_threshold():
            first, second = _Stage("squared", rough=True), _Stage("huber", rough=True)
            return [first, last] if settings.solver == "sgd" else [first, second, last]
        if self.loss == "quantile" and settings.solver != "sgd":
            return [*(_Stage(self.loss, width) for width in WIDTHS[:-1]), last]
        return [last]

    def _finds_threshold(self) -> bool:
        return self.loss == "huber" and self.threshold is None

    def _threshold_from(self, design: Design, weights: Float64) -> float | None:
        return error_threshold(design, weights) if self._finds_threshold() else None

    def _first_threshold(self, design: Design, settings: Settings) -> float | None:
        """Return the threshold that the first rows of `partial_fit` suggest."""
        if not self._finds_threshold():
            return None
        stage = _Stage("squared", rough=True)
        rough = replace(_left(settings, 0, stage), solver="lbfgs")
        problem = self._problem(design, stage, [self], seen_weight=self._seen_weight)
        return error_threshold(design, train(problem, rough).weights)

    def _loss(self, stage: _Stage) -> Loss:
        """Return the loss of a stage in training's units."""
        parameter = float(self.quantile)
        if stage.loss == "huber":
            assert self._scale is not None
            if self.threshold is not None:
                parameter = float(self.threshold) / float(self._scale.size[0])
            else:
                assert self._error_threshold is not None
                parameter = self._error_threshold
        return Loss(stage.loss, parameter, stage.width, floor=FLOOR[stage.loss])

    # -- saving -------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Return what a saved model holds besides `weights_`: parameters and training facts."""
        return super().state() | {
            "scale": None if self._scale is None else self._scale.state(),
            "error_threshold": self._error_threshold,
            "flat": self._flat,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any], weights: Float64) -> Self:
        """Restore a model from `state` and its `weights_`, shape (n_features, 1)."""
        model = super().from_state(state, weights)
        if (scale := state.get("scale")) is not None:  # early models lack it
            model._scale = TargetScale.from_state(scale)
        model._flat = bool(state.get("flat", True))
        if (threshold := state.get("error_threshold")) is not None:
            model._error_threshold = float(threshold)
        return model

    # -- prediction ---------------------------------------------------------------------------

    @property
    def coef_(self) -> Float64:
        """Weights as scikit-learn has them, (n_features,) or (n_targets, n_features)."""
        return self.weights_[:, 0] if self._flat else self.weights_.T

    def predict(self, X: Any) -> Float64:
        """Return the predictions, (n_rows,) or (n_rows, n_targets)."""
        return self.scores(self._margins(X))

    def scores(self, margins: Float64) -> Float64:
        """Return margins (n_rows, n_lanes) as predictions, (n_rows,) or (n_rows, n_targets)."""
        return margins[:, 0] if self._flat else margins

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of the targets' variance that is explained (R squared), on average."""
        _, target, weight = self._read_rows(X, y, sample_weight, reset=False)
        target = target.astype(np.float64)
        mean = np.average(target, axis=0, weights=weight)
        errors = np.average((target - self.predict(X)) ** 2, axis=0, weights=weight)
        spread = np.average((target - mean) ** 2, axis=0, weights=weight)
        shares = np.where(
            spread > 0.0, 1.0 - errors / np.where(spread > 0.0, spread, 1.0), errors == 0.0
        )
        return float(shares.mean())


def _left(settings: Settings, n_iter: int, stage: _Stage) -> Settings:
    """Return the settings of a stage after `n_iter` iterations or epochs of those before it."""
    tolerance = settings.tolerance
    if stage.rough:
        tolerance = max(ROUGH, tolerance or 0.0)
    return replace(
        settings,
        max_iter=max(1, settings.max_iter - n_iter),
        epochs=1 if stage.rough else max(1, settings.epochs - n_iter),
        tolerance=tolerance,
    )


def _is_flat(design: Design) -> bool:
    """Return whether the target is a column, and not a matrix."""
    return all(block.target is None or block.target.ndim == 1 for block in design.blocks)
