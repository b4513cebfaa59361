"""`OptunaSearch`: settings of a whole pipeline by trials, over rows that are read once."""

from __future__ import annotations

import hashlib
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Self

import numpy as np

from fastml import __version__
from fastml.data import scan
from fastml.engine import default_threads, ordered_map
from fastml.errors import ConfigError, DataError, not_fitted
from fastml.evaluation.metrics import Metric, chief_metric
from fastml.extras import load_extra
from fastml.model_selection.encodings import Encoding, Encodings
from fastml.model_selection.pipeline_space import PipelineSpace
from fastml.model_selection.scoring import check_scoring, find_scoring
from fastml.model_selection.split import split
from fastml.model_selection.study import Study
from fastml.model_selection.trials import Bar, Scorer, Trial, Trials
from fastml.model_selection.variants import kind_of, variant
from fastml.pipeline import Pipeline
from fastml.pipeline.target import Target
from fastml.pipeline.training import (
    ReadTable,
    fitted,
    memory_for,
    read_table,
    steps_of,
    train_learner,
)

__all__ = ["OptunaSearch"]

_NO_FACTS = ("threads", "memory", "cache")
"""Settings of a pipeline that no trial depends on."""
HOPELESS = 10
"""Trials after which a search ends where every one has failed."""


class OptunaSearch:
    """Look for the settings of a pipeline that score best on validation rows.

    The table is read once. Each trial trains a variant of the pipeline and scores it; trials whose
    settings make the same encode plan share the encoded rows, and a trial that is worse than most
    were after as many rounds of training is given up. Optuna (extra `tune`) proposes the settings,
    by its tree-structured Parzen estimator.

    Parameters
    ----------
    pipeline : Pipeline
        What is not searched stays as it has it, but its `cache`, which is of one training, is not
        used. It is scored first, as it is, and wins where no trial is better.
    space : mapping
        By the name of a setting, or nested at its dots: a list of choices, or a range
        ``{"low": ..., "high": ..., "log": ..., "step": ...}`` (`Uniform` and `LogUniform` will do).
        Names: ``imputer.strategy``, ``imputer.add_indicator``, ``encoder.max_categories``,
        ``encoder.min_frequency``, ``pruner.threshold``, ``scaler`` (``"standard"``, ``"minmax"``,
        ``"robust"``), ``bins``, ``learner.kind`` (``"linear"``, ``"xgboost"``), and the parameters
        of the learner: ``learner.l2``. What one kind of learner alone has is asked for with that
        kind alone; what both kinds that are searched have is ``learner.linear.l2`` or
        ``learner.xgboost.l2``.
    scoring : str, optional
        A metric of `fastml.evaluation`; by default roc_auc of two classes, log_loss of several,
        rmse of numbers. Decisions are taken at a threshold of 0.5.
    trials : int
        How many, those of `journal` among them.
    time_budget : float, optional
        Seconds after which no trial begins, and those that run end at their next round. It makes a
        result depend on the machine.
    jobs : int
        Trials that run at a time, each on its share of the threads. With more than one, a trial is
        proposed before those that run with it are known.
    journal : path, optional
        A file that finished trials are added to. A search of the same settings, rows and versions
        goes on from the trials that it finds there; with one job it is, bit for bit, the search
        that was not cut short. One file holds any number of searches; `optuna-dashboard` shows it.
    prune : bool
        Whether trials are given up.
    most_bytes : int, optional
        What encoded rows may take; those in use are kept, whatever they take. Default: four times
        what the rows take as they were read, or 256 MiB.
    seed : int
        Of what is proposed.
    threads : int, optional
        Default: the pipeline's, or every core.

    Attributes
    ----------
    best_params_ : dict
        The settings by name; empty where no trial was better than the pipeline as it was given.
    best_score_ : float
        On the validation rows. The best of many scores flatters: judge the pipeline on others.
    best_pipeline_ : Pipeline
        Fitted with those settings, as `Pipeline.fit` would have it.
    given_ : Trial
        The pipeline as it was given.
    trials_ : list of Trial
        In the order in which they were proposed. They are there, and `best_params_`, after an
        interrupt (Ctrl-C), too.
    scoring_ : str
    encoded_, reused_ : int
        How often rows were encoded, and how often a trial found them there.
    resumed_ : int
        Trials that were found in the journal.
    seconds_ : float

    Examples
    --------
    >>> search = OptunaSearch(
    ...     Pipeline(target="churn"),
    ...     {
    ...         "encoder.max_categories": [20, 100, None],
    ...         "learner.kind": ["linear", "xgboost"],
    ...         "learner.linear.l2": {"low": 1e-8, "high": 1e-2, "log": True},
    ...         "learner.max_depth": {"low": 2, "high": 8},
    ...     },
    ...     trials=30,
    ... )
    >>> search.fit("customers.parquet").best_params_  # doctest: +SKIP
    """

    def __init__(
        self,
        pipeline: Pipeline,
        space: Mapping[str, Any],
        *,
        scoring: str | None = None,
        trials: int = 50,
        time_budget: float | None = None,
        jobs: int = 1,
        journal: str | os.PathLike[str] | None = None,
        prune: bool = True,
        most_bytes: int | None = None,
        seed: int = 0,
        threads: int | None = None,
    ) -> None:
        self.pipeline = pipeline
        self.space = space
        self.scoring = scoring
        self.trials = trials
        self.time_budget = time_budget
        self.jobs = jobs
        self.journal = journal
        self.prune = prune
        self.most_bytes = most_bytes
        self.seed = seed
        self.threads = threads

    def fit(
        self,
        data: Any,
        *,
        validation: Any = None,
        callback: Callable[[Trial], None] | None = None,
    ) -> Self:
        """Search, and train the pipeline with the best settings.

        Parameters
        ----------
        data : anything that `fastml.scan` takes
            Rows to train on.
        validation : anything that `fastml.scan` takes, optional
            Rows to score on, and to watch for the moment to stop training. Default: a fifth of
            `data`, at random, which is then not trained on.
        callback : callable, optional
            Called with each trial when it is over.

        Raises
        ------
        ConfigError
            If Optuna is not installed, or a setting, a metric or the journal is wrong.
        DataError
            If every trial failed.
        """
        load_extra("optuna")
        start = time.perf_counter()
        deadline = self._deadline()
        space = PipelineSpace(self.space, kind_of(self.pipeline.learner))
        if "xgboost" in space.kinds:
            load_extra("xgboost")  # before any time is spent
        if self.scoring is not None:
            check_scoring(self.scoring)
        threads = self.threads or self.pipeline.threads or default_threads()
        if validation is None:
            parts = split(scan(data), train=0.8, validation=0.2, test=0.0, seed=self.seed)
            data, validation = parts.train, parts.validation
        memory = memory_for(self.pipeline)
        quantiles = self._needs_quantiles(space)
        table = read_table(self.pipeline, data, threads, memory, quantiles=quantiles)
        default = table.target.default_learner()

        def variant_of(params: Mapping[str, Any]) -> Pipeline:
            if not params:  # as given, whichever kinds are searched
                params = {"learner.kind": kind_of(self.pipeline.learner)}
            return variant(self.pipeline, default, space, params)

        for each in space.samples():
            variant_of(each)  # a parameter that the learner of the task lacks is an error at once
        given = variant_of({})
        encodings = Encodings(table, validation, given, threads, self.most_bytes)
        encoding = encodings.of(given)
        metric = _metric(self.scoring, table.target)
        scorer = Scorer(metric, table.target)
        shared = max(1, threads // self.jobs)
        runner = Trials(variant_of, encodings, table.target, scorer, shared, deadline)
        study = Study(
            space,
            larger_is_better=metric.larger_is_better,
            seed=self.seed,
            several=self.jobs > 1,
            journal=self.journal,
            facts={} if self.journal is None else self._facts(metric, encoding),
        )
        self.scoring_, self.trials_ = metric.name, study.trials
        self.resumed_ = len(study.trials)
        self.given_ = runner.run(-1, {}, Bar([], scorer), cut=False)
        self._better = scorer.better
        if callback is not None:
            callback(self.given_)
        self._search(study, runner, scorer, deadline, callback)
        self.encoded_, self.reused_ = encodings.made, encodings.reused
        self._refuse_failure()
        best = variant_of(self.best_params_)
        self.best_pipeline_ = _trained(best, table, encodings.of(best), threads)
        self.seconds_ = time.perf_counter() - start
        return self

    def _deadline(self) -> float:
        """Check the numbers, and return when the search has to end."""
        for name, least in (("trials", 1), ("jobs", 1), ("seed", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ConfigError(f"{name} is {value!r}; expected a whole number >= {least}")
        if self.time_budget is None:
            return math.inf
        if not self.time_budget > 0:
            raise ConfigError(f"time_budget is {self.time_budget!r}; expected seconds above 0")
        return time.monotonic() + self.time_budget

    def _needs_quantiles(self, space: PipelineSpace) -> bool:
        """Return whether any trial may ask for quantiles of the numbers."""
        default = Target("", "regression", ()).default_learner()
        steps = (
            {name: v for name, v in each.items() if not name.startswith("learner.")}
            for each in space.samples()
        )
        return any(
            steps_of(variant(self.pipeline, default, space, each)).needs_quantiles for each in steps
        )

    def _facts(self, metric: Metric, encoding: Encoding) -> dict[str, Any]:
        """Return what tells this search from others in one journal."""
        rows = hashlib.sha256()
        for part in encoding.arrays():
            rows.update(np.ascontiguousarray(part).data)
        settings = vars(self.pipeline.clone()).items()
        pipeline = {name: repr(value) for name, value in settings if name not in _NO_FACTS}
        return {
            "fastml": __version__,
            "scoring": metric.name,
            "prune": self.prune,
            "pipeline": pipeline,
            "rows": rows.hexdigest(),
        }

    def _search(
        self,
        study: Study,
        runner: Trials,
        scorer: Scorer,
        deadline: float,
        callback: Callable[[Trial], None] | None,
    ) -> None:
        done = {repr(sorted(t.params.items())): t for t in study.trials}

        # All that a trial depends on is decided here, where trials are asked for and told in order,
        # and not while it runs: so that a parallel search is the same each time.
        def asked() -> Iterator[Callable[[], Trial]]:
            for _ in range(self.trials - len(study.trials)):
                if time.monotonic() > deadline or self._is_hopeless():
                    return
                number, params = study.ask()
                before = done.get(repr(sorted(params.items())))
                if before is not None:
                    yield partial(
                        replace, before, number=number, seconds=0.0, same_as=before.number
                    )
                else:
                    bar = Bar(_like(params, study.trials) if self.prune else [], scorer)
                    yield partial(runner.run, number, params, bar)

        for trial in ordered_map(lambda run: run(), asked(), self.jobs):
            study.tell(trial)
            if trial.state != "cut":
                done.setdefault(repr(sorted(trial.params.items())), trial)
            if callback is not None:
                callback(trial)

    def _is_hopeless(self) -> bool:
        failed = [t for t in (self.given_, *self.trials_) if t.state == "failed"]
        return len(failed) == 1 + len(self.trials_) and len(self.trials_) >= HOPELESS

    def _refuse_failure(self) -> None:
        tried = [self.given_, *self.trials_]
        if not any(trial.state == "complete" for trial in tried):
            raise DataError(
                f"none of {len(tried)} trials could be trained and scored; of the pipeline as it "
                f"was given: {self.given_.error}"
            )

    # -- what was found ---------------------------------------------------------------------

    @property
    def best_trial_(self) -> Trial:
        """The trial that scored best, the first of several; `given_` where none was better."""
        if not hasattr(self, "given_"):
            raise not_fitted(self)
        best = self.given_
        for trial in self.trials_:
            if trial.state == "complete" and self._better(trial.score, best.score):
                best = trial
        return best

    @property
    def best_params_(self) -> dict[str, Any]:
        """The settings that scored best."""
        return self.best_trial_.params

    @property
    def best_score_(self) -> float:
        """The best score on the validation rows."""
        return self.best_trial_.score


def _like(params: Mapping[str, Any], trials: Iterable[Trial]) -> list[Trial]:
    """Return the trials of the same kind of learner that went to their end."""
    kind = params.get("learner.kind")
    return [t for t in trials if t.state == "complete" and t.params.get("learner.kind") == kind]


def _metric(scoring: str | None, target: Target) -> Metric:
    return find_scoring(chief_metric(target.task) if scoring is None else scoring, target.task)


def _trained(pipeline: Pipeline, table: ReadTable, encoding: Encoding, threads: int) -> Pipeline:
    """Return the pipeline as `Pipeline.fit` would train it on the rows and the validation."""
    assert pipeline.learner is not None
    trained = train_learner(
        pipeline.learner, table.target, encoding.train, encoding.validation, threads
    )
    pipeline.adopt(fitted(pipeline, table, encoding.plan, encoding.dropped, *trained))
    return pipeline
