"""A fitted pipeline as an ONNX file: raw columns in, predictions out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from fastml._typing import PathLike
from fastml._version import __version__
from fastml.artifact.onnx_graph import Graph
from fastml.artifact.onnx_inputs import Input, inputs_of
from fastml.artifact.onnx_margins import add_margins
from fastml.artifact.onnx_scores import add_probabilities
from fastml.atomic import atomic_path
from fastml.ensemble import BoostedTrees
from fastml.errors import ConfigError, not_fitted
from fastml.linear_model import LogisticRegression
from fastml.pipeline.target import Target

if TYPE_CHECKING:
    from fastml.pipeline import Pipeline

__all__ = ["export_onnx"]


def export_onnx(pipeline: Pipeline, path: PathLike) -> None:
    """Write a fitted pipeline as an ONNX model: operators 21, machine-learning operators 3, IR 10.

    Its inputs are the columns of a table, (rows, 1) each; its outputs the `prediction` of each row,
    (rows,), and of a classifier the `probabilities`, float64 (rows, classes). They agree with
    `Pipeline.predict_scores` to 1e-6, relatively. A number that fastml would refuse (an infinite
    one, or one beyond float32) gives NaN. `docs/onnx.md` says what the metadata holds.

    Parameters
    ----------
    pipeline : Pipeline
    path : str or Path
        The file to write; whole or not at all.

    Raises
    ------
    ConfigError
        If ONNX is not installed, or the model cannot be exported exactly: what, and why.
    NotFittedError
        If the pipeline has learned nothing yet.
    DataError
        If the file cannot be written.
    """
    content = _model(pipeline)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def _model(pipeline: Pipeline) -> bytes:
    if not hasattr(pipeline, "learner_"):
        raise not_fitted(pipeline)
    target, learner, plan = pipeline.target_, pipeline.learner_, pipeline.plan_
    if isinstance(learner, BoostedTrees):
        raise ConfigError(
            "the model cannot be exported: it is of boosted trees, whose splits ONNX would compare "
            "in another precision; save it by XGBoost's own means, or train a linear model"
        )
    inputs = inputs_of(plan)
    graph = Graph(inputs)
    for each in inputs.values():
        graph.input(each.name, each.tensor)
    margins = add_margins(graph, plan, inputs, learner.weights_, learner.intercept_)
    outputs = {}
    if isinstance(learner, LogisticRegression):
        probabilities = add_probabilities(graph, learner, pipeline.calibrator_, margins)
        classes, tensor = _classes(target)
        decided = graph.add("Gather", classes, _decided(graph, pipeline, probabilities))
        outputs["prediction"] = graph.output("prediction", decided, tensor)
        outputs["probabilities"] = graph.output(
            "probabilities", probabilities, "double", len(classes)
        )
    else:
        number = graph.add("Squeeze", margins, np.array([1]))
        outputs["prediction"] = graph.output("prediction", number, "double")
    return graph.finish(_metadata(pipeline, inputs, outputs))


def _decided(graph: Graph, pipeline: Pipeline, probabilities: str) -> str:
    """Add the place of each row's class, int64 (rows,)."""
    if pipeline.task_ == "binary":
        positive = graph.add("Gather", probabilities, np.int64(1), axis=1)
        above = graph.add("GreaterOrEqual", positive, np.float64(pipeline.threshold))
        return graph.cast(above, "int64")
    return graph.add("ArgMax", probabilities, axis=1, keepdims=0)


def _classes(target: Target) -> tuple[np.ndarray[Any, Any], str]:
    """Return the classes, and the element type of a tensor of them."""
    if target.text:
        return np.array(target.classes, object), "string"
    classes = np.array(target.classes)
    return classes, {"b": "bool", "i": "int64", "f": "double"}[classes.dtype.kind]


def _metadata(
    pipeline: Pipeline, inputs: Mapping[str, Input], outputs: Mapping[str, str]
) -> dict[str, str]:
    """Return what a program needs to build the inputs and to read the outputs, as JSON."""
    target = pipeline.target_
    facts: dict[str, Any] = {
        "version": __version__,
        "task": target.task,
        "target": target.column,
        "classes": list(target.classes),
        "threshold": pipeline.threshold if target.task == "binary" else None,
        "inputs": [asdict(each) for each in inputs.values()],
        "outputs": dict(outputs),
    }
    return {
        f"fastml.{name}": json.dumps(value, ensure_ascii=False) for name, value in facts.items()
    }
