"""The machine and the versions behind a figure."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import fastml
from fastml._native import simd

PACKAGES = (
    "numpy",
    "pyarrow",
    "scikit-learn",
    "polars",
    "glum",
    "snapml",
    "scikit-learn-intelex",
)


def describe() -> dict[str, Any]:
    """Return the processor, cores, memory, SIMD level and versions."""
    processor = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text("utf-8"))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": processor[1] if processor else platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(memory / 1e9),
        "simd": simd.level(),
        "python": platform.python_version(),
        "versions": {"fastml": fastml.__version__} | dict(installed(PACKAGES)),
    }


def installed(packages: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the packages that are there, with their versions."""
    for name in packages:
        with suppress(importlib.metadata.PackageNotFoundError):
            yield name, importlib.metadata.version(name)
