"""Logistic regression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, Self, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from fastml._typing import Float64
from fastml.errors import ConfigError, DataError
from fastml.linear_model.base import LinearModel, blocks_of, total_weight
from fastml.linear_model.bootstrap import drawn_groups, in_single, replicates_of
from fastml.linear_model.classes import check_classes, class_factors, class_totals, find_classes
from fastml.linear_model.design import Design
from fastml.linear_model.lanes import Lanes
from fastml.linear_model.link import logistic, softmax
from fastml.linear_model.problem import Loss, Problem, RowGroups
from fastml.linear_model.settings import Schedule, Settings, Solver
from fastml.linear_model.training import Monitor, train

__all__ = ["LogisticRegression"]

MultiClass: TypeAlias = Literal["softmax", "one_vs_rest"]
FLOOR = 1e-3
"""Added to a row's curvature in the preconditioner: a confident model is all but flat."""


class LogisticRegression(LinearModel):
    """Logistic regression, of two classes or more.

    Minimises ``sum_i w_i loss_i / sum_i w_i + l2/2 |coef|^2 + l1 |coef|_1`` with the intercept
    free of penalties.

    Parameters
    ----------
    l2 : float, optional
        Ridge penalty; default one over the sum of the row weights (scikit-learn's ``C=1``).
    l1 : float
        Lasso penalty; together with `l2` the elastic net.
    solver : {"auto", "lbfgs", "sgd"}
        "lbfgs" reaches the optimum; "sgd" makes stochastic steps; "auto" warms up with stochastic
        steps over a part of a large table and finishes with L-BFGS.
    learning_rate : float
        Of the stochastic steps.
    schedule : {"adaptive", "constant", "invscaling"}
        AdaGrad; the same rate throughout; the rate over the root of the epoch's number.
    epochs : int
        Most passes of "sgd".
    batch_size : int
        Rows that a stochastic step averages over.
    max_iter : int
        Most iterations of L-BFGS.
    tolerance : float, optional
        Ends L-BFGS when the estimated relative gap to the optimum is below it, "sgd" when an epoch
        gains less. Defaults: 1e-16 (1e-11 of a float32 design) under 50,000 rows, else 1e-5; 1e-3.
    patience : int, optional
        With a validation set: rounds (iterations or epochs) without a better loss before training
        ends, and the best weights are kept. For "sgd" without one: epochs without a gain. Default
        10 iterations of L-BFGS, whose loss on other rows goes up and down; 3 epochs of "sgd".
    time_budget : float, optional
        Seconds after which training ends, at the end of an epoch or iteration. It makes a result
        depend on the machine and the moment: no two runs need be the same, nor one that a
        `Checkpoint` goes on with, for which the time begins anew.
    multi_class : {"softmax", "one_vs_rest"}
        With more than two classes: one model of all their probabilities, or a model of each class
        against the others, whose probabilities are scaled to a sum of one. The first is better
        calibrated; the second learns sixteen classes at a time, with the memory that those take.
    class_weight : mapping of class to float, or "balanced", optional
        Factors of the row weights, by a class's value or else its text; a class that is not named
        has 1. "balanced" gives every class the same total weight.
    fit_intercept : bool
    warm_start : bool
        Start from the weights of the last `fit`.
    bootstrap : int
        Replicates to train beside the model, each on rows drawn with replacement: from them come
        `coef_interval` and `predict_interval`.
    threads : int, optional
        Default: all cores. The result does not depend on it.
    seed : int
        Of the order of stochastic steps, and of what a bootstrap draws.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    weights_ : float64 ndarray of shape (n_features, n_lanes)
        One lane for two classes (of the second class), else one a class.
    intercept_ : float64 ndarray of shape (n_lanes,)
    coef_ : float64 ndarray of shape (n_lanes, n_features)
    n_iter_ : int
    objective_, gap_ : float
        The objective at the weights, and the estimate of how far, relatively, it is above its
        minimum; NaN where earlier weights were better on a validation set. After stochastic steps
        the mean loss of the epoch's rows, each before its step and without penalties, and NaN.
    stop_reason_ : str
        "tolerance", "precision", "max_iter", "epochs", "patience" or "time_budget".
    replicates_ : Replicates or None
        Of the bootstrap.
    n_features_in_, feature_names_in_
        As in scikit-learn.
    """

    _estimator_type = "classifier"
    classes_: NDArray[Any]

    def __init__(
        self,
        *,
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
        multi_class: MultiClass = "softmax",
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        fit_intercept: bool = True,
        warm_start: bool = False,
        bootstrap: int = 0,
        threads: int | None = None,
        seed: int = 0,
    ) -> None:
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
        self.multi_class = multi_class
        self.class_weight = class_weight
        self.fit_intercept = fit_intercept
        self.warm_start = warm_start
        self.bootstrap = bootstrap
        self.threads = threads
        self.seed = seed

    # -- training -----------------------------------------------------------------------------

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on a table of numbers.

        Parameters
        ----------
        X : array-like or table of shape (n_rows, n_features)
        y : array-like of shape (n_rows,)
            Labels of any one type.
        sample_weight : array-like of shape (n_rows,), optional

        Raises
        ------
        DataError
            If X or y cannot be learned from: NaN, a single class, no rows.
        ConfigError
            If a parameter is out of range.
        """
        design, classes = self.read(X, y, sample_weight)
        return self.fit_design(design, classes=classes)

    def read(self, X: Any, y: Any, sample_weight: Any = None) -> tuple[Design, NDArray[Any]]:
        """Return a table of numbers as a design, and the classes that its targets are indices of.

        Parameters and errors as `fit`'s.
        """
        self._settings()
        matrix, labels, weight = self._read_rows(X, y, sample_weight, reset=True)
        classes, codes = find_classes(labels)
        return blocks_of(matrix, codes.astype(np.float64), weight), classes

    def fit_design(
        self,
        design: Design,
        *,
        validation: Design | None = None,
        classes: Sequence[Any] | NDArray[Any] | None = None,
        n_classes: int | None = None,
        start: Float64 | None = None,
        threads: int | None = None,
        monitor: Monitor | None = None,
    ) -> Self:
        """Train on design blocks whose targets are indices of classes.

        Parameters
        ----------
        design : Design
        validation : Design, optional
            Rows to watch for the moment to stop (see `patience`).
        classes : sequence, optional
            Labels of the classes; default their indices.
        n_classes : int, optional
            Default: as many as `classes`, or as the targets show.
        start : float64 ndarray of shape (n_features + 2, n_lanes), optional
            Weights to begin from, as the kernels have them: of the features, the unknown code (0)
            and the intercept.
        threads : int, optional
            Overrides the parameter.
        monitor : callable, optional
            Hears of each round (see `fastml.linear_model.training.Monitor`), where there is a
            validation set.
        """
        settings = self._settings(threads)
        deadline = settings.deadline()
        labels = self._labels(design, classes, n_classes)
        totals = class_totals(design, len(labels))[None]
        factors = self._factors([self], labels, totals)
        problem = _problem(design, [self], totals, factors)
        held_out = None
        if validation is not None:
            held_out = _problem(
                validation, [self], class_totals(validation, len(labels))[None], factors
            )
        trained = train(
            problem,
            settings,
            start=self._start(*problem.shape) if start is None else start,
            validation=held_out,
            deadline=deadline,
            monitor=monitor and (lambda n, weights: monitor(n, lambda: self._snapshot(weights))),
        )
        self._seen_weight = float(problem.lanes.total_weight[0])
        weights = self._centred(trained.weights)
        self._remember(weights, trained)
        if self.bootstrap:
            weighed = 1 if self.class_weight is None else len(labels)
            groups = drawn_groups(design, self.bootstrap, settings.seed, weighed)
            drawn = self.problem(in_single(design), labels, [self] * self.bootstrap, groups)
            self.replicates_ = replicates_of(problem, weights, drawn, settings, self._centred)
        self.classes_ = labels
        self.n_features_in_ = design.n_features
        return self

    def _labels(
        self, design: Design, classes: Sequence[Any] | NDArray[Any] | None, n_classes: int | None
    ) -> NDArray[Any]:
        total_weight(design)
        if classes is not None:
            return np.asarray(classes)
        return np.arange(len(class_totals(design, n_classes)))

    def problem(
        self,
        design: Design,
        labels: NDArray[Any],
        variants: Sequence[LogisticRegression] | None = None,
        groups: RowGroups | None = None,
    ) -> Problem:
        """Return what is minimised, for models that differ in some of their parameters.

        Parameters
        ----------
        design : Design
            Its targets are indices of `labels`.
        labels : ndarray of shape (n_classes,)
        variants : sequence of LogisticRegression, optional
            Learners that may differ in l2, l1, learning_rate and class_weight; default this one.
        groups : RowGroups, optional
            Of rows that they weigh each in its own way.

        Raises
        ------
        DataError
            If there are no rows, or a model has rows of one class alone.
        """
        variants = [self] if variants is None else variants
        totals = class_totals(design, len(labels))[None]
        if groups is not None:
            totals = groups.totals(design, len(labels))
        factors = self._factors(variants, labels, totals)
        return _problem(design, variants, totals, factors, groups)

    def _factors(
        self, variants: Sequence[LogisticRegression], labels: NDArray[Any], totals: Float64
    ) -> Float64 | None:
        check_classes(totals, labels)
        factors = class_factors([each.class_weight for each in variants], labels, totals)
        if factors is not None:
            check_classes(totals * factors, labels, "class_weight gives the others the weight 0")
        return factors

    def _centred(self, weights: Float64) -> Float64:
        """Take the mean over the classes away, which no probability of a softmax depends on.

        What is left has the smallest ridge penalty; with an l1 penalty only the intercepts are
        free.
        """
        if weights.shape[-1] == 1 or self.multi_class == "one_vs_rest":
            return weights
        centred = weights.copy()
        first = 0 if self.l1 == 0.0 else len(weights) - 1
        centred[first:] -= centred[first:].mean(axis=-1, keepdims=True)
        return centred

    def _settings(self, threads: int | None = None) -> Settings:
        if self.multi_class not in get_args(MultiClass):
            raise ConfigError(
                f"multi_class is {self.multi_class!r}; expected one of "
                + ", ".join(map(repr, get_args(MultiClass)))
            )
        return super()._settings(threads)

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Make one pass of stochastic steps over some rows, on top of what was learned before.

        Parameters
        ----------
        X : array-like or table of shape (n_rows, n_features)
        y : array-like of shape (n_rows,)
        classes : array-like of shape (n_classes,), optional
            All the classes there will be; default those of the first call's `y`.
        sample_weight : array-like of shape (n_rows,), optional
        """
        self._settings()
        first = not hasattr(self, "classes_")
        matrix, labels, weight = self._read_rows(X, y, sample_weight, reset=first)
        found, codes = find_classes(labels)
        if classes is not None:
            known = np.unique(np.asarray(classes))
        else:
            known = found if first else self.classes_
        place = np.searchsorted(known, found).clip(0, len(known) - 1)
        if (unknown := found[known[place] != found]).size:
            raise DataError(
                f"y has the class {unknown.tolist()[0]!r}, which was not among those of the first "
                "call; pass all classes there will be to it: partial_fit(X, y, classes=...)"
            )
        design = blocks_of(matrix, place[codes].astype(np.float64), weight)
        return self.partial_fit_design(design, classes=known)

    def partial_fit_design(
        self, design: Design, *, classes: Sequence[Any] | NDArray[Any] | None = None
    ) -> Self:
        """Make one pass of stochastic steps over design blocks; see `fit_design`."""
        settings = self._settings()
        if self.class_weight == "balanced":
            raise ConfigError(
                "class_weight='balanced' needs all rows at once; give partial_fit the factors: "
                "class_weight={label: factor, ...}"
            )
        labels = self._classes_of_call(classes)
        totals = class_totals(design, None if labels is None else len(labels))[None]
        labels = np.arange(totals.shape[1]) if labels is None else labels
        if len(labels) < 2:
            raise DataError(f"there is a single class, {labels.tolist()[0]!r}; pass classes=[...]")
        total_weight(design)
        factors = class_factors([self.class_weight], labels, totals)
        if factors is not None and not (totals * factors).sum() > 0.0:
            raise DataError("class_weight gives every row of this call the weight 0")
        problem = _problem(design, [self], totals, factors, seen_weight=self._seen_weight)
        start = self._matrix() if hasattr(self, "weights_") else None
        weights, loss = self._step(problem, settings, start)
        self.classes_ = labels
        self.n_features_in_ = design.n_features
        self._remember_step(weights, float(loss.sum()))
        return self

    def _classes_of_call(self, classes: Sequence[Any] | NDArray[Any] | None) -> NDArray[Any] | None:
        """Return the classes of a call of `partial_fit`, which are those of the first."""
        learned = getattr(self, "classes_", None)
        if classes is None:
            return learned
        labels = np.asarray(classes)
        if learned is not None and not np.array_equal(labels, learned):
            raise ConfigError(
                f"classes={labels.tolist()} differ from those that the model has learned, "
                f"{learned.tolist()}; leave them out, or start with a new model"
            )
        return labels

    # -- prediction ---------------------------------------------------------------------------

    @property
    def coef_(self) -> Float64:
        """Weights as scikit-learn has them, (1, n_features) or (n_classes, n_features)."""
        return self.weights_.T

    def decision_function(self, X: Any) -> Float64:
        """Return the margins, (n_rows,) for two classes, else (n_rows, n_classes)."""
        margins = self._margins(X)
        return margins[:, 0] if margins.shape[1] == 1 else margins

    def predict_proba(self, X: Any) -> Float64:
        """Return the probability of each class, (n_rows, n_classes)."""
        return np.exp(self.predict_log_proba(X))

    def predict_log_proba(self, X: Any) -> Float64:
        """Return the logarithm of the probability of each class, (n_rows, n_classes)."""
        return self._log_probabilities(self._margins(X))

    def _log_probabilities(self, margins: Float64) -> Float64:
        if margins.shape[1] == 1:
            margins = np.hstack([np.zeros_like(margins), margins])
        elif self.multi_class == "one_vs_rest":
            margins = -np.logaddexp(0.0, -margins)
        margins = margins - margins.max(axis=1, keepdims=True)
        logs: Float64 = margins - np.log(np.exp(margins).sum(axis=1, keepdims=True))
        return logs

    def scores(self, margins: Float64) -> Float64:
        """Return the probabilities that margins (n_rows, n_lanes) stand for.

        Returns
        -------
        float64 array of shape (n_rows,), of the second of two classes, or (n_rows, n_classes)
        """
        if margins.shape[1] == 1:
            return logistic(margins[:, 0])
        if self.multi_class == "softmax":
            return softmax(margins)
        return np.exp(self._log_probabilities(margins))

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the likeliest class of each row, (n_rows,)."""
        margins = self._margins(X)
        codes = margins[:, 0] > 0.0 if margins.shape[1] == 1 else margins.argmax(axis=1)
        return self.classes_[codes.astype(np.intp)]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy on labelled rows."""
        _, labels, weight = self._read_rows(X, y, sample_weight, reset=False)
        return float(np.average(self.predict(X) == labels, weights=weight))

    @classmethod
    def from_state(cls, state: Mapping[str, Any], weights: Float64) -> Self:
        """Restore a model from `state` and its `weights_`; the classes are their indices."""
        model = super().from_state(state, weights)
        lanes = model.weights_.shape[1]
        model.classes_ = np.arange(2 if lanes == 1 else lanes)
        return model


def _problem(
    design: Design,
    variants: Sequence[LogisticRegression],
    totals: Float64,
    factors: Float64 | None,
    groups: RowGroups | None = None,
    seen_weight: float = 0.0,
) -> Problem:
    """Return a problem whose classes have the row weights `totals`, before their factors.

    `seen_weight` is that of rows seen before, which count for the default penalty.
    """
    if factors is not None:
        targets = [np.asarray(block.target) for block in design.blocks]
        if groups is None:
            groups = RowGroups([target.astype(np.uint16) for target in targets], factors.T)
        else:
            groups = groups.split_by(targets, factors.T)
    n_classes = totals.shape[1]
    weight = (totals if factors is None else totals * factors).sum(axis=1)
    weights = np.broadcast_to(weight, len(variants))
    l2 = [each._l2_for(seen_weight + own) for each, own in zip(variants, weights, strict=True)]
    lanes = Lanes.of(
        len(variants),
        total_weight=weights,
        l2=l2,
        l1=[each.l1 for each in variants],
        learning_rate=[each.learning_rate for each in variants],
        classes=1 if n_classes == 2 else n_classes,
    )
    loss = Loss("logistic", floor=FLOOR)
    if n_classes > 2 and variants[0].multi_class == "softmax":
        loss = Loss("softmax", classes=n_classes, floor=FLOOR)
    elif n_classes > 2:
        loss = Loss("logistic", against_rest=n_classes, floor=FLOOR)
        lanes = replace(lanes, classes=1)
        if groups is not None:
            groups = replace(groups, weight=np.repeat(groups.weight, n_classes, axis=1))
    return Problem(design, loss, lanes, groups)
