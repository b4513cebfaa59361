"""Gradient-boosted trees over design blocks: the learner to hold a linear model against."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from fastml._base import Estimator
from fastml._typing import Float64
from fastml.engine import default_threads
from fastml.ensemble.matrices import (
    block_table,
    feature_types,
    first_codes,
    quantile_matrix,
)
from fastml.errors import ConfigError, DataError, SchemaError, not_fitted
from fastml.extras import load_extra
from fastml.linear_model.base import total_weight
from fastml.linear_model.classes import check_classes, class_factors, class_totals
from fastml.linear_model.design import Design, DesignBlock
from fastml.linear_model.link import logistic, softmax
from fastml.linear_model.settings import is_number
from fastml.linear_model.training import Monitor

__all__ = ["BoostedTrees"]

SAMPLE_ROWS = 256
"""Rows whose contributions stand for those of all training rows."""
MOST_CODES = 1 << 24
"""XGBoost holds a category as a float32."""


class BoostedTrees(Estimator):
    """Gradient-boosted trees by XGBoost, as a learner of a `fastml.Pipeline`.

    A missing number stays missing: a tree has a way for it. A category is a category, split into
    sets of values. The task is the pipeline's. A result depends on `seed`, and in its last bits on
    `threads`, as XGBoost adds in another order.

    Parameters
    ----------
    rounds : int
        Most trees (of several classes, each has as many).
    learning_rate : float
        The share of each tree that counts.
    max_depth : int
        Most splits from the root to a leaf.
    min_child_weight : float
        The least curvature (of squared error: row weight) of a leaf.
    l2, l1 : float
        Penalties of the leaves' values.
    subsample : float
        The share of the rows that a tree sees.
    max_bins : int
        Into how many bins numbers are cut to look for splits.
    patience : int
        With validation rows: rounds without a better loss there before training ends; the best
        round's trees are kept.
    class_weight : mapping of class to float, or "balanced", optional
        As of `LogisticRegression`.
    threads : int, optional
        Default: all cores.
    seed : int

    Attributes
    ----------
    booster_ : xgboost.Booster
    n_iter_ : int
        Rounds whose trees are kept.
    stop_reason_ : {"rounds", "patience"}
    spread_ : float64 array of shape (n_columns, n_lanes)
        The standard deviation of what each column of the design adds to the margins (SHAP values)
        over a sample of the training rows: the dense features, then the code columns.
    """

    booster_: Any
    n_iter_: int
    stop_reason_: str
    spread_: Float64

    def __init__(
        self,
        *,
        rounds: int = 500,
        learning_rate: float = 0.1,
        max_depth: int = 6,
        min_child_weight: float = 1.0,
        l2: float = 1.0,
        l1: float = 0.0,
        subsample: float = 1.0,
        max_bins: int = 256,
        patience: int = 20,
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        threads: int | None = None,
        seed: int = 0,
    ) -> None:
        self.rounds = rounds
        self.learning_rate = learning_rate
        self.max_depth = max_depth
        self.min_child_weight = min_child_weight
        self.l2 = l2
        self.l1 = l1
        self.subsample = subsample
        self.max_bins = max_bins
        self.patience = patience
        self.class_weight = class_weight
        self.threads = threads
        self.seed = seed

    def clone(self) -> Self:
        """Return an unfitted copy with the same parameters."""
        return type(self)(**copy.deepcopy(self.get_params()))

    # -- training -----------------------------------------------------------------------------

    def fit_design(
        self,
        design: Design,
        *,
        validation: Design | None = None,
        classes: Sequence[Any] | None = None,
        threads: int | None = None,
        monitor: Monitor | None = None,
    ) -> Self:
        """Train on design blocks.

        Parameters
        ----------
        design : Design
        validation : Design, optional
            Rows to watch for the moment to stop (see `patience`).
        classes : sequence, optional
            The labels of the classes whose indices the targets are; without any, the targets are
            numbers.
        threads : int, optional
            Overrides the parameter.
        monitor : callable, optional
            Hears of each round (see `fastml.linear_model.training.Monitor`).

        Raises
        ------
        ConfigError
            If XGBoost is not installed, or a parameter is out of its range.
        DataError
            If there is nothing to learn from.
        """
        xgboost = load_extra("xgboost")
        self._check_parameters()
        total_weight(design)
        if design.n_codes > MOST_CODES:
            raise DataError(
                f"the columns have {design.n_codes:,} categories; XGBoost takes at most "
                f"{MOST_CODES:,}: set a bound, such as max_categories"
            )
        threads = threads or self.threads or default_threads()
        factors = self._factors(design, classes)
        self._n_dense, self._first = design.n_dense, first_codes(design)
        self._offset = 0.0 if classes is not None else _mean_target(design)

        def labels(block: DesignBlock) -> tuple[NDArray[Any], NDArray[Any] | None]:
            target = np.asarray(block.target, np.float64)
            if factors is None:
                weight = block.weight
            else:
                factor = factors[target.astype(np.intp)]
                weight = factor if block.weight is None else factor * block.weight
            return target - self._offset, weight

        def matrix(rows: Design, ref: Any = None) -> Any:
            return quantile_matrix(
                rows, self._first, labels, max_bins=self.max_bins, threads=threads, ref=ref
            )

        train = matrix(design)
        stop = xgboost.callback.EarlyStopping(rounds=self.patience, save_best=True)
        watched: dict[str, Any] = {"callbacks": []}
        if validation is not None and validation.n_rows:
            watched = {"evals": [(matrix(validation, train), "validation")], "callbacks": [stop]}
        if monitor is not None:
            watched["callbacks"].append(self._listener(monitor, classes is None, threads))
        booster = xgboost.train(
            self._settings(classes, threads), train, self.rounds, verbose_eval=False, **watched
        )
        self.n_iter_ = booster.num_boosted_rounds()
        self.stop_reason_ = "patience" if stop.current_rounds >= self.patience else "rounds"
        self._keep(bytes(booster.save_raw("ubj")), threads)
        self.n_features_in_ = design.n_features
        self.spread_ = self.contributions(_sample(design)).std(axis=0)
        return self

    def _listener(self, monitor: Monitor, numbers: bool, threads: int) -> Any:
        """Return what XGBoost calls after each round."""
        snapshot = self._snapshot

        class Listener(load_extra("xgboost").callback.TrainingCallback):  # type: ignore[misc]
            def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
                monitor(epoch + 1, lambda: snapshot(model, numbers, threads))
                return False

        return Listener()

    def _snapshot(self, booster: Any, numbers: bool, threads: int) -> Self:
        """Return a model of a booster in training, to predict with."""
        model = self.clone()
        model._n_dense, model._first, model._offset = self._n_dense, self._first, self._offset
        model.booster_, model._n_threads, model._learned_numbers = booster, threads, numbers
        return model

    def _check_parameters(self) -> None:
        for name, least in (("rounds", 1), ("max_depth", 1), ("max_bins", 2), ("patience", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ConfigError(f"{name} is {value!r}; expected a whole number >= {least}")
        for name in ("learning_rate", "subsample"):
            if not is_number(value := getattr(self, name)) or not 0.0 < value <= 1.0:
                raise ConfigError(f"{name} is {value!r}; expected a number above 0, at most 1")
        for name in ("min_child_weight", "l2", "l1"):
            if not is_number(value := getattr(self, name)) or value < 0.0:
                raise ConfigError(f"{name} is {value!r}; expected a number >= 0")

    def _factors(self, design: Design, classes: Sequence[Any] | None) -> Float64 | None:
        if classes is None:
            return None
        totals = class_totals(design, len(classes))[None]
        labels = np.asarray(classes)
        check_classes(totals, labels)
        factors = class_factors([self.class_weight], labels, totals)
        return None if factors is None else factors[0]

    def _settings(self, classes: Sequence[Any] | None, threads: int) -> dict[str, Any]:
        if classes is None:
            objective: dict[str, Any] = {"objective": "reg:squarederror", "base_score": 0.0}
        elif len(classes) == 2:
            objective = {"objective": "binary:logistic"}
        else:
            objective = {"objective": "multi:softprob", "num_class": len(classes)}
        return objective | {
            "tree_method": "hist",
            "learning_rate": self.learning_rate,
            "max_depth": self.max_depth,
            "min_child_weight": self.min_child_weight,
            "lambda": self.l2,
            "alpha": self.l1,
            "subsample": self.subsample,
            "max_bin": self.max_bins,
            "nthread": threads,
            "seed": self.seed,
        }

    def _keep(self, content: bytes, threads: int) -> None:
        """Open trees from XGBoost's own file format, so that none but what it holds is used."""
        booster = load_extra("xgboost").Booster()
        booster.load_model(bytearray(content))
        booster.set_param({"nthread": threads})
        self.booster_, self._n_threads = booster, threads
        objective = json.loads(booster.save_config())["learner"]["objective"]["name"]
        self._learned_numbers = objective.startswith("reg:")

    # -- prediction ---------------------------------------------------------------------------

    def _table(self, block: DesignBlock) -> Any:
        if not hasattr(self, "booster_"):
            raise not_fitted(self)
        shape = block.dense.shape[1], block.codes.shape[1]
        if shape != (self._n_dense, len(self._first)):
            raise SchemaError(
                f"the block has {shape[0]} dense features and {shape[1]} code columns; the model "
                f"was trained on {self._n_dense} and {len(self._first)}"
            )
        return block_table(block, self._first)

    def predict_design(self, block: DesignBlock) -> Float64:
        """Return the margins of a block, float64 (n_rows, n_lanes), as a linear learner does."""
        table = self._table(block)
        if not block.n_rows:
            return np.empty((0, self.spread_.shape[1]))
        margins = self.booster_.inplace_predict(table, predict_type="margin", strict_shape=True)
        return np.asarray(margins, np.float64) + self._offset

    def predict_scores(self, block: DesignBlock) -> Float64:
        """Return the probabilities of a block's rows, or the numbers predicted.

        Returns
        -------
        float64 array of shape (n_rows,), of the second of two classes or of numbers, or
        (n_rows, n_classes)
        """
        margins = self.predict_design(block)
        if self._learned_numbers:
            return margins[:, 0]
        return logistic(margins[:, 0]) if margins.shape[1] == 1 else softmax(margins)

    def contributions(self, block: DesignBlock) -> Float64:
        """Return what each column of the design adds to the margins (SHAP values).

        Returns
        -------
        float64 array of shape (n_rows, n_columns, n_lanes)
            Dense features, then code columns. With the average margin they sum to the margins.
        """
        table = self._table(block)
        matrix = load_extra("xgboost").DMatrix(
            table,
            feature_types=feature_types(self._n_dense, len(self._first)),
            enable_categorical=True,
            nthread=self._n_threads,
        )
        found = self.booster_.predict(matrix, pred_contribs=True, strict_shape=True)
        return np.asarray(found[:, :, :-1], np.float64).transpose(0, 2, 1)

    # -- saving -------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Return what a saved model holds besides the trees: parameters and training facts."""
        if not hasattr(self, "booster_"):
            raise not_fitted(self)
        return {
            "kind": "xgboost",
            "params": self.get_params(),
            "n_dense": self._n_dense,
            "first_codes": self._first.tolist(),
            "offset": self._offset,
            "n_features": self.n_features_in_,
            "n_iter": self.n_iter_,
            "stop_reason": self.stop_reason_,
            "spread": self.spread_.tolist(),
        }

    def trees(self) -> bytes:
        """Return the trees in XGBoost's own file format, Universal Binary JSON."""
        return bytes(self.booster_.save_raw("ubj"))

    @classmethod
    def from_state(cls, state: Mapping[str, Any], trees: bytes) -> Self:
        """Restore a model from `state` and its `trees`.

        Raises
        ------
        ValueError
            If the trees are not in XGBoost's format, or of another number of columns.
        """
        known = cls._defaults()
        model = cls(**{name: value for name, value in state["params"].items() if name in known})
        try:
            model._keep(trees, model.threads or default_threads())
        except load_extra("xgboost").core.XGBoostError as error:
            raise ValueError(f"the trees are not in XGBoost's format: {error}") from error
        model._n_dense = int(state["n_dense"])
        model._first = np.array(state["first_codes"], np.int32)
        if model.booster_.num_features() != model._n_dense + len(model._first):
            raise ValueError("the trees are of another number of columns")
        model._offset = float(state["offset"])
        model.n_features_in_ = int(state["n_features"])
        model.n_iter_, model.stop_reason_ = int(state["n_iter"]), str(state["stop_reason"])
        model.spread_ = np.array(state["spread"], np.float64)
        return model


def _mean_target(design: Design) -> float:
    """Return the mean target, which is taken off: XGBoost holds numbers as float32."""
    total, weight = 0.0, 0.0
    for block in design.blocks:
        assert block.target is not None
        weights = np.ones(block.n_rows) if block.weight is None else block.weight
        total += float(np.dot(np.asarray(block.target, np.float64), weights.astype(np.float64)))
        weight += float(weights.sum(dtype=np.float64))
    return total / weight


def _sample(design: Design) -> DesignBlock:
    """Return evenly spaced rows of a design."""
    rows = np.linspace(0, design.n_rows - 1, min(design.n_rows, SAMPLE_ROWS)).astype(np.int64)
    ends = np.cumsum([block.n_rows for block in design.blocks])
    parts: list[NDArray[np.int64]] = np.split(rows, np.searchsorted(rows, ends[:-1]))
    picked = [
        (block, part - (end - block.n_rows))
        for block, part, end in zip(design.blocks, parts, ends, strict=True)
    ]
    dense, codes = [], []
    for block, at in picked:
        dense.append(block.dense[at])
        codes.append(block.codes[at])
        block.rest()
    return DesignBlock(np.concatenate(dense), np.concatenate(codes))
