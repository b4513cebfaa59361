"""Shows a run as it goes: a moving line on a terminal, plain lines in a log. On standard error."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from fastml.workflow.journal import Journal, Lines

__all__ = ["Progress"]


class Progress:
    """A context that hears of a run's stages; `journal` is what to pass on.

    Parameters
    ----------
    quiet : bool
        Say nothing.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._shown: _Terminal | Lines | None = None
        if not quiet:
            self._shown = _Terminal() if sys.stderr.isatty() else Lines()
        self.journal = Journal(self._shown)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(self._shown, _Terminal):
            self._shown.close()


class _Terminal:
    """A line that moves while a stage works, and stays with its time when it is over."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)
        self._status = self._console.status("")

    def begin(self, stage: str) -> None:
        self._status.update(stage)
        self._status.start()

    def say(self, words: str) -> None:
        self._console.print(f"  {words}", markup=False, style="dim")

    def end(self, stage: str, seconds: float) -> None:
        self._status.stop()
        self._console.print(f"{stage} [dim]{seconds:.2f} s[/dim]")

    def close(self) -> None:
        self._status.stop()
