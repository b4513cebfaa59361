"""A server under measurement: a process tree on a core of its own."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.serving.load import Load, run_load

__all__ = ["PORT", "Server", "serving"]

PORT = 8131


class Server:
    """A server that answers.

    Attributes
    ----------
    pid : int
        Of its first process.
    started : float
        Seconds that it took to a good `/ping`.
    """

    def __init__(self, pid: int, started: float) -> None:
        self.pid, self.started = pid, started

    def pids(self) -> list[int]:
        """Return its processes, the first one first."""
        found = [self.pid]
        for pid in found:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            found += map(int, children)
        return found

    def _cpu(self) -> float:
        ticks = 0
        for pid in self.pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """Return the resident memory of the largest process, in MB."""
        pages = [int(Path(f"/proc/{p}/statm").read_text().split()[1]) for p in self.pids()]
        return max(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6

    def under(self, seconds: float, *asked: tuple[bytes, int, float]) -> tuple[list[Load], float]:
        """Ask the server; return what was seen, and the CPU seconds that it took for it."""
        before = self._cpu()
        loads = run_load(PORT, *asked, seconds=seconds)
        took = self._cpu() - before
        return loads, took * loads[0].seconds / (loads[0].seconds + 0.5)  # the warm-up's share


@contextmanager
def serving(
    command: list[str], core: int, more: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Start a server on `PORT`, and yield it once it answers."""
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        env=os.environ | dict(more or {}),
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    try:
        while not _answers():
            if process.poll() is not None or time.perf_counter() - began > 60.0:
                raise SystemExit(f"{' '.join(command)} does not answer")
            time.sleep(0.005)
        yield Server(process.pid, time.perf_counter() - began)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _answers() -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=5)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
