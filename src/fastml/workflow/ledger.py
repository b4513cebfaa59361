"""Counts how often the rows of a test split were looked at.

A test split is an honest judge once. Each look adds a line of JSON to a file, before the result is
known and whatever it will be, so that a choice among many runs can be seen for what it is. The file
is one for a project, wherever its runs are written.
"""

from __future__ import annotations

import errno
import json
import os
from datetime import UTC, datetime
from pathlib import Path

from fastml.errors import DataError

__all__ = ["LEDGER", "count_looks", "record_look"]

LEDGER = "test-looks.jsonl"


def record_look(ledger: Path, split: dict[str, object], run: str) -> int:
    """Note that a run is about to look at a test split; return how many looks that makes.

    Parameters
    ----------
    ledger : Path
        The file of looks.
    split : dict
        What the rows of the split depend on: the source and the settings of the split.
    run : str
        Where the run is to write (where many runs begin in one second: a name close to it).

    Raises
    ------
    DataError
        If the look cannot be noted.
    """
    look = {"time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", "run": run, "split": split}
    try:
        ledger.parent.mkdir(parents=True, exist_ok=True)
        _append(ledger, json.dumps(look).encode())
    except OSError as error:
        raise DataError(
            f"the look at the test split cannot be noted in {ledger}: {error.strerror}; state a "
            '[split] ledger = "FILE" that can be written to, or run with --draft, which leaves the '
            "test split alone"
        ) from error
    return sum(look["split"] == split for look in _looks(ledger))


def count_looks(ledger: Path) -> dict[str, int]:
    """Return how often each test split was looked at, by a description of the split."""
    counts: dict[str, int] = {}
    for look in _looks(ledger):
        words = ", ".join(f"{name} {value}" for name, value in look["split"].items())
        counts[words] = counts.get(words, 0) + 1
    return counts


def _append(file: Path, line: bytes) -> None:
    """Add a line and bring it to the disk."""
    # One write in append mode: lines of runs that work at the same time do not mix.
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        torn = size and os.pread(descriptor, 1, size - 1) != b"\n"  # by a crash or a full disk
        line = b"\n" * bool(torn) + line + b"\n"
        if os.write(descriptor, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _looks(ledger: Path) -> list[dict[str, dict[str, object]]]:
    try:
        lines = ledger.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    looks = []
    for line in lines:
        try:
            look = json.loads(line)
        except ValueError:  # a line that was cut short; the run that wrote it did not go on
            continue
        if isinstance(look, dict) and isinstance(look.get("split"), dict):
            looks.append(look)
    return looks
