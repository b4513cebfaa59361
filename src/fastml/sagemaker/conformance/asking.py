"""Requests to a server that is tested, and its answers."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any

from fastml.sagemaker.conformance.contract import BrokenError, expect, shown
from fastml.sagemaker.conformance.running import Running

__all__ = ["Answer", "Connection", "ask", "pinged", "wait_for_ping"]

START = 120.0
"""Seconds for a server to answer `/ping` well; SageMaker waits for eight minutes."""
PING = 2.0
"""Seconds for one answer to `/ping`."""
REQUEST = 60.0
"""Seconds for one answer to `/invocations`."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """Return the body, which must be an object of JSON."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise BrokenError(f"expected JSON, found {shown(self.body)}") from error
        expect(isinstance(found, dict), f"expected an object of JSON, found {shown(self.body)}")
        return dict(found)

    def expect(self, *statuses: int) -> Answer:
        """Return this; raise `BrokenError` if the status is another."""
        wanted = " or ".join(map(str, statuses))
        expect(
            self.status in statuses, f"expected {wanted}, found {self.status}: {shown(self.body)}"
        )
        return self


class Connection(HTTPConnection):
    """A connection to whatever port a program serves on, wherever it runs."""

    def __init__(self, running: Running, seconds: float = REQUEST) -> None:
        super().__init__("127.0.0.1", timeout=seconds)
        self._running, self._seconds = running, seconds

    def connect(self) -> None:
        """Connect; `http.client` asks for it."""
        self.sock: socket.socket = self._running.connect(self._seconds)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | Iterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request and return the answer; a body in parts is sent as chunks."""
        chunked = body is not None and not isinstance(body, bytes)
        given = dict(headers or {}) | ({"Transfer-Encoding": "chunked"} if chunked else {})
        self.request(method, path, body, given, encode_chunked=chunked)
        return self.answer()

    def answer(self) -> Answer:
        """Return the answer to the request that was sent."""
        got = self.getresponse()
        return Answer(got.status, {k.lower(): v for k, v in got.getheaders()}, got.read())


def ask(
    running: Running,
    method: str,
    path: str,
    body: bytes | Iterator[bytes] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Send one request over a connection of its own."""
    with closing(Connection(running)) as connection:
        return connection.ask(method, path, body, headers)


def pinged(running: Running) -> Answer | None:
    """Return the answer to `/ping`; None where nothing answers in time."""
    try:
        with closing(Connection(running, PING)) as connection:
            return connection.ask("GET", "/ping")
    except (OSError, HTTPException):
        return None


def wait_for_ping(running: Running) -> float:
    """Wait until `/ping` is answered with 200; return the seconds since the program began."""
    while True:
        answer = pinged(running)
        if answer is not None and answer.status == 200:
            return time.monotonic() - running.began
        running.expect_alive("before /ping was answered with 200")
        if time.monotonic() - running.began > START:
            found = answer.status if answer else "no answer"
            raise BrokenError(f"after {START:.0f} s /ping has {found}; expected 200")
        time.sleep(0.02)
