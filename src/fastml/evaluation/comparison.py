"""Whether a model is better than doing without one, on the same rows."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite, sqrt
from typing import Any

from numpy.typing import ArrayLike

from fastml._typing import Float64, Task
from fastml.errors import ConfigError, DataError
from fastml.evaluation.checks import checked
from fastml.evaluation.decision_value import DecisionValue
from fastml.evaluation.intervals import (
    Estimate,
    Interval,
    quantile_of_student,
    standard_error,
)
from fastml.evaluation.metrics import chief_metric, find, within
from fastml.evaluation.numbers import amount
from fastml.evaluation.summary import estimates_of

__all__ = ["Comparison", "model_beats_baseline"]

_LEAST_ROWS = 5.0  # with fewer, chance alone often puts all of them on the same side


@dataclass(frozen=True, slots=True)
class Comparison:
    """A model against a baseline, measured on the same rows.

    Attributes
    ----------
    metric : str
    model, baseline : float
        The metric of each.
    advantage : float
        By how much the model is better, whichever direction is better.
    low, high : float
        The interval of the advantage; infinite where there are too few rows to tell anything.
    beats : bool
        Whether the interval lies above zero.
    words : str
        The verdict as a sentence.
    """

    metric: str
    model: float
    baseline: float
    advantage: float
    low: float
    high: float
    beats: bool
    words: str

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold; an infinite bound is None."""
        found = {name: getattr(self, name) for name in self.__slots__}
        return found | {n: found[n] if isfinite(found[n]) else None for n in ("low", "high")}


def model_beats_baseline(
    task: Task,
    y_true: ArrayLike,
    model_scores: ArrayLike,
    baseline_scores: ArrayLike,
    *,
    metric: str | None = None,
    thresholds: tuple[float, float] = (0.5, 0.5),
    value: DecisionValue | None = None,
    sample_weight: ArrayLike | None = None,
    confidence: float = 0.95,
    baseline: str = "the best rule without ML",
    learned: bool = False,
) -> Comparison:
    """Judge by paired comparison whether a model earns its place over a baseline.

    Both are measured on the same rows, so what is hard for both cancels: the standard error of
    the advantage is that of the difference of the two influences, row by row (for ROC AUC this is
    the test of DeLong, DeLong and Clarke-Pearson 1988).

    Parameters
    ----------
    task : {"binary", "multiclass", "regression"}
    y_true, model_scores, baseline_scores, sample_weight : array
        As in `evaluate`.
    metric : str, optional
        By default roc_auc for two classes, log_loss for several, rmse for a regression. Any
        metric but "ece"; "profit" (with `value`) says whether the model is worth more.
    thresholds : (float, float)
        At which the model and the baseline decide.
    value : DecisionValue, optional
        What a decision is worth, for the metric "profit".
    confidence : float
        Of the interval.
    baseline : str
        How the verdict names the baseline.
    learned : bool
        Whether that is a model, too: the verdict says which is better, not if ML is needed.

    Returns
    -------
    Comparison

    Raises
    ------
    ConfigError
        If the metric is unknown, of another task, or cannot be compared.
    DataError
        If the rows do not define the metric, or as `evaluate`.
    """
    compared = find(metric or chief_metric(task), task)
    if compared.name == "ece":
        raise ConfigError("ece has no paired comparison; compare by log_loss or brier")
    if compared.name == "profit" and value is None:
        raise ConfigError("comparing by profit needs the value of each decision; give value=")
    percent = within(compared.name)
    asked = () if percent is None else (percent,)
    sides = []
    for scores, threshold in zip((model_scores, baseline_scores), thresholds, strict=True):
        given = checked(task, y_true, scores, sample_weight)
        found = estimates_of(given, threshold, asked, value)[compared.name]
        if not found.defined:
            raise DataError(
                f"{compared.name} is not defined on these {given.rows:,} rows, which hold one "
                "class or one value only; compare on more rows, or by another metric"
            )
        sides.append(found)
    first, second = sides
    sign = 1.0 if compared.larger_is_better else -1.0
    advantage = sign * (first.value - second.value)
    low, high = _interval(advantage, first, second, given.weight, confidence)
    beats = low > 0.0
    reach = "too few rows for an interval"
    if isfinite(low):
        reach = f"{100 * confidence:g}% interval {amount(low, 3)} to {amount(high, 3)}"
    better = "better" if advantage >= 0 else "worse"
    words = (
        f"{compared.name} of the model is {amount(first.value)}, of {baseline} "
        f"{amount(second.value)}: {amount(abs(advantage), 3)} {better} ({reach}); "
        + (
            _which(low, high, baseline)
            if learned
            else _verdict(advantage, low, high, given.rows, baseline)
        )
    )
    return Comparison(compared.name, first.value, second.value, advantage, low, high, beats, words)


def _interval(
    advantage: float,
    model: Estimate,
    baseline: Estimate,
    weight: Float64 | None,
    confidence: float,
) -> Interval:
    """Return Student's interval of the advantage, from the fewest rows that decide either side.

    Where every row says the same, the error seems to be zero; so it is taken for no less than what
    one row more, on which both are equally good, would make it.
    """
    rows = min(model.support, baseline.support)
    if rows < _LEAST_ROWS:
        return -inf, inf
    error = standard_error(model.influence() - baseline.influence(), weight)
    error = max(error * sqrt(rows / (rows - 1.0)), abs(advantage) / rows)
    reach = quantile_of_student(confidence, rows - 1.0) * error
    return advantage - reach, advantage + reach


def _which(low: float, high: float, other: str) -> str:
    if low > 0.0:
        return "the model is better"
    if high < 0.0:
        return f"{other} is better"
    return "these rows do not tell one from the other"


def _verdict(advantage: float, low: float, high: float, rows: int, baseline: str) -> str:
    if low > 0.0:
        return "the model earns its place"
    if high < 0.0:
        return f"no ML is needed: {baseline} does better"
    if advantage <= 0.0 and isfinite(low):
        return f"no ML is needed: on these rows {baseline} is at least as good"
    return (
        f"on so few rows ({rows:,}) the model cannot be told from {baseline}: "
        "judge it on more rows, or take the simpler rule"
    )
