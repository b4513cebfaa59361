"""Numbers as people read them."""

from __future__ import annotations

from math import isfinite

from fastml.evaluation.numbers import amount, signed

__all__ = ["amount", "metric_value", "percent", "signed"]

_BEYOND = 100.0
_SHARES = {"accuracy", "balanced_accuracy", "precision", "recall", "f1", "mape"}


def metric_value(name: str, value: float | None) -> str:
    """Write a metric: shares in percent, others with four digits."""
    if value is None or not isfinite(value):
        return "not defined"
    if name in _SHARES or name.startswith("within_"):
        return percent(value)
    return amount(value)


def percent(share: float) -> str:
    """Write a share in percent; of one beyond all measure (of a number that is 0) just that."""
    return f"{100 * share:.1f}%" if share < _BEYOND else "over 10,000%"
