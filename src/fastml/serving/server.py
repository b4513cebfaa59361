"""`serve`: a socket, the workers that answer on it, and one that replaces those that die."""

from __future__ import annotations

import errno
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

from fastml.errors import ConfigError, FastMLError, ServingError
from fastml.serving.capture import CaptureSettings
from fastml.serving.counters import Counters
from fastml.serving.limits import Limits
from fastml.serving.log import say

__all__ = ["serve"]

ENOUGH = 25.0
"""Seconds that workers have to end in: the platform kills after 30."""
HOPELESS = 3
"""Workers in a row that end before they are ready."""
SETTLED = 10.0
"""Seconds after which a worker's end has nothing to do with that of the one before it."""
SHORTEST, LONGEST = 0.1, 5.0
"""Seconds before a worker is replaced whose forerunner did not settle either: doubled each time."""
_HEARD: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)


@dataclass(slots=True)
class _Child:
    """A worker's process: its row of the counters, and the pipe that it says it is ready on."""

    row: int
    pipe: int
    began: float
    ready: bool = False
    heard: bool = False
    """Whether its pipe has nothing more to say."""


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
    """The process that starts the workers, replaces them, and passes signals on.

    Handlers of signals only take note; the loop, which each signal wakes, acts.
    """

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
        self._due = dict.fromkeys(range(workers), 0.0)
        """When to start the workers that are not there."""
        self._pauses = [0.0] * workers
        """How long each is waited for when its forerunner ends."""
        self._told = False
        self._deadline: float | None = None
        """When workers are killed that have been told to end."""
        self._early = 0

    def run(self) -> None:
        read, write = os.pipe()
        os.set_blocking(write, False)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for number in _HEARD:
            signal.signal(number, self._heard)
        try:
            while self._children or self._due:
                self._start_due()
                self._wait(read)
                self._reap()
                if self._told:
                    self._drain()
        finally:
            self._tell(signal.SIGTERM)  # whatever has ended this, none is left behind
            signal.set_wakeup_fd(-1)
            os.close(read)
            os.close(write)
            self._listening.close()

    def _heard(self, number: int, frame: FrameType | None) -> None:
        self._told = self._told or number != signal.SIGCHLD

    def _drain(self) -> None:
        """Tell the workers to end, and kill those that do not."""
        now = time.monotonic()
        if self._deadline is None:
            say("draining", workers=len(self._children))
            self._deadline = now + ENOUGH
            self._due.clear()
            self._listening.close()  # clients that no worker accepts are refused, not left waiting
            self._tell(signal.SIGTERM)
        elif now >= self._deadline:
            self._deadline = now + 1.0
            self._tell(signal.SIGKILL)

    def _tell(self, number: int) -> None:
        for pid in self._children:  # none has been waited for: each is still ours
            os.kill(pid, number)

    def _wait(self, woken: int) -> None:
        """Wait for a signal, a worker that is ready, or the time to start or to kill one."""
        pipes = {child.pipe: child for child in self._children.values() if not child.heard}
        times = list(self._due.values()) if self._may_start() else []
        times += () if self._deadline is None else (self._deadline,)
        patience = max(min(times) - time.monotonic(), 0.0) if times else None
        for found in select.select([woken, *pipes], [], [], patience)[0]:
            if found == woken:
                os.read(woken, 4096)
                continue
            child = pipes[found]
            child.heard, child.ready = True, os.read(found, 1) != b""
            if child.ready:
                self._early = 0
                say("a worker is ready", worker=child.row)

    def _reap(self) -> None:
        """Take leave of workers that have ended, and have those replaced that did so unasked."""
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            child = self._children.pop(pid, None)
            if child is None:
                continue
            os.close(child.pipe)
            if not self._told:
                self._replace(child, os.waitstatus_to_exitcode(status))

    def _replace(self, child: _Child, code: int) -> None:
        self._counters.of_worker(child.row)
        self._counters.add("restarts")
        now = time.monotonic()
        pause = 0.0 if now - child.began >= SETTLED else self._pauses[child.row]
        say("a worker ended", worker=child.row, code=code, replaced_in=pause)
        self._early += not child.ready
        others = any(each.ready for each in self._children.values())
        if self._early >= HOPELESS and not others:
            raise ServingError(
                f"{self._early} workers in a row ended before they were ready (the last with "
                f"{code}); the log says why"
            )
        self._due[child.row] = now + pause
        self._pauses[child.row] = min(max(2.0 * pause, SHORTEST), LONGEST)

    def _may_start(self) -> bool:
        """Say whether a worker may start: the first one alone, others once one is ready.

        Else some would answer that they are ready while the first still says that it is not.
        """
        return not self._children or any(child.ready for child in self._children.values())

    def _start_due(self) -> None:
        now = time.monotonic()
        for row in [row for row, when in self._due.items() if when <= now]:
            if self._may_start():
                del self._due[row]
                self._start(row)

    def _start(self, row: int) -> None:
        # One that comes beside others loads its model first: they answer, it could only refuse.
        alone = not self._children
        read, write = os.pipe()
        # What is sent to a worker before it has handlers of its own must not reach ours in it.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
        pid = os.fork()
        if pid == 0:
            os.close(read)
            self._work(row, write, before, alone)
        self._children[pid] = _Child(row, read, time.monotonic())
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(write)

    def _work(self, row: int, ready: int, unblocked: Iterable[int], at_once: bool) -> NoReturn:
        """Be a worker."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in _HEARD:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, unblocked)
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
                at_once=at_once,
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
