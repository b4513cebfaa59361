"""How many may connect, and how long they may say nothing."""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import pytest
import uvloop

from fastml.serving.connections import SPARE, http_server
from fastml.serving.limits import Limits

from .test_app import ROW, app

PING = b"GET /ping HTTP/1.1\r\nhost: x\r\n\r\n"
POST = b"POST /invocations HTTP/1.1\r\nhost: x\r\ncontent-type: text/csv\r\n"
POST += b"content-length: %d\r\n\r\n%b" % (len(ROW), ROW)


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, request: bytes = PING) -> bytes:
        """Return the status line of an answer."""
        self.writer.write(request)
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 5)
        length = head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]
        await self.reader.readexactly(int(length))
        return head.split(b"\r\n")[0]

    async def closed_within(self, seconds: float) -> bool:
        try:
            return await asyncio.wait_for(self.reader.read(), seconds) == b""
        except TimeoutError:
            return False


Talk: TypeAlias = Callable[[Callable[[], Awaitable[Client]]], Awaitable[None]]


def serving(limits: Limits, talk: Talk) -> None:
    async def run() -> None:
        server = http_server(app(), limits)
        with socket.create_server(("127.0.0.1", 0)) as listening:
            listening.setblocking(False)
            serving = asyncio.create_task(server.serve([listening]))
            clients: list[Client] = []

            async def connect() -> Client:
                found = await asyncio.open_connection(*listening.getsockname())
                clients.append(Client(*found))
                return clients[-1]

            try:
                await talk(connect)
            finally:
                for each in clients:
                    each.writer.close()
                server.should_exit = True
                await serving

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


def test_requests_that_do_not_come_whole() -> None:
    async def talk(connect: Callable[[], Awaitable[Client]]) -> None:
        good, resting, silent, slow, blank, second = [await connect() for _ in range(6)]
        for each in (good, resting, second):
            assert await each.ask(POST) == b"HTTP/1.1 200 OK"
        slow.writer.write(PING[:-4])
        second.writer.write(PING[:10])
        blank.writer.write(b"\r\n")
        ends = [
            asyncio.create_task(each.closed_within(5)) for each in (silent, slow, blank, second)
        ]
        for at in range(30):
            await asyncio.sleep(0.1)
            assert await good.ask() == b"HTTP/1.1 200 OK"
            if at < 3:
                slow.writer.write(b"x")
        assert await asyncio.gather(*ends) == [True] * 4
        assert await resting.ask() == b"HTTP/1.1 200 OK"

    serving(Limits(head_seconds=0.5), talk)


def test_connections_that_there_is_no_place_for() -> None:
    async def talk(connect: Callable[[], Awaitable[Client]]) -> None:
        good, resting, *silent = [await connect() for _ in range(4)]
        for each in (good, resting):
            assert await each.ask() == b"HTTP/1.1 200 OK"
        more = await connect()
        assert b" 503 " in await more.ask(b"")
        assert await more.closed_within(1)
        # Who is there goes on, and who says nothing makes place.
        for _ in range(25):
            await asyncio.sleep(0.1)
            assert await good.ask(POST) == b"HTTP/1.1 200 OK"
        for each in (resting, *silent):
            assert await each.closed_within(1)
        assert await (await connect()).ask() == b"HTTP/1.1 200 OK"

    serving(Limits(connections=4), talk)


def test_no_more_connections_than_files(monkeypatch: pytest.MonkeyPatch) -> None:
    for files, most in ((100 + SPARE, 100), (10, 1), (resource.RLIM_INFINITY, 500)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, files=files: (files, files))
        server = http_server(app(), Limits(connections=500))
        server.config.load()
        assert server.config.http_protocol_class.most == most  # type: ignore[attr-defined]
