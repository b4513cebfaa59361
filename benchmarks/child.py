"""Runs one side of a job in a process of its own and prints what it took, as JSON.

Usage: ``python -m benchmarks.child JOB SIDE FILE``; `compare.run_side` calls it so.
"""

from __future__ import annotations

import json
import os
import re
import resource
import statistics
import sys
import time
from pathlib import Path

from benchmarks.job import AbsentError, load_job
from benchmarks.tables import TABLES


def cpu_seconds() -> float:
    """Return the processor time that this process has used, over all of its threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_bytes() -> int:
    """Return the most memory that this process has held.

    Not `ru_maxrss`: on Linux that begins at the size of the process which started this one.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    kilobytes = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert kilobytes is not None
    return int(kilobytes[1]) * 1024


def main(job_name: str, side: str, path: Path) -> None:
    job = load_job(job_name)
    if job.threads is not None:  # every library takes as many threads as it may use cores
        cores = sorted(os.sched_getaffinity(0))[: job.threads]
        os.sched_setaffinity(0, cores)
    try:
        work = job.sides[side](path, TABLES[job.table])
    except AbsentError as reason:
        print(json.dumps({"absent": str(reason)}))
        return
    walls, cpus, found = [], [], None
    for _ in range(job.repeats):
        cpu, wall = cpu_seconds(), time.perf_counter()
        found = work()
        walls.append(time.perf_counter() - wall)
        cpus.append(cpu_seconds() - cpu)
    taken = {
        "wall_s": statistics.median(walls),
        "cpu_s": statistics.median(cpus),
        "peak_bytes": peak_bytes(),
    }
    given = found() if callable(found) else found
    figures = {name: float(value) for name, value in given.items()}
    for name in ("wall_s", "cpu_s"):
        taken[name] = figures.pop(f"whole_{name}", taken[name])
    print(json.dumps(taken | {"figures": figures}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
