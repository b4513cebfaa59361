"""Maps in order over a stream, on threads: the one place where fastml starts any."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import chain, islice
from typing import TypeVar

from fastml.engine.cores import available_cores
from fastml.errors import ConfigError

T = TypeVar("T")
R = TypeVar("R")


def default_threads() -> int:
    """Return the number of threads to use: `FASTML_THREADS`, else `available_cores`.

    Raises
    ------
    ConfigError
        If `FASTML_THREADS` is not a whole number above zero.
    """
    stated = os.environ.get("FASTML_THREADS")
    if stated is None:
        return available_cores()
    if not stated.isdigit() or int(stated) < 1:
        raise ConfigError(f"FASTML_THREADS is {stated!r}; expected a whole number of at least 1")
    return int(stated)


def ordered_map(
    function: Callable[[T], R],
    items: Iterable[T],
    threads: int | None = None,
    window: int | None = None,
) -> Iterator[R]:
    """Apply `function` to each item on a pool of threads; yield the results in the items' order.

    At most `window` items (default: two for each thread) are held at once, so that memory stays
    bounded whatever the length of the stream. With one thread nothing is started and each item is
    handled as its result is asked for. The results never depend on the number of threads, which
    stay for the maps that follow: a pass over a table may take no longer than starting them.

    Parameters
    ----------
    function : callable
        Called with one item; should release the GIL for its bulk.
    items : iterable
        Read by the calling thread.
    threads, window : int, optional
        Default `default_threads()` and `2 * threads`.

    Yields
    ------
    object
        `function(item)`, in order. An error raised by `function` is raised at its place.
    """
    threads = default_threads() if threads is None else threads
    iterator = iter(items)
    if threads == 1:
        yield from map(function, iterator)
        return
    first = list(islice(iterator, 2))
    if len(first) < 2:  # starting threads takes longer than many an item
        yield from map(function, first)
        return
    pending: deque[Future[R]] = deque()
    with _pool(threads) as pool:
        try:
            iterator = chain(first, iterator)
            for item in islice(iterator, window or 2 * threads):
                pending.append(pool.submit(function, item))
            while pending:
                result = pending.popleft().result()
                for item in islice(iterator, 1):
                    pending.append(pool.submit(function, item))
                yield result
        finally:
            wait([future for future in pending if not future.cancel()])


_pools: dict[int, ThreadPoolExecutor] = {}
_starting = threading.Lock()
_here = threading.local()


@contextmanager
def _pool(threads: int) -> Iterator[ThreadPoolExecutor]:
    """Give the pool of so many threads; one of those gets another, lest it wait for itself."""
    if getattr(_here, "pooled", False):
        with ThreadPoolExecutor(threads, thread_name_prefix="fastml") as pool:
            yield pool
        return
    with _starting:
        if threads not in _pools:
            _pools[threads] = ThreadPoolExecutor(
                threads, thread_name_prefix="fastml", initializer=setattr, initargs=_POOLED
            )
    yield _pools[threads]


_POOLED = (_here, "pooled", True)
if hasattr(os, "register_at_fork"):  # a child has none of its parent's threads
    os.register_at_fork(after_in_child=_pools.clear)


def read_ahead(items: Iterable[T], window: int = 2) -> Iterator[T]:
    """Yield `items` in order while a thread of its own reads up to `window` of them ahead.

    The thread is stopped when the consumer stops, and an error met by it is raised at its place.
    """
    iterator = iter(items)
    end = object()
    with ThreadPoolExecutor(1, thread_name_prefix="fastml-read") as pool:
        pending: deque[Future[object]] = deque(
            pool.submit(next, iterator, end) for _ in range(window)
        )
        try:
            while (item := pending.popleft().result()) is not end:
                pending.append(pool.submit(next, iterator, end))
                yield item  # type: ignore[misc]
        finally:
            for future in pending:
                future.cancel()
