"""Amounts of memory: as stated, from the environment, or of what is available."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastml.engine.budget import available_memory, memory_budget, parse_memory, resident_memory
from fastml.errors import ConfigError


@pytest.mark.parametrize(
    ("stated", "size"),
    [
        (1, 1),
        (1e9, 10**9),
        (np.int64(10**9), 10**9),
        ("1", 1),
        ("512", 512),
        ("1kB", 1000),
        ("1GB", 10**9),
        ("1gb", 10**9),
        ("1 G", 10**9),
        ("1.5GiB", 3 << 29),
        (" 2TiB ", 2 << 40),
        ("300M", 300_000_000),
    ],
)
def test_amounts(stated: float | str, size: int) -> None:
    assert parse_memory(stated, "memory") == size == memory_budget(stated)


@pytest.mark.parametrize(
    "stated", ["", "GB", "1 apple", "-1GB", "0", 0, -5, True, 1.5, math.nan, math.inf, "1e9", None]
)
def test_what_is_no_amount_is_refused(stated: Any) -> None:
    with pytest.raises(
        ConfigError, match=r"memory is .*expected an amount of memory, such as '1GB'"
    ):
        parse_memory(stated, "memory")


def test_the_environment_states_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTML_MEMORY", "2GB")
    assert memory_budget() == 2 * 10**9
    assert memory_budget("1GB") == 10**9
    monkeypatch.setenv("FASTML_MEMORY", "much")
    with pytest.raises(ConfigError, match="FASTML_MEMORY is 'much'"):
        memory_budget()


def test_the_default_is_a_share_of_what_is_available(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FASTML_MEMORY", raising=False)
    available = available_memory()
    assert available is not None
    share = (memory_budget() - resident_memory()) / available
    assert 0.7 < share < 0.8


def system(root: Path, files: dict[str, str]) -> Path:
    for name, text in (
        {"proc/meminfo": "MemTotal: 9 kB\nMemAvailable: 8000000 kB\n"} | files
    ).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_what_the_system_has(tmp_path: Path) -> None:
    assert available_memory(system(tmp_path, {})) == 8_000_000 * 1024


def test_what_a_control_group_of_version_2_leaves(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "0::/job/step\n",
        "sys/fs/cgroup/job/step/memory.max": "max\n",
        "sys/fs/cgroup/job/step/memory.current": "700\n",
        "sys/fs/cgroup/job/memory.max": "1000\n",
        "sys/fs/cgroup/job/memory.current": "900\n",
        "sys/fs/cgroup/job/memory.stat": "anon 300\ninactive_file 400\n",
    }
    assert available_memory(system(tmp_path, files)) == 1000 - 900 + 400


def test_what_a_control_group_of_version_1_leaves(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "5:cpu,cpuacct:/a\n4:memory:/a\n",
        "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "5000\n",
        "sys/fs/cgroup/memory/a/memory.usage_in_bytes": "6000\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{2**63 - 4096}\n",
        "sys/fs/cgroup/memory/memory.usage_in_bytes": "6000\n",
    }
    assert available_memory(system(tmp_path, files)) == 0
