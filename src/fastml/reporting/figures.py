"""The drawings of a run's report."""

from __future__ import annotations

from html import escape

import numpy as np

from fastml._typing import Float64
from fastml.evaluation.threshold import Threshold
from fastml.reporting.curves import precision_recall, roc
from fastml.reporting.drawing import Drawing
from fastml.reporting.numbers import amount, percent
from fastml.reporting.outcome import Outcome
from fastml.reporting.page import Html, figure, table

__all__ = ["figures"]

_DOTS = 1_500
_UNIT = (0.0, 1.0)


def figures(outcome: Outcome) -> Html:
    """Return the drawings that fit the task, side by side."""
    if outcome.task == "binary":
        drawn = [_roc(outcome), _precision_recall(outcome), _calibration(outcome)]
        if outcome.threshold is not None and "profit" in outcome.threshold.curve:
            drawn.append(_profit(outcome.threshold))
    elif outcome.task == "multiclass":
        drawn = [_calibration(outcome)]
    else:
        drawn = [_predictions(outcome), _residuals(outcome)]
    return Html(f'<div class="figures">{"".join(drawn)}</div>')


def confusion(outcome: Outcome) -> Html:
    """Return the table of true against predicted classes; nothing for a regression."""
    judged = outcome.judged
    if judged.confusion is None or len(judged.classes) > 20:
        return Html("")
    names = [str(name) for name in judged.classes]
    rows = [
        [name, *(f"{count:,.0f}" for count in row)]
        for name, row in zip(names, judged.confusion, strict=True)
    ]
    head = ["in truth", *(f"predicted {name}" for name in names)]
    counts = table(head, rows, numbers=range(1, len(head)))
    what = "Rows" if outcome.counted_by is None else f"Weight ({outcome.counted_by!r}) of the rows"
    return Html(f"<h3>{escape(what)} by true and predicted class</h3>{counts}")


def _roc(outcome: Outcome) -> Html:
    false, true = roc(outcome.truth, outcome.scores, outcome.weight)
    title = "Finding the positive rows"
    drawing = Drawing("share of the others taken along", "share found", _UNIT, _UNIT, title)
    drawing.line(_UNIT, _UNIT, "guide").line(false, true)
    return figure(
        title,
        drawing.svg(),
        f"ROC curve; the area under it is {amount(outcome.judged.metrics['roc_auc'])}. "
        "Guessing gives the dashed line.",
    )


def _precision_recall(outcome: Outcome) -> Html:
    recall, precision = precision_recall(outcome.truth, outcome.scores, outcome.weight)
    share = float(np.average(outcome.truth, weights=outcome.weight))
    title = "Precision against recall"
    drawing = Drawing("recall", "precision", _UNIT, _UNIT, title)
    drawing.line(_UNIT, (share, share), "guide").line(recall, precision)
    return figure(
        title,
        drawing.svg(),
        f"Of those picked, how many are right. {percent(share)} of all rows are positive: "
        "the dashed line.",
    )


def _calibration(outcome: Outcome) -> Html:
    found = outcome.judged.calibration
    if found is None:
        return Html("")
    title = "Predicted and observed shares"
    drawing = Drawing("predicted probability", "share that came true", _UNIT, _UNIT, title)
    drawing.line(_UNIT, _UNIT, "guide")
    said = "On the dashed line a prediction of 30% comes true in 30 of 100 rows."
    if outcome.calibration is not None:
        before = outcome.calibration.before[outcome.judged_on].calibration
        if before is not None:
            drawing.line(before.predicted, before.observed, "b")
            said += " The line of the other colour is before calibration."
    drawing.line(found.predicted, found.observed)
    drawing.dots(found.predicted, found.observed, "big")
    return figure(title, drawing.svg(), said)


def _profit(threshold: Threshold) -> Html:
    acted, profit = threshold.curve["acted"], threshold.curve["profit"]
    best = int(np.argmin(np.abs(threshold.curve["threshold"] - threshold.threshold)))
    title = "What acting earns"
    drawing = Drawing(
        "share of rows acted on", "money a row", _UNIT, _range(profit, room=0.1), title
    )
    drawing.line(_UNIT, (0.0, 0.0), "guide").line(acted, profit)
    drawing.mark(float(acted[best]), float(profit[best]), amount(float(profit[best])))
    return figure(
        title,
        drawing.svg(),
        f"On the validation rows, by the share acted on; marked is the threshold of "
        f"{amount(threshold.threshold)}, {threshold.rule}: {percent(float(acted[best]))} of them.",
    )


def _predictions(outcome: Outcome) -> Html:
    truth, scores = _sampled(outcome)
    both = _range(np.concatenate([truth, scores]), zero=False)
    title = "Predicted and true values"
    drawing = Drawing("predicted", "true", both, both, title)
    drawing.line(both, both, "guide").dots(scores, truth)
    return figure(title, drawing.svg(), _of_rows(len(truth), len(outcome.truth)))


def _residuals(outcome: Outcome) -> Html:
    truth, scores = _sampled(outcome)
    error = truth - scores
    across = _range(scores, zero=False)
    title = "What the prediction misses"
    drawing = Drawing("predicted", "true less predicted", across, _range(error), title)
    drawing.line(across, (0.0, 0.0), "guide").dots(scores, error)
    return figure(
        title, drawing.svg(), "An even band around the dashed line is what a good model leaves."
    )


def _sampled(outcome: Outcome) -> tuple[Float64, Float64]:
    """Return evenly spaced rows, so that a drawing stays small."""
    rows = len(outcome.truth)
    keep = np.linspace(0, rows - 1, min(rows, _DOTS)).astype(int)
    return outcome.truth[keep], outcome.scores[keep]


def _of_rows(shown: int, rows: int) -> str:
    return f"{shown:,} of {rows:,} rows; on the dashed line a prediction is exact."


def _range(values: Float64, *, zero: bool = True, room: float = 0.04) -> tuple[float, float]:
    """Return a range with a share of room on both sides; with zero in it where asked."""
    low, high = float(values.min()), float(values.max())
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    margin = room * (high - low) or 1.0
    return low - margin, high + margin
