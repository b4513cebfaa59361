"""What a fitted pipeline consists of, and how a saved model holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import numpy as np
import pyarrow as pa

from fastml.calibration import Calibrator
from fastml.ensemble import BoostedTrees
from fastml.errors import ArtifactError, ConfigError
from fastml.linear_model import LinearRegression, LogisticRegression
from fastml.linear_model.bootstrap import Replicates
from fastml.model_selection.lane_search import LaneSearch
from fastml.model_selection.tried import Tried
from fastml.pipeline.target import Target
from fastml.preprocessing.encode_plan import EncodePlan
from fastml.preprocessing.encode_plan_state import plan_from_state, plan_state

__all__ = ["Fitted", "Learner", "trained_kind"]

Learner: TypeAlias = LinearRegression | LogisticRegression | BoostedTrees

_KIND = "pipeline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """The parts of a fitted pipeline; `Pipeline` says what each is."""

    target: Target
    weight: str | None
    threshold: float
    reading: Mapping[str, Any]
    n_rows: int
    missing_targets: int
    dropped: Mapping[str, str]
    plan: EncodePlan
    learner: Learner
    calibrator: Calibrator | None = None
    tried: Tried | None = None

    def state(self) -> tuple[dict[str, Any], dict[str, pa.Table]]:
        """Return what a saved model holds: JSON, and Arrow tables."""
        plan, tables = plan_state(self.plan)
        tables |= _learned(self.learner)
        manifest = {
            "kind": _KIND,
            "target": self.target.state(),
            "weight": self.weight,
            "threshold": self.threshold,
            "reading": dict(self.reading),
            "n_rows": self.n_rows,
            "missing_targets": self.missing_targets,
            "dropped": dict(self.dropped),
            "plan": plan,
            "learner": self.learner.state(),
            "calibration": None if self.calibrator is None else self.calibrator.state(),
            "tried": None if self.tried is None else self.tried.to_dict(),
        }
        return manifest, tables

    @classmethod
    def from_state(cls, manifest: Mapping[str, Any], tables: Mapping[str, pa.Table]) -> Self:
        """Restore what `state` returned; what earlier versions did not state takes its default.

        Raises
        ------
        ArtifactError
            If the parts do not belong together.
        ConfigError
            If the learner needs what is not installed.
        """
        if manifest.get("kind") != _KIND:
            raise ArtifactError(
                f"the artifact holds a {manifest.get('kind')!r}, not a pipeline; "
                "open it with the tool that wrote it"
            )
        try:
            target = Target.from_state(manifest["target"])
            calibration, tried = manifest.get("calibration"), manifest.get("tried")
            found = cls(
                target=target,
                weight=manifest["weight"],
                threshold=float(manifest["threshold"]),
                reading=dict(manifest.get("reading", {})),
                n_rows=int(manifest["n_rows"]),
                missing_targets=int(manifest.get("missing_targets", 0)),
                dropped=dict(manifest["dropped"]),
                plan=plan_from_state(manifest["plan"], tables),
                learner=_learner(manifest["learner"], tables, target),
                calibrator=calibration and Calibrator.from_state(calibration, len(target.classes)),
                tried=tried and Tried.from_dict(tried),
            )
            found._check_shapes()
        except ConfigError:  # a part that is not installed
            raise
        except (KeyError, TypeError, ValueError, AttributeError, pa.ArrowException) as error:
            raise ArtifactError(
                f"the artifact's parts do not belong together ({error!r}); save the model again"
            ) from error
        return found

    def _check_shapes(self) -> None:
        """Raise a ValueError if the weights are not those of the features and the classes."""
        lanes = len(self.target.classes) if self.target.task == "multiclass" else 1
        if isinstance(self.learner, BoostedTrees):
            columns = (self.plan.n_dense + len(self.plan.coded), lanes)
            if self.learner.spread_.shape != columns:
                raise ValueError(f"trees of {self.learner.spread_.shape}, expected {columns}")
            return
        expected = (self.plan.n_dense + self.plan.n_codes, lanes)
        replicates = self.learner.replicates_
        if replicates is not None and replicates.weights.shape[:2] != (expected[0] + 1, lanes):
            raise ValueError(f"replicates of shape {replicates.weights.shape}")
        weights, intercept = self.learner.weights_, self.learner.intercept_
        if weights.shape != expected or intercept.shape != (lanes,):
            raise ValueError(
                f"weights of shape {weights.shape} and {intercept.shape} intercepts, "
                f"expected {expected} and ({lanes},)"
            )


def trained_kind(learner: Learner | LaneSearch | None) -> Learner | None:
    """Return the learner that is trained in the end."""
    return learner.learner if isinstance(learner, LaneSearch) else learner


def _learned(learner: Learner) -> dict[str, pa.Table]:
    """Return what a learner learned, as a table: weights by lane, or the file of the trees."""
    if isinstance(learner, BoostedTrees):
        return {"trees": pa.table({"ubj": pa.array([learner.trees()], pa.large_binary())})}
    lanes = enumerate(np.atleast_2d(learner.weights_.T))
    tables = {"weights": pa.table({f"lane_{i}": pa.array(lane) for i, lane in lanes})}
    if learner.replicates_ is not None:
        tables["replicates"] = _replicates_table(learner.replicates_)
    return tables


def _replicates_table(replicates: Replicates) -> pa.Table:
    """Return a list of the replicates' weights for each feature, lane by lane."""
    features, lanes, n = replicates.weights.shape
    columns = {}
    for lane in range(lanes):
        values = pa.array(np.ascontiguousarray(replicates.weights[:, lane]).reshape(features * n))
        columns[f"lane_{lane}"] = pa.FixedSizeListArray.from_arrays(values, n)
    return pa.table(columns)


def _replicates(table: pa.Table) -> Replicates:
    lanes = [column.combine_chunks() for column in table.columns]
    weights = [lane.flatten().to_numpy().reshape(len(lane), -1) for lane in lanes]
    return Replicates(np.ascontiguousarray(np.stack(weights, axis=1), np.float32))


def _learner(state: Mapping[str, Any], tables: Mapping[str, pa.Table], target: Target) -> Learner:
    if state.get("kind") == "xgboost":
        return BoostedTrees.from_state(state, tables["trees"]["ubj"][0].as_py())
    weights = np.column_stack([c.to_numpy() for c in tables["weights"].columns])
    learner_class = LogisticRegression if target.classes else LinearRegression
    learner = learner_class.from_state(state, weights)
    if "replicates" in tables:
        learner.replicates_ = _replicates(tables["replicates"])
    return learner
