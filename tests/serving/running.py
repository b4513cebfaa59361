"""A server as a process, for the tests of the whole of it."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["ROW", "Running", "started"]

ROW = b"1.5,2,3.25\n"


class Running:
    """A server in a process of its own."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process, self._log = process, log

    def events(self, name: str) -> list[dict[str, Any]]:
        told = [line for line in self._log.read_text().splitlines() if line.startswith("{")]
        lines = [json.loads(line) for line in told]
        return [line for line in lines if line["event"] == name]

    @property
    def port(self) -> int:
        return int(self.events("listening")[0]["port"])

    def workers(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def ask(
        self, path: str = "/ping", body: bytes | None = None, kind: str = "text/csv"
    ) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            method = "GET" if body is None else "POST"
            connection.request(method, path, body, {"Content-Type": kind})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def wait_until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 30.0
        while not condition():
            assert self.process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.02)


@contextmanager
def started(
    folder: Path,
    *options: str,
    program: tuple[str, ...] = ("-m", "fastml"),
    ready: bool = True,
) -> Iterator[Running]:
    log = folder.parent / "log"
    served = [] if "--multi-model" in options else [str(folder)]
    with log.open("w") as sink:
        process = subprocess.Popen(
            [sys.executable, *program, "serve", *served, "--port", "0", *options],
            stderr=sink,
            text=True,
        )
    running = Running(process, log)
    try:
        workers = int(options[options.index("--workers") + 1]) if "--workers" in options else 1
        if ready:
            running.wait_until(lambda: len(running.events("a worker is ready")) >= workers)
        yield running
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
