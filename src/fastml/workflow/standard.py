"""The rule without ML that a model is held against, and how a saved model holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from fastml.evaluation.baselines import Rule
from fastml.evaluation.cells import CategoryCells, Cells, NumberCells

__all__ = ["Standard"]

_MOST_OUTCOMES = 10_000  # about 200 kilobytes of JSON


@dataclass(frozen=True, slots=True)
class Standard:
    """A rule without ML, and where it decides.

    Attributes
    ----------
    rule : Rule
        Asked on rows in the types that the model reads.
    threshold : float
        From which chance on it says the positive class.
    """

    rule: Rule
    threshold: float = 0.5

    @property
    def is_small(self) -> bool:
        """Whether a saved model can hold it for little: all but columns of many categories."""
        return self.rule.outcomes.size <= _MOST_OUTCOMES

    def state(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        state: dict[str, Any] = {
            "threshold": self.threshold,
            "column": self.rule.column,
            "words": self.rule.words,
            "task": self.rule.task,
            "outcomes": self.rule.outcomes.tolist(),
        }
        if isinstance(self.rule.cells, NumberCells):
            state["edges"] = self.rule.cells.edges.tolist()
        elif self.rule.cells is not None:
            state["categories"] = self.rule.cells.categories.to_pylist()
        return state

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Standard:
        """Restore what `state` returned.

        Raises
        ------
        KeyError, TypeError, ValueError
            If it is not that.
        """
        cells: Cells | None = None
        if "edges" in state:  # the type would name the cells, which the words have done
            cells = NumberCells(np.array(state["edges"], np.float64), pa.float64())
        elif "categories" in state:
            cells = CategoryCells(pa.array(state["categories"], pa.string()))
        outcomes = np.array(state["outcomes"], np.float64)
        if outcomes.ndim != 2 or len(outcomes) != (1 if cells is None else cells.count):
            raise ValueError(f"a rule has outcomes of shape {outcomes.shape}")
        rule = Rule(state["column"], state["words"], state["task"], cells, outcomes)
        return cls(rule, float(state["threshold"]))
