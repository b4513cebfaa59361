"""What the two linear estimators share: a design goes in, weights come out."""

from __future__ import annotations

import copy
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, NoReturn, Self

import numpy as np
from numpy.typing import NDArray

from fastml._base import Estimator, as_column, check_finite
from fastml._native.linear import DesignKernels
from fastml._typing import Float64
from fastml.engine import BLOCK_ROWS
from fastml.errors import ConfigError, DataError, SchemaError, not_fitted
from fastml.linear_model.bootstrap import Replicates, percentiles
from fastml.linear_model.design import Design, DesignBlock
from fastml.linear_model.problem import Problem
from fastml.linear_model.settings import Settings, Solver
from fastml.linear_model.stochastic import DivergenceError, StochasticSolver, squares_of_fit
from fastml.linear_model.trained import ENDS, Trained
from fastml.linear_model.training import PRACTICAL

__all__ = ["LinearModel"]


SCORES_AT_ONCE = 1 << 22
"""Scores of replicates that are held at once."""


class LinearModel(Estimator):
    """Base of `LogisticRegression` and `LinearRegression`.

    Inside, a model is one matrix of (features, the unknown code, the intercept) x lanes, as the
    kernels have it; `weights_` and `intercept_` are views of it.
    """

    weights_: Float64
    intercept_: Float64
    n_iter_: int
    objective_: float
    gap_: float
    stop_reason_: str
    l2: float | None
    l1: float
    solver: Solver
    learning_rate: float
    fit_intercept: bool
    warm_start: bool
    replicates_: Replicates | None = None
    _stochastic: StochasticSolver | None = None
    _seen_weight: float = 0.0

    @property
    def coef_(self) -> Float64:
        """Weights as scikit-learn has them."""
        raise NotImplementedError

    def clone(self) -> Self:
        """Return an unfitted copy with the same parameters."""
        return type(self)(**copy.deepcopy(self.get_params()))

    def _settings(self, threads: int | None = None) -> Settings:
        given = {each.name: getattr(self, each.name) for each in fields(Settings)}
        return Settings(**given | ({} if threads is None else {"threads": threads}))

    # -- prediction ---------------------------------------------------------------------------

    def predict_design(self, block: DesignBlock) -> Float64:
        """Return the margins of a block.

        Parameters
        ----------
        block : DesignBlock
            Of the design's features; its target is not read.

        Returns
        -------
        float64 array of shape (n_rows, n_lanes)
        """
        if not hasattr(self, "weights_"):
            raise not_fitted(self)
        features, lanes = self.weights_.shape
        n_codes = features - block.dense.shape[1]
        if n_codes < 0:
            raise SchemaError(
                f"the block has {block.dense.shape[1]} dense features; the model was trained on "
                f"{features} features in all"
            )
        kernels = DesignKernels([(block.dense, block.codes, None, None)], n_codes, lanes)
        margins = np.empty((block.n_rows, lanes), block.dense.dtype)
        weights = self._matrix().astype(block.dense.dtype)
        weights[-1] = 0.0  # an intercept may be far larger than what float32 tells apart
        kernels.margins(0, weights, margins)
        return margins + self.intercept_

    def scores(self, margins: Float64) -> Float64:
        """Return what margins (n_rows, n_lanes) stand for: probabilities, or numbers."""
        raise NotImplementedError

    def predict_scores(self, block: DesignBlock) -> Float64:
        """Return the scores of a block's rows."""
        return self.scores(self.predict_design(block))

    def coef_interval(self, confidence: float = 0.95) -> tuple[Float64, Float64]:
        """Return percentile intervals of the coefficients, from the replicates of a bootstrap.

        Returns
        -------
        low, high : float64 ndarrays of the shape of `coef_`

        Raises
        ------
        ConfigError
            If there are no replicates, or the confidence is not between 0 and 1.
        """
        low, high = self.bootstrapped().interval(confidence)
        coef = np.shape(self.coef_)
        return low[:-1].T.reshape(coef), high[:-1].T.reshape(coef)

    def predict_interval(self, X: Any, confidence: float = 0.95) -> tuple[Float64, Float64]:
        """Return percentile intervals of what is predicted, from the replicates of a bootstrap.

        They tell how far the model would move on other training rows; a single outcome varies more.

        Returns
        -------
        low, high : float64 ndarrays of shape (n_rows,), or (n_rows, k)
            Of the probability of the second of two classes, of every class, or of the numbers.

        Raises
        ------
        ConfigError
            As of `coef_interval`.
        """
        matrix = self._validate(X, reset=False)
        return self.score_intervals(
            DesignBlock(matrix, np.empty((len(matrix), 0), np.int32)), confidence
        )

    def score_intervals(
        self,
        block: DesignBlock,
        confidence: float = 0.95,
        calibrated: Callable[[Float64], Float64] | None = None,
    ) -> tuple[Float64, Float64]:
        """Return percentile intervals of the scores of a block's rows; see `predict_interval`.

        `calibrated` is what scores go through, (n_rows, [k,]).
        """
        n = self.bootstrapped().weights[0].size
        rows = max(1, SCORES_AT_ONCE // n)
        parts = [
            percentiles(
                self.replicate_scores(block.rows(first, first + rows), calibrated), confidence
            )
            for first in range(0, max(block.n_rows, 1), rows)
        ]
        low, high = zip(*parts, strict=True)
        return np.concatenate(low), np.concatenate(high)

    def replicate_scores(
        self,
        block: DesignBlock,
        calibrated: Callable[[Float64], Float64] | None = None,
        some: slice = slice(None),
    ) -> Float64:
        """Return the scores of a block's rows by each, or some, replicates: (n_rows, [k,] n)."""
        margins = self.bootstrapped().margins(block, some)
        scores = [self.scores(margins[..., i]) for i in range(margins.shape[-1])]
        return np.stack(scores if calibrated is None else list(map(calibrated, scores)), axis=-1)

    def bootstrapped(self) -> Replicates:
        """Return the replicates, or raise a `ConfigError` that says how to come by some."""
        if not hasattr(self, "weights_"):
            raise not_fitted(self)
        if self.replicates_ is None:
            raise ConfigError(
                f"this {type(self).__name__} has no replicates; fit it with bootstrap=200, say"
            )
        return self.replicates_

    def _margins(self, X: Any) -> Float64:
        matrix = self._validate(X, reset=False)
        return self.predict_design(DesignBlock(matrix, np.empty((len(matrix), 0), np.int32)))

    # -- training -----------------------------------------------------------------------------

    def _matrix(self) -> Float64:
        """Return the weights as the kernels have them."""
        unknown = np.zeros((1, self.weights_.shape[1]))
        return np.vstack([self.weights_, unknown, self.intercept_.reshape(1, -1)])

    def _snapshot(self, weights: Float64) -> Self:
        """Return a model of weights as the kernels have them, to predict with."""
        model = self.clone()
        model.weights_, model.intercept_ = weights[:-2], weights[-1]
        return model

    def _remember(self, weights: Float64, trained: Trained) -> None:
        """Keep what was trained, whose weights are given as they are to be.

        Of models side by side (targets, classes against the rest) the objectives add up, and the
        one that ended worst speaks for all.
        """
        n_iter, value = int(trained.n_iter.max()), float(trained.value.sum())
        gap = float(trained.gap.max())
        reason = max(trained.reason, key=ENDS.index)
        if reason == "diverged":
            self._raise_diverged(n_iter, value, gap)
        self.weights_ = weights[:-2].copy()
        self.intercept_ = weights[-1].copy()
        self.n_iter_, self.objective_, self.gap_ = n_iter, value, gap
        self.stop_reason_ = reason
        self._stochastic, self.replicates_ = None, None
        if reason == "max_iter" or (reason == "precision" and gap > PRACTICAL):
            self._warn_unfinished()

    def _raise_diverged(self, n_iter: int, value: float, gap: float) -> NoReturn:
        if self.solver == "sgd":
            raise DivergenceError(n_iter, self.learning_rate)
        raise DataError(
            f"training diverged after {n_iter} iterations: the objective is {value:g}, and the gap "
            f"to its minimum {gap:g}; scale the features (StandardScaler), or look for values of "
            "extreme size in X or y"
        )

    def _remember_step(self, weights: Float64, loss: float) -> None:
        assert self._stochastic is not None
        self.weights_ = weights[:-2].copy()
        self.intercept_ = weights[-1].copy()
        self.n_iter_, self.objective_ = self._stochastic.epoch, loss
        self.gap_, self.stop_reason_ = float("nan"), "epochs"
        self.replicates_ = None

    def _warn_unfinished(self) -> None:
        sklearn = sys.modules.get("sklearn.exceptions")
        cause, remedy = f"max_iter={self.n_iter_} iterations", "raise max_iter or tolerance, or "
        if self.stop_reason_ == "precision":
            cause, remedy = f"{self.n_iter_} iterations, where rounding hides every decrease", ""
        gap = f", a relative {self.gap_:.1g} from the optimum" if self.gap_ >= 0.0 else ""
        warnings.warn(
            f"{type(self).__name__} stopped after {cause}{gap}; {remedy}scale the features "
            "(StandardScaler)",
            UserWarning if sklearn is None else sklearn.ConvergenceWarning,
            stacklevel=5,
        )

    def _l2_for(self, total_weight: float) -> float:
        return 1.0 / total_weight if self.l2 is None else float(self.l2)

    def _step(
        self, problem: Problem, settings: Settings, start: Float64 | None
    ) -> tuple[Float64, Float64]:
        """Make one pass of stochastic steps, and count its rows as seen.

        Parameters
        ----------
        problem : Problem
            Its models are trained side by side.
        settings : Settings
        start : float64 ndarray of shape (rows, lanes), optional
            The fitted weights, where the first pass goes on from; default zero.

        Returns
        -------
        weights : float64 ndarray of shape (rows, lanes)
        loss : float64 ndarray of shape (n_models,)
        """
        lanes = problem.lanes
        kernels = problem.kernels(slice(0, lanes.n_models))
        if self._stochastic is None and start is None:
            self._stochastic = StochasticSolver(np.zeros(problem.shape))
        elif self._stochastic is None:
            assert start is not None
            squares = squares_of_fit(
                kernels,
                start,
                lanes.without_penalties(),
                seen_weight=self._seen_weight,
                batch_size=settings.batch_size,
                floor=problem.loss.floor,
            )
            self._stochastic = StochasticSolver(start, squares)
        loss = self._stochastic.run(kernels, settings, lanes)
        if not np.isfinite(loss).all():
            raise DivergenceError(self._stochastic.epoch, settings.learning_rate)
        self._seen_weight += float(lanes.total_weight[0])
        return self._stochastic.weights, loss

    def _start(self, rows: int, lanes: int) -> Float64 | None:
        """Return the weights that a warm start begins from."""
        if not self.warm_start or not hasattr(self, "weights_"):
            return None
        if (len(self.weights_) + 2, self.weights_.shape[1]) != (rows, lanes):
            raise SchemaError(
                f"warm_start needs the features and classes of the last fit: it had "
                f"{len(self.weights_)} features and {self.weights_.shape[1]} lanes, this one "
                f"has {rows - 2} and {lanes}"
            )
        start = self._matrix()
        if not self.fit_intercept:
            start[-1] = 0.0
        return start

    def _read_rows(
        self, X: Any, y: Any, sample_weight: Any, *, reset: bool
    ) -> tuple[Float64, NDArray[Any], Float64 | None]:
        """Return `X`, `y` and the weights as arrays of the same length."""
        if y is None:
            as_column(y, "y")
        matrix = self._validate(X, reset=reset)
        target = as_column(y, "y", several=self._several_targets)
        if len(target) != len(matrix):
            raise DataError(
                f"X and y differ in length: X has {len(matrix)} rows and y has {len(target)}"
            )
        return matrix, target, read_weights(sample_weight, len(matrix))

    # -- saving -------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Return what a saved model holds besides `weights_`: parameters and training facts."""
        if not hasattr(self, "weights_"):
            raise not_fitted(self)
        return {
            "params": self.get_params(),
            "intercept": self.intercept_.tolist(),
            "n_iter": self.n_iter_,
            "objective": self.objective_,
            "gap": self.gap_ if np.isfinite(self.gap_) else None,
            "stop_reason": self.stop_reason_,
            "seen_weight": self._seen_weight,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any], weights: Float64) -> Self:
        """Restore a model from `state` and its `weights_`, shape (n_features, n_lanes)."""
        known = cls._defaults()
        model = cls(**{name: value for name, value in state["params"].items() if name in known})
        model.weights_ = np.ascontiguousarray(weights, dtype=np.float64)
        model.intercept_ = np.array(state["intercept"], dtype=np.float64)
        model.n_iter_ = int(state["n_iter"])
        model.objective_ = float(state["objective"])
        model.gap_ = float("nan") if state["gap"] is None else float(state["gap"])
        model.stop_reason_ = str(state["stop_reason"])
        model.n_features_in_ = len(model.weights_)
        model._seen_weight = float(state.get("seen_weight", 0.0))
        return model


def read_weights(sample_weight: Any, n_rows: int) -> Float64 | None:
    """Return row weights as a float64 array, or None.

    Raises
    ------
    DataError
        If they are of another length, negative or not finite.
    """
    if sample_weight is None:
        return None
    if isinstance(sample_weight, (int, float, np.number)):
        return np.full(n_rows, float(sample_weight))
    weights = as_column(sample_weight, "sample_weight").astype(np.float64)
    if weights.shape != (n_rows,):
        raise DataError(f"sample_weight.shape == {weights.shape}, expected {(n_rows,)}")
    check_finite(weights, "sample_weight")
    if (weights < 0.0).any():
        raise DataError("sample_weight has negative values; weights must be at least 0")
    return weights


def blocks_of(matrix: Float64, target: NDArray[Any], weight: Float64 | None) -> Design:
    """Return a table of numbers as a design, without copying it."""
    codes = np.empty((len(matrix), 0), np.int32)
    starts = range(0, max(len(matrix), 1), BLOCK_ROWS)
    blocks = [
        DesignBlock(
            matrix[start : start + BLOCK_ROWS],
            codes[start : start + BLOCK_ROWS],
            target[start : start + BLOCK_ROWS],
            None if weight is None else weight[start : start + BLOCK_ROWS],
        )
        for start in starts
    ]
    return Design(blocks, matrix.shape[1], 0)


def total_weight(design: Design) -> float:
    """Return the sum of a design's row weights.

    Raises
    ------
    DataError
        If there are no rows, or all weights are zero.
    """
    if design.n_rows == 0:
        raise DataError("there are no rows to train on")
    total = sum(
        float(block.n_rows if block.weight is None else block.weight.sum(dtype=np.float64))
        for block in design.blocks
    )
    if not total > 0.0:
        raise DataError("sample weights must contain at least one non-zero number; all are zero")
    return total
