"""What a linear model learned: coefficients, and what each column of a row adds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from fastml._typing import Float64
from fastml.linear_model.bootstrap import percentiles
from fastml.preprocessing.encode_plan import EncodePlan
from fastml.preprocessing.features import CodeFeature, NumericFeature, code_kind

__all__ = ["linear_contributions", "linear_features"]

CONFIDENCE = 0.95


def linear_features(plan: EncodePlan, learner: Any) -> tuple[list[dict[str, Any]], Float64]:
    """Return the features of an explanation, and the intercept that goes with them."""
    weights = np.asarray(learner.weights_, np.float64)
    intercept = np.asarray(learner.intercept_, np.float64).reshape(-1).copy()
    replicates = None
    if learner.replicates_ is not None:
        replicates = learner.replicates_.weights.astype(np.float64)
    features: list[dict[str, Any]] = []
    indicators = iter(range(len(plan.numeric), plan.n_dense))
    for i, number in enumerate(plan.numeric):
        per_unit = weights[i] / number.scale
        intercept -= per_unit * number.center
        described = _describe_number(number, weights[i], per_unit)
        if number.kind == "datetime":
            described["per_day"] = _plain(per_unit * _a_day(plan.schema.field(number.column).type))
        if number.indicator:
            described["missing"] = _plain(weights[next(indicators)])
        if replicates is not None:
            described["interval"] = _interval(replicates[i] / number.scale)
        features.append(described)
    for category in plan.coded:
        own = plan.weights_of(weights, category)
        intercept += category.share @ own  # which the coefficients are told without
        described = _describe_codes(category, own)
        if replicates is not None:
            drawn = plan.weights_of(replicates, category)
            centred = drawn - np.tensordot(category.share, drawn, axes=1)
            described["intervals"] = {
                label: _interval(row) for label, row in zip(category.labels, centred, strict=True)
            }
        features.append(described)
    return features, intercept


def _a_day(type_: pa.DataType) -> float:
    """Return how many of a type's units are a day."""
    if pa.types.is_date32(type_):
        return 1.0
    return 86_400.0 * {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}[type_.unit]


def _interval(replicates: Float64) -> list[float] | list[list[float]]:
    """Return the 95 % percentile interval of replicates (lanes, n), of each lane."""
    bounds = np.stack(percentiles(replicates, CONFIDENCE), axis=-1)
    found: Any = bounds[0].tolist() if len(bounds) == 1 else bounds.tolist()
    return found  # type: ignore[no-any-return]


def _plain(values: Float64) -> float | list[float]:
    return float(values[0]) if len(values) == 1 else values.tolist()


def _describe_number(feature: NumericFeature, weight: Float64, per_unit: Float64) -> dict[str, Any]:
    return {
        "column": feature.column,
        "name": feature.column,
        "kind": feature.kind,
        "weight": float(np.abs(weight).max()) * feature.spread,
        "coefficient": _plain(per_unit),
        "imputed": feature.imputed,
        "center": feature.center,
        "scale": feature.scale,
    }


def _describe_codes(feature: CodeFeature, weights: Float64) -> dict[str, Any]:
    centred = weights - feature.share @ weights
    spread = np.sqrt(feature.share @ np.square(centred))
    return {
        "column": feature.column,
        "name": feature.name,
        "kind": code_kind(feature),
        "weight": float(spread.max()),
        "coefficients": {
            label: _plain(row) for label, row in zip(feature.labels, centred, strict=True)
        },
    }


def linear_contributions(
    plan: EncodePlan, learner: Any, batch: pa.RecordBatch, lane: int
) -> dict[str, Float64]:
    """Return what each column adds to the margin of each row, (n_rows,) each."""
    block = plan.encode(batch)
    weights = np.asarray(learner.weights_, np.float64)[:, lane]
    average = [f.average for f in plan.numeric] + [f.missing for f in plan.numeric if f.indicator]
    dense = (block.dense.astype(np.float64) - average) * weights[: plan.n_dense]
    added: dict[str, Float64] = {}
    indicators = iter(range(len(plan.numeric), plan.n_dense))
    for i, number in enumerate(plan.numeric):
        added[number.column] = dense[:, i]
        if number.indicator:
            added[number.column] = added[number.column] + dense[:, next(indicators)]
    for j, category in enumerate(plan.coded):
        own = plan.weights_of(weights, category)
        start = plan.code_starts[j]
        known = block.codes[:, j] >= 0
        picked = np.zeros(block.n_rows)  # a cross may have no known combination at all
        picked[known] = own[block.codes[known, j] - start]
        centred = picked - category.share @ own
        added[category.column] = added.get(category.column, 0.0) + centred
    return added
