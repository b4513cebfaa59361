"""What a search tried and what came of it, as a saved model and a report hold it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from fastml.evaluation.numbers import amount, how_many

__all__ = ["Tried"]


@dataclass(frozen=True, slots=True)
class Tried:
    """The candidates of a search, and how well each did.

    Attributes
    ----------
    scoring : str
        The metric.
    judged_on : str
        Such as "5 folds" or "the validation rows".
    params : sequence of dict
        Each candidate's settings.
    mean, std : sequence of float or None
        Of the metric over the folds; None of a candidate that went astray.
    epochs : sequence of float or None
        Over how many times the table, or on what share of it, a candidate was trained before it was
        judged last; None: to convergence on all of it.
    best : int
    """

    scoring: str
    judged_on: str
    params: Sequence[Mapping[str, Any]]
    mean: Sequence[float | None]
    std: Sequence[float | None]
    epochs: Sequence[float | None]
    best: int

    def __str__(self) -> str:
        chosen = ", ".join(f"{name} = {shown(v)}" for name, v in self.params[self.best].items())
        score = self.mean[self.best]
        value = "" if score is None else f", {self.scoring} {amount(score)}"
        return (
            f"{chosen}: the best of {how_many(len(self.params), 'candidate')} on "
            f"{self.judged_on}{value}"
        )

    def ranked(self) -> list[int]:
        """Return the candidates, the best first, then by how long they were in and their scores."""

        def key(i: int) -> tuple[bool, float, bool, float]:
            score, best = self.mean[i], self.mean[self.best]
            epochs = self.epochs[i]
            far = 0.0 if score is None or best is None else abs(score - best)
            return i != self.best, -(epochs or 0.0), score is None, far

        return sorted(range(len(self.params)), key=key)

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {
            "scoring": self.scoring,
            "judged_on": self.judged_on,
            "params": [dict(each) for each in self.params],
            "mean": list(self.mean),
            "std": list(self.std),
            "epochs": list(self.epochs),
            "best": self.best,
        }

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Self:
        """Restore what `to_dict` returned."""
        return cls(**found)


def shown(value: Any) -> str:
    """Show the value of a setting."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
