"""What a run found, for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from fastml.evaluation.criteria import Verdict
from fastml.evaluation.intervals import Interval
from fastml.evaluation.numbers import how_many
from fastml.reporting.chosen import calibration_words, threshold_words
from fastml.reporting.numbers import metric_value
from fastml.reporting.outcome import Beside, Outcome
from fastml.reporting.run_report import verdict_words
from fastml.reporting.tuning import tuning_words

__all__ = ["counted", "metric_lines", "summary", "verdict_lines"]


def summary(outcome: Outcome) -> str:
    """Return the verdict, its reasons and the metrics that it rests on."""
    judged = outcome.judged
    lines = [verdict_words(outcome), *verdict_lines(outcome.verdicts), ""]
    lines.append(
        f"On {how_many(judged.rows, f'{outcome.judged_on} row')}{counted(outcome.counted_by)}, "
        f"{100 * judged.confidence:g}% intervals:"
    )
    lines += metric_lines(judged.metrics, judged.intervals)
    threshold = threshold_words(outcome)
    chosen = [*calibration_words(outcome), *([] if threshold is None else [threshold])]
    lines += ["", *chosen] if chosen else []
    if outcome.tuning is not None:
        lines += ["", "Tuned:", *(f"  {line}" for line in tuning_words(outcome.tuning))]
    if outcome.beside is not None:
        lines += ["", *beside_lines(outcome.beside)]
    lines += ["", f"Without ML: {outcome.baseline.words}"]
    said = "\n".join(lines)
    lines += [f"  {each.words}" for each in outcome.baseline.comparisons if each.words not in said]
    return "\n".join(lines)


def beside_lines(beside: Beside) -> Iterator[str]:
    """Yield the other kind of learner, and how it compares."""
    own, other = beside.seconds
    yield f"Beside {beside.kind} on the same rows ({other:.2f} s of training against {own:.2f} s):"
    for each in beside.comparisons:
        yield f"  {each.words}"


def counted(by: str | None) -> str:
    """Say by which column rows are weighted, where they are."""
    return "" if by is None else f", each counted by {by!r}"


def verdict_lines(verdicts: Iterable[Verdict]) -> Iterator[str]:
    """Yield a line for each criterion."""
    for verdict in verdicts:
        yield f"  {'holds' if verdict.passed else 'FAILS'}  {verdict.words}"


def metric_lines(metrics: Mapping[str, float], intervals: Mapping[str, Interval]) -> Iterator[str]:
    """Yield a line for each metric, with its interval where there is one."""
    for name, value in metrics.items():
        line = f"  {name:<18} {metric_value(name, value):>12}"
        if name in intervals:
            low, high = (metric_value(name, bound) for bound in intervals[name])
            line += f"   {low} to {high}"
        yield line
