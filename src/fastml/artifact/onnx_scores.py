"""What follows the margins of a linear model as an ONNX graph: probabilities, calibrated."""

from __future__ import annotations

import numpy as np

from fastml.artifact.onnx_graph import Graph
from fastml.calibration.calibrator import Calibrator, Curve
from fastml.calibration.isotonic import Isotonic
from fastml.calibration.log_odds import NEAREST
from fastml.calibration.platt import Platt
from fastml.calibration.temperature import Temperature
from fastml.errors import ConfigError
from fastml.linear_model import LogisticRegression

__all__ = ["add_probabilities"]

_ONE = np.float64(1.0)
_EXACT = 1e-6
_ROUNDING = 4.0 * NEAREST  # of a logistic function: not all libraries have the same last bits


def add_probabilities(
    graph: Graph, learner: LogisticRegression, calibrator: Calibrator | None, margins: str
) -> str:
    """Add the probability of each class, float64 (rows, classes).

    Parameters
    ----------
    graph : Graph
    learner : LogisticRegression
    calibrator : Calibrator or None
    margins : str
        float64 (rows, lanes).

    Raises
    ------
    ConfigError
        If the calibration is too steep to be exact.
    """
    if learner.weights_.shape[1] == 1:
        positive = _logistic(graph, margins)
        if calibrator is None:
            return _both(graph, positive)
        (curve,) = calibrator.curves
        if isinstance(curve, Temperature):
            return _tempered(graph, curve, _both(graph, positive))
        return _both(graph, _calibrated(graph, curve, positive))
    if learner.multi_class == "one_vs_rest":
        margins = _log_sigmoid(graph, margins)
    found = graph.add("Softmax", margins, axis=1)
    if calibrator is None:
        return found
    if len(calibrator.curves) == 1 and isinstance(calibrator.curves[0], Temperature):
        return _tempered(graph, calibrator.curves[0], found)
    columns = graph.split(found, [1] * len(calibrator.curves))
    each = [_calibrated(graph, *both) for both in zip(calibrator.curves, columns, strict=True)]
    return graph.add("Div", graph.join(each), graph.total(each))


def _logistic(graph: Graph, margins: str) -> str:
    """Add ``1 / (1 + exp(-margin))``, (rows, 1), by an operator that is exact for small ones, too.

    The Sigmoid of onnxruntime is off by 1e-12 there.
    """
    margins = graph.add("Mul", margins, np.array([0.0, 1.0]))
    return graph.add("Gather", graph.add("Softmax", margins, axis=1), np.array([1]), axis=1)


def _both(graph: Graph, positive: str) -> str:
    return graph.join([graph.add("Sub", _ONE, positive), positive])


def _log_sigmoid(graph: Graph, margins: str) -> str:
    small = graph.add("Exp", graph.add("Neg", graph.add("Abs", margins)))
    rest = graph.add("Log", graph.add("Add", small, _ONE))
    return graph.add("Sub", graph.add("Min", margins, np.float64(0.0)), rest)


def _tempered(graph: Graph, curve: Temperature, probabilities: str) -> str:
    logs = graph.add("Log", graph.add("Clip", probabilities, np.float64(NEAREST), _ONE))
    return graph.add("Softmax", graph.add("Div", logs, np.float64(curve.temperature)), axis=1)


def _calibrated(graph: Graph, curve: Curve, probability: str) -> str:
    """Add a calibrated probability, (rows, 1)."""
    assert not isinstance(curve, Temperature)  # which is of all classes
    if isinstance(curve, Platt):
        return _platt(graph, curve, probability)
    return _isotonic(graph, curve, probability)


def _platt(graph: Graph, curve: Platt, probability: str) -> str:
    bounds = np.float64(NEAREST), np.float64(1.0 - NEAREST)
    inside = graph.add("Clip", probability, *bounds)
    odds = graph.add("Log", graph.add("Div", inside, graph.add("Sub", _ONE, inside)))
    moved = graph.add(
        "Add", graph.add("Mul", odds, np.float64(curve.slope)), np.float64(curve.intercept)
    )
    return graph.add("Clip", _logistic(graph, moved), *bounds)


def _isotonic(graph: Graph, curve: Isotonic, probability: str) -> str:
    """Add the line through the points of a curve, by how many of them are at or below."""
    _check_gentle(curve)
    given, to = curve.given, curve.calibrated
    above = graph.cast(graph.add("GreaterOrEqual", probability, given), "int64")
    count = graph.add("ReduceSum", above, np.array([1]))
    slopes = np.concatenate([[0.0], np.diff(to) / np.diff(given), [0.0]])
    start, base = np.append(given[0], given), np.append(to[0], to)
    moved = graph.add("Sub", probability, graph.add("Gather", start, count))
    risen = graph.add("Mul", graph.add("Gather", slopes, count), moved)
    return graph.add("Add", risen, graph.add("Gather", base, count))


def _check_gentle(curve: Isotonic) -> None:
    """Refuse a curve so steep that the last bit of a probability decides what becomes of it."""
    rise = np.diff(curve.calibrated) / np.diff(curve.given)
    moved = rise * curve.given[1:] * _ROUNDING / curve.calibrated[1:]
    if len(moved) and moved.max() > _EXACT:
        at = int(np.argmax(moved))
        raise ConfigError(
            "the model cannot be exported: its isotonic calibration rises from "
            f"{curve.calibrated[at]:.4g} to {curve.calibrated[at + 1]:.4g} between two "
            f"probabilities that are {curve.given[at + 1] - curve.given[at]:.2g} apart, so that "
            "rounding alone would part ONNX from fastml; calibrate it by 'platt'"
        )
