"""What a worker takes on, and what it refuses."""

from __future__ import annotations

from dataclasses import dataclass

from fastml.serving.rows import MOST_ROWS

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a worker takes on.

    Parameters
    ----------
    body : int
        Bytes of a request; more are 413.
    rows : int
        Rows of a request; more are 413.
    connections : int
        Clients at once; more are 503. At most as many as the process may have files open.
    head_seconds : float
        For the first byte of a request, and for its headers to arrive.
    body_seconds : float
        For a body to arrive; slower is 408.
    answer_seconds : float
        That a client may take nothing of an answer which it has not taken whole.
    small : int
        Bytes of a request that is answered at once; larger ones are answered on threads, so that
        they do not delay others.
    threads : int
        For larger ones.
    waiting : int
        Larger ones that may wait for a thread; more are 503.
    held : int
        Bytes of all bodies that are held at once; more are 503.
    models : int
        Bytes of memory for all models, where there are many.
    """

    body: int = 100 << 20
    rows: int = MOST_ROWS
    connections: int = 10_000
    head_seconds: float = 10.0
    body_seconds: float = 30.0
    answer_seconds: float = 30.0
    small: int = 1 << 15
    threads: int = 2
    waiting: int = 64
    held: int = 512 << 20
    models: int = 1 << 30
