"""The runs so far, side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastml._typing import PathLike
from fastml.errors import ConfigError
from fastml.reporting.numbers import metric_value
from fastml.workflow.folder import METRICS, SETTINGS, found_by
from fastml.workflow.ledger import count_looks
from fastml.workflow.project import read_project

__all__ = ["History", "history"]

_SHOWN = ("roc_auc", "log_loss", "accuracy", "r2", "rmse", "profit")


@dataclass(frozen=True, slots=True)
class History:
    """The runs of a folder.

    Attributes
    ----------
    runs : list of dict
        Name, verdict, the split it was judged on and the metrics there, the oldest first.
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
        rows = [["run", "verdict", "judged on", *names]]
        for run in self.runs:
            found = (run["metrics"].get(name) for name in names)
            cells = [
                "" if v is None else metric_value(n, v) for n, v in zip(names, found, strict=True)
            ]
            verdict = "passed" if run["passed"] else "did not pass"
            rows.append([run["run"], verdict, run["judged_on"], *cells])
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
    runs = [
        {
            "run": file.parent.name,
            "passed": found["passed"],
            "judged_on": found["judged_on"],
            "metrics": found["splits"][found["judged_on"]],
        }
        for file in sorted(folder.glob(f"*/{METRICS}"))
        if (found := found_by(file.parent)) is not None
    ]
    if not runs:
        raise ConfigError(f"there are no runs in {str(folder)!r}; `fastml run` makes one")
    looks: Counter[str] = Counter()
    for ledger in _ledgers(folder / run["run"] for run in runs):
        looks.update(count_looks(ledger))
    return History(runs, dict(looks))


def _ledgers(runs: Iterable[Path]) -> list[Path]:
    """Return where the looks of runs are counted, each place once."""
    found = []
    for run in runs:
        try:
            found.append(read_project(run / SETTINGS).ledger)
        except ConfigError:  # not whole, or not there; the run is shown all the same
            continue
    return list(dict.fromkeys(found))
