"""Lets whoever is interested hear how a training goes, while it goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeAlias

from fastml._typing import Float64

__all__ = ["Hear", "heard_by", "tell"]

Hear: TypeAlias = Callable[[str, float], None]
"""Takes the name of a part of the rows, "train" or "validation", and the mean loss on it."""

_hear: ContextVar[Hear | None] = ContextVar("hear", default=None)


@contextmanager
def heard_by(hear: Hear) -> Iterator[None]:
    """Call a function after each round of the trainings inside; other threads' are not heard."""
    token = _hear.set(hear)
    try:
        yield
    finally:
        _hear.reset(token)


def tell(part: str, loss: Float64) -> None:
    """Tell the loss of each model after a round; what trains many at once has no one curve."""
    hear = _hear.get()
    if hear is not None and loss.shape[0] == 1:
        hear(part, float(loss[0]))
