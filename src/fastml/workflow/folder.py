"""The directory of a run: where it is, what is in it, and that it appears whole or not at all."""

from __future__ import annotations

import errno
import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from fastml.atomic import atomic_path
from fastml.errors import ConfigError
from fastml.pipeline import Pipeline
from fastml.reporting.outcome import Outcome
from fastml.reporting.run_report import run_report
from fastml.workflow.models import Mandate, save_model

__all__ = ["METRICS", "RUNS", "SETTINGS", "check_folder", "found_by", "named_for_now", "write_run"]

RUNS = Path("runs")
METRICS = "metrics.json"
SETTINGS = "settings.toml"
_CONTENT = {"model", "report.html", METRICS, "profile.json", "project.toml", SETTINGS, "run.log"}
_TAKEN = {errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR}


def check_folder(folder: Path) -> None:
    """Check that a run may write to `folder`: nothing but an earlier run stands there.

    Raises
    ------
    ConfigError
        If something else does; it would be lost.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"--out {folder} is a file; name a folder for the run")
    here = Path.cwd()
    if folder.resolve() in (here, *here.parents):
        raise ConfigError(f"--out {folder} is where you work; name a folder in it for the run")
    if not folder.is_dir():
        return
    names = {each.name for each in folder.iterdir()}
    others = sorted(names - _CONTENT)
    if others:
        raise ConfigError(
            f"--out {folder} holds {others[0]!r}, which is not of a run; "
            "name a new folder, so that nothing is lost"
        )
    if names and found_by(folder) is None:
        raise ConfigError(
            f"--out {folder} holds {min(names)!r}, but no {METRICS} of a run beside it; "
            "name a new folder, so that nothing is lost"
        )


def found_by(folder: Path) -> dict[str, Any] | None:
    """Return what the run in `folder` found, its `metrics.json`; None where there is no run."""
    try:
        found = json.loads((folder / METRICS).read_text(encoding="utf-8"))
        judged = found["splits"][found["judged_on"]], found["passed"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    known = isinstance(judged[0], dict) and isinstance(judged[1], bool)
    return dict(found) if known else None


def named_for_now() -> Path:
    """Return a folder of `runs` that is named for the time (UTC) and is not there."""
    name = f"{datetime.now(UTC):%Y-%m-%d_%H-%M-%S}"
    return next(folder for folder in _numbered(RUNS / name) if not folder.exists())


def write_run(
    folder: Path,
    outcome: Outcome,
    pipeline: Pipeline,
    mandate: Mandate,
    log: str,
    *,
    replace: bool = True,
) -> Path:
    """Write everything that a run found, and return where.

    An earlier run at `folder` is replaced, or, unless `replace`, never touched, however many runs
    end at once: where another has taken the name in the meantime, a new one is found.

    Raises
    ------
    DataError
        If the disk is full or the folder cannot be written to; nothing is left behind.
    """
    place = folder if replace else folder.with_name(f".{secrets.token_hex(8)}")
    with atomic_path(place) as directory:
        directory.mkdir()
        save_model(directory / "model", pipeline, mandate)
        texts = {
            METRICS: _json(outcome.to_dict()),
            "profile.json": _json(outcome.profile),
            "report.html": run_report(outcome),
            "project.toml": outcome.project_text,
            SETTINGS: outcome.settings_text,
            "run.log": log,
        }
        for name, content in texts.items():
            (directory / name).write_text(content, encoding="utf-8", newline="")
    return place if replace else _renamed(place, folder)


def _renamed(place: Path, wanted: Path) -> Path:
    """Rename a folder as wanted, or for the time; a folder that holds anything keeps its own name.

    Whether a name is free is told by the renaming: no other run can take it in between.
    """
    while True:
        try:
            return place.rename(wanted)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
        wanted = named_for_now()


def _numbered(folder: Path) -> Iterator[Path]:
    yield folder
    yield from (folder.with_name(f"{folder.name}_{n}") for n in count(2))


def _json(content: object) -> str:
    return json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
