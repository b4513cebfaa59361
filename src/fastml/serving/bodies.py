"""Bodies of requests, read whole: within a time, a size, and the memory that there is for all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, TypeAlias

from fastml.serving.arriving import within
from fastml.serving.limits import Limits
from fastml.serving.refused import RefusedError

__all__ = ["Bodies", "Receive", "busy"]

Receive: TypeAlias = Callable[[], Coroutine[Any, Any, dict[str, Any]]]


class Bodies:
    """Reads the bodies of requests.

    Parameters
    ----------
    limits : Limits

    Attributes
    ----------
    held : int
        Bytes of all bodies that are on their way, or wait for a thread.
    """

    def __init__(self, limits: Limits) -> None:
        self.held = 0
        self._limits = limits

    async def read(self, receive: Receive, length: int) -> bytes | None:
        """Return a whole body; None where the connection ended before it.

        Parameters
        ----------
        receive : callable
            ASGI's.
        length : int
            What the request states, or -1.

        Raises
        ------
        RefusedError
            408 for one that is too slow, 413 for one that is too large, 503 where others take what
            memory there is for all.
        """
        limits = self._limits
        if length > limits.body:
            raise _too_large(limits.body)
        if length == 0:
            return b""
        began = time.perf_counter()
        try:
            message = await within(limits.body_seconds, receive())
            if message["type"] == "http.disconnect":
                return None
            body: bytes = message.get("body", b"")
            if not message.get("more_body", False) and len(body) <= limits.body:
                return body
            left = began + limits.body_seconds - time.perf_counter()
            async with asyncio.timeout(left):
                return await self._rest(receive, message)
        except TimeoutError:
            raise RefusedError(
                HTTPStatus.REQUEST_TIMEOUT,
                f"the body did not arrive within {limits.body_seconds:g} s",
            ) from None

    async def _rest(self, receive: Receive, message: dict[str, Any]) -> bytes | None:
        """Return a body that comes in parts, of which the first is here."""
        parts: list[bytes] = []
        size = 0
        try:
            while True:
                part = message.get("body", b"")
                parts.append(part)
                size += len(part)
                self.held += len(part)
                if size > self._limits.body:
                    raise _too_large(self._limits.body)
                if self.held > self._limits.held:
                    raise busy()
                if not message.get("more_body", False):
                    return b"".join(parts)
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
        finally:
            self.held -= size

    @contextmanager
    def holding(self, size: int) -> Iterator[None]:
        """Count the bytes of a body that waits, or raise a RefusedError: 503."""
        if self.held + size > self._limits.held:
            raise busy()
        self.held += size
        try:
            yield
        finally:
            self.held -= size


def _too_large(most: int) -> RefusedError:
    return RefusedError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"the body has more than {most:,} bytes; send fewer rows at a time",
    )


def busy() -> RefusedError:
    """Return the refusal of what comes while too much waits."""
    return RefusedError(
        HTTPStatus.SERVICE_UNAVAILABLE, "too many requests are waiting", retry_after=1
    )
