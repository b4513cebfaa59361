"""Tells SageMaker why a job failed.

The first 1,024 characters of a file are what a user sees as the job's FailureReason: so the cause
comes first, in a line, and where in fastml it arose comes last.
"""

from __future__ import annotations

import sys
import traceback
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from fastml.errors import FastMLError, StoppedError

__all__ = ["FailureFile"]


class FailureFile:
    """A context that writes a file when its body fails; the error goes on.

    A body that was told to stop, or ends itself, has not failed.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not isinstance(error, Exception) or isinstance(error, StoppedError):
            return
        words = reason(error)
        print(words, file=sys.stderr, flush=True)
        with suppress(OSError):  # a disk that is full may be why
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text(words, encoding="utf-8", errors="backslashreplace")


def reason(error: Exception) -> str:
    """Return the cause in the first line, what is known beside it, and where it arose."""
    ours = isinstance(error, (FastMLError, OSError))
    said = " ".join(str(error).split())
    cause = said if ours and said else f"internal error: {type(error).__name__}: {said}"
    arose = "".join(traceback.format_exception(error))  # whose lines end themselves
    return "\n".join([cause, *getattr(error, "__notes__", ()), "", arose])
