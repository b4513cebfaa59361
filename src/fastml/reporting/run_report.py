"""The report of a run: one page that answers the question first and shows everything else after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from fastml.evaluation.intervals import Interval
from fastml.evaluation.metrics import chief_metric
from fastml.evaluation.numbers import how_many
from fastml.explanation import by_class, interval_words
from fastml.reporting.chosen import threshold_words
from fastml.reporting.columns import columns_table
from fastml.reporting.figures import confusion, figures
from fastml.reporting.numbers import amount, metric_value, signed
from fastml.reporting.outcome import Beside, Outcome, Recalibration
from fastml.reporting.page import (
    Html,
    bar,
    cards,
    page,
    paragraph,
    preformatted,
    section,
    table,
)
from fastml.reporting.tried import tried_table
from fastml.reporting.tuning import tuning_table, tuning_words

__all__ = ["run_report", "verdict_words"]

_MOST_FEATURES = 60
_MOST_VALUES = 8
_MOST_DROPPED = 400
_CARDS = {
    "binary": ("roc_auc", "average_precision", "accuracy", "profit"),
    "multiclass": ("accuracy", "balanced_accuracy", "log_loss", "roc_auc"),
    "regression": ("r2", "rmse", "mae", "within_5pct"),
}


def run_report(outcome: Outcome) -> str:
    """Return the report as one HTML page that needs nothing else."""
    title = outcome.question or f"Predicting {outcome.target}"
    return page(title, [_heading(outcome, title), *_sections(outcome)])


def verdict_words(outcome: Outcome) -> str:
    """Return the verdict in a sentence."""
    held = sum(verdict.passed for verdict in outcome.verdicts)
    count = len(outcome.verdicts)
    hold = "criterion holds" if count == 1 else "criteria hold"
    of = f"{held} of {count} {hold} on the {outcome.judged_on} rows"
    if outcome.judged_on != "test":
        return f"A draft: {of}. The gate asks the test rows, which it did not look at."
    return f"{'Passed' if outcome.passed else 'Did not pass'}: {of}."


def _heading(outcome: Outcome, title: str) -> str:
    state = "good" if outcome.passed else "bad"
    predicted = f"{outcome.target!r}"
    if outcome.positive is not None:
        predicted = f"whether {outcome.target!r} is {outcome.positive!r}"
    beside = outcome.baseline.comparisons
    reasons = "".join(paragraph(each.words) for each in beside)
    return (
        f"<h1>{escape(title)}</h1>"
        f'<div class="verdict {state}"><strong>{escape(verdict_words(outcome))}</strong>'
        f"{reasons}</div>"
        + paragraph(
            f"The model predicts {predicted} from {outcome.source}, "
            f"{how_many(len(outcome.explanation.get('features', ())), 'column')} of it.",
            soft=True,
        )
    )


def _sections(outcome: Outcome) -> Iterator[str]:
    judged = outcome.judged
    yield cards(
        (name, metric_value(name, judged.metrics[name]))
        for name in _CARDS[outcome.task]
        if name in judged.metrics
    )
    yield section("Success criteria", _criteria(outcome))
    yield section(
        "Against doing without ML",
        _against_baseline(outcome),
        note=f"The best rule of one column: {outcome.baseline.words}.",
    )
    yield section("How good it is", figures(outcome), confusion(outcome))
    if outcome.calibration is not None:
        yield section(
            "Calibration",
            _calibration(outcome, outcome.calibration),
            note=f"{outcome.calibration.words} of validation. On validation itself the outcome is "
            "flattered, as it was learned from those rows; test tells what it is worth.",
        )
    if outcome.beside is not None:
        yield section(
            f"Beside {outcome.beside.kind}",
            _beside(outcome, outcome.beside),
            paragraph(" ".join(each.words for each in outcome.beside.comparisons)),
            note=f"{outcome.beside.learner}, trained, calibrated and judged on the same rows.",
        )
    if outcome.tried is not None:
        note = (
            "Candidates were compared when they had been trained as far as “epochs” tells, those "
            "that left early on fewer rows; the one chosen then went on with all rows."
        )
        yield section(
            "Settings tried",
            tried_table(outcome.tried),
            note=f"Chosen: {outcome.tried}. {note if any(outcome.tried.epochs) else ''}",
        )
    if outcome.tuning is not None:
        said, *chosen = tuning_words(outcome.tuning)
        yield section(
            "Tuning",
            tuning_table(outcome.tuning),
            paragraph(" ".join(f"{each}." for each in chosen)),
            note=f"{said}. The best of many scores on the validation rows flatters; the test rows "
            "had no part in the choice.",
        )
    yield section(
        "Metrics",
        _metrics(outcome),
        note=_how_measured(outcome),
    )
    yield section(
        "What it goes by",
        _features(outcome.explanation, outcome.judged.classes),
        note="The weight is how far a column spreads the score over the training rows; "
        "coefficients (trees have none) are in the column's own units.",
    )
    yield section("Columns left out", _dropped(outcome.explanation))
    yield section("The data", columns_table(outcome.profile))
    yield section(
        "Settings",
        table(("", ""), sorted(outcome.facts.items())),
        preformatted(outcome.project_text, "The project file as read"),
        preformatted(outcome.settings_text, "The settings in effect"),
    )


def _how_measured(outcome: Outcome) -> str:
    """Say what the metrics are of: which rows, and how they count."""
    said = [f"With {100 * outcome.judged.confidence:g}% intervals."]
    if outcome.resampled:
        said.append(
            "Those of the last column are of the bootstrap: how far a metric moves where training "
            f"rows and {outcome.judged_on} rows are drawn anew."
        )
    if outcome.counted_by is not None:
        said.append(f"Each row is counted by {outcome.counted_by!r}.")
    said.append("The model learned from train; test was kept apart.")
    threshold = threshold_words(outcome)
    return " ".join(said if threshold is None else [*said, threshold])


def _calibration(outcome: Outcome, calibration: Recalibration) -> Html:
    return table(
        ("", "", "before", "after"),
        [
            (split, name, metric_value(name, value), metric_value(name, after.metrics[name]))
            for split, after in outcome.splits.items()
            if split in calibration.before
            for name, value in calibration.metrics(split).items()
        ],
        numbers=[2, 3],
    )


def _beside(outcome: Outcome, beside: Beside) -> Html:
    """Show each metric of both, and what their training took."""
    own, other = outcome.judged, beside.splits[outcome.judged_on]
    rows: list[tuple[str, ...]] = [
        (name, metric_value(name, own.metrics[name]), metric_value(name, value))
        for name, value in other.metrics.items()
        if name in own.metrics
    ]
    rows.append(("training", *(f"{seconds:.2f} s" for seconds in beside.seconds)))
    return table((f"on {outcome.judged_on}", "this model", beside.kind), rows, numbers=[1, 2])


def _criteria(outcome: Outcome) -> Html:
    holds, fails = Html("<b class=good>holds</b>"), Html("<b class=bad>fails</b>")
    return table(
        ("", "criterion", "what was found"),
        [
            (holds if verdict.passed else fails, f"{verdict.name}, {verdict.bound}", verdict.words)
            for verdict in outcome.verdicts
        ],
    )


def _against_baseline(outcome: Outcome) -> Html:
    judged, baseline = outcome.judged, outcome.baseline
    constant = "mean" if outcome.task == "regression" else "majority"
    shown = dict.fromkeys([chief_metric(outcome.task), *_CARDS[outcome.task]])
    return table(
        (f"on {outcome.judged_on}", "the model", "best rule", f"the {constant}"),
        [
            (name, *(metric_value(name, each.metrics.get(name)) for each in sides))
            for sides in [(judged, baseline.rule, baseline.constant)]
            for name in shown
            if name in judged.metrics
        ],
        numbers=[1, 2, 3],
    )


def _metrics(outcome: Outcome) -> Html:
    names = dict.fromkeys(name for each in outcome.splits.values() for name in each.metrics)
    rows = []
    for name in names:
        cells = []
        for each in outcome.splits.values():
            cell = metric_value(name, each.metrics[name]) if name in each.metrics else ""
            bounds = each.intervals.get(name)
            if bounds:
                cell = Html(f"{escape(cell)}<br><span class=soft>{_range(name, bounds)}</span>")
            cells.append(cell)
        if outcome.resampled:
            drawn = outcome.resampled.get(name)
            cells.append(_range(name, drawn) if drawn else "")
        rows.append((name, *cells))
    head = [f"{name} ({how_many(each.rows, 'row')})" for name, each in outcome.splits.items()]
    if outcome.resampled:
        head.append(f"{outcome.judged_on}, all drawn anew")
    return table(("", *head), rows, numbers=range(1, len(head) + 1))


def _range(metric: str, bounds: Interval) -> str:
    low, high = (metric_value(metric, bound) for bound in bounds)
    return f"{low} to {high}"


def _features(explanation: Mapping[str, Any], classes: Sequence[object]) -> Html:
    features = explanation.get("features", [])
    largest = max((feature["weight"] for feature in features), default=0.0) or 1.0
    shown = table(
        ("column", "weight", "", "coefficient"),
        [
            (
                feature["name"],
                amount(feature["weight"]),
                bar(feature["weight"] / largest),
                _coefficients(feature, classes),
            )
            for feature in features[:_MOST_FEATURES]
        ],
        numbers=[1],
    )
    if len(features) > _MOST_FEATURES:
        rest = len(features) - _MOST_FEATURES
        shown = Html(shown + paragraph(f"and {rest} more columns of smaller weight", soft=True))
    return shown


def _coefficients(feature: Mapping[str, Any], classes: Sequence[object]) -> str:
    if "coefficient" in feature:
        if feature["kind"] == "datetime":
            return f"{_told(feature['per_day'], classes)} a day"
        sure = interval_words(feature.get("interval"))
        return f"{_told(feature['coefficient'], classes)} a unit{sure}"
    values: Mapping[str, Any] = feature.get("coefficients", {})  # trees have none
    ranked = sorted(values, key=lambda value: -_size(values[value]))
    sure = feature.get("intervals", {})
    shown = [
        f"{value}: {_told(values[value], classes)}{interval_words(sure.get(value))}"
        for value in ranked[:_MOST_VALUES]
    ]
    said = ("; " if any(isinstance(v, list) for v in values.values()) else ", ").join(shown)
    rest = len(ranked) - _MOST_VALUES
    return f"{said}, and {rest:,} more" if rest > 0 else said


def _told(value: float | Sequence[float], classes: Sequence[object]) -> str:
    return signed(value) if isinstance(value, float) else by_class(classes, value)


def _size(value: float | Sequence[float]) -> float:
    return abs(value) if isinstance(value, float) else max(map(abs, value))


def _dropped(explanation: Mapping[str, Any]) -> Html:
    dropped = explanation.get("dropped", [])
    shown = [(each["column"], each["reason"]) for each in dropped[:_MOST_DROPPED]]
    if len(dropped) > _MOST_DROPPED:
        shown.append((f"and {len(dropped) - _MOST_DROPPED:,} more", ""))
    return table(("column", "why"), shown)
