"""`serve`: a socket, the workers that answer on it, and one that replaces those that die."""

from __future__ import annotations

import errno
import os
import select
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from fastml.errors import ConfigError, FastMLError, ServingError
from fastml.serving.app import Limits
from fastml.serving.capture import CaptureSettings
from fastml.serving.counters import Counters
from fastml.serving.log import say

__all__ = ["serve"]

ENOUGH = 25.0
"""Seconds that workers have to end in: the platform kills after 30."""
HOPELESS = 3
"""Workers in a row that end before they are ready."""


@dataclass(slots=True)
class _Child:
    """A worker's process: its row of the counters, and the pipe that it says it is ready on."""

    row: int
    pipe: int
    ready: bool = False


def serve(
    model: Path | None,
    *,
    host: str = "0.0.0.0",
    port: int = 8080,
    workers: int = 1,
    limits: Limits | None = None,
    capture: CaptureSettings | None = None,
) -> None:
    """Serve a model over HTTP until SIGTERM or SIGINT.

    Parameters
    ----------
    model : Path or None
        A model's directory, or a run's. Another model that takes its place is taken up. None
        serves those that `/models` is told of, by one worker.
    host, port : str and int
        Port 0 takes a free one; the log says which.
    workers : int
        Processes. One that dies is replaced.
    limits : Limits, optional
        Of each worker.
    capture : CaptureSettings, optional
        Where to keep requests and their answers; default nowhere.

    Raises
    ------
    ConfigError
        If the address cannot be listened on.
    FastMLError
        If the model cannot be loaded.
    ServingError
        If workers end again and again before they are ready.
    """
    if model is None and workers > 1:
        raise ConfigError(f"workers is {workers}; many models are served by one, which knows them")
    listening = _listen(host, port)
    address = listening.getsockname()
    say("listening", host=address[0], port=address[1], workers=workers, pid=os.getpid())
    _Supervisor(model, listening, workers, limits or Limits(), capture).run()


class _Supervisor:
    """The process that starts the workers, replaces them, and passes signals on."""

    def __init__(
        self,
        model: Path | None,
        listening: socket.socket,
        workers: int,
        limits: Limits,
        capture: CaptureSettings | None,
    ) -> None:
        self._model, self._listening, self._limits = model, listening, limits
        self._capture = capture
        self._workers = workers
        self._counters = Counters(workers)
        self._children: dict[int, _Child] = {}
        self._ending = False
        self._early = 0

    def run(self) -> None:
        read, write = os.pipe()
        os.set_blocking(write, False)
        # Signals wake the loop up; what they are about is looked at there.
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, self._heard)
        try:
            for row in range(self._workers):
                self._start(row)
            while self._children:
                self._wait(read)
                self._reap()
        finally:
            signal.set_wakeup_fd(-1)
            os.close(read)
            os.close(write)
            self._listening.close()

    def _heard(self, number: int, frame: FrameType | None) -> None:
        if number != signal.SIGCHLD and not self._ending:
            self._ending = True
            say("draining", workers=len(self._children))
            self._tell(signal.SIGTERM)
            signal.setitimer(signal.ITIMER_REAL, ENOUGH)
            signal.signal(signal.SIGALRM, lambda *_: self._tell(signal.SIGKILL))

    def _tell(self, number: int) -> None:
        for pid in list(self._children):
            os.kill(pid, number)

    def _wait(self, woken: int) -> None:
        """Wait for a signal, or for a worker that is ready."""
        pipes = {child.pipe: child for child in self._children.values() if not child.ready}
        for found in select.select([woken, *pipes], [], [])[0]:
            if found == woken:
                os.read(woken, 4096)
            elif os.read(found, 1):
                pipes[found].ready, self._early = True, 0
                say("a worker is ready", worker=pipes[found].row)
            else:
                pipes[found].ready = True  # it has ended: there is nothing to wait for

    def _reap(self) -> None:
        """Take leave of workers that have ended, and replace those that did so unasked."""
        while self._children:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            child = self._children.pop(pid, None)
            if child is None:
                continue
            os.close(child.pipe)
            if self._ending:
                continue
            code = os.waitstatus_to_exitcode(status)
            self._counters.of_worker(child.row)
            self._counters.add("restarts")
            say("a worker ended", worker=child.row, code=code)
            self._early += 1
            others = any(child.ready for child in self._children.values())
            if self._early >= HOPELESS * self._workers and not others:
                self._ending = True
                self._tell(signal.SIGTERM)
                raise ServingError(
                    f"{self._early} workers in a row ended before they were ready (the last with "
                    f"{code}); the log says why"
                )
            self._start(child.row)

    def _start(self, row: int) -> None:
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(read)
            self._work(row, write)
        os.close(write)
        self._children[pid] = _Child(row, read)

    def _work(self, row: int, ready: int) -> None:
        """Be a worker; never returns."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGALRM):
                signal.signal(number, signal.SIG_DFL)
            for child in self._children.values():
                os.close(child.pipe)
            from fastml.serving.worker import Worker

            self._counters.of_worker(row)
            Worker(
                self._model,
                self._listening,
                self._counters,
                self._limits,
                lambda: _write(ready),
                self._capture,
            ).run()
            code = 0
        except FastMLError as error:
            say("the model was not loaded", cause=str(error))
        finally:
            failed = sys.exc_info()[1]
            if failed is not None:
                say("a worker failed", kind=type(failed).__name__, cause=str(failed))
            sys.stderr.flush()
            os._exit(code)


def _write(pipe: int) -> None:
    os.write(pipe, b"1")
    os.close(pipe)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        told = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used ({error})"
        raise ConfigError(f"the address {host}:{port} {told}; choose another --port") from error
    listening.listen(2048)
    listening.setblocking(False)
    return listening
