"""The directory of a run: where it is, what is in it, and that it appears whole or not at all."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from fastml._typing import PathLike
from fastml.data.atomic import atomic_path
from fastml.errors import ConfigError
from fastml.pipeline import Pipeline
from fastml.reporting.outcome import Outcome
from fastml.reporting.run_report import run_report
from fastml.workflow.models import Mandate, save_model

__all__ = ["METRICS", "RUNS", "choose_folder", "write_run"]

RUNS = Path("runs")
METRICS = "metrics.json"
_CONTENT = {"model", "report.html", METRICS, "profile.json", "project.toml", "run.log"}


def choose_folder(out: PathLike | None) -> Path:
    """Return where a run will write: `out`, or a folder of `runs` named for the time (UTC).

    Raises
    ------
    ConfigError
        If something else than an earlier run stands at `out`; it would be lost.
    """
    if out is None:
        name = f"{datetime.now(UTC):%Y-%m-%d_%H-%M-%S}"
        taken = (RUNS / (name if n == 1 else f"{name}_{n}") for n in range(1, 1000))
        return next(folder for folder in taken if not folder.exists())
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"--out {folder} is a file; name a folder for the run")
    if folder.is_dir():
        others = sorted({each.name for each in folder.iterdir()} - _CONTENT)
        if others:
            raise ConfigError(
                f"--out {folder} holds {others[0]!r}, which is not of a run; "
                "name a new folder, so that nothing is lost"
            )
    return folder


def write_run(
    folder: Path, outcome: Outcome, pipeline: Pipeline, mandate: Mandate, log: str
) -> None:
    """Write everything that a run found; an earlier run at `folder` is replaced.

    Raises
    ------
    DataError
        If the disk is full or the folder cannot be written to; nothing is left behind.
    """
    with atomic_path(folder) as directory:
        directory.mkdir()
        save_model(directory / "model", pipeline, mandate)
        texts = {
            METRICS: _json(outcome.to_dict()),
            "profile.json": _json(outcome.profile),
            "report.html": run_report(outcome),
            "project.toml": outcome.project_text,
            "run.log": log,
        }
        for name, content in texts.items():
            (directory / name).write_text(content, encoding="utf-8", newline="")


def _json(content: object) -> str:
    return json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
