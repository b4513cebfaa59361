"""One process that answers: it loads the model, listens, takes up new models, and drains."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from fastml.extras import load_extra
from fastml.serving.app import App
from fastml.serving.capture import Capture, CaptureSettings
from fastml.serving.connections import accept_waiting, http_server
from fastml.serving.counters import Counters
from fastml.serving.handler import Handler
from fastml.serving.limits import Limits
from fastml.serving.log import say
from fastml.serving.models import Models
from fastml.serving.predictor import Predictor

__all__ = ["Worker"]

_Identity: TypeAlias = tuple[int, int, int]
NOTICE = 0.5
"""Seconds before it stops listening, when clients that hear `Connection: close` go elsewhere, and
again before it closes what is idle."""
LOOK = 1.0
"""Seconds between looks at whether there is another model."""
AGAIN = (1.0, 2.0, 4.0)
"""Seconds until a new model that cannot be opened is tried again: it may be a copy under way."""


class Worker:
    """Answers requests on a socket until told to end.

    Parameters
    ----------
    model : Path or None
        A model's directory, or a run's; None serves the models that `/models` is told of.
    listening : socket.socket
        Bound and listening; workers may share one.
    counters : Counters
    limits : Limits
    ready : callable
        Called once the model is loaded and has predicted.
    capture : CaptureSettings, optional
    at_once : bool
        Whether to listen before the model is loaded, and refuse until then, or after: others answer
        meanwhile.
    """

    def __init__(
        self,
        model: Path | None,
        listening: socket.socket,
        counters: Counters,
        limits: Limits,
        ready: Callable[[], None],
        capture: CaptureSettings | None = None,
        *,
        at_once: bool = True,
    ) -> None:
        self._model, self._listening, self._ready = model, listening, ready
        self._counters = counters
        models = Models(_load, limits.models) if model is None else None
        self._capture = None if capture is None else Capture(capture)
        self._app = App(counters, limits, models, self._capture)
        self._error: BaseException | None = None
        self._may_listen = asyncio.Event()
        if at_once:
            self._may_listen.set()
        self._server = http_server(self._app, limits)
        self._parent = os.getppid()

    def run(self) -> None:
        """Answer until SIGTERM or SIGINT.

        Raises
        ------
        Exception
            Whatever the model could not be loaded for.
        """
        try:
            with asyncio.Runner(loop_factory=_new_loop) as runner:
                runner.run(self._run())
        finally:
            if self._capture is not None:
                self._capture.close()
        if self._error is not None:
            raise self._error

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._drain)
        watching = loop.create_task(self._watch())
        watching.add_done_callback(self._watched)
        guarding = loop.create_task(self._end_with_parent())
        try:
            await self._may_listen.wait()
            await self._server.serve([self._listening])
        finally:
            watching.cancel()
            guarding.cancel()

    async def _end_with_parent(self) -> None:
        """Drain once the process that started this one was killed: nobody else would tell it to."""
        while os.getppid() == self._parent:
            await asyncio.sleep(LOOK)
        say("the supervisor has gone")
        self._drain()

    def _drain(self) -> None:
        if not self._app.draining:
            self._app.draining = True
            asyncio.get_running_loop().call_later(NOTICE, self._stop_listening)

    def _stop_listening(self) -> None:
        """Close the socket, and only later the connections that seem idle.

        Those that were just accepted have a request on its way, which a close would reset.
        """
        if self._server.started:
            accept_waiting(self._server, self._listening)
            for server in self._server.servers:
                server.close()
        asyncio.get_running_loop().call_later(NOTICE, self._end)

    def _end(self) -> None:
        self._server.should_exit = True
        self._may_listen.set()

    # -- the model ------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Load the model, and every one that takes its place."""
        if self._model is None:
            self._serve_it(None)
            return
        seen = _identity(self._model)
        self._serve_it(await asyncio.get_running_loop().run_in_executor(None, _load, self._model))
        while True:
            await asyncio.sleep(LOOK)
            found = _identity(self._model)
            if found is not None and found != seen:  # None: it is being replaced
                seen = await self._take_up(self._model)

    def _serve_it(self, handler: Handler | None) -> None:
        self._app.handler = handler
        self._ready()
        self._may_listen.set()

    async def _take_up(self, model: Path) -> _Identity | None:
        """Open what has taken the model's place; return which it was, whether it could or not."""
        for pause in (*AGAIN, None):
            identity = _identity(model)
            opening = asyncio.get_running_loop().run_in_executor(None, _load, model)
            # A folder may hold anything, so that anything may be raised: this server goes on.
            await asyncio.wait([opening])
            error = opening.exception()
            if error is None:
                self._app.handler = opening.result()
                self._counters.add("reloads")
                say("took up a new model", model=str(model))
                return identity
            self._counters.add("failed_reloads")
            say(
                "the new model was not taken up",
                kind=type(error).__name__,
                cause=str(error),
                again_in=pause,
            )
            if pause is not None:
                await asyncio.sleep(pause)
        return identity

    def _watched(self, watching: asyncio.Task[None]) -> None:
        """End where nothing watches the model any more: the log says why, and another comes."""
        if not watching.cancelled() and watching.exception() is not None:
            self._error = watching.exception()
            self._end()


def _new_loop() -> asyncio.AbstractEventLoop:
    loop: asyncio.AbstractEventLoop = load_extra("uvloop").new_event_loop()
    return loop


def _load(model: Path) -> Handler:
    """Open a model, and predict once with it, so that the first request is as fast as others."""
    handler = Handler(Predictor.open(model))
    row = dict.fromkeys(column["name"] for column in handler.predictor.facts["input"])
    handler.handle(json.dumps(row).encode(), b"application/json")
    return handler


def _identity(model: Path) -> _Identity | None:
    """Return what changes when another model takes the place of one."""
    for place in (model / "manifest.json", model / "model" / "manifest.json"):
        try:
            found = os.stat(place)
        except OSError:
            continue
        return found.st_ino, found.st_mtime_ns, found.st_size
    return None
