"""How many cores this process may keep busy."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from fastml.engine.control_groups import control_groups, lines_of

__all__ = ["available_cores"]


def available_cores(root: Path = Path("/")) -> int:
    """Return the cores that this process may run on, or what its container may use of them.

    A container that was started with `--cpus 2`, or has such a limit from Kubernetes, may run on
    all cores of the machine for a part of the time: more threads than it may keep busy are
    stopped in turn, in the middle of what others wait for.
    """
    if hasattr(os, "sched_getaffinity"):
        found = len(os.sched_getaffinity(0))
    else:
        found = os.cpu_count() or 1
    return min(found, _least_quota(root))


@cache
def _least_quota(root: Path) -> int:
    """Return the cores of the least quota, rounded up; many where there is none.

    A process stays in its groups, and this is asked for every table: so it is read once.
    """
    return min(_quotas(root), default=1 << 30)


def _quotas(root: Path) -> Iterator[int]:
    for folder, second in control_groups("cpu", root):
        if second:
            words = " ".join(lines_of(folder / "cpu.max")).split()
        else:
            names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
            words = [line for name in names for line in lines_of(folder / name)]
        if len(words) == 2 and all(word.isdigit() for word in words):  # else `max` or -1: none
            quota, period = map(int, words)
            yield max(-(-quota // max(period, 1)), 1)
