"""How many may connect, and how long they may say nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import socket
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import pytest
import uvloop

from fastml.serving.connections import SPARE, accept_waiting, http_server
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


def test_connections_that_the_kernel_has_made_are_answered() -> None:
    async def run() -> bytes:
        server = http_server(app(), Limits())
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as listening:
            listening.setblocking(False)
            address = listening.getsockname()
            serving = asyncio.create_task(server.serve([listening]))
            while not server.started:
                await asyncio.sleep(0.01)
            with socket.create_connection(address) as waiting:  # the loop has not looked yet
                waiting.sendall(POST)
                accept_waiting(server, listening)
                for each in server.servers:
                    each.close()
                waiting.setblocking(False)
                answer = await asyncio.wait_for(loop.sock_recv(waiting, 4096), 5)
            server.should_exit = True
            await serving
        return answer

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(run()).startswith(b"HTTP/1.1 200")


def test_no_more_connections_than_files(monkeypatch: pytest.MonkeyPatch) -> None:
    for files, most in ((100 + SPARE, 100), (10, 1), (resource.RLIM_INFINITY, 500)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, files=files: (files, files))
        server = http_server(app(), Limits(connections=500))
        server.config.load()
        assert server.config.http_protocol_class.most == most  # type: ignore[attr-defined]


HEAD = b"POST /invocations HTTP/1.1\r\nhost: x\r\ncontent-type: text/csv\r\n"


def test_answers_that_nobody_reads() -> None:
    """A client that takes nothing is let go; one that is slow is not."""

    async def talk(connect: Callable[[], Awaitable[Client]]) -> None:
        body = ROW * 400_000  # the answer does not fit what the kernel holds for a client
        request = HEAD + b"content-length: %d\r\n\r\n" % len(body) + body
        # Sockets of their own: streams read ahead.
        address = (await connect()).writer.get_extra_info("peername")
        loop = asyncio.get_running_loop()
        deaf, slow = (socket.create_connection(address) for _ in range(2))
        try:
            for each in (deaf, slow):
                each.setblocking(False)
                await loop.sock_sendall(each, request)
            size = 0
            while size < 10_000_000:
                part = await loop.sock_recv(slow, 1 << 18)
                assert part
                size += len(part)
                await asyncio.sleep(0.05)
            await asyncio.sleep(4.0)  # on a busy machine the other answer may begin later
            taken = 0
            with contextlib.suppress(ConnectionResetError):
                while part := await loop.sock_recv(deaf, 1 << 20):
                    taken += len(part)
            assert taken < 10_000_000
        finally:
            deaf.close()
            slow.close()

    serving(Limits(answer_seconds=1.0), talk)


@pytest.mark.parametrize(
    "part", [b"x-one: " + b"x" * 1000, b"x" * 1000], ids=["one header", "the line"]
)
def test_heads_without_an_end(part: bytes) -> None:
    async def talk(connect: Callable[[], Awaitable[Client]]) -> None:
        client = await connect()
        client.writer.write(b"POST /" if part[:2] == b"xx" else HEAD)
        client.writer.write(part * 1_000)
        with contextlib.suppress(ConnectionResetError):
            await asyncio.wait_for(client.reader.read(), 5)
        assert await (await connect()).ask(POST) == b"HTTP/1.1 200 OK"

    serving(Limits(head_seconds=60.0), talk)


def test_what_comes_behind_a_body_is_no_header() -> None:
    async def talk(connect: Callable[[], Awaitable[Client]]) -> None:
        client = await connect()
        chunks = b"%x\r\n%b\r\n0\r\ncontent-type: text/html\r\n\r\n" % (len(ROW), ROW)
        answer = await client.ask(HEAD + b"transfer-encoding: chunked\r\n\r\n" + chunks)
        assert answer == b"HTTP/1.1 200 OK"

    serving(Limits(), talk)


@pytest.mark.parametrize(
    "framing",
    [
        b"content-length: 11\r\ncontent-length: 5",
        b"content-length: 5\r\ntransfer-encoding: chunked",
        b"transfer-encoding: chunked\r\ntransfer-encoding: identity",
        b"content-length: +11",
        b"content-length: 11\r\nx-request-id: a\r\n b",
        b"content-length: 11\r\nx-request-id: a\rb",
        b"content-length: 11\r\nx-request-id: a\x1bb",
        b"content-length: 11\r\nconnection: Upgrade\r\nupgrade: h2c",
    ],
)
def test_requests_of_which_two_ends_differ(
    framing: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    async def talk(connect: Callable[[], Awaitable[Client]]) -> None:
        client = await connect()
        assert await client.ask(HEAD + framing + b"\r\n\r\n" + ROW) == b"HTTP/1.1 400 Bad Request"
        assert await client.closed_within(1)

    serving(Limits(), talk)
    for line in capfd.readouterr().err.splitlines():
        json.loads(line)
