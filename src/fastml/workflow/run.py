"""`run`: from a project file to a judged, saved model, as one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from fastml import __version__
from fastml._typing import PathLike, Task
from fastml.checkpoint import Checkpoint, current
from fastml.data import Source
from fastml.engine import default_threads, memory_budget
from fastml.errors import ConfigError, DataError, did_you_mean
from fastml.evaluation.criteria import Verdict, check, parse_criteria
from fastml.evaluation.intervals import Interval
from fastml.evaluation.numbers import how_many
from fastml.evaluation.summary import Evaluation
from fastml.extras import load_extra
from fastml.model_selection import Splits
from fastml.pipeline import Pipeline
from fastml.profile import TableProfile, profile
from fastml.reporting.outcome import Baseline, Beside, Outcome, Recalibration, Tuning, finite
from fastml.workflow.beside import Rival
from fastml.workflow.folder import check_folder, named_for_now, write_run
from fastml.workflow.journal import Journal
from fastml.workflow.judging import Judge, Scored
from fastml.workflow.ledger import record_look
from fastml.workflow.models import Mandate
from fastml.workflow.parts import effective_split, look_at, project_parts, split_words
from fastml.workflow.pipelines import project_pipeline
from fastml.workflow.project import Project, refuse_binary_keys
from fastml.workflow.source import open_source
from fastml.workflow.tuning import tuned_pipeline

__all__ = ["run"]

_TASKS: tuple[Task, ...] = ("binary", "multiclass", "regression")


def run(
    project: Project,
    *,
    out: PathLike | None = None,
    draft: bool = False,
    cache: PathLike | None = None,
    checkpoint: Checkpoint | None = None,
    journal: Journal | None = None,
) -> tuple[Outcome, Path]:
    """Read, profile, split, train, judge and save.

    Parameters
    ----------
    project : Project
        As `read_project` gives it.
    out : str or Path, optional
        The folder to write; default one under `runs` named for the time. It appears whole, at the
        end, or not at all.
    draft : bool
        Judge on the validation split, and leave the test split alone.
    cache : str or Path, optional
        Where the encoded rows are kept for the next run; see `Pipeline`.
    checkpoint : Checkpoint, optional
        Where training is saved until the run has been written; default nowhere.
    journal : Journal, optional
        Told what happens.

    Returns
    -------
    outcome : Outcome
        What was found; `outcome.passed` is the gate.
    folder : Path
        Where it was written.

    Raises
    ------
    FastMLError
        If the project, the data or the disk do not allow it; nothing is left behind.
    StoppedError
        If the checkpoint was asked to stop.
    """
    journal = journal or Journal()
    if checkpoint is None:
        return _run(project, out, draft, cache, journal)
    if checkpoint.looks:
        journal.say(f"going on with what is saved in {checkpoint.folder}, where it is of this run")
    elif checkpoint.resume:
        journal.say(f"nothing is saved in {checkpoint.folder}: training begins anew")
    elif checkpoint.holds_something:
        journal.say(f"{checkpoint.folder} holds a run that was cut off; --resume would go on")
    with checkpoint:
        return _run(project, out, draft, cache, journal)


def _run(
    project: Project, out: PathLike | None, draft: bool, cache: PathLike | None, journal: Journal
) -> tuple[Outcome, Path]:
    memory_budget()  # a mistake in it is told before any time is spent
    if cache is not None and project.tune is not None:
        raise ConfigError(
            "--cache keeps the rows of one training, and [tune] has many, which share theirs; "
            "leave one of them out"
        )
    if out is not None:
        check_folder(Path(out))
    folder = named_for_now() if out is None else Path(out)
    problem = project.problem
    success = project.criteria
    _check_criteria(success, problem.task)
    if "xgboost" in (project.learner.kind, project.learner.compare):
        load_extra("xgboost")  # before any time is spent
    if project.tune is not None:
        load_extra("optuna")
    with journal.stage("read"):
        source = _open(project, journal)
    with journal.stage("profile"):
        table = profile(source)
        _say_roles(table, journal)
    with journal.stage("split"):
        classifies = _classifies(project, source, table)
        _check_task(project, table, classifies)
        effective = effective_split(project, classifies)
        parts = project_parts(project, source, effective)
        journal.say(split_words(project, effective, parts))
    with journal.stage("train"):
        pipeline = project_pipeline(project, project.learner.kind, classifies)
        tuning = None
        if project.tune is None:
            pipeline.cache = cache
            pipeline.fit(parts.train, validation=parts.validation)
            journal.say(f"encoded rows: {pipeline.encoded_rows_}")
        else:
            pipeline, tuning = tuned_pipeline(project, pipeline, parts, journal)
        _check_class_weight(project, pipeline)
        _say_resumed(journal)
        _say_training(pipeline, journal)
    rival = None
    if project.learner.compare is not None:
        with journal.stage("compare"):
            rival = Rival(project.learner.compare, project, classifies, parts)
            journal.say(f"{rival.kind} on the same rows: {rival.seconds:.2f} s")
    with journal.stage("judge"):
        judge = Judge(
            pipeline,
            parse_criteria(success, pipeline.task_),
            problem.value,
            problem.threshold,
            project.learner.calibration,
        )
        look = None if draft else _look(project, effective, folder)
        judgement = _judge(judge, parts, journal, look)
        beside = None
        if rival is not None:
            beside = rival.beside(
                judge, judgement.rows, judgement.judged_on, journal.seconds["train"]
            )
    outcome = _outcome(project, pipeline, table, judge, judgement, beside, tuning, journal)
    with journal.stage("write"):
        journal.say(f"writing to {folder}")
        mandate = Mandate(
            problem.question,
            dict(success),
            problem.value,
            finite(outcome.judged.metrics),
            outcome.judged_on,
            judge.standard if judge.standard and judge.standard.is_small else None,
            judge.threshold,
        )
        folder = write_run(
            folder, outcome, pipeline, mandate, journal.text(), replace=out is not None
        )
    return outcome, folder


# -- reading ----------------------------------------------------------------------------------


def _check_criteria(success: Mapping[str, Any], task: Task | None) -> None:
    """Refuse criteria that no task has, before any time is spent.

    Raises
    ------
    ConfigError
        If the task has not all of them; where it is not stated, if no task has.
    """
    faults = []
    for each in [task] if task else _TASKS:
        try:
            parse_criteria(success, each)
        except ConfigError as fault:
            faults.append(fault)
        else:
            return
    raise next((fault for fault in faults if "did you mean" in str(fault)), faults[0])


def _open(project: Project, journal: Journal) -> Source:
    source = open_source(project)
    rows = "" if source.num_rows is None else f"{how_many(source.num_rows, 'row')}, "
    journal.say(f"{source.name}: {rows}{how_many(len(source.schema.names), 'column')}")
    return source


def _say_roles(table: TableProfile, journal: Journal) -> None:
    roles: dict[str, int] = {}
    for column in table.columns.values():
        roles[str(column.role)] = roles.get(str(column.role), 0) + 1
    journal.say(", ".join(f"{count} {role}" for role, count in roles.items()))


# -- splitting and training -------------------------------------------------------------------


def _classifies(project: Project, source: Source, table: TableProfile) -> bool:
    """Whether the target is a class: as the project says, else as `Pipeline` will decide."""
    if project.problem.task is not None:
        return project.problem.task != "regression"
    kind = source.schema.field(project.problem.target).type
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    return not number or round(table.columns[project.problem.target].distinct) == 2


def _check_task(project: Project, table: TableProfile, classifies: bool) -> None:
    """Refuse a binary task, or keys of one, where the target that was found makes it another."""
    target = table.columns[project.problem.target]
    if project.problem.task == "binary" and round(target.distinct) > 2:
        raise DataError(
            f"the target {target.name!r} has {round(target.distinct):,} different values; a binary "
            "task needs two: say task = 'multiclass' or 'regression', or name another target"
        )
    if project.problem.task is not None:
        return
    if not classifies:
        refuse_binary_keys(
            project.problem, f"the target {target.name!r} holds numbers, which makes a regression"
        )
    elif round(target.distinct) > 2:
        refuse_binary_keys(
            project.problem, f"the target {target.name!r} has {round(target.distinct):,} classes"
        )


def _check_class_weight(project: Project, pipeline: Pipeline) -> None:
    """Refuse weights for classes that are not there: a learner leaves them without effect."""
    weights = project.learner.class_weight
    classes = tuple(str(name) for name in pipeline.classes_)
    for name in weights if isinstance(weights, dict) else ():
        if name not in classes:
            hint = did_you_mean(name, classes, listed=True)
            raise ConfigError(
                f"[learner] class_weight names {name!r}, which the target "
                f"{project.problem.target!r} does not have{hint}"
            )


def _left_out(pipeline: Pipeline) -> str:
    """Say how many rows were not learned from, and why."""
    count = pipeline.missing_targets_
    why = f"without a value in the target {pipeline.target!r}"
    if pipeline.rows is not None:
        why += " or in another column"
    return f"{how_many(count, 'row')} to train on {why}"


def _say_resumed(journal: Journal) -> None:
    checkpoint = current()
    if checkpoint is None or not checkpoint.looks:
        return
    if checkpoint.of_no_use:
        journal.say(
            f"what {checkpoint.folder} holds is of other rows or settings, of another release or "
            "kind of processor: training began anew, and left it there"
        )
    else:
        done, under_way = checkpoint.found, checkpoint.resumed
        journal.say(f"resumed: of what was saved, {done} done and {under_way} under way")


def _say_training(pipeline: Pipeline, journal: Journal) -> None:
    explanation = pipeline.explain()
    of = f", P({pipeline.positive_})" if pipeline.task_ == "binary" else ""
    journal.say(
        f"{pipeline.task_}{of}: {how_many(pipeline.n_rows_, 'row')}, "
        f"{how_many(len(explanation.features), 'column')}"
    )
    if pipeline.tried_ is not None:
        journal.say(f"tuned: {pipeline.tried_}")
    if pipeline.missing_targets_:
        journal.say(f"left out {_left_out(pipeline)}")
    for dropped in explanation.dropped:
        journal.say(f"left out {dropped['column']!r}: {dropped['reason']}")


# -- judging ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Judgement:
    splits: dict[str, Evaluation]
    judged_on: str
    rows: Scored
    calibration: Recalibration | None
    baseline: Baseline
    verdicts: list[Verdict]
    resampled: dict[str, Interval]


def _judge(
    judge: Judge, parts: Splits, journal: Journal, look: Callable[[], int] | None
) -> _Judgement:
    """Measure on every split; on the test split only where `look`, which is called before."""
    train = judge.learn(parts.train)
    rows = judge.score(parts.validation)
    judge.calibrate(rows)
    if judge.calibrator is not None:
        journal.say(f"calibrated: {judge.calibrator}")
    judge.choose_threshold(rows)
    if judge.threshold is not None:
        journal.say(f"threshold {judge.threshold} on validation")
    splits = {"train": judge.evaluate(train), "validation": judge.evaluate(rows)}
    judged_on, judged_rows = "validation", parts.validation
    scored = {judged_on: rows}
    if look is not None:
        looks = look()
        if looks > 1:
            journal.say(f"this is look {looks} at the same test split: it judges less and less")
        judged_on, judged_rows = "test", parts.test
        rows = judge.score(judged_rows)
        splits["test"] = judge.evaluate(rows)
        scored["test"] = rows
    measured = splits[judged_on]
    judge.add_latency(measured, parts.validation)
    baseline = judge.baseline(rows)
    verdicts = check(
        judge.criteria,
        measured.metrics,
        intervals=measured.intervals,
        comparisons=baseline.comparisons,
    )
    for verdict in verdicts:
        journal.note(f"{'passed' if verdict.passed else 'FAILED'} on {judged_on}: {verdict.words}")
    calibration = None
    if judge.calibrator is not None:
        before = {name: judge.before_calibration(split) for name, split in scored.items()}
        calibration = Recalibration(str(judge.calibrator), before)
    resampled = judge.resampled(judged_rows)
    return _Judgement(splits, judged_on, rows, calibration, baseline, verdicts, resampled)


def _look(project: Project, split: Mapping[str, Any], folder: Path) -> Callable[[], int]:
    """Return what notes a look at the test split of the project."""
    return lambda: record_look(project.ledger, look_at(project, split), str(folder))


def _outcome(
    project: Project,
    pipeline: Pipeline,
    table: TableProfile,
    judge: Judge,
    judgement: _Judgement,
    beside: Beside | None,
    tuning: Tuning | None,
    journal: Journal,
) -> Outcome:
    rows = (f"{each.rows:,} {name}" for name, each in judgement.splits.items())
    facts = {
        "rows": ", ".join(rows),
        "split": f"seed {project.split.seed}",
        "learner": repr(pipeline.learner_),
        "fastml": __version__,
        "threads": str(default_threads()),
        "time": ", ".join(f"{name} {s:.2f} s" for name, s in journal.seconds.items()),
    }
    if project.problem.weight:
        facts["weight"] = f"each row is counted by {project.problem.weight!r}"
    if pipeline.missing_targets_:
        facts["left out"] = _left_out(pipeline)
    return Outcome(
        question=project.problem.question,
        task=pipeline.task_,
        target=project.problem.target,
        positive=str(pipeline.positive_) if pipeline.task_ == "binary" else None,
        source=project.data.source,
        judged_on=judgement.judged_on,
        splits=judgement.splits,
        verdicts=tuple(judgement.verdicts),
        baseline=judgement.baseline,
        truth=judgement.rows.truth,
        weight=judgement.rows.weight,
        counted_by=project.problem.weight,
        scores=judge.predicted(judgement.rows),
        resampled=judgement.resampled,
        calibration=judgement.calibration,
        threshold=judge.threshold,
        beside=beside,
        tried=pipeline.tried_,
        tuning=tuning,
        explanation=pipeline.explain().to_dict(),
        profile=table.to_dict(),
        facts=facts,
        project_text=project.text,
        settings_text=project.settings,
    )
