"""What a search for the best settings tried, as a table of the report."""

from __future__ import annotations

from fastml.evaluation.numbers import amount
from fastml.model_selection.tried import Tried, shown
from fastml.reporting.numbers import metric_value
from fastml.reporting.page import Html, table

__all__ = ["tried_table"]

_MOST = 40


def tried_table(tried: Tried) -> Html:
    """Return the candidates, the best first."""
    names = list(dict.fromkeys(name for each in tried.params for name in each))
    folds = any(tried.std)  # one split has no spread
    raced = any(each is not None for each in tried.epochs)
    rows = [
        (
            *(shown(tried.params[i].get(name, "")) for name in names),
            _score(tried, tried.mean[i]) or "went astray",
            *((_score(tried, tried.std[i]),) if folds else ()),
            *((amount(tried.epochs[i] or 0.0),) if raced else ()),
        )
        for i in tried.ranked()[:_MOST]
    ]
    head = [*names, tried.scoring]
    head += ["spread"] if folds else []
    head += ["epochs"] if raced else []
    return table(head, rows, numbers=list(range(len(head))))


def _score(tried: Tried, value: float | None) -> str:
    return "" if value is None else metric_value(tried.scoring, value)
