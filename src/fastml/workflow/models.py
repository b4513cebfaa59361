"""A model as a run saves it: the pipeline, and what it was made for and held against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from fastml._typing import PathLike
from fastml.artifact import read_artifact, write_artifact
from fastml.compiled.describe import describe
from fastml.errors import ArtifactError
from fastml.evaluation.decision_value import DecisionValue
from fastml.evaluation.threshold import Threshold
from fastml.pipeline import Pipeline
from fastml.workflow.standard import Standard

__all__ = ["Mandate", "open_model", "save_model"]

_KEY = "mandate"


@dataclass(frozen=True, slots=True)
class Mandate:
    """What a model was made for.

    Attributes
    ----------
    question : str or None
        The business question.
    success : mapping
        The success criteria, as in the project file.
    value : DecisionValue or None
        What each outcome of a decision is worth.
    metrics : mapping
        What was measured on the split that the model was judged on.
    judged_on : str or None
        That split.
    standard : Standard or None
        The best rule without ML; None where it is too large to keep.
    threshold : Threshold or None
        How the pipeline's threshold was chosen, and what it reached there.
    """

    question: str | None = None
    success: Mapping[str, Any] = field(default_factory=dict)
    value: DecisionValue | None = None
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    judged_on: str | None = None
    standard: Standard | None = None
    threshold: Threshold | None = None

    def state(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        state = {each.name: getattr(self, each.name) for each in fields(self)}
        state["value"] = self.value and asdict(self.value)
        state["standard"] = self.standard and self.standard.state()
        state["threshold"] = self.threshold and self.threshold.to_dict()
        return state

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Mandate:
        """Restore what `state` returned; what earlier versions did not state takes its default.

        Raises
        ------
        TypeError, KeyError, ValueError, AttributeError
            If it is not that.
        """
        value, standard = state.get("value"), state.get("standard")
        threshold = state.get("threshold")
        return cls(
            **{
                **state,
                "value": value and DecisionValue(**value),
                "standard": standard and Standard.from_state(standard),
                "threshold": threshold and Threshold.from_dict(threshold),
            }
        )


def save_model(path: PathLike, pipeline: Pipeline, mandate: Mandate) -> None:
    """Write a pipeline with its mandate; what `Pipeline.save` writes, and one entry more."""
    fitted = pipeline.fitted()
    manifest, tables = fitted.state()
    form = describe(fitted).to_bytes()
    write_artifact(path, {**manifest, _KEY: mandate.state()}, tables, form)


def open_model(path: PathLike) -> tuple[Pipeline, Mandate]:
    """Open a model's directory, or that of a run.

    A model that was saved by `Pipeline.save` has an empty mandate.

    Raises
    ------
    ArtifactError
        If there is none, or it is not whole.
    """
    manifest, tables = read_artifact(path)
    try:
        mandate = Mandate.from_state(manifest.get(_KEY, {}))
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise ArtifactError(
            f"the model {path} says in a way that is not understood what it is for ({error}); "
            "save it again"
        ) from error
    return Pipeline.from_state(manifest, tables), mandate
