"""A search over the hyperparameters of a linear learner, in the lanes of one training."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fastml._base import Estimator, as_column
from fastml._typing import Float64, Task
from fastml.errors import ConfigError, DataError, not_fitted
from fastml.linear_model.base import total_weight
from fastml.linear_model.design import Design
from fastml.linear_model.training import SMALL_ROWS
from fastml.model_selection.contest import Contest, LinearLearner, Outcome
from fastml.model_selection.folds import Folds, assign_folds
from fastml.model_selection.held_out import HeldOut
from fastml.model_selection.scoring import find_scoring
from fastml.model_selection.search_space import Space, candidates_of
from fastml.model_selection.tried import Tried

__all__ = ["LaneSearch"]

DEFAULT_FOLDS = 5


class LaneSearch(Estimator):
    """Finds the penalties, learning rate and class weights that do best on held-out rows.

    Every candidate is a lane of one training, and with K folds K lanes: sixteen models are moved by
    one pass over the data. Small tables are solved to convergence for every candidate. On larger
    ones (from 50,000 rows on, or with solver="sgd") candidates race (successive halving; Jamieson &
    Talwalkar 2016): they are solved for on a sample of the rows, with penalties that are as strong
    as on all of them, and the best quarter goes on to a sample four times as large; with
    solver="sgd" they make steps over a part of an epoch, and the better half goes on. The winner is
    then trained on all rows to the learner's tolerance, starting from its lane.

    Parameters
    ----------
    learner : LogisticRegression or LinearRegression
        What the candidates have in common.
    space : mapping of parameter to values or a distribution, optional
        Of l2, l1, learning_rate and class_weight; values are combined, distributions
        (`LogUniform`, `Uniform`, those of scipy.stats) drawn from. Default: sixteen ridge
        penalties, from a hundredth of the default of `l2` to 10^4 times it.
    folds : int, optional
        K of the cross-validation. Default: 5, or the validation rows that `fit_design` is given.
    scoring : str, optional
        A metric of `fastml.evaluation`; default "log_loss" of classes, "rmse" of numbers.
    n_candidates : int, optional
        How many candidates to draw; default all combinations, or 32 from distributions.
    halving : bool
        Whether candidates race; without it all of them are trained to the end.
    threads : int, optional
        Default: all cores. The result does not depend on it.
    seed : int
        Of the folds and of what is drawn.

    Attributes
    ----------
    best_estimator_ : LogisticRegression or LinearRegression
        Trained on all rows.
    best_params_ : dict
    best_index_ : int
    best_score_ : float
        The mean over the folds.
    cv_results_ : dict of str to arrays
        For each candidate: "params", "mean_test_score", "std_test_score", "rank_test_score",
        "split0_test_score" and so on, and "epochs": over how many times the table, or on what share
        of it, it was trained (NaN: to convergence on all of it). Those that left a race early were
        trained and judged on fewer rows; the scores of all that raced are to be compared, and are
        somewhat worse than that of the winner once it is trained on all rows.
    scorer_ : str
        The metric.
    n_features_in_, feature_names_in_, classes_
        Of the learner.
    """

    best_estimator_: LinearLearner
    best_params_: dict[str, Any]
    best_index_: int
    best_score_: float
    cv_results_: dict[str, Any]
    scorer_: str

    def __init__(
        self,
        learner: LinearLearner,
        space: Space | None = None,
        *,
        folds: int | None = None,
        scoring: str | None = None,
        n_candidates: int | None = None,
        halving: bool = True,
        threads: int | None = None,
        seed: int = 0,
    ) -> None:
        self.learner = learner
        self.space = space
        self.folds = folds
        self.scoring = scoring
        self.n_candidates = n_candidates
        self.halving = halving
        self.threads = threads
        self.seed = seed

    @property
    def _estimator_type(self) -> Any:  # type: ignore[override]
        return self.learner._estimator_type

    def clone(self) -> Self:
        """Return an unfitted copy with the same parameters."""
        return type(self)(**{k: copy.deepcopy(v) for k, v in self.get_params().items()})

    # -- searching ----------------------------------------------------------------------------

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Search on a table of numbers, by cross-validation.

        Parameters
        ----------
        X : array-like or table of shape (n_rows, n_features)
        y : array-like of shape (n_rows,)
        sample_weight : array-like of shape (n_rows,), optional
            Counts in training and in judging.

        Raises
        ------
        ConfigError
            If a parameter is unknown or out of range.
        DataError
            If the rows cannot be learned from.
        """
        self._check_learner()
        learner = self.learner.clone()
        design, classes = learner.read(X, as_column(y, "y"), sample_weight)
        total_weight(design)  # an error if there is none
        self.fit_design(design, classes=classes)
        if hasattr(learner, "feature_names_in_"):
            self.best_estimator_.feature_names_in_ = learner.feature_names_in_
        return self

    def fit_design(
        self,
        design: Design,
        *,
        validation: Design | None = None,
        classes: Sequence[Any] | NDArray[Any] | None = None,
        threads: int | None = None,
    ) -> Self:
        """Search on design blocks.

        Parameters
        ----------
        design : Design
        validation : Design, optional
            The rows to judge by, where `folds` is not stated; then the winner's training watches
            them, too.
        classes : sequence, optional
            Labels of the classes whose indices the targets are; without any they are numbers.
        threads : int, optional
            Overrides the parameter.
        """
        self._check_learner()
        threads = threads or self.threads
        labels = None if classes is None else np.asarray(classes)
        space = self._default_space(design) if self.space is None else self.space
        candidates = candidates_of(space, self.n_candidates, self.seed)
        held_out = self._held_out(design, validation, labels, threads)
        contest = Contest(self.learner, candidates, design, labels, held_out, threads)
        large = design.n_rows >= SMALL_ROWS and self.learner.solver == "auto"
        races = self.halving and (large or self.learner.solver == "sgd")
        outcome = contest.race() if races else contest.converge()
        if np.isnan(outcome.scores[outcome.best]).any():
            raise DataError(
                f"all {len(candidates)} candidates diverged; lower the learning rates, or scale "
                "the features (StandardScaler)"
            )
        self.scorer_ = held_out.scoring.name
        self._remember(candidates, outcome, larger_is_better=held_out.scoring.larger_is_better)
        options: dict[str, Any] = {} if labels is None else {"classes": labels}
        self.best_estimator_ = self.learner.clone().set_params(**self.best_params_)
        # The penalty was chosen by these rows: there is no other use of ending early, unless asked.
        watched = self.learner.patience is not None or self.learner.solver == "sgd"
        self.best_estimator_.fit_design(
            design,
            validation=validation if watched and not self.folds else None,
            start=outcome.start,
            threads=threads,
            **options,
        )
        return self

    def _check_learner(self) -> None:
        if not isinstance(self.learner, LinearLearner):
            raise ConfigError(
                f"learner is {self.learner!r}; lanes are of a LogisticRegression or a "
                "LinearRegression: settings of others are searched by OptunaSearch"
            )

    def _default_space(self, design: Design) -> Space:
        return {"l2": (np.logspace(-2.0, 4.0, 16) / total_weight(design)).tolist()}

    def _held_out(
        self,
        design: Design,
        validation: Design | None,
        labels: NDArray[Any] | None,
        threads: int | None,
    ) -> HeldOut:
        task: Task = "regression" if labels is None else "multiclass"
        if labels is not None and len(labels) == 2:
            task = "binary"
        scoring = find_scoring(self.scoring or ("rmse" if labels is None else "log_loss"), task)
        folds, n_folds = None, 1
        if self.folds is not None or validation is None:
            n_folds = DEFAULT_FOLDS if self.folds is None else self.folds
            folds = self._folds(design, n_folds, stratified=labels is not None)
            validation = design
        elif validation.n_rows == 0:
            raise DataError("there are no validation rows to judge by; give some, or folds=5")
        return HeldOut(
            validation,
            folds,
            n_folds,
            width=len(labels) if labels is not None and len(labels) > 2 else 1,
            task=task,
            scoring=scoring,
            scores=self.learner.scores,
            threads=threads,
        )

    def _folds(self, design: Design, n_folds: int, *, stratified: bool) -> list[Folds]:
        codes = None
        if stratified:
            targets = [np.asarray(block.target) for block in design.blocks]
            codes = np.concatenate(targets).astype(np.intp)
        whole = assign_folds(design.n_rows, n_folds, seed=self.seed, codes=codes)
        ends = np.cumsum([block.n_rows for block in design.blocks])[:-1]
        return [np.ascontiguousarray(part) for part in np.split(whole, ends)]

    def _remember(
        self, candidates: list[dict[str, Any]], outcome: Outcome, *, larger_is_better: bool
    ) -> None:
        mean = outcome.scores.mean(axis=1)
        order = np.argsort(np.nan_to_num(-mean if larger_is_better else mean, nan=np.inf))
        # Who was longer in the race is ahead of those that left it, whatever their last scores.
        order = order[np.argsort(-np.nan_to_num(outcome.epochs[order]), kind="stable")]
        rank = np.empty(len(candidates), np.int64)
        rank[order] = np.arange(1, len(candidates) + 1)
        self.cv_results_ = {
            "params": candidates,
            "mean_test_score": mean,
            "std_test_score": outcome.scores.std(axis=1),
            "rank_test_score": rank,
            **{f"split{k}_test_score": of_fold for k, of_fold in enumerate(outcome.scores.T)},
            "epochs": outcome.epochs,
        }
        self.best_index_ = outcome.best
        self.best_params_ = dict(candidates[outcome.best])
        self.best_score_ = float(mean[outcome.best])

    @property
    def tried_(self) -> Tried:
        """What was tried, as a saved model and a report hold it."""
        self._best()
        n_folds = sum(name.startswith("split") for name in self.cv_results_)

        def stated(values: Float64) -> list[float | None]:
            return [None if np.isnan(value) else float(value) for value in values]

        return Tried(
            scoring=self.scorer_,
            judged_on="the validation rows" if n_folds == 1 else f"{n_folds} folds",
            params=[
                {name: _plain(value) for name, value in each.items()}
                for each in self.cv_results_["params"]
            ],
            mean=stated(self.cv_results_["mean_test_score"]),
            std=stated(self.cv_results_["std_test_score"]),
            epochs=stated(self.cv_results_["epochs"]),
            best=self.best_index_,
        )

    # -- the winner ---------------------------------------------------------------------------

    def _best(self) -> LinearLearner:
        if not hasattr(self, "best_estimator_"):
            raise not_fitted(self)
        return self.best_estimator_

    @property
    def classes_(self) -> NDArray[Any]:
        """Labels of the classes."""
        return self._best().classes_  # type: ignore[union-attr]

    @property
    def n_features_in_(self) -> int:  # type: ignore[override]
        """Features of the table."""
        return self._best().n_features_in_

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the winner's predictions, (n_rows,)."""
        return self._best().predict(X)

    @property
    def predict_proba(self) -> Callable[[Any], Float64]:
        """What returns the winner's probability of each class, (n_rows, n_classes).

        Only of a classifier, as scikit-learn expects of one who asks.
        """
        if self._estimator_type != "classifier":
            raise AttributeError(f"{self.learner!r} predicts numbers, which have no probabilities")
        return self._predict_proba

    def _predict_proba(self, X: Any) -> Float64:
        return self._best().predict_proba(X)  # type: ignore[union-attr]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the winner's accuracy or R squared on labelled rows."""
        return self._best().score(X, y, sample_weight)


def _plain(value: Any) -> Any:
    """Return a setting as JSON holds it."""
    if isinstance(value, np.generic):
        return value.item()
    return {str(k): v for k, v in value.items()} if isinstance(value, Mapping) else value
