"""Asks a server over and over, on kept connections, and notes how long each answer took."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import uvloop

__all__ = ["Load", "request", "run_load"]


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
    """

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    bad: int = 0

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

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport  # uvloop's are of no class of asyncio
        self.ask()

    def ask(self) -> None:
        if self._transport.is_closing():  # the time is over
            return
        self._at = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._heard += data
        end = self._heard.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._heard[:end].lower()
        length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        if len(self._heard) < end + 4 + length:
            return
        self._load.bad += not self._heard.startswith(b"HTTP/1.1 200")
        self._load.latencies.append(time.perf_counter() - self._at)
        self._heard = b""
        if self._pause:
            asyncio.get_running_loop().call_later(self._pause, self.ask)
        else:
            self.ask()


async def _run(port: int, asked: list[tuple[bytes, int, float, Load]], seconds: float) -> None:
    loop = asyncio.get_running_loop()
    transports = []
    for request_, connections, pause, load in asked:
        for _ in range(connections):
            made, _ = await loop.create_connection(
                lambda r=request_, to=load, p=pause: _Connection(r, to, p),  # type: ignore[misc]
                "127.0.0.1",
                port,
            )
            transports.append(made)
    await asyncio.sleep(0.5)  # what is met first is compiled, allocated and found then
    for *_, load in asked:
        load.latencies.clear()
    began = time.perf_counter()
    await asyncio.sleep(seconds)
    for *_, load in asked:
        load.seconds = time.perf_counter() - began
        load.latencies = sorted(load.latencies)
    for transport in transports:
        transport.abort()


def run_load(port: int, *asked: tuple[bytes, int, float], seconds: float) -> list[Load]:
    """Send requests, each on so many connections and so many seconds after its last answer."""
    loads = [Load() for _ in asked]
    each = [(*one, load) for one, load in zip(asked, loads, strict=True)]
    uvloop.run(_run(port, each, seconds))
    return loads
