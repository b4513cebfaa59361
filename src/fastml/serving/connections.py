"""HTTP as uvicorn speaks it, with bounds on how many connect, and how long they may say nothing."""

from __future__ import annotations

import asyncio
import logging
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, ClassVar, Final

from fastml.extras import load_extra
from fastml.serving.app import App
from fastml.serving.limits import Limits
from fastml.serving.log import say

if TYPE_CHECKING:
    import uvicorn

__all__ = ["KEEP_ALIVE", "accept_waiting", "http_server"]

KEEP_ALIVE = 90
"""Seconds that an idle connection is kept: load balancers keep theirs for 60."""
DRAIN = 20
"""Seconds for requests that are being answered when the server is told to end."""
SPARE = 64
"""Files that a worker may have open besides its connections."""
_LOOK = 10
"""Ticks of uvicorn, a tenth of a second each, between looks at all connections."""
MOST_HEAD: Final = (64 + 256) << 10
"""Bytes of a request's line and headers: 64 kB, and what may come at once with their first byte."""


class _Lines(logging.Handler):
    """Has uvicorn's own words among the lines of JSON: never a traceback, which may hold a row."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.WARNING:
            say("http", told=record.getMessage())


def _refusal(status: bytes, told: bytes) -> bytes:
    body = b'{"error": "%b"}' % told
    return (
        b"HTTP/1.1 %b\r\ncontent-type: application/json\r\nretry-after: 1\r\n"
        b"content-length: %d\r\nconnection: close\r\n\r\n%b" % (status, len(body), body)
    )


_FULL: Final = _refusal(b"503 Service Unavailable", b"there is no place for more connections")
_LONG: Final = _refusal(b"431 Request Header Fields Too Large", b"the headers are too long")
_OTHER: Final = _refusal(
    b"400 Bad Request", b"HTTP/1.1 is spoken here; expected no Upgrade with a body"
)
_FRAMING: Final = {b"content-length", b"transfer-encoding"}


class _Bounded(asyncio.Protocol):
    """What a connection of uvicorn's does besides: it goes before that among the bases."""

    most: ClassVar[int]
    connections: Any
    cycle: Any
    headers: Any
    parser: Any
    timeout_keep_alive_task: Any
    transport: Any
    _silent: tuple[object, float] | None = None
    """The last request before it fell silent, and when that was seen."""
    _unread: tuple[int, float] | None = None
    """How much of its answers a client has not taken, and since when it is as much."""
    _head: int | None = None
    """How much has come of headers that are not whole yet."""

    def connection_made(self, transport: Any) -> None:
        if len(self.connections) < self.most:
            super().connection_made(transport)
            return
        self.transport = transport
        self._refuse(_FULL)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._head is None:
            return
        self._head += len(data)
        if self._head > MOST_HEAD:
            self._refuse(_LONG)

    def on_message_begin(self) -> None:
        self._head = 0
        super().on_message_begin()  # type: ignore[misc]

    def on_headers_complete(self) -> None:
        self._head = None
        if self.parser.should_upgrade() and any(name in _FRAMING for name, _ in self.headers):
            self._refuse(_OTHER)  # httptools drops the body, and it would seem to be empty
            return
        super().on_headers_complete()  # type: ignore[misc]
        self.headers = []  # what comes behind a body in chunks is none of the request's

    def _refuse(self, answer: bytes) -> None:
        self.transport.write(answer)
        self.transport.close()

    def abort_if_unread(self, now: float, seconds: float) -> None:
        """Let go of answers of which a client takes nothing: to close would wait for it, too."""
        size = self.transport.get_write_buffer_size()
        if size == 0:
            self._unread = None
        elif self._unread is None or self._unread[0] != size:
            self._unread = size, now
        elif now - self._unread[1] >= seconds:
            self.transport.abort()

    def close_if_silent(self, now: float, seconds: float, *, full: bool) -> None:
        """Close a connection whose next request has not come whole, up to its body, in time.

        Between requests one may rest for as long as uvicorn lets it, unless others find no place.
        It is looked at now and then: a timer for each request would cost more than the prediction.
        """
        answering = self.cycle is not None and not self.cycle.response_complete
        resting = self.timeout_keep_alive_task is not None and not full
        if answering or resting:
            self._silent = None
        elif self._silent is None or self._silent[0] is not self.cycle:
            self._silent = self.cycle, now
        elif now - self._silent[1] >= seconds:
            self.transport.close()


def http_server(app: App, limits: Limits) -> uvicorn.Server:
    """Return a server of the application, which leaves the signals to the worker.

    Raises
    ------
    ConfigError
        If uvicorn is not installed.
    """
    load_extra("uvicorn")
    import uvicorn
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

    class Connection(_Bounded, HttpToolsProtocol):
        most = _most_connections(limits)

    class Server(uvicorn.Server):
        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

        async def on_tick(self, counter: int) -> bool:
            if counter % _LOOK == 0:
                _look(self.server_state.connections, Connection.most, limits)
            return await super().on_tick(counter)

    logger = logging.getLogger("uvicorn.error")
    logger.handlers, logger.propagate = [_Lines()], False
    return Server(
        uvicorn.Config(
            app,
            http=Connection,
            loop="uvloop",
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=DRAIN,
            backlog=2048,
        )
    )


def accept_waiting(server: uvicorn.Server, listening: socket.socket) -> None:
    """Take the connections that the kernel has made already: to close the socket resets them."""
    tasks = server.server_state.tasks  # which the server waits for before it ends
    with suppress(OSError):  # none waits, or there is no file for one more
        while True:
            made, _ = listening.accept()
            made.setblocking(False)
            accepting = asyncio.get_running_loop().create_task(_accept(server, made))
            tasks.add(accepting)
            accepting.add_done_callback(tasks.discard)


async def _accept(server: uvicorn.Server, made: socket.socket) -> None:
    protocol = server.config.http_protocol_class(  # type: ignore[call-arg]
        config=server.config, server_state=server.server_state, app_state={}
    )
    await asyncio.get_running_loop().connect_accepted_socket(lambda: protocol, made)


def _most_connections(limits: Limits) -> int:
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if files == resource.RLIM_INFINITY:
        return limits.connections
    return max(min(limits.connections, files - SPARE), 1)


def _look(connections: Any, most: int, limits: Limits) -> None:
    full, now = len(connections) >= most, time.monotonic()
    for each in connections:
        each.abort_if_unread(now, limits.answer_seconds)
        # Two looks at one are enough where places are wanted.
        each.close_if_silent(now, 0.0 if full else limits.head_seconds, full=full)
