"""Success criteria: how good is good enough, read from settings and checked in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite, isnan, nan
from typing import Any

from fastml._typing import Task
from fastml.errors import ConfigError, did_you_mean
from fastml.evaluation.comparison import Comparison
from fastml.evaluation.intervals import Interval
from fastml.evaluation.metrics import Metric, metric, metric_names, within
from fastml.evaluation.numbers import amount

__all__ = ["Criterion", "Verdict", "check", "parse_criteria", "within_percents"]

_BASELINE = "beats_baseline"
_LATENCY = Metric("latency_ms", ("binary", "multiclass", "regression"), False, high=inf)


@dataclass(frozen=True, slots=True)
class Criterion:
    """A bound that a run must keep.

    Attributes
    ----------
    name : str
        A metric, "latency_ms" or "beats_baseline".
    minimum, maximum : float or None
        The bounds, themselves allowed; both None for "beats_baseline".
    """

    name: str
    minimum: float | None = None
    maximum: float | None = None

    @property
    def bound(self) -> str:
        """The bound in words."""
        parts = []
        if self.minimum is not None:
            parts.append(f"at least {_exactly(self.minimum)}")
        if self.maximum is not None:
            parts.append(f"at most {_exactly(self.maximum)}")
        return " and ".join(parts) or "better than without ML"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether one criterion holds.

    Attributes
    ----------
    name, bound : str
        The criterion, and its bound in words.
    value : float
        What was measured (the advantage over the baseline, for "beats_baseline"); NaN if nothing.
    passed : bool
    words : str
        The verdict as a sentence.
    """

    name: str
    bound: str
    value: float
    passed: bool
    words: str

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {
            "name": self.name,
            "bound": self.bound,
            "value": self.value if isfinite(self.value) else None,
            "passed": self.passed,
            "words": self.words,
        }


def parse_criteria(settings: Mapping[str, Any], task: Task) -> tuple[Criterion, ...]:
    """Read success criteria.

    Parameters
    ----------
    settings : mapping
        `{"roc_auc": {"min": 0.8}, "latency_ms": {"max": 5}, "beats_baseline": True}`: a metric of
        the task, "profit" or "latency_ms" with "min", "max" or both; "beats_baseline" with True
        or False.
    task : str
        Whose metrics may be bounded.

    Returns
    -------
    tuple of Criterion
        In the order of the settings; `beats_baseline = false` asks for nothing.

    Raises
    ------
    ConfigError
        If a name or bound is unknown, or no value could satisfy or fail it.
    """
    criteria = []
    for name, bounds in settings.items():
        if name == _BASELINE:
            if not isinstance(bounds, bool):
                raise ConfigError(f"beats_baseline is {bounds!r}; expected true or false")
            if bounds:
                criteria.append(Criterion(name))
        else:
            criteria.append(_bounded(_known(name, task), bounds))
    return tuple(criteria)


def within_percents(criteria: Iterable[Criterion]) -> tuple[float, ...]:
    """Return the percentages N to measure `within_Npct` at: 5, 10 and those that are bounded."""
    asked = (within(criterion.name) for criterion in criteria)
    return tuple(sorted({5.0, 10.0, *(percent for percent in asked if percent is not None)}))


def check(
    criteria: Iterable[Criterion],
    metrics: Mapping[str, float],
    *,
    intervals: Mapping[str, Interval] | None = None,
    comparisons: Sequence[Comparison] = (),
) -> list[Verdict]:
    """Check what was measured against the criteria.

    Parameters
    ----------
    criteria : iterable of Criterion
    metrics : mapping of str to float
        As `Evaluation.metrics`, with "latency_ms" if it is bounded.
    intervals : mapping, optional
        As `Evaluation.intervals`; where a bound lies inside one, the words say so.
    comparisons : sequence of Comparison
        The model against its baselines, for "beats_baseline": all must be won.

    Returns
    -------
    list of Verdict
        One for each criterion; what was not measured has not passed.
    """
    return [
        _against_baseline(criterion, comparisons)
        if criterion.name == _BASELINE
        else _against_bounds(criterion, metrics, intervals or {})
        for criterion in criteria
    ]


def _known(name: str, task: Task) -> Metric:
    found = _LATENCY if name == _LATENCY.name else metric(name)
    if found is None:
        known = (*metric_names(task), _LATENCY.name, _BASELINE)
        raise ConfigError(
            f"unknown success criterion {name!r}{did_you_mean(name, known, listed=True)}"
        )
    if task not in found.tasks:
        raise ConfigError(
            f"success criterion {name!r} measures {' and '.join(found.tasks)}, not {task}; "
            f"{task} has {', '.join(metric_names(task))}"
        )
    return found


def _bounded(found: Metric, bounds: object) -> Criterion:
    name = found.name
    better = "min" if found.larger_is_better else "max"
    if not isinstance(bounds, Mapping):
        raise ConfigError(f"{name} is {bounds!r}; write {name} = {{ {better} = {bounds} }}")
    unknown = [key for key in bounds if key not in ("min", "max")]
    if unknown:
        raise ConfigError(f"{name} has the bound {unknown[0]!r}; expected min or max")
    if better not in bounds:
        direction = "larger" if found.larger_is_better else "smaller"
        raise ConfigError(
            f"{name} is better when {direction}, so that only {better} asks for anything; "
            f"write {name} = {{ {better} = ... }}"
        )
    for key, bound in bounds.items():
        if isinstance(bound, bool) or not isinstance(bound, int | float) or not isfinite(bound):
            raise ConfigError(f"{name} has {key} = {bound!r}; expected a number")
        if not found.low <= bound <= found.high:
            hint = f"; {bound}% is {bound / 100:g}" if found.high == 1 and 1 < bound <= 100 else ""
            raise ConfigError(
                f"{name} has {key} = {bound:g}; its values lie between {found.low:g} and "
                f"{found.high:g}{hint}"
            )
    criterion = Criterion(name, _number(bounds, "min"), _number(bounds, "max"))
    if len(bounds) == 2 and bounds["min"] > bounds["max"]:
        raise ConfigError(
            f"{name} has min = {bounds['min']:g} above max = {bounds['max']:g}; no value is both"
        )
    return criterion


def _number(bounds: Mapping[str, Any], key: str) -> float | None:
    return float(bounds[key]) if key in bounds else None


def _against_bounds(
    criterion: Criterion, metrics: Mapping[str, float], intervals: Mapping[str, Interval]
) -> Verdict:
    name, bound = criterion.name, criterion.bound
    value = metrics.get(name, nan)
    if isnan(value):
        why = "is not defined on these rows" if name in metrics else "was not measured"
        hint = "; state [problem.value]" if name == "profit" and name not in metrics else ""
        return Verdict(name, bound, nan, False, f"{name} {why}, so that it is not {bound}{hint}")
    limits = [limit for limit in (criterion.minimum, criterion.maximum) if limit is not None]
    passed = (criterion.minimum is None or value >= criterion.minimum) and (
        criterion.maximum is None or value <= criterion.maximum
    )
    words = f"{name} is {_digits(value, limits)}, {'' if passed else 'not '}{bound}"
    low, high = intervals.get(name, (value, value))
    if any(low < limit < high for limit in limits):
        words += f"; too close to tell on these rows (interval {amount(low)} to {amount(high)})"
    return Verdict(name, bound, value, passed, words)


def _digits(value: float, limits: Sequence[float]) -> str:
    """Write a value with as many digits as tell it from its bounds."""
    for digits in range(4, 17):
        text = amount(value, digits)
        said = float(text.replace(",", ""))
        if all((said < limit) == (value < limit) for limit in limits) and all(
            (said > limit) == (value > limit) for limit in limits
        ):
            return text
    return repr(value)


def _exactly(bound: float) -> str:
    """Write a bound with every digit that was given, and thousands apart."""
    return f"{bound:,.15g}"


def _against_baseline(criterion: Criterion, comparisons: Sequence[Comparison]) -> Verdict:
    if not comparisons:
        words = "the model was not compared with a baseline"
        return Verdict(criterion.name, criterion.bound, nan, False, words)
    lost = [comparison for comparison in comparisons if not comparison.beats]
    shown = lost or comparisons
    return Verdict(
        criterion.name,
        criterion.bound,
        shown[0].advantage,
        not lost,
        "; ".join(comparison.words for comparison in shown),
    )
