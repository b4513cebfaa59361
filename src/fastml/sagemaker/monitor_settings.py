"""What a monitoring job is asked for, in the variables that Model Monitor sets."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias

from fastml.errors import ConfigError, did_you_mean
from fastml.monitoring.captured import Period
from fastml.monitoring.collect import INPUT, OUTPUT
from fastml.monitoring.features import read_json
from fastml.sagemaker.baseline import CONSTRAINTS, STATISTICS
from fastml.sagemaker.layout import Layout

__all__ = ["MonitorSettings", "TableForm"]

TableForm: TypeAlias = Literal["csv", "json", "parquet"]

_SCRIPTS = ("record_preprocessor_script", "post_analytics_processor_script")
_ALL = Period()
_FORMS = ("sagemakerCaptureJson", "csv", "json", "parquet")


@dataclass(frozen=True, slots=True)
class MonitorSettings:
    """A monitoring job.

    Parameters
    ----------
    source, output : Path
        Where the data is, and where the reports go.
    table : {"csv", "json", "parquet"}, optional
        What the data is; None if it was captured.
    header : bool
        Whether a table of CSV begins with a line of names.
    sides : tuple of {"endpointInput", "endpointOutput"}
        What is looked at of what was captured.
    statistics, constraints : Path, optional
        The files of the baseline. Without both, the job makes one.
    publish : bool
        Whether metrics are written for CloudWatch.
    endpoint, schedule : str
        What the job watches, and what started it; may be empty.
    period : Period
    """

    source: Path
    output: Path
    table: TableForm | None = None
    header: bool = True
    sides: tuple[str, ...] = (INPUT, OUTPUT)
    statistics: Path | None = None
    constraints: Path | None = None
    publish: bool = False
    endpoint: str = ""
    schedule: str = ""
    period: Period = _ALL

    @classmethod
    def read(cls, layout: Layout, variables: Mapping[str, str]) -> Self:
        """Read the variables of a job; those that are not set may be in its configuration file.

        Raises
        ------
        ConfigError
            If one has a value that is not known, or asks for a script to be run.
        """
        given = _stated(layout) | {k: v for k, v in variables.items() if v}
        for script in _SCRIPTS:
            if given.get(script):
                raise ConfigError(
                    f"{script} is {given[script]!r}, but no scripts are run here: prepare the data "
                    "before it is captured, or read the reports in a job of your own"
                )
        table, options = _format(given.get("dataset_format", ""))
        return cls(
            Path(given.get("dataset_source") or layout.processing_endpoint),
            Path(given.get("output_path") or layout.processing / "output"),
            table,
            _true(options.get("header", True)) if table == "csv" else True,
            _sides(options) if table is None else (INPUT, OUTPUT),
            _file(given.get("baseline_statistics"), STATISTICS),
            _file(given.get("baseline_constraints"), CONSTRAINTS),
            given.get("publish_cloudwatch_metrics", "Disabled") == "Enabled",
            given.get("sagemaker_endpoint_name", ""),
            given.get("sagemaker_monitoring_schedule_name", ""),
            Period(_moment(given, "start_time"), _moment(given, "end_time")),
        )


def _stated(layout: Layout) -> dict[str, str]:
    file = layout.processing_config / "processingjobconfig.json"
    stated = (read_json(file).get("Environment") or {}) if file.exists() else {}
    return {str(name): str(value) for name, value in stated.items()}


def _format(text: str) -> tuple[TableForm | None, dict[str, Any]]:
    if not text:
        return None, {}
    try:
        stated = json.loads(text)
        ((name, options),) = stated.items()
    except (ValueError, AttributeError) as error:
        raise ConfigError(
            f"dataset_format is {text!r}; expected JSON such as "
            '{"sagemakerCaptureJson": {"captureIndexNames": ["endpointInput"]}}'
        ) from error
    known = {each.lower(): each for each in _FORMS}
    found = known.get(str(name).lower())
    if found is None:
        meant = did_you_mean(name, _FORMS, listed=True)
        raise ConfigError(f"dataset_format is of {name!r}, which is not known{meant}")
    options = options if isinstance(options, dict) else {}
    tables: dict[str, TableForm] = {"csv": "csv", "json": "json", "parquet": "parquet"}
    return tables.get(found), options


def _sides(options: Mapping[str, Any]) -> tuple[str, ...]:
    sides = tuple(options.get("captureIndexNames") or (INPUT, OUTPUT))
    unknown = [side for side in sides if side not in (INPUT, OUTPUT)]
    if unknown:
        raise ConfigError(
            f"captureIndexNames has {unknown[0]!r}; expected {INPUT!r}, {OUTPUT!r} or both"
        )
    return sides


def _true(value: Any) -> bool:
    """Return a switch, which is true or "true", and on some pages of AWS a list of it."""
    first = value[0] if isinstance(value, list) and value else value
    return str(first).lower() == "true"


def _file(path: str | None, name: str) -> Path | None:
    if not path:
        return None
    found = Path(path)
    return found / name if found.is_dir() else found


def _moment(given: Mapping[str, str], name: str) -> datetime.datetime | None:
    text = given.get(name, "").strip()
    if not text:
        return None
    if "T" in text:
        text = text.replace(" ", "")  # a page of AWS has some within
    try:
        found = datetime.datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(
            f"{name} is {given[name]!r}; expected a moment such as 2026-11-24T15:00:00Z"
        ) from error
    return found if found.tzinfo else found.replace(tzinfo=datetime.UTC)
