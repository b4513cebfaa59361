"""Judges a fitted pipeline on its splits, beside the best that can be done without ML."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fastml._typing import Float64
from fastml.calibration import Calibrator, Method, fit_calibrator
from fastml.data import Source
from fastml.errors import DataError
from fastml.evaluation.baselines import BaselineSearch
from fastml.evaluation.comparison import Comparison, model_beats_baseline
from fastml.evaluation.criteria import Criterion, within_percents
from fastml.evaluation.decision_value import DecisionValue
from fastml.evaluation.intervals import Interval
from fastml.evaluation.summary import Evaluation, evaluate
from fastml.evaluation.threshold import Threshold, choose_threshold
from fastml.evaluation.threshold_rule import Stated
from fastml.pipeline import Pipeline
from fastml.pipeline.resampled import replicates_drawn
from fastml.pipeline.rows import Labelled
from fastml.preprocessing.conform import conform
from fastml.reporting.outcome import Baseline
from fastml.workflow.standard import Standard

__all__ = ["Judge", "Scored"]

_CALLS = 200
_LATENCY = "latency_ms"


@dataclass(frozen=True, slots=True)
class Scored:
    """The rows of a split: truth, weights, the scores of the model and of the rules, if known.

    Those of the model are before calibration; `Judge.predicted` has them after it.
    """

    truth: NDArray[Any]
    weight: Float64 | None
    model: Float64
    rule: Float64 = field(default_factory=lambda: np.empty(0))
    constant: Float64 = field(default_factory=lambda: np.empty(0))


class Judge:
    """Scores a pipeline and the rules without ML on the same rows, in one pass a split.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted. Its calibration and its threshold are set where they are asked for.
    criteria : iterable of Criterion
        What will be asked for; decides which percentages `within_Npct` are measured.
    value : DecisionValue, optional
        What each outcome of a binary decision is worth.
    threshold : str, float or mapping, optional
        How the threshold is chosen, as `choose_threshold` takes it; default for the greatest
        profit where a decision has a value, else 0.5.
    calibration : {"platt", "isotonic", "temperature"}, optional
    standard : Standard, optional
        The rule without ML, where it is known; else `learn` finds it.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        criteria: Iterable[Criterion] = (),
        value: DecisionValue | None = None,
        threshold: Stated | None = None,
        calibration: Method | None = None,
        standard: Standard | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._value = value
        self._rule = "profit" if threshold is None and value is not None else threshold
        self._calibration = calibration
        self.criteria = tuple(criteria)
        self._within = within_percents(self.criteria)
        self.standard = standard
        self._constant: Standard | None = None
        self.threshold: Threshold | None = None

    def like(self, pipeline: Pipeline) -> Judge:
        """Return a judge of another pipeline who asks for the same, and knows no rules."""
        return Judge(pipeline, self.criteria, self._value, self._rule, self._calibration)

    def learn(self, train: Source) -> Scored:
        """Find the rules without ML on the training rows; return the model's scores of them."""
        pipeline = self._pipeline
        search = BaselineSearch(
            pipeline.task_, pipeline.input_schema_.names, classes=pipeline.classes_ or None
        )

        def learn(rows: Labelled) -> Iterable[Float64]:
            search.update(self._as_read(rows.batch), rows.truth, rows.weight)
            return ()

        scored = _scored(pipeline, train, learn)
        self.standard = Standard(search.best())
        self._constant = Standard(search.constant())
        return scored

    def score(self, rows: Source) -> Scored:
        """Score the rows of a split."""
        rules = [each.rule for each in (self.standard, self._constant) if each is not None]

        def predict(rows: Labelled) -> Iterable[Float64]:
            batch = self._as_read(rows.batch)
            return [rule.predict(batch) for rule in rules]

        return _scored(self._pipeline, rows, predict)

    def _as_read(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the columns of a batch in the model's types, whatever a table has."""
        return conform(batch, self._pipeline.input_schema_, "the table")

    def calibrate(self, validation: Scored) -> None:
        """Calibrate the model's probabilities, where that is asked for."""
        if self._calibration is not None:
            self._pipeline.calibrator_ = fit_calibrator(
                self._calibration,
                validation.truth,
                validation.model,
                validation.weight,
                classes=self._pipeline.classes_,
            )

    def choose_threshold(self, validation: Scored) -> None:
        """Choose where to act, for the model and for the rules alike, where that is asked for."""
        if self._rule is None:
            return
        self.threshold = self._chosen(validation, self.predicted(validation), self._rule)
        self._pipeline.threshold = self.threshold.threshold
        if self.standard is None or self._constant is None:
            return
        rule = self._chosen(validation, validation.rule, self._rule)
        self.standard = Standard(self.standard.rule, rule.threshold)
        if self._value is not None:
            constant = self._chosen(validation, validation.constant, "profit")
            self._constant = Standard(self._constant.rule, constant.threshold)

    def _chosen(self, split: Scored, scores: Float64, rule: Stated) -> Threshold:
        return choose_threshold(split.truth, scores, rule, split.weight, value=self._value)

    @property
    def calibrator(self) -> Calibrator | None:
        """What the model's probabilities go through."""
        return self._pipeline.calibrator_

    def predicted(self, split: Scored) -> Float64:
        """Return the model's scores of a split as it predicts them: calibrated, if it is."""
        return split.model if self.calibrator is None else self.calibrator(split.model)

    def evaluate(self, split: Scored) -> Evaluation:
        """Measure the model on a split, at its threshold."""
        return self._evaluate(split, self.predicted(split), self._pipeline.threshold)

    def before_calibration(self, split: Scored) -> Evaluation:
        """Measure the model's own probabilities on a split, without intervals."""
        return self._evaluate(split, split.model, self._pipeline.threshold, intervals=False)

    def baseline(self, split: Scored) -> Baseline:
        """Measure the rules without ML on a split, and the model against the best."""
        assert self.standard is not None
        return Baseline(
            self.standard.rule.words,
            self.standard.rule.column,
            self._evaluate(split, split.rule, self.standard.threshold),
            self._evaluate_constant(split),
            tuple(self.comparisons(split)),
        )

    def _evaluate_constant(self, split: Scored) -> Evaluation:
        """Measure the majority or mean, and what acting on all rows or none earns, the better."""
        assert self._constant is not None
        found = self._evaluate(split, split.constant, 0.5)
        if self._value is not None:
            acting = self._evaluate(split, split.constant, self._constant.threshold)
            found.metrics["profit"] = acting.metrics["profit"]
            found.intervals["profit"] = acting.intervals["profit"]
        return found

    def resampled(self, rows: Source) -> dict[str, Interval]:
        """Return intervals of the metrics had training and these rows been drawn anew.

        None where the learner draws no bootstrap.
        """
        if not replicates_drawn(self._pipeline.learner_):
            return {}
        return self._pipeline.metric_intervals(rows, within=self._within, value=self._value)

    def add_latency(self, found: Evaluation, rows: Source) -> None:
        """Measure how long one prediction takes, where a criterion asks for it.

        Only then: times differ from run to run, and nothing else in the metrics does.
        """
        if any(criterion.name == _LATENCY for criterion in self.criteria):
            found.metrics[_LATENCY] = self._latency_ms(rows)

    def _latency_ms(self, rows: Source) -> float:
        """Return the median time of predicting one row, in milliseconds of wall time."""
        row = rows.head(1)
        self._pipeline.predict(row)
        seconds = []
        for _ in range(_CALLS):
            start = perf_counter()
            self._pipeline.predict(row)
            seconds.append(perf_counter() - start)
        return 1000 * median(seconds)

    def _evaluate(
        self, split: Scored, scores: Float64, threshold: float, *, intervals: bool = True
    ) -> Evaluation:
        return evaluate(
            self._pipeline.task_,
            split.truth,
            scores,
            sample_weight=split.weight,
            classes=self._pipeline.classes_ or None,
            threshold=threshold,
            intervals=intervals,
            within=self._within,
            value=self._value,
        )

    def comparisons(self, split: Scored) -> Iterable[Comparison]:
        """Yield the model against the rule, by the chief metric and by what a decision is worth."""
        assert self.standard is not None
        threshold = self.standard.threshold
        yield from self._compared(split, split.rule, threshold, "the best rule without ML", False)

    def against(
        self, other: Judge, split: Scored, of_other: Scored, name: str
    ) -> tuple[Comparison, ...]:
        """Compare the model with that of another judge on a split that both have scored."""
        scores = other.predicted(of_other)
        return tuple(self._compared(split, scores, other._pipeline.threshold, name, True))

    def _compared(
        self, split: Scored, scores: Float64, threshold: float, name: str, learned: bool
    ) -> Iterable[Comparison]:
        for metric in [None] if self._value is None else [None, "profit"]:
            try:
                yield model_beats_baseline(
                    self._pipeline.task_,
                    split.truth,
                    self.predicted(split),
                    scores,
                    sample_weight=split.weight,
                    metric=metric,
                    thresholds=(self._pipeline.threshold, threshold),
                    value=self._value,
                    baseline=name,
                    learned=learned,
                )
            except DataError:
                # So few rows that the metric is not defined on them: nothing can be compared, and
                # a criterion that asks for it is not met.
                return


def _scored(
    pipeline: Pipeline, rows: Source, beside: Callable[[Labelled], Iterable[Float64]]
) -> Scored:
    """Return truth, weights, scores and what `beside` gives for each block, as whole arrays."""
    truth, weight, scores = [], [], []
    for block, model in pipeline.score_blocks(rows, calibrated=False):
        truth.append(block.truth)
        weight.append(block.weight)
        scores.append((model, *beside(block)))
    if not truth:
        raise DataError(
            f"no row of {rows.name} has a value in the target {pipeline.target!r}; "
            "there is nothing to judge the model by"
        )
    whole = [each for each in weight if each is not None]
    return Scored(
        np.concatenate(truth),
        np.concatenate(whole) if whole else None,
        *(np.concatenate(each) for each in zip(*scores, strict=True)),
    )
