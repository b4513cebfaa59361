"""A saved model measured on a labelled table, against the criteria that it was made for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastml._typing import PathLike
from fastml.data import Source
from fastml.errors import SchemaError
from fastml.evaluation.criteria import Verdict, check, parse_criteria
from fastml.evaluation.numbers import how_many
from fastml.evaluation.summary import Evaluation
from fastml.evaluation.threshold import Threshold
from fastml.pipeline import Pipeline
from fastml.reporting.summary import counted, metric_lines, verdict_lines
from fastml.workflow.judging import Judge
from fastml.workflow.models import open_model

__all__ = ["NOTHING_ASKED", "ModelReport", "evaluate_model"]

NOTHING_ASKED = (
    "  no criterion to hold it against: nothing was asked, so nothing has passed or failed"
)


@dataclass(frozen=True, slots=True)
class ModelReport:
    """How good a saved model is on some rows.

    Attributes
    ----------
    model, source : str
    counted_by : str or None
        The column of row weights, where the model was trained with one.
    threshold : Threshold or None
        How the threshold was chosen when the model was made, and what it reached there.
    evaluation : Evaluation
    verdicts : tuple of Verdict
        On the model's own criteria. `beats_baseline` is not among them where the model does not
        hold the rule to beat: where it has so many cells that it is no small thing.
    """

    model: str
    source: str
    evaluation: Evaluation
    verdicts: tuple[Verdict, ...]
    counted_by: str | None = None
    threshold: Threshold | None = None

    @property
    def passed(self) -> bool | None:
        """Whether every criterion holds; None where there is none to hold the model against."""
        return all(verdict.passed for verdict in self.verdicts) if self.verdicts else None

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {
            "passed": self.passed,
            "counted_by": self.counted_by,
            "criteria": [verdict.to_dict() for verdict in self.verdicts],
            **self.evaluation.to_dict(),
        }

    def __str__(self) -> str:
        found = self.evaluation
        rows = f"{how_many(found.rows, 'row')} of {self.source}"
        lines = [f"{self.model} on {rows}{counted(self.counted_by)}:"]
        lines += metric_lines(found.metrics, found.intervals)
        if self.threshold is not None:
            lines.append(f"threshold {self.threshold} on the rows that it was chosen on")
        lines += verdict_lines(self.verdicts) if self.verdicts else [NOTHING_ASKED]
        return "\n".join(lines)


def evaluate_model(
    model: PathLike, source: Any, reading: Mapping[str, Any] | None = None
) -> ModelReport:
    """Measure the model at `model` on the labelled rows of `source`.

    Parameters
    ----------
    model : str or Path
    source : anything that `fastml.scan` takes
    reading : mapping, optional
        Options of `fastml.scan`, beside those that the model's table was read with.

    Raises
    ------
    ArtifactError
        If there is no model, or it is not whole.
    SchemaError, DataError
        If the source lacks a column that the model or the truth needs, or has no labelled rows.
    """
    pipeline, mandate = open_model(model)
    rows = pipeline.scan(source, **dict(reading or {}))
    _check_weight(pipeline, rows)
    asked = dict(mandate.success)
    if mandate.standard is None:
        asked.pop("beats_baseline", None)
    criteria = parse_criteria(asked, pipeline.task_)
    judge = Judge(pipeline, criteria, mandate.value, standard=mandate.standard)
    scored = judge.score(rows)
    evaluation = judge.evaluate(scored)
    judge.add_latency(evaluation, rows)
    verdicts = check(
        criteria,
        evaluation.metrics,
        intervals=evaluation.intervals,
        comparisons=tuple(judge.comparisons(scored)) if mandate.standard else (),
    )
    return ModelReport(
        str(model), rows.name, evaluation, tuple(verdicts), pipeline.weight, mandate.threshold
    )


def _check_weight(pipeline: Pipeline, rows: Source) -> None:
    """Raise a SchemaError where the column is lacking that says how much each row counts."""
    if pipeline.weight and pipeline.weight not in rows.canonical().schema.names:
        raise SchemaError(
            f"{rows.name} has no column {pipeline.weight!r}, which says how much each row counts: "
            "the model's criteria were measured with it; add it, with 1 for rows that count alike"
        )
