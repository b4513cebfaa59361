"""Asks a server over and over, on kept connections, and notes how long each answer took."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import uvloop

__all__ = ["Load", "request", "run_load"]

PATIENCE = 2.0


@dataclass
class Load:
    """What was seen.

    Attributes
    ----------
    seconds : float
    latencies : list of float
        Of the answers, in seconds, ascending.
    bad : int
        Answers that were not 200.
    wrong : int
        Answers of 200 that are not the first one's.
    lost : int
        Connections that ended before their answer came; they are made anew.
    hung : int
        Requests that were not answered `PATIENCE` seconds after they were sent.
    """

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    bad: int = 0
    wrong: int = 0
    lost: int = 0
    hung: int = 0
    expected: bytes | None = None

    def quantile(self, q: float) -> float:
        """Return a latency in milliseconds."""
        return 1e3 * self.latencies[min(int(q * len(self.latencies)), len(self.latencies) - 1)]


def request(path: str, content_type: str, body: bytes, accept: str = "*/*") -> bytes:
    """Return the bytes of a POST."""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: benchmark\r\ncontent-type: {content_type}\r\n"
        f"accept: {accept}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class _Connection(asyncio.Protocol):
    def __init__(self, request: bytes, load: Load, pause: float) -> None:
        self._request, self._load, self._pause = request, load, pause
        self._heard = b""
        self._over = False
        self._at: float | None = None  # when it asked what is not answered yet

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport  # uvloop's are of no class of asyncio
        self._heard = b""
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._over:
            return
        self._load.lost += self._at is not None
        self._at = None
        self._making = asyncio.get_running_loop().create_task(self.connect())

    async def connect(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self, "127.0.0.1", self._port)

    async def begin(self, port: int) -> None:
        self._port = port
        await self.connect()

    def end(self) -> None:
        self._over = True
        self._load.hung += self._at is not None and time.perf_counter() - self._at > PATIENCE
        self._transport.abort()

    def _ask(self) -> None:
        if self._transport.is_closing():  # the time is over
            return
        self._at = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._heard += data
        end = self._heard.find(b"\r\n\r\n")
        if end < 0 or self._at is None:
            return
        head = self._heard[:end].lower()
        length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        if len(self._heard) < end + 4 + length:
            return
        load = self._load
        load.latencies.append(time.perf_counter() - self._at)
        self._at = None
        if self._heard.startswith(b"HTTP/1.1 200"):
            body = self._heard[end + 4 :]
            load.expected = load.expected or body
            load.wrong += body != load.expected
        else:
            load.bad += 1
        self._heard = b""
        if self._pause:
            asyncio.get_running_loop().call_later(self._pause, self._ask)
        else:
            self._ask()


async def _run(port: int, asked: list[tuple[bytes, int, float, Load]], seconds: float) -> None:
    connections = []
    for request_, number, pause, load in asked:
        for _ in range(number):
            connections.append(_Connection(request_, load, pause))
            await connections[-1].begin(port)
    await asyncio.sleep(0.5)  # what is met first is compiled, allocated and found then
    for *_, load in asked:
        load.latencies.clear()
    began = time.perf_counter()
    await asyncio.sleep(seconds)
    for *_, load in asked:
        load.seconds = time.perf_counter() - began
        load.latencies = sorted(load.latencies)
    for connection in connections:
        connection.end()


def run_load(port: int, *asked: tuple[bytes, int, float], seconds: float) -> list[Load]:
    """Send requests, each on so many connections and so many seconds after its last answer."""
    loads = [Load() for _ in asked]
    each = [(*one, load) for one, load in zip(asked, loads, strict=True)]
    uvloop.run(_run(port, each, seconds))
    return loads
