"""From a raw table to a fitted pipeline: one reading, then decisions, then a learner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastml.data import Source, scan
from fastml.ensemble import BoostedTrees
from fastml.errors import ConfigError
from fastml.fitted import Fitted, Learner
from fastml.linear_model.design import Design
from fastml.linear_model.training import Monitor
from fastml.model_selection.lane_search import LaneSearch
from fastml.model_selection.tried import Tried
from fastml.preprocessing.bending import Bending
from fastml.preprocessing.column_lists import COLUMN_LISTS, check_column_lists
from fastml.preprocessing.conform import find_columns
from fastml.preprocessing.correlation_pruner import CorrelationPruner
from fastml.preprocessing.encode_plan import EncodePlan
from fastml.preprocessing.facts import staged_facts
from fastml.preprocessing.feature_crosser import FeatureCrosser
from fastml.preprocessing.finishing import finished_design
from fastml.preprocessing.first_pass import FirstPass
from fastml.preprocessing.one_hot_encoder import OneHotEncoder
from fastml.preprocessing.planning import Steps, plan_features
from fastml.preprocessing.screening import screen
from fastml.preprocessing.simple_imputer import SimpleImputer
from fastml.preprocessing.staging import Staging
from fastml.preprocessing.standard_scaler import StandardScaler
from fastml.rows import RowReader
from fastml.target import Target, check_target_type, find_target

if TYPE_CHECKING:
    from fastml.pipeline import Pipeline

__all__ = [
    "ReadTable",
    "fitted",
    "plan_table",
    "read_table",
    "steps_of",
    "train_learner",
    "train_pipeline",
]


@dataclass(frozen=True, slots=True)
class ReadTable:
    """A training table that was read once: what every plan and every learner of it go by.

    Parameters
    ----------
    name : str
        The source's, for messages.
    staging : Staging
        The rows that are learned from, with their targets as the learner has them.
    target : Target
    dropped : dict of column to reason
        What must not be learned from.
    """

    name: str
    staging: Staging
    target: Target
    dropped: dict[str, str]


def train_pipeline(pipeline: Pipeline, data: Any, validation: Any, threads: int) -> Fitted:
    """Learn what a pipeline's settings ask for; `Pipeline.fit` says the rest."""
    table = read_table(pipeline, data, threads)
    plan, dropped = plan_table(pipeline, table, threads)
    design = finished_design(plan, table.staging, threads)
    held_out = None
    if validation is not None:
        reader = RowReader(plan, table.target, pipeline.weight, pipeline.reading, threads)
        held_out = reader.design(validation)
    learner = pipeline.learner or table.target.default_learner()
    trained = train_learner(learner, table.target, design, held_out, threads)
    return fitted(pipeline, table, plan, dropped, *trained)


def read_table(
    pipeline: Pipeline, data: Any, threads: int, *, quantiles: bool = False
) -> ReadTable:
    """Read a training table.

    Parameters
    ----------
    pipeline : Pipeline
        Its settings of columns and rows.
    data : anything that `fastml.scan` takes
    threads : int
    quantiles : bool
        Whether a plan will ask for quantiles that this pipeline's steps do not.
    """
    target_column = _checked_target(pipeline)
    source = scan(data).canonical()
    columns = _candidates(pipeline, source)
    quantiles = quantiles or steps_of(pipeline).needs_quantiles
    staging = _staged(pipeline, source, columns, quantiles, threads)
    target = find_target(
        staging,
        target_column,
        source.name,
        pipeline.task,
        pipeline.positive,
        _trained_kind(pipeline.learner),
    )
    for block in staging.blocks:
        block.target = target.codes(block.target)
    facts = staged_facts(staging, columns, target.task, pipeline.drop)
    return ReadTable(
        source.name, staging, target, screen(facts, pipeline.keep, pipeline.drop).dropped
    )


def plan_table(
    pipeline: Pipeline, table: ReadTable, threads: int
) -> tuple[EncodePlan, dict[str, str]]:
    """Return the plan that a pipeline's steps make of a table, and what is left out, with why."""
    dropped = dict(table.dropped)
    steps = steps_of(pipeline)
    plan = plan_features(table.staging, steps, dropped, pipeline.keep, table.name, threads)
    return plan, dropped


def train_learner(
    learner: Learner | LaneSearch,
    target: Target,
    design: Design,
    validation: Design | None,
    threads: int,
    monitor: Monitor | None = None,
) -> tuple[Learner, Tried | None]:
    """Return a copy of the learner, trained, and what was tried to find its settings.

    The monitor hears of a learner's rounds, but not of a search's.
    """
    options: dict[str, Any] = {"validation": validation, "threads": threads}
    if target.classes:
        options["classes"] = list(target.classes)
    if isinstance(learner, LaneSearch):
        search = learner.clone().fit_design(design, **options)
        return search.best_estimator_, search.tried_
    return learner.clone().fit_design(design, monitor=monitor, **options), None


def fitted(
    pipeline: Pipeline,
    table: ReadTable,
    plan: EncodePlan,
    dropped: dict[str, str],
    learner: Learner,
    tried: Tried | None,
) -> Fitted:
    """Put together what a pipeline learned from a table."""
    return Fitted(
        target=table.target,
        weight=pipeline.weight,
        threshold=pipeline.threshold,
        reading=pipeline.reading,
        n_rows=table.staging.n_rows,
        missing_targets=table.staging.n_left_out,
        dropped=dropped,
        plan=plan,
        learner=learner,
        tried=tried,
    )


def _checked_target(pipeline: Pipeline) -> str:
    """Check the settings that need no table, and return the target."""
    if pipeline.target is None:
        raise ConfigError("the pipeline has no target; say which column: target='churn'")
    if pipeline.infinite not in ("error", "missing"):
        raise ConfigError(f"infinite={pipeline.infinite!r}; expected 'error' or 'missing'")
    if pipeline.target == pipeline.weight:
        raise ConfigError(f"{pipeline.target!r} is both the target and the weight; choose one")
    apart = {"target": pipeline.target, "weight": pipeline.weight}
    lists = {name: getattr(pipeline, name) for name in COLUMN_LISTS}
    check_column_lists(lists, apart)
    _bending(pipeline).check(apart, pipeline.drop)
    return pipeline.target


def _candidates(pipeline: Pipeline, source: Source) -> list[str]:
    """Return the columns but for target and weight; every column that is named must be there."""
    apart = [str(pipeline.target), *([pipeline.weight] if pipeline.weight else [])]
    named = [name for setting in COLUMN_LISTS for name in getattr(pipeline, setting)]
    for columns in _bending(pipeline).columns(source.schema.names).values():
        named += columns
    find_columns(source.schema, [*apart, *named], source.name)
    return [name for name in source.schema.names if name not in apart]


def _staged(
    pipeline: Pipeline, source: Source, columns: list[str], quantiles: bool, threads: int
) -> Staging:
    check_target_type(source.schema.field(pipeline.target), source.name)
    return FirstPass(
        features=[name for name in columns if name not in pipeline.drop],
        target=str(pipeline.target),
        weight=pipeline.weight,
        rows=pipeline.rows,
        categorical=pipeline.categorical,
        numeric=pipeline.numeric,
        quantiles=quantiles,
        infinite=pipeline.infinite,
    ).run(source, threads)


def steps_of(pipeline: Pipeline) -> Steps:
    """Return the steps of a pipeline, those that it leaves open among them."""
    return Steps(
        imputer=pipeline.imputer or _imputer(_trained_kind(pipeline.learner)),
        scaler=pipeline.scaler or StandardScaler(),
        encoder=pipeline.encoder or OneHotEncoder(),
        pruner=pipeline.pruner or CorrelationPruner(),
        bending=_bending(pipeline),
        infinite=pipeline.infinite,
    )


def _imputer(learner: Learner | None) -> SimpleImputer:
    if isinstance(learner, BoostedTrees):  # a tree has a way for what is missing
        return SimpleImputer("constant", fill_value=float("nan"))
    return SimpleImputer()


def _bending(pipeline: Pipeline) -> Bending:
    if isinstance(pipeline.crosses, FeatureCrosser):
        return Bending(pipeline.bins, pipeline.crosses)
    return Bending(pipeline.bins, FeatureCrosser(pipeline.crosses))


def _trained_kind(learner: Learner | LaneSearch | None) -> Learner | None:
    """Return the learner that is trained in the end."""
    return learner.learner if isinstance(learner, LaneSearch) else learner
