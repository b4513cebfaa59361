"""From a raw table to a fitted pipeline: one reading, then decisions, then a learner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastml.data import Source, scan
from fastml.engine import BlockMemory, memory_budget
from fastml.ensemble import BoostedTrees
from fastml.errors import ConfigError
from fastml.linear_model.design import Design
from fastml.linear_model.training import Monitor
from fastml.model_selection.lane_search import LaneSearch
from fastml.model_selection.tried import Tried
from fastml.pipeline.fitted import Fitted, Learner, trained_kind
from fastml.pipeline.kept_rows import Encoded, KeptRows
from fastml.pipeline.rows import RowReader
from fastml.pipeline.target import Target, check_target_type, find_target
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

if TYPE_CHECKING:
    from fastml.pipeline import Pipeline

__all__ = [
    "ReadTable",
    "fitted",
    "memory_for",
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

    @property
    def n_rows(self) -> int:
        """Rows to learn from."""
        return self.staging.n_rows

    @property
    def missing_targets(self) -> int:
        """Rows that were left out."""
        return self.staging.n_left_out


def train_pipeline(
    pipeline: Pipeline, data: Any, validation: Any, threads: int
) -> tuple[Fitted, str]:
    """Learn what a pipeline's settings ask for; `Pipeline.fit` says the rest.

    Returns
    -------
    fitted : Fitted
    where : str
        Where the encoded rows lay meanwhile, in words.
    """
    _checked_target(pipeline)
    memory = memory_for(pipeline)
    rows, where = _encoded(pipeline, scan(data).canonical(), memory, threads)
    held_out = None
    if validation is not None:
        reader = RowReader(rows.plan, rows.target, pipeline.weight, pipeline.reading, threads)
        held_out = reader.design(validation, memory)
    learner = pipeline.learner or rows.target.default_learner()
    trained = train_learner(learner, rows.target, rows.design, held_out, threads)
    return fitted(pipeline, rows, rows.plan, rows.dropped, *trained), where


def memory_for(pipeline: Pipeline) -> BlockMemory:
    """Return what the rows of a pipeline's training lie in, by its budget."""
    return BlockMemory.within(memory_budget(pipeline.memory))


def _encoded(
    pipeline: Pipeline, source: Source, memory: BlockMemory, threads: int
) -> tuple[Encoded, str]:
    """Return the rows as the pipeline's steps encode them, and in words where they lie."""
    kept, why = None, ""
    if pipeline.cache is not None:
        kept = KeptRows(Path(pipeline.cache), pipeline, source)
        found = kept.read(memory.budget, threads)
        if isinstance(found, Encoded):
            return found, f"read from {pipeline.cache}: the table is unchanged"
        why = found
    table = read_table(pipeline, source, threads, memory)
    plan, dropped = plan_table(pipeline, table, threads)
    design = finished_design(plan, table.staging, threads)
    rows = Encoded(design, plan, table.target, dropped, table.n_rows, table.missing_targets)
    size = sum(block.dense.nbytes + block.codes.nbytes for block in design.blocks) / 1e6
    where = f"{size:,.0f} MB in memory"
    if memory.overflowed:
        where = f"{size:,.0f} MB; a temporary file took {memory.overflowed / 1e6:,.0f} MB"
    if kept is not None:
        if kept.write(rows):
            where += f"; kept in {pipeline.cache} ({why})"
        else:
            where += f"; not kept in {pipeline.cache}, since the table changed while it was read"
    return rows, where


def read_table(
    pipeline: Pipeline,
    data: Any,
    threads: int,
    memory: BlockMemory,
    *,
    quantiles: bool = False,
) -> ReadTable:
    """Read a training table.

    Parameters
    ----------
    pipeline : Pipeline
        Its settings of columns and rows.
    data : anything that `fastml.scan` takes
    threads : int
    memory : BlockMemory
        Lends what the rows lie in.
    quantiles : bool
        Whether a plan will ask for quantiles that this pipeline's steps do not.
    """
    target_column = _checked_target(pipeline)
    source = scan(data).canonical()
    columns = _candidates(pipeline, source)
    quantiles = quantiles or steps_of(pipeline).needs_quantiles
    staging = _staged(pipeline, source, columns, quantiles, threads, memory)
    target = find_target(
        staging,
        target_column,
        source.name,
        pipeline.task,
        pipeline.positive,
        trained_kind(pipeline.learner),
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
    rows: ReadTable | Encoded,
    plan: EncodePlan,
    dropped: Mapping[str, str],
    learner: Learner,
    tried: Tried | None,
) -> Fitted:
    """Put together what a pipeline learned from a table."""
    return Fitted(
        target=rows.target,
        weight=pipeline.weight,
        threshold=pipeline.threshold,
        reading=pipeline.reading,
        n_rows=rows.n_rows,
        missing_targets=rows.missing_targets,
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
    pipeline: Pipeline,
    source: Source,
    columns: list[str],
    quantiles: bool,
    threads: int,
    memory: BlockMemory,
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
    ).run(source, threads, memory)


def steps_of(pipeline: Pipeline) -> Steps:
    """Return the steps of a pipeline, those that it leaves open among them."""
    return Steps(
        imputer=pipeline.imputer or _imputer(trained_kind(pipeline.learner)),
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
