"""SIGTERM, by which SageMaker ends a job two minutes before it kills it."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType

__all__ = ["TERMINATED", "end_on_sigterm"]

TERMINATED = 143


def end_on_sigterm(stop: Callable[[], bool] = lambda: False) -> None:
    """Let SIGTERM end the process from now on.

    Process 1 of a container does not hear a signal that it has no handler for.

    Parameters
    ----------
    stop : callable
        Asks for an orderly end, and says whether there will be one; if not, the process ends at
        once, and what is half-written is removed.
    """

    def handle(_signal: int, _frame: FrameType | None) -> None:
        if not stop():
            raise SystemExit(TERMINATED)

    signal.signal(signal.SIGTERM, handle)
