"""Keeps a server at 80% of what it can do, for long, and notes each minute what it costs.

Usage: ``python -m benchmarks.serving.soak [--minutes 10] [--kill] [--write]``

``--kill`` kills a worker of two every ten seconds, as nothing can be prepared for. ``--write``
puts what was found into SOAK.md.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq

import fastml
from benchmarks.machine import describe
from benchmarks.serving.load import Load, request
from benchmarks.serving.server import PORT, Server, serving
from benchmarks.tables import PUBLISHED

RESULT = Path(__file__).parents[1] / "SOAK.md"
SHARE = 0.8
CONNECTIONS = 16
KILL_EACH = 10.0
SLICE = 60.0


def main() -> None:
    """Ask, print, and write where asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--kill", action="store_true", help="kill -9 a worker every ten seconds")
    parser.add_argument("--write", action="store_true", help=f"write {RESULT.name}")
    wanted = parser.parse_args()
    machine = describe()
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    title = "killed" if wanted.kill else "kept busy"
    lines = [
        f"## A server that is {title}",
        "",
        f"{machine['cores']} cores of {machine['processor']}, fastml "
        f"{machine['versions']['fastml']}. One-row requests of CSV on {CONNECTIONS} connections at "
        f"{SHARE:.0%} of what the server can answer on its core"
        + (
            f"; one of two workers is killed (SIGKILL) every {KILL_EACH:g} s."
            if wanted.kill
            else "."
        )
        + " A connection that ends before its answer is *lost*, and made anew; *wrong* are answers "
        "that differ, *hung* those that take more than 2 s.",
        "",
        "| minute | requests/s | p50 ms | p99 ms | not 200 | wrong | lost | hung | killed | MB |",
        "|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        for line in _rows(Path(folder), cores[0], wanted.minutes, kill=wanted.kill):
            print(line, flush=True)
            lines.append(line)
    if wanted.write:
        _put("\n".join([*lines, ""]), title)


def _put(section: str, title: str) -> None:
    """Replace the section of that title in the page, or add it."""
    page = RESULT.read_text("utf-8") if RESULT.exists() else "# Serving for long\n"
    head, *sections = page.split("\n## ")
    kept = [each for each in sections if not each.startswith(f"A server that is {title}\n")]
    whole = [
        head.rstrip(),
        *(f"## {each.strip()}" for each in [*kept, section.removeprefix("## ")]),
    ]
    RESULT.write_text("\n\n".join(whole) + "\n", "utf-8")


def _rows(folder: Path, core: int, minutes: float, *, kill: bool) -> Iterator[str]:
    table = pq.read_table(PUBLISHED["churn"])
    pipeline = fastml.Pipeline(target="churn").fit(table)
    pipeline.save(folder / "model")
    row = table.select(pipeline.input_schema_.names).slice(0, 1).to_pylist()[0]
    line = ",".join("" if value is None else str(value) for value in row.values()) + "\n"
    body = request("/invocations", "text/csv", line.encode())
    workers = ["--workers", "2"] if kill else []
    place = [str(folder / "model"), "--port", str(PORT), *workers]
    with serving([sys.executable, "-m", "fastml", "serve", *place], core) as server:
        (free,), _ = server.under(5.0, (body, CONNECTIONS, 0.0))
        rate = SHARE * len(free.latencies) / free.seconds
        pause = CONNECTIONS / rate - free.quantile(0.5) / 1e3 / 2
        for minute in range(1, round(minutes * 60 / SLICE) + 1):
            killed = _Killer(server) if kill else None
            (load,), _ = server.under(SLICE, (body, CONNECTIONS, pause))
            yield _row(minute, load, 0 if killed is None else killed.stop(), server)


def _row(minute: int, load: Load, killed: int, server: Server) -> str:
    return (
        f"| {minute} | {len(load.latencies) / load.seconds:,.0f} | {load.quantile(0.5):.2f} "
        f"| {load.quantile(0.99):.2f} | {load.bad} | {load.wrong} | {load.lost} | {load.hung} "
        f"| {killed} | {server.memory():.1f} |"
    )


class _Killer:
    """Kills a worker every so often, from a thread of its own."""

    def __init__(self, server: Server) -> None:
        self._server, self._killed = server, 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.wait(KILL_EACH):
            workers = self._server.pids()[1:]
            if workers:
                os.kill(random.choice(workers), signal.SIGKILL)
                self._killed += 1

    def stop(self) -> int:
        """Stop, and return how many were killed."""
        self._over.set()
        self._thread.join()
        return self._killed


if __name__ == "__main__":
    main()
