"""What trees learned: how far each column of the design moves their margins."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from fastml._typing import Float64
from fastml.ensemble import BoostedTrees
from fastml.preprocessing.encode_plan import EncodePlan
from fastml.preprocessing.features import code_kind

__all__ = ["tree_contributions", "tree_features"]


class _Column(NamedTuple):
    """A column of the design."""

    column: str
    name: str
    kind: str


def _columns(plan: EncodePlan) -> list[_Column]:
    """Return the columns in the order of a block: numbers, indicators, codes."""
    return [
        *(_Column(f.column, f.column, f.kind) for f in plan.numeric),
        *(_Column(f.column, f.names()[1], "indicator") for f in plan.numeric if f.indicator),
        *(_Column(f.column, f.name, code_kind(f)) for f in plan.coded),
    ]


def tree_features(plan: EncodePlan, learner: BoostedTrees) -> list[dict[str, Any]]:
    """Return the features of an explanation; a tree has no coefficients."""
    spread = learner.spread_.max(axis=1)
    return [
        {**each._asdict(), "weight": float(weight)}
        for each, weight in zip(_columns(plan), spread, strict=True)
    ]


def tree_contributions(
    plan: EncodePlan, learner: BoostedTrees, batch: pa.RecordBatch, lane: int
) -> dict[str, Float64]:
    """Return what each column adds to the margin of each row (SHAP values), (n_rows,) each."""
    found = learner.contributions(plan.encode(batch))[:, :, lane]
    added: dict[str, Float64] = {}
    for each, values in zip(_columns(plan), found.T, strict=True):
        added[each.column] = added.get(each.column, np.zeros(len(found))) + values
    return added
