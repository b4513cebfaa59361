"""The runs so far, side by side."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastml._typing import PathLike
from fastml.errors import ConfigError
from fastml.reporting.numbers import metric_value
from fastml.workflow.folder import METRICS, SETTINGS, found_by
from fastml.workflow.ledger import count_looks
from fastml.workflow.project import Project, read_project

__all__ = ["History", "history"]

_SHOWN = ("roc_auc", "log_loss", "accuracy", "r2", "rmse", "profit")


@dataclass(frozen=True, slots=True)
class History:
    """The runs of a folder.

    Attributes
    ----------
    runs : list of dict
        Name, verdict, the split it was judged on and the metrics there, whether it was a draft,
        and target, source and kind of learner (None where its settings cannot be read); the oldest
        first.
    looks : dict of str to int
        How often each test split was looked at.
    """

    runs: list[dict[str, Any]]
    looks: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {
            "runs": self.runs,
            "test_looks": [{"split": split, "looks": looks} for split, looks in self.looks.items()],
        }

    def __str__(self) -> str:
        names = [n for n in _SHOWN if any(n in run["metrics"] for run in self.runs)]
        rows = [["run", "target", "source", "learner", "verdict", "judged on", *names]]
        for run in self.runs:
            found = (run["metrics"].get(name) for name in names)
            cells = [
                "" if v is None else metric_value(n, v) for n, v in zip(names, found, strict=True)
            ]
            verdict = "passed" if run["passed"] else "did not pass"
            judged_on = run["judged_on"] + (" (draft)" if run["draft"] else "")
            source = Path(run["source"] or "").name
            told = [run["run"], run["target"] or "", source, run["learner"] or ""]
            rows.append([*told, verdict, judged_on, *cells])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        lines += [
            f"test split ({split}): looked at {looks} time{'s' if looks > 1 else ''}"
            for split, looks in self.looks.items()
        ]
        return "\n".join(lines)


def history(folder: PathLike) -> History:
    """Read what the runs in `folder` found.

    Raises
    ------
    ConfigError
        If there is no such folder or no run in it.
    """
    folder = Path(folder)
    runs, ledgers = [], []
    for file in sorted(folder.glob(f"*/{METRICS}")):
        found = found_by(file.parent)
        if found is None:
            continue
        project = _settings(file.parent)
        runs.append(_described(file.parent.name, found, project))
        if project is not None:
            ledgers.append(project.ledger)
    if not runs:
        raise ConfigError(f"there are no runs in {str(folder)!r}; `fastml run` makes one")
    looks: Counter[str] = Counter()
    for ledger in dict.fromkeys(ledgers):
        looks.update(count_looks(ledger))
    return History(runs, dict(looks))


def _described(name: str, found: dict[str, Any], project: Project | None) -> dict[str, Any]:
    tuning = found.get("tuning")  # may have chosen another kind of learner
    chosen = {} if tuning is None else tuning["best"]["params"]
    return {
        "run": name,
        "target": project and project.problem.target,
        "source": project and project.source,
        "learner": chosen.get("learner.kind", project and project.learner.kind),
        "passed": found["passed"],
        "judged_on": found["judged_on"],
        "draft": found["judged_on"] != "test",
        "metrics": found["splits"][found["judged_on"]],
    }


def _settings(run: Path) -> Project | None:
    try:
        return read_project(run / SETTINGS)
    except ConfigError:  # not whole, or not there; the run is shown all the same
        return None
