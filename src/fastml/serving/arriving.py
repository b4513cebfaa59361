"""Waiting with a deadline that costs nothing where there is nothing to wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any, Generic, TypeVar

__all__ = ["within"]

T = TypeVar("T")


async def within(seconds: float, coming: Coroutine[Any, Any, T]) -> T:
    """Await a coroutine, and raise a TimeoutError if it takes longer.

    A timer takes as long as the whole of a small prediction. Most requests are here, body and all,
    when they are looked at: their coroutine ends at the first step, without one.
    """
    try:
        waited_for = coming.send(None)
    except StopIteration as done:
        found: T = done.value
        return found
    async with asyncio.timeout(seconds):
        return await _Begun(coming, waited_for)


class _Begun(Generic[T]):
    """A coroutine that waits for something already."""

    def __init__(self, coming: Coroutine[Any, Any, T], waited_for: Any) -> None:
        self._coming, self._waited_for = coming, waited_for

    def __await__(self) -> Generator[Any, Any, T]:
        waited_for = self._waited_for
        try:
            while True:
                try:
                    sent = yield waited_for
                except BaseException as error:  # cancelled, say: the coroutine hears of it
                    waited_for = self._coming.throw(error)
                else:
                    waited_for = self._coming.send(sent)
        except StopIteration as done:
            found: T = done.value
            return found
