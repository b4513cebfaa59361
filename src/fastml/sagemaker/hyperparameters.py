"""The settings of a job: a project file, flat hyperparameters, or the one changed by the other.

A hyperparameter is a key of a project file, under its own name (`epochs`) or with its section
(`learner.epochs`, `success.roc_auc.min`). Which there are and what they may be is known in one
place, the project file's (`fastml.workflow.project`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from fastml.errors import ConfigError
from fastml.sagemaker.channels import CONFIG
from fastml.sagemaker.job import Job
from fastml.workflow.ledger import LEDGER
from fastml.workflow.project import Project, parse_project
from fastml.workflow.tune import JOURNAL

__all__ = ["job_project"]

_PLATFORM = ("_", "sagemaker_")
"""How names begin that are not meant for the program: `_tuning_objective_metric`, ..."""
_FILE = "project.toml"


def job_project(job: Job, tables: Mapping[str, str]) -> Project:
    """Return the project of a job.

    Parameters
    ----------
    job : Job
    tables : mapping of str to str
        Where the rows are, by the key of [data]: they take the place of what the project says.

    Raises
    ------
    ConfigError
        If a setting is unknown, missing or does not fit; the message names what it is from.
    """
    given = {k: v for k, v in job.hyperparameters.items() if not k.startswith(_PLATFORM)}
    file = _project_file(job)
    words, folder = "", job.layout.root
    if file is not None:
        words, folder = _read(file), file.parent
    places = {
        "split.ledger": json.dumps(str(job.layout.output_data / LEDGER)),
        **{f"data.{key}": json.dumps(place) for key, place in tables.items()},
    }
    from_where = [str(file)] if file else []
    from_where += ["the hyperparameters"] if given else []
    try:
        project = parse_project(words, folder, changes={**given, **places})
        if project.tune is not None and project.tune.journal is None:
            kept = {"tune.journal": json.dumps(str(job.checkpoints / JOURNAL))}
            project = parse_project(words, folder, changes={**given, **places, **kept})
    except ConfigError as error:
        source = " and ".join(from_where) or "no hyperparameters and no channel `config`"
        raise ConfigError(f"{error} (in {source})") from error
    return project


def _project_file(job: Job) -> Path | None:
    """Return the project file of the channel `config`, where there is one."""
    folder = job.layout.channels / CONFIG
    if not folder.is_dir():
        return None
    files = sorted(folder.rglob("*.toml"))
    named = [file for file in files if file.name == _FILE]
    if len(named or files) != 1:
        names = ", ".join(str(file.relative_to(folder)) for file in files) or "none"
        raise ConfigError(
            f"the channel {CONFIG!r} should hold one project file, {_FILE}; found {names}"
        )
    return (named or files)[0]


def _read(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the project file {file} cannot be read: {error}") from error
