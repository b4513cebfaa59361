"""What a run found: the one record that metrics.json, the report and the terminal are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastml._typing import Float64, Task
from fastml.evaluation.comparison import Comparison
from fastml.evaluation.criteria import Verdict
from fastml.evaluation.intervals import Interval
from fastml.evaluation.summary import Evaluation
from fastml.evaluation.threshold import Threshold
from fastml.model_selection.trials import Trial
from fastml.model_selection.tried import Tried

__all__ = ["Baseline", "Beside", "Outcome", "Tuning"]


@dataclass(frozen=True, slots=True)
class Baseline:
    """Doing without ML, on the rows that the model was judged on.

    Attributes
    ----------
    words : str
        The best rule of one column (or none).
    column : str or None
        The column it looks at.
    rule : Evaluation
        How good that rule is.
    constant : Evaluation
        How good the majority or the mean is.
    comparisons : tuple of Comparison
        The model against the rule; empty where the rows do not allow it.
    """

    words: str
    column: str | None
    rule: Evaluation
    constant: Evaluation
    comparisons: tuple[Comparison, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {
            "words": self.words,
            "column": self.column,
            "metrics": finite(self.rule.metrics),
            "constant": finite(self.constant.metrics),
            "comparisons": [each.to_dict() for each in self.comparisons],
        }


@dataclass(frozen=True, slots=True)
class Recalibration:
    """What calibration changed.

    Attributes
    ----------
    words : str
        How probabilities were calibrated.
    before : dict of str to Evaluation
        How good the model was without, by the split's name. What calibration was learned from is
        flattered by it: the test split tells what it is worth.
    """

    words: str
    before: Mapping[str, Evaluation]

    def metrics(self, split: str) -> dict[str, float]:
        """Return the metrics of a split before, of those that tell a calibration."""
        found = self.before[split].metrics
        return {name: found[name] for name in ("log_loss", "brier", "ece") if name in found}

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        before = {split: finite(self.metrics(split)) for split in self.before}
        return {"words": self.words, "before": before}


@dataclass(frozen=True, slots=True)
class Beside:
    """Another kind of learner, trained and judged on the same rows.

    Attributes
    ----------
    kind : str
        Such as "xgboost".
    learner : str
        With the settings that are not defaults.
    splits : dict of str to Evaluation
        By the split's name.
    seconds : (float, float)
        What training took: the model's, and this one's.
    comparisons : tuple of Comparison
        The model against this one; empty where the rows do not allow it.
    """

    kind: str
    learner: str
    splits: Mapping[str, Evaluation]
    seconds: tuple[float, float]
    comparisons: tuple[Comparison, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {
            "kind": self.kind,
            "learner": self.learner,
            "splits": {name: finite(each.metrics) for name, each in self.splits.items()},
            "seconds": list(self.seconds),
            "comparisons": [each.to_dict() for each in self.comparisons],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """A search over the settings of the pipeline, judged on the validation rows.

    Attributes
    ----------
    scoring : str
        The metric.
    given, best : Trial
        The settings as the project has them otherwise, and those that were chosen: the same where
        no trial was better.
    trials : tuple of Trial
        In the order in which they were proposed.
    encoded, reused : int
        How often rows were encoded, and how often a trial found them there.
    resumed : int
        Trials that were found in the journal.
    seconds : float
    """

    scoring: str
    given: Trial
    best: Trial
    trials: tuple[Trial, ...]
    encoded: int
    reused: int
    resumed: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {
            "scoring": self.scoring,
            "given": self.given.to_dict(),
            "best": self.best.to_dict(),
            "trials": [trial.to_dict() for trial in self.trials],
            "encoded": self.encoded,
            "reused": self.reused,
            "resumed": self.resumed,
            "seconds": self.seconds,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run found.

    Attributes
    ----------
    judged_on : {"test", "validation"}
        The split that the criteria were held against; "validation" for a draft.
    splits : dict of str to Evaluation
        By the split's name.
    truth, scores, weight : arrays
        Of the rows judged on, as `evaluate` takes them; None without row weights.
    counted_by : str or None
        The column of the row weights.
    threshold : Threshold or None
        How the threshold was chosen on the validation rows.
    resampled : dict of str to (float, float)
        Intervals of the metrics judged on, had training and these rows been drawn anew; empty where
        the learner draws no bootstrap.
    calibration : Recalibration or None
        How probabilities were calibrated on the validation rows, where they were.
    beside : Beside or None
        Another kind of learner on the same rows, where one was asked for.
    tried : Tried or None
        What a search for the best settings of the learner tried, where one was asked for.
    tuning : Tuning or None
        A search over the settings of the whole pipeline, where one was asked for.
    explanation, profile : dict
        As `Explanation.to_dict` and `TableProfile.to_dict` give them.
    facts : dict of str to str
        What else a reader may want to know: rows, seconds, versions, settings.
    project_text, settings_text : str
        The project file as read, and the settings in effect as one that stands alone.
    """

    question: str | None
    task: Task
    target: str
    positive: str | None
    source: str
    judged_on: str
    splits: Mapping[str, Evaluation]
    verdicts: tuple[Verdict, ...]
    baseline: Baseline
    truth: NDArray[Any] = field(default_factory=lambda: np.empty(0))
    scores: Float64 = field(default_factory=lambda: np.empty(0))
    weight: Float64 | None = None
    counted_by: str | None = None
    threshold: Threshold | None = None
    resampled: Mapping[str, Interval] = field(default_factory=dict)
    calibration: Recalibration | None = None
    beside: Beside | None = None
    tried: Tried | None = None
    tuning: Tuning | None = None
    explanation: Mapping[str, Any] = field(default_factory=dict)
    profile: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    project_text: str = ""
    settings_text: str = ""

    @property
    def passed(self) -> bool:
        """Whether every criterion holds."""
        return all(verdict.passed for verdict in self.verdicts)

    @property
    def judged(self) -> Evaluation:
        """The evaluation that the criteria were held against."""
        return self.splits[self.judged_on]

    def to_dict(self) -> dict[str, Any]:
        """Return the content of metrics.json."""
        return {
            "passed": self.passed,
            "judged_on": self.judged_on,
            "criteria": [verdict.to_dict() for verdict in self.verdicts],
            "splits": {name: finite(each.metrics) for name, each in self.splits.items()},
            "intervals": {
                name: {metric: list(bounds) for metric, bounds in each.intervals.items()}
                for name, each in self.splits.items()
            },
            "resampled": {metric: list(bounds) for metric, bounds in self.resampled.items()},
            "baseline": self.baseline.to_dict(),
            "threshold": self.threshold and self.threshold.to_dict(),
            "calibration": self.calibration and self.calibration.to_dict(),
            "beside": self.beside and self.beside.to_dict(),
            "tried": self.tried and self.tried.to_dict(),
            "tuning": self.tuning and self.tuning.to_dict(),
        }


def finite(metrics: Mapping[str, float]) -> dict[str, float | None]:
    """Return metrics as JSON can hold them: null where one is not defined."""
    return {name: value if isfinite(value) else None for name, value in metrics.items()}
