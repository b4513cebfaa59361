"""Instruction counts of the kernels, which do not depend on how busy the machine is.

Each kernel runs once on a fixed input under callgrind, at the SIMD level avx2 (the highest that
valgrind knows). A kernel that takes 10% more instructions than `figures.json` says is a failure.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

__all__ = ["FIGURES", "NO_VALGRIND", "accept", "can_count", "committed", "count", "regressions"]

HERE = Path(__file__).parent
FIGURES = HERE / "figures.json"
ALLOWED = 1.10
COMPILER = os.environ.get("CC", "cc")


NO_VALGRIND = (
    "the kernels' instructions were NOT counted: there is no valgrind; "
    "on Debian and Ubuntu: apt install valgrind"
)


def can_count() -> bool:
    """Return whether valgrind is installed."""
    return shutil.which("valgrind") is not None


def count() -> dict[str, int]:
    """Return the instructions that each of `kernels.KERNELS` takes.

    Raises
    ------
    RuntimeError
        If valgrind is not installed, or the run fails.
    """
    if not can_count():
        raise RuntimeError(NO_VALGRIND)
    with tempfile.TemporaryDirectory() as folder:
        marks = Path(folder) / "marks.so"
        source = HERE / "marks.c"
        run([COMPILER, "-O2", "-shared", "-fPIC", "-o", str(marks), str(source)])
        parts = Path(folder) / "part"
        command = ["valgrind", "--tool=callgrind", "--instr-atstart=no"]
        command += [f"--callgrind-out-file={parts}", sys.executable]
        run([*command, "-m", "benchmarks.instructions.driver", str(marks)])
        return dict(map(read_part, Path(folder).glob("part.*")))


def run(command: list[str]) -> None:
    # One order of dictionaries and one thread, so that two runs differ by nothing.
    fixed = {"FASTML_SIMD": "avx2", "FASTML_THREADS": "1", "PYTHONHASHSEED": "0"}
    done = subprocess.run(
        command,
        env=os.environ | fixed,
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")


def read_part(path: Path) -> tuple[str, int]:
    """Return the name and the instructions of one of callgrind's dumps."""
    text = path.read_text(encoding="utf-8", errors="replace")
    name = re.search(r"^desc: Trigger: Client Request: (.+)$", text, re.MULTILINE)
    total = re.search(r"^totals: (\d+)$", text, re.MULTILINE)
    if name is None or total is None:
        raise RuntimeError(f"callgrind wrote no total into {path.name}")
    return name[1], int(total[1])


def compiler_version() -> str:
    """Return what compiled the kernels; other compilers give other counts."""
    command = [os.environ.get("CXX", "c++"), "--version"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[
        0
    ]


def committed() -> dict[str, int]:
    """Return the committed figures."""
    figures: dict[str, int] = json.loads(FIGURES.read_text(encoding="utf-8"))["instructions"]
    return figures


def accept(counts: dict[str, int]) -> None:
    """Make `counts` the committed figures."""
    document = {
        "compiler": compiler_version(),
        "processor": platform.machine(),
        "simd": "avx2",
        "instructions": dict(sorted(counts.items())),
    }
    FIGURES.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def regressions(counts: dict[str, int], figures: dict[str, int]) -> list[str]:
    """Return what is wrong with `counts`, a line a kernel."""
    found = []
    for kernel, n in sorted(counts.items()):
        if kernel not in figures:
            found.append(f"{kernel}: {n:,} instructions and no committed figure")
        elif n > ALLOWED * figures[kernel]:
            more = 100 * (n / figures[kernel] - 1)
            found.append(f"{kernel}: {n:,} instructions, {more:.1f}% more than {figures[kernel]:,}")
    found += [
        f"{kernel}: committed, but no longer measured" for kernel in set(figures) - set(counts)
    ]
    return found
