"""The control groups that hold this process: what a container may have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

__all__ = ["control_groups", "lines_of"]


def control_groups(controller: str, root: Path = Path("/")) -> Iterator[tuple[Path, bool]]:
    """Yield the folder of each group above this process, and whether it is of version 2.

    Of version 1 only the groups of the controller are yielded, such as `memory` or `cpu`. The
    innermost comes first; a folder need not be there.
    """
    for line in lines_of(root / "proc/self/cgroup"):
        _, kinds, path = line.split(":", 2)
        base = root / "sys/fs/cgroup"
        if kinds != "":
            if controller not in kinds.split(","):
                continue
            base = base / controller
        group = base / path.strip().lstrip("/")
        for folder in [group, *group.parents]:
            yield folder, kinds == ""
            if folder == base:
                break


def lines_of(path: Path) -> list[str]:
    """Return the lines of a file of the system; none where there is no such file."""
    try:
        return path.read_text("utf-8").splitlines()
    except OSError:
        return []
