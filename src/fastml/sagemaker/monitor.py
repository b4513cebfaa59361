"""A monitoring job: what a model was asked and answered, held against its baseline.

Without a baseline the job makes one, of the table or of what was captured; but what was captured is
held against that of the model, if it has one.
"""

from __future__ import annotations

import csv
import datetime
import io
import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fastml.atomic import atomic_path
from fastml.data import Source, scan
from fastml.data.files import find_files
from fastml.errors import ConfigError, DataError
from fastml.monitoring.captured import Tally
from fastml.monitoring.checks import Violation, drifts, violations
from fastml.monitoring.collect import (
    INPUT,
    OUTPUT,
    Watched,
    captured_statistics,
    last_names,
    model_statistics,
    table_statistics,
)
from fastml.monitoring.constraints import Constraints, suggest
from fastml.monitoring.features import Kind, Statistics, read_json
from fastml.sagemaker.baseline import (
    CONSTRAINTS,
    OWN,
    STATISTICS,
    write_baseline,
    write_json,
)
from fastml.sagemaker.cloudwatch import cloudwatch_lines
from fastml.sagemaker.failure import FailureFile
from fastml.sagemaker.layout import Layout
from fastml.sagemaker.monitor_settings import MonitorSettings
from fastml.sagemaker.unpacked import unpack
from fastml.serving.predictor import Predictor

__all__ = ["monitor"]

_MESSAGE = 1_024  # bytes of it that are shown


def monitor(layout: Layout | None = None, variables: Mapping[str, str] | None = None) -> None:
    """Run a monitoring job; what it found is in its reports and its message.

    Parameters
    ----------
    layout : Layout, optional
        Default /opt/ml.
    variables : mapping of str to str, optional
        Default: those of the process.

    Raises
    ------
    FastMLError
        If the job does not allow it; the file `message` says why.
    """
    layout = layout or Layout()
    with FailureFile(layout.message):
        if not _leads(layout):
            print("nothing to do here: a monitoring job is done by its first machine")
            return
        settings = MonitorSettings.read(layout, os.environ if variables is None else variables)
        with _unpacked(layout.processing_model) as model:
            predictor = None if model is None else Predictor.open(model)
            message = _monitor(_with_baseline(settings, model), layout, predictor)
        print(message, flush=True)
        layout.message.parent.mkdir(parents=True, exist_ok=True)
        layout.message.write_bytes(message.encode()[:_MESSAGE].decode(errors="ignore").encode())


def _monitor(settings: MonitorSettings, layout: Layout, predictor: Predictor | None) -> str:
    before = _Before.read(settings)
    now, tally = _statistics(settings, predictor, before)
    if before is None:
        if not now.rows:
            raise DataError(f"{settings.source} has no rows to make a baseline of{_read(tally)}")
        write_baseline(settings.output, now)
        return f"Completed: a baseline was made of {now.rows:,} rows.{_read(tally)}"
    asked = _asked(before, settings, predictor)
    drifted = {} if before.statistics is None else drifts(now, before.statistics, asked)
    found = violations(now, asked, drifted)
    write_json(settings.output / STATISTICS, now.to_dict())
    listed = {"violations": [violation.to_dict() for violation in found]}
    write_json(settings.output / "constraint_violations.json", listed)
    for violation in found:
        print(f"{violation.check} of {violation.column!r}: {violation.description}")
    for fault in tally.faults:
        print(fault)
    if settings.publish:
        _publish(now, drifted, asked, settings, layout)
    return _told(now, found) + _read(tally)


@dataclass(frozen=True, slots=True)
class _Before:
    """The baseline: what the columns are to be like, and how they were."""

    constraints: Constraints
    statistics: Statistics | None

    @classmethod
    def read(cls, settings: MonitorSettings) -> _Before | None:
        statistics = None if settings.statistics is None else Statistics.read(settings.statistics)
        if settings.constraints is not None:
            return cls(Constraints.read(settings.constraints), statistics)
        return None if statistics is None else cls(suggest(statistics), statistics)

    @property
    def kinds(self) -> dict[str, Kind]:
        return {name: each.kind for name, each in self.constraints.columns.items()}


def _statistics(
    settings: MonitorSettings, predictor: Predictor | None, before: _Before | None
) -> tuple[Statistics, Tally]:
    if not settings.source.exists():
        raise DataError(f"dataset_source is {settings.source}, but nothing is there")
    kinds = None if before is None else before.kinds
    watched = Watched.of_columns(kinds)
    if predictor is not None:
        watched = Watched.of_model(predictor, kinds)
    if settings.table is not None:
        table = _table(settings, list(watched.inputs))
        if predictor is not None and before is None:
            return model_statistics(table, predictor), Tally()
        return table_statistics(table, watched.inputs, only=watched.only), Tally()
    edges = {}
    if before is not None and before.statistics is not None:
        edges = {each.name: each.numbers.edges for each in before.statistics if each.numbers}
    return captured_statistics(
        settings.source, watched, sides=settings.sides, period=settings.period, edges=edges
    )


def _table(settings: MonitorSettings, known: list[str]) -> Source:
    if settings.header:
        return scan(settings.source, format=settings.table)
    file, *_ = find_files(str(settings.source))
    with io.TextIOWrapper(file.open_stream(), "utf-8-sig", errors="replace") as lines:
        first = next(csv.reader(lines), [])
    return scan(settings.source, format="csv", names=last_names(known, len(first)))


def _asked(before: _Before, settings: MonitorSettings, predictor: Predictor | None) -> Constraints:
    """Return the constraints of the columns that are looked at."""
    constraints = before.constraints
    if predictor is None:
        return constraints
    watched = Watched.of_model(predictor, before.kinds)
    names: set[str] = set()
    if INPUT in settings.sides:
        names.update(watched.inputs)
    if OUTPUT in settings.sides and settings.table is None:
        names.update(watched.outputs)
    kept = {name: each for name, each in constraints.columns.items() if name in names}
    return Constraints(kept, constraints.checked)


def _publish(
    now: Statistics,
    drifted: Mapping[str, float],
    asked: Constraints,
    settings: MonitorSettings,
    layout: Layout,
) -> None:
    checked = {name: each.checked for name, each in asked.columns.items()}
    emitted = [each for each in now if checked.get(each.name, asked.checked).emit]
    at = settings.period.end or datetime.datetime.now(datetime.UTC)
    dimensions = {"Endpoint": settings.endpoint, "MonitoringSchedule": settings.schedule}
    lines = cloudwatch_lines(emitted, drifted, at=at, dimensions=dimensions)
    with atomic_path(layout.cloudwatch / "cloudwatch_metrics.jsonl") as temporary:
        temporary.write_text("".join(f"{line}\n" for line in lines), "utf-8")


def _told(now: Statistics, found: Sequence[Violation]) -> str:
    if not now.rows:
        return "Completed: there were 0 rows, so that nothing was checked."
    if not found:
        return f"Completed: Job completed successfully with no violations in {now.rows:,} rows."
    counts = Counter(violation.check for violation in found)
    listed = ", ".join(f"{check} {n}" for check, n in counts.items())
    return (
        f"CompletedWithViolations: Job completed successfully with {len(found)} violations "
        f"in {now.rows:,} rows ({listed})."
    )


def _read(tally: Tally) -> str:
    """Return what could not be read, in words."""
    words = ""
    if tally.damaged:
        words += f" {tally.damaged:,} captured lines or files are damaged."
    if tally.unread:
        words += f" {tally.unread:,} payloads could not be read."
    if tally.faults:
        words += f" The first: {tally.faults[0]}"
    return words


def _leads(layout: Layout) -> bool:
    """Say whether this machine does the job, and refuse a part of the data."""
    resources = _config(layout, "resourceconfig.json")
    hosts = sorted(map(str, resources.get("hosts") or ["algo-1"]))
    if len(hosts) > 1:
        for each in _config(layout, "processingjobconfig.json").get("ProcessingInputs") or []:
            stated = each.get("S3Input") or {}
            if stated.get("S3DataDistributionType") == "ShardedByS3Key":
                raise ConfigError(
                    f"the input {each.get('InputName')!r} is dealt out to {len(hosts)} machines "
                    "(ShardedByS3Key), but one does the job and would see its part alone; "
                    "say FullyReplicated, or one machine"
                )
    return str(resources.get("current_host") or hosts[0]) == hosts[0]


def _config(layout: Layout, name: str) -> dict[str, Any]:
    file = layout.processing_config / name
    return read_json(file) if file.exists() else {}


@contextmanager
def _unpacked(folder: Path) -> Iterator[Path | None]:
    """Yield the folder of the model that the job was given, if it was."""
    archive = folder / "model.tar.gz"
    if archive.is_file():
        with tempfile.TemporaryDirectory() as unpacked:
            unpack(archive, Path(unpacked))
            yield Path(unpacked)
    else:
        yield folder if folder.is_dir() else None


def _with_baseline(settings: MonitorSettings, model: Path | None) -> MonitorSettings:
    """Hold captured requests against the model's own baseline, where no other is stated."""
    stated = settings.table or settings.statistics or settings.constraints
    if stated or model is None or not (model / f"{OWN}{CONSTRAINTS}").is_file():
        return settings
    statistics, constraints = model / f"{OWN}{STATISTICS}", model / f"{OWN}{CONSTRAINTS}"
    return replace(settings, statistics=statistics, constraints=constraints)
