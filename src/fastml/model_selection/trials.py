"""One trial of a search: settings are trained and scored, unless it is plain that they lose."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from fastml._typing import Task
from fastml.errors import DataError, FastMLError
from fastml.evaluation.checks import checked
from fastml.evaluation.metrics import Metric
from fastml.extras import load_extra
from fastml.linear_model.design import Design
from fastml.model_selection.encodings import Encodings
from fastml.model_selection.scoring import score_of
from fastml.model_selection.variants import without_replicates
from fastml.pipeline.fitted import Learner
from fastml.pipeline.target import Target
from fastml.pipeline.training import train_learner

if TYPE_CHECKING:
    from fastml.pipeline import Pipeline

__all__ = ["Bar", "Scorer", "State", "Trial", "Trials"]

State: TypeAlias = Literal["complete", "pruned", "failed", "cut"]

FIRST_REPORT = 8
"""The first round of training whose score is looked at; then those at its doubles: scoring after
every round would take as long as training."""
LEAST_BEATEN = 5
"""Trials that a trial is held against before it may be given up."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What one trial tried, and what came of it.

    Attributes
    ----------
    number : int
        In the order that they were asked for, from 0; -1 for the pipeline as it was given.
    params : dict
        The settings by name.
    state : {"complete", "pruned", "failed", "cut"}
        Whether training went to its end, was given up as no better than others were by then, raised
        an error, or was cut short by the time budget.
    score : float
        On the validation rows; of a trial that was given up, its last. NaN where there is none.
    seconds : float
    error : str
        Of a trial that failed.
    reports : dict of int to float
        Scores after some of the rounds of training.
    same_as : int or None
        The trial of the same settings whose outcome this one has.
    """

    number: int
    params: dict[str, Any]
    state: State
    score: float = math.nan
    seconds: float = 0.0
    error: str = ""
    reports: dict[int, float] = field(default_factory=dict)
    same_as: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold: a score that there is not is None."""
        found = asdict(self) | {"reports": {str(n): score for n, score in self.reports.items()}}
        return found | {"score": self.score if math.isfinite(self.score) else None}


class Scorer:
    """Scores a learner by a metric on labelled design rows.

    Parameters
    ----------
    metric : Metric
        A decision of a binary model is taken at 0.5.
    target : Target
    """

    def __init__(self, metric: Metric, target: Target) -> None:
        self._metric = metric
        self._task: Task = target.task

    def better(self, one: float, other: float) -> bool:
        """Return whether a score is better than another; NaN is worse than any."""
        if math.isnan(other):
            return not math.isnan(one)
        return one > other if self._metric.larger_is_better else one < other

    def __call__(self, learner: Learner, design: Design) -> float:
        """Return the score of a learner.

        Raises
        ------
        DataError
            If the rows do not define the metric.
        """
        blocks = [block for block in design.blocks if block.n_rows]
        truth = np.concatenate([np.asarray(block.target) for block in blocks])
        if self._task != "regression":
            truth = truth.astype(np.int64)
        weights = [block.weight for block in blocks if block.weight is not None]
        scores = np.concatenate([learner.predict_scores(block) for block in blocks])
        given = checked(self._task, truth, scores, np.concatenate(weights) if weights else None)
        score = score_of(self._metric, given)
        if math.isnan(score):
            raise DataError(f"{self._metric.name} is not defined on the validation rows")
        return score


class Bar:
    """What a trial must be better than to go on: the median of those before it, round by round.

    The rule is that of Vizier's median stopping (Golovin et al. 2017): a trial is given up where
    its best score so far is worse than the median of what others had after as many rounds. Others
    are those of the same kind of learner that went to their end.
    """

    def __init__(self, trials: Sequence[Trial], scorer: Scorer) -> None:
        self._better = scorer.better
        scores: dict[int, list[float]] = {}
        for trial in trials:
            for n, score in trial.reports.items():
                scores.setdefault(n, []).append(score)
        self._medians = {
            n: float(np.median(each)) for n, each in scores.items() if len(each) >= LEAST_BEATEN
        }

    def stops(self, n: int, reports: Mapping[int, float]) -> bool:
        """Return whether a trial with these scores is given up after round `n`."""
        median = self._medians.get(n)
        return median is not None and all(self._better(median, score) for score in reports.values())


class _GivenUpError(Exception):
    """Ends the training of a trial that is worse than others."""


class _TimeError(Exception):
    """Ends the training of a trial when time is up."""


class Trials:
    """Trains and scores the variants of a pipeline on rows that are encoded once a plan.

    Parameters
    ----------
    variant : callable
        Returns the pipeline of some settings.
    encodings : Encodings
    target : Target
    scorer : Scorer
    threads : int
        Of one trial.
    deadline : float
        A trial ends at the first round after this `time.monotonic()`.
    """

    def __init__(
        self,
        variant: Callable[[Mapping[str, Any]], Pipeline],
        encodings: Encodings,
        target: Target,
        scorer: Scorer,
        threads: int,
        deadline: float = math.inf,
    ) -> None:
        self._variant, self._encodings = variant, encodings
        self._target, self._scorer = target, scorer
        self._threads, self._deadline = threads, deadline

    def run(self, number: int, params: dict[str, Any], bar: Bar, *, cut: bool = True) -> Trial:
        """Train and score; errors of the settings or the rows become the trial's.

        Parameters
        ----------
        number : int
        params : dict
        bar : Bar
        cut : bool
            False: whatever the time.
        """
        start = time.perf_counter()
        trial = Trial(number, params, "complete")

        def monitor(n: int, learner: Callable[[], Learner]) -> None:
            if cut and time.monotonic() > self._deadline:
                raise _TimeError
            if n >= FIRST_REPORT and n & (n - 1) == 0:
                trial.reports[n] = self._scorer(learner(), encoding.validation)
                if bar.stops(n, trial.reports):
                    raise _GivenUpError

        try:
            pipeline = self._variant(params)
            encoding = self._encodings.of(pipeline)
            assert pipeline.learner is not None
            learner, _ = train_learner(
                without_replicates(pipeline.learner),
                self._target,
                encoding.train,
                encoding.validation,
                self._threads,
                monitor,
            )
            trial = replace(trial, score=self._scorer(learner, encoding.validation))
        except _GivenUpError:
            trial = replace(trial, state="pruned", score=trial.reports[max(trial.reports)])
        except _TimeError:
            trial = replace(trial, state="cut")
        except self._errors(params) as error:
            trial = replace(trial, state="failed", error=str(error), reports={})
        return replace(trial, seconds=time.perf_counter() - start)

    def _errors(self, params: Mapping[str, Any]) -> tuple[type[Exception], ...]:
        if params.get("learner.kind") == "xgboost":
            return (FastMLError, load_extra("xgboost").core.XGBoostError)
        return (FastMLError,)
