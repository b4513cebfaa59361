from __future__ import annotations

import os
import threading
import time

import pytest

from fastml.engine import default_threads, ordered_map, read_ahead
from fastml.errors import ConfigError


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_come_in_order(threads: int) -> None:
    def slow_first(i: int) -> int:
        time.sleep(0.02 if i == 0 else 0)
        return i * i

    assert list(ordered_map(slow_first, range(20), threads)) == [i * i for i in range(20)]


def test_few_items_are_held_at_once() -> None:
    taken = []

    def items() -> object:
        for i in range(100):
            taken.append(i)
            yield i

    results = ordered_map(lambda i: i, items(), threads=2, window=3)
    assert next(results) == 0
    assert len(taken) <= 5
    results.close()


def test_an_error_is_raised_at_its_place_and_nothing_runs_on() -> None:
    running = set()

    def fails_at_3(i: int) -> int:
        if i == 3:
            raise ValueError("at 3")
        running.add(i)
        time.sleep(0.01)
        running.remove(i)
        return i

    results = ordered_map(fails_at_3, range(10), threads=2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="at 3"):
        next(results)
    assert not running


def test_threads_are_started_once() -> None:
    def both() -> set[int]:
        barrier = threading.Barrier(3)

        def name(i: int) -> int:
            barrier.wait()
            return threading.get_ident()

        return set(ordered_map(name, range(3), threads=3))

    assert both() == both()


def test_a_map_inside_a_map() -> None:
    def inner(i: int) -> int:
        return sum(ordered_map(lambda j: i * j, range(4), threads=2))

    assert list(ordered_map(inner, range(5), threads=2)) == [6 * i for i in range(5)]


def test_a_forked_child_starts_its_own() -> None:
    assert list(ordered_map(abs, range(4), threads=2)) == [0, 1, 2, 3]
    child = os.fork()
    if child == 0:
        os._exit(0 if list(ordered_map(abs, range(4), threads=2)) == [0, 1, 2, 3] else 1)
    deadline = time.monotonic() + 20.0
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert ended == (child, 0)


def test_read_ahead_gives_all_items_in_order() -> None:
    assert list(read_ahead(iter(range(50)))) == list(range(50))


def test_read_ahead_stops_with_its_consumer() -> None:
    before = threading.active_count()
    stream = read_ahead(iter(range(1000)))
    assert next(stream) == 0
    stream.close()
    assert threading.active_count() == before


def test_read_ahead_raises_what_the_reader_met() -> None:
    def items() -> object:
        yield 1
        raise OSError("gone")

    stream = read_ahead(items())
    assert next(stream) == 1
    with pytest.raises(OSError, match="gone"):
        next(stream)


def test_threads_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTML_THREADS", "3")
    assert default_threads() == 3
    monkeypatch.setenv("FASTML_THREADS", "none")
    with pytest.raises(ConfigError, match="FASTML_THREADS is 'none'; expected a whole number"):
        default_threads()
