"""How much memory a training may take: as stated, or a share of what the machine has to give."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from numbers import Real
from pathlib import Path

from fastml.engine.control_groups import control_groups, lines_of
from fastml.errors import ConfigError

__all__ = ["available_memory", "memory_budget", "parse_memory", "resident_memory"]

SHARE = 0.75
"""Of the memory that is available, what a training takes where nothing is stated."""
_UNBOUNDED = 1 << 62
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]i?)?b?\s*", re.IGNORECASE)
_UNITS = {"": 1} | {
    letter + binary: (1024 if binary else 1000) ** power
    for power, letter in enumerate("kmgt", start=1)
    for binary in ("", "i")
}


def memory_budget(stated: float | str | None = None) -> int:
    """Return the bytes that this process may hold: its peak of resident memory is to stay near.

    Parameters
    ----------
    stated : number or str, optional
        As `parse_memory` takes it; default `FASTML_MEMORY`, else what the process holds already
        and three quarters of `available_memory`.

    Raises
    ------
    ConfigError
        If what is stated is no amount of memory.
    """
    if stated is not None:
        return parse_memory(stated, "memory")
    if "FASTML_MEMORY" in os.environ:
        return parse_memory(os.environ["FASTML_MEMORY"], "FASTML_MEMORY")
    available = available_memory()
    return _UNBOUNDED if available is None else resident_memory() + int(SHARE * available)


def parse_memory(stated: float | str, name: str) -> int:
    """Return an amount of memory in bytes.

    Parameters
    ----------
    stated : number or str
        Bytes, or a number with a unit: kB, MB, GB and TB are powers of 1,000; KiB, MiB, GiB and
        TiB of 1,024. The B may be left out.
    name : str
        Of the setting, for messages.

    Raises
    ------
    ConfigError
        If it is neither, or nothing.
    """
    if isinstance(stated, str) and (found := _SIZE.fullmatch(stated)):
        size = int(float(found[1]) * _UNITS[(found[2] or "").lower()])
    elif isinstance(stated, Real) and not isinstance(stated, bool) and stated % 1 == 0:
        size = int(stated)
    else:
        size = 0
    if size < 1:
        raise ConfigError(
            f"{name} is {stated!r}; expected an amount of memory, such as '1GB' or '512MiB'"
        )
    return size


def available_memory(root: Path = Path("/")) -> int | None:
    """Return the bytes that this process may still take before anything is swapped or killed.

    Whichever is least: what the system has available, and what the control groups of a container
    leave. None where the system does not tell.
    """
    found = [*_of_system(root), *_of_groups(root)]
    return min(found, default=None)


def resident_memory() -> int:
    """Return the bytes of memory that this process holds; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _of_system(root: Path) -> Iterator[int]:
    lines = lines_of(root / "proc/meminfo")
    stated = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    if stated:
        yield int(stated[0]) * 1024
    elif "SC_PHYS_PAGES" in getattr(os, "sysconf_names", {}):
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _of_groups(root: Path) -> Iterator[int]:
    """Yield what each control group above this process leaves, of version 2 or 1."""
    for folder, second in control_groups("memory", root):
        if second:
            yield from _left(folder, "memory.max", "memory.current", "inactive_file")
        else:
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes")
            yield from _left(folder, *names, "total_inactive_file")


def _left(folder: Path, limits: str, usage: str, cached: str) -> Iterator[int]:
    """Yield what a group leaves, if it has a limit; cached files give way."""
    limit, used, stat = (lines_of(folder / name) for name in (limits, usage, "memory.stat"))
    if not (limit and used and limit[0].isdigit() and used[0].isdigit()):
        return
    pages = [line.split()[1] for line in stat if line.split()[0] == cached]
    yield max(int(limit[0]) - int(used[0]) + (int(pages[0]) if pages else 0), 0)
