"""Runs the sides of a job in turn and compares what they took."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.job import AbsentError, Job

ROOT = Path(__file__).parents[1]
NOBODY: Mapping[str, str] = {}


@dataclass(frozen=True)
class Taken:
    """What a side took: medians over its runs, and the largest peak of memory."""

    wall_s: float
    cpu_s: float
    peak_bytes: int
    figures: dict[str, float]


def run_side(job_name: str, side: str, path: Path) -> Taken:
    """Run one side once, in a process of its own; raise `AbsentError` where it says so."""
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.child", job_name, side, str(path)],
        cwd=ROOT,
        env=os.environ | {"PYTHONWARNINGS": "ignore"},  # the peers' own
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode != 0:
        raise RuntimeError(f"{side} failed at {job_name} on {path.name}:\n{run.stderr[-3000:]}")
    taken = json.loads(run.stdout.splitlines()[-1])
    if "absent" in taken:
        raise AbsentError(taken["absent"])
    return Taken(**taken)


class Comparison:
    """Collects the runs of a job's sides."""

    def __init__(
        self, name: str, job: Job, path: Path, rows: int, absent: Mapping[str, str] = NOBODY
    ) -> None:
        self.name, self.job, self.path, self.rows = name, job, path, rows
        self.runs: defaultdict[str, list[Taken]] = defaultdict(list)
        self.absent = dict(absent)

    def run_peers(self) -> None:
        """Run each peer once that is not absent."""
        for side in self.job.sides:
            if side == "fastml" or side in self.absent:
                continue
            try:
                self.runs[side].append(run_side(self.name, side, self.path))
            except AbsentError as reason:
                self.absent[side] = str(reason)

    def run_fastml(self) -> None:
        """Run fastml once."""
        self.runs["fastml"].append(run_side(self.name, "fastml", self.path))

    def taken(self, side: str) -> Taken:
        """Return the medians of a side's runs."""
        runs = self.runs[side]
        return Taken(
            statistics.median(run.wall_s for run in runs),
            statistics.median(run.cpu_s for run in runs),
            max(run.peak_bytes for run in runs),
            {
                name: statistics.median(run.figures[name] for run in runs)
                for name in runs[0].figures
            },
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything that was found, for JSON."""
        present = [side for side in self.job.sides if side not in self.absent]
        return {
            "title": self.job.title,
            "table": self.job.table,
            "rows": self.rows,
            "threads": self.job.threads or len(os.sched_getaffinity(0)),
            "rounds": len(self.runs["fastml"]),
            "sides": {side: asdict(self.taken(side)) for side in present},
            "absent": self.absent,
            "wanted": {
                "faster": dict(self.job.faster),
                "smaller": dict(self.job.smaller),
                "least": dict(self.job.least),
                "most": dict(self.job.most),
            },
        }


def ratio(found: dict[str, Any], side: str, what: str) -> float:
    """Return how many times what fastml took a peer took, of ``wall_s``, ``cpu_s``, ..."""
    return float(found["sides"][side][what] / found["sides"]["fastml"][what])
