"""Counts how often the rows of a test split were looked at.

A test split is an honest judge once. Each look adds a line of JSON to `test-looks.jsonl` in the
folder of the runs, before the result is known and whatever it will be, so that a choice among many
runs can be seen for what it is.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

from fastml.errors import DataError

__all__ = ["LEDGER", "count_looks", "record_look"]

LEDGER = "test-looks.jsonl"


def record_look(folder: Path, split: dict[str, object], run: str) -> int:
    """Note that a run is about to look at a test split; return how many looks that makes.

    Parameters
    ----------
    folder : Path
        The folder of the runs.
    split : dict
        What the rows of the split depend on: the source and the settings of the split.
    run : str
        Where the run writes.

    Raises
    ------
    DataError
        If the ledger cannot be written.
    """
    file = folder / LEDGER
    look = {"time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", "run": run, "split": split}
    line = (json.dumps(look) + "\n").encode()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # One write in append mode: lines of runs that work at the same time do not mix.
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise DataError(
            f"the look at the test split cannot be noted in {file}: {error.strerror}; run from a "
            "folder that can be written to, or with --draft, which leaves the test split alone"
        ) from error
    return sum(look["split"] == split for look in _looks(folder))


def count_looks(folder: Path) -> dict[str, int]:
    """Return how often each test split was looked at, by a description of the split."""
    counts: dict[str, int] = {}
    for look in _looks(folder):
        words = ", ".join(f"{name} {value}" for name, value in look["split"].items())
        counts[words] = counts.get(words, 0) + 1
    return counts


def _looks(folder: Path) -> list[dict[str, dict[str, object]]]:
    try:
        lines = (folder / LEDGER).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    looks = []
    for line in lines:
        try:
            look = json.loads(line)
        except ValueError:  # a line cut short by a full disk; the look it stands for is lost
            continue
        if isinstance(look, dict) and isinstance(look.get("split"), dict):
            looks.append(look)
    return looks
