"""Cores: those of the machine that this process may use, for as much of the time as it may."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fastml.engine import available_cores


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 64),
        ({"proc/self/cgroup": "0::/\n"}, 64),
        ({"proc/self/cgroup": "0::/\n", "cpu.max": "max 100000\n"}, 64),
        ({"proc/self/cgroup": "0::/\n", "cpu.max": "200000 100000\n"}, 2),
        ({"proc/self/cgroup": "0::/\n", "cpu.max": "250000 100000\n"}, 3),
        ({"proc/self/cgroup": "0::/\n", "cpu.max": "5000 100000\n"}, 1),
        ({"proc/self/cgroup": "0::/\n", "cpu.max": "9900000 100000\n"}, 64),
        ({"proc/self/cgroup": "0::/\n", "cpu.max": "what\n"}, 64),
        ({"proc/self/cgroup": "0::/a/b\n", "a/cpu.max": "400000 100000\n"}, 4),
        (
            {
                "proc/self/cgroup": "0::/a/b\n",
                "a/cpu.max": "400000 100000\n",
                "a/b/cpu.max": "600000 100000\n",
            },
            4,
        ),
        (
            {
                "proc/self/cgroup": "3:memory:/a\n2:cpuacct,cpu:/a\n0::/a\n",
                "cpu/a/cpu.cfs_quota_us": "150000\n",
                "cpu/a/cpu.cfs_period_us": "100000\n",
                "memory/a/cpu.cfs_quota_us": "1\n",
                "memory/a/cpu.cfs_period_us": "1\n",
            },
            2,
        ),
        (
            {
                "proc/self/cgroup": "1:cpu:/elsewhere\n",  # as seen from the host
                "cpu/cpu.cfs_quota_us": "300000\n",
                "cpu/cpu.cfs_period_us": "100000\n",
            },
            3,
        ),
        (
            {
                "proc/self/cgroup": "1:cpu:/\n",
                "cpu/cpu.cfs_quota_us": "-1\n",
                "cpu/cpu.cfs_period_us": "100000\n",
            },
            64,
        ),
    ],
)
def test_a_quota_of_a_container_counts(
    files: dict[str, str], cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    for name, text in files.items():
        path = tmp_path / ("" if name.startswith("proc/") else "sys/fs/cgroup") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert available_cores(tmp_path) == cores
