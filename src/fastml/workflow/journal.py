"""What a run tells while it works: each stage and what was found in it, with the time."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from time import perf_counter
from typing import Protocol

__all__ = ["Journal", "Lines", "Listener"]


class Listener(Protocol):
    """Whoever wants to hear of a run as it goes, such as a terminal."""

    def begin(self, stage: str) -> None:
        """Hear that a stage begins."""

    def say(self, words: str) -> None:
        """Hear what was found."""

    def end(self, stage: str, seconds: float) -> None:
        """Hear that a stage is over."""


class Lines:
    """A listener that prints plain lines with the time, as a log wants them: on standard error."""

    def begin(self, stage: str) -> None:
        """Print that a stage begins."""
        self._line(stage)

    def say(self, words: str) -> None:
        """Print what was found."""
        self._line(f"  {words}")

    def end(self, stage: str, seconds: float) -> None:
        """Print what a stage took."""
        self._line(f"  {stage} took {seconds:.2f} s")

    def _line(self, words: str) -> None:
        print(f"{datetime.now():%H:%M:%S} {words}", file=sys.stderr, flush=True)


class Journal:
    """Keeps the lines of `run.log`, passes them on to a listener, and times the stages.

    Attributes
    ----------
    seconds : dict of str to float
        Wall time of each stage that is over.
    """

    def __init__(self, listener: Listener | None = None) -> None:
        self._listener = listener
        self._lines: list[str] = []
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage of the run."""
        self._note(name)
        if self._listener:
            self._listener.begin(name)
        start = perf_counter()
        yield
        self.seconds[name] = perf_counter() - start
        if self._listener:
            self._listener.end(name, self.seconds[name])

    def say(self, words: str) -> None:
        """Note something that was found or decided."""
        self._note(f"  {words}")
        if self._listener:
            self._listener.say(words)

    def note(self, words: str) -> None:
        """Note in the log alone what the listener is told elsewhere."""
        self._note(f"  {words}")

    def text(self) -> str:
        """Return the lines so far."""
        return "".join(f"{line}\n" for line in self._lines)

    def _note(self, words: str) -> None:
        self._lines.append(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}Z {words}")
