"""A saved model measured on a labelled table, against the criteria that it was made for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastml._typing import PathLike
from fastml.data import scan
from fastml.evaluation.criteria import Verdict, check, parse_criteria
from fastml.evaluation.summary import Evaluation
from fastml.reporting.summary import metric_lines, verdict_lines
from fastml.workflow.judging import Judge
from fastml.workflow.models import open_model

__all__ = ["ModelReport", "evaluate_model"]


@dataclass(frozen=True, slots=True)
class ModelReport:
    """How good a saved model is on some rows.

    Attributes
    ----------
    model, source : str
    evaluation : Evaluation
    verdicts : tuple of Verdict
        On the model's own criteria, but for `beats_baseline`: that is asked when a model is made.
    """

    model: str
    source: str
    evaluation: Evaluation
    verdicts: tuple[Verdict, ...]

    @property
    def passed(self) -> bool:
        """Whether every criterion holds."""
        return all(verdict.passed for verdict in self.verdicts)

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {
            "passed": self.passed,
            "criteria": [verdict.to_dict() for verdict in self.verdicts],
            **self.evaluation.to_dict(),
        }

    def __str__(self) -> str:
        found = self.evaluation
        lines = [f"{self.model} on {found.rows:,} rows of {self.source}:"]
        lines += metric_lines(found.metrics, found.intervals)
        lines += verdict_lines(self.verdicts)
        return "\n".join(lines)


def evaluate_model(model: PathLike, source: Any) -> ModelReport:
    """Measure the model at `model` on the labelled rows of `source`.

    Raises
    ------
    ArtifactError
        If there is no model, or it is not whole.
    SchemaError, DataError
        If the source lacks a column that the model or the truth needs, or has no labelled rows.
    """
    pipeline, mandate = open_model(model)
    rows = scan(source)
    asked = {name: each for name, each in mandate.success.items() if name != "beats_baseline"}
    judge = Judge(pipeline, parse_criteria(asked, pipeline.task_), mandate.value)
    evaluation = judge.measure(rows)
    verdicts = check(judge.criteria, evaluation.metrics, intervals=evaluation.intervals)
    return ModelReport(str(model), rows.name, evaluation, tuple(verdicts))
