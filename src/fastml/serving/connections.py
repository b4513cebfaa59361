"""HTTP as uvicorn speaks it, with bounds on how many connect, and how long they may say nothing."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Final

from fastml.extras import load_extra
from fastml.serving.app import App
from fastml.serving.limits import Limits

if TYPE_CHECKING:
    import uvicorn

__all__ = ["KEEP_ALIVE", "http_server"]

KEEP_ALIVE = 90
"""Seconds that an idle connection is kept: load balancers keep theirs for 60."""
DRAIN = 20
"""Seconds for requests that are being answered when the server is told to end."""
SPARE = 64
"""Files that a worker may have open besides its connections."""
_LOOK = 10
"""Ticks of uvicorn, a tenth of a second each, between looks at all connections."""
_TOLD: Final = b'{"error": "there is no place for more connections"}'
_FULL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%b" % (len(_TOLD), _TOLD)
)


class _Bounded(asyncio.Protocol):
    """What a connection of uvicorn's does besides: it goes before that among the bases."""

    most: ClassVar[int]
    connections: Any
    cycle: Any
    timeout_keep_alive_task: Any
    transport: Any
    _silent: tuple[object, float] | None = None
    """The last request before it fell silent, and when that was seen."""

    def connection_made(self, transport: Any) -> None:
        if len(self.connections) < self.most:
            super().connection_made(transport)
            return
        self.transport = transport
        transport.write(_FULL)
        transport.close()

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
                _close_silent(self.server_state.connections, Connection.most, limits.head_seconds)
            return await super().on_tick(counter)

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


def _most_connections(limits: Limits) -> int:
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if files == resource.RLIM_INFINITY:
        return limits.connections
    return max(min(limits.connections, files - SPARE), 1)


def _close_silent(connections: Any, most: int, seconds: float) -> None:
    full, now = len(connections) >= most, time.monotonic()
    for each in connections:  # two looks at one are enough where places are wanted
        each.close_if_silent(now, 0.0 if full else seconds, full=full)
