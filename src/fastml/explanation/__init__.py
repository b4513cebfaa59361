"""What a model learned, and what each column of a row adds to its score."""

from __future__ import annotations

from fastml.explanation.model import (
    Contribution,
    Explanation,
    by_class,
    explain_model,
    explain_rows,
    interval_words,
)

__all__ = [
    "Contribution",
    "Explanation",
    "by_class",
    "explain_model",
    "explain_rows",
    "interval_words",
]
