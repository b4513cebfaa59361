"""A program that is tested, while it runs: what it says, how it ends, how it is reached."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol, Self, TypeAlias

from fastml.sagemaker.conformance.contract import BrokenError, shown

__all__ = ["Conditions", "Running", "Runner", "Signal"]

Signal: TypeAlias = Literal["TERM", "KILL"]


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a program runs under, beside having no network.

    Parameters
    ----------
    environment : mapping of str to str
    root_read_only : bool
        Of an image: nothing can be written but /opt/ml and /tmp.
    user : str, optional
        Of an image: numbers of a user and a group; default the image's own.
    unwritable : tuple of str
        Folders of /opt/ml that cannot be written; "" is all of it.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    root_read_only: bool = False
    user: str | None = None
    unwritable: tuple[str, ...] = ()


class Running(Protocol):
    """A program that was started; leaving its context kills it."""

    began: float
    """Of the monotonic clock."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def said(self) -> str:
        """Return what it has printed."""

    def ended(self) -> int | None:
        """Return its exit code, above 128 where a signal ended it; None while it goes on."""

    def tell(self, signal: Signal) -> None:
        """Send it a signal."""

    def children(self) -> list[int]:
        """Return the ids of the processes that it has started."""

    def kill(self, child: int) -> None:
        """Kill a process that it has started."""

    def connect(self, seconds: float) -> socket.socket:
        """Connect to the port that it serves on."""

    def wait(self, seconds: float) -> int:
        """Wait until it ends, and return its exit code; raise `BrokenError` if it does not."""

    def expect_alive(self, when: str) -> None:
        """Raise `BrokenError` if it has ended."""


class Runner(Protocol):
    """What starts programs: an engine for containers, or this machine."""

    name: str
    is_image: bool

    def start(self, root: Path, verb: str, conditions: Conditions) -> Running:
        """Start the program as SageMaker does.

        Parameters
        ----------
        root : Path
            What it finds as /opt/ml.
        verb : {"train", "serve", ""}
        conditions : Conditions
        """

    def python(self, root: Path, code: str) -> str:
        """Run Python where the program would run, and return what it prints."""

    def clear(self, folder: Path) -> None:
        """Remove the folders in one that programs may have written to as another user."""


class Base:
    """What programs have in common that are processes here, with a file that holds their log."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path, began: float) -> None:
        self._process, self._log, self.began = process, log, began

    def __enter__(self) -> Self:
        return self

    def said(self) -> str:
        """Return what it has printed."""
        return self._log.read_text("utf-8", "replace")

    def ended(self) -> int | None:
        """Return its exit code, above 128 where a signal ended it; None while it goes on."""
        code = self._process.poll()
        return 128 - code if code is not None and code < 0 else code

    def wait(self, seconds: float) -> int:
        """Wait until it ends, and return its exit code.

        Raises
        ------
        BrokenError
            If it takes longer.
        """
        until = time.monotonic() + seconds
        while (code := self.ended()) is None:
            if time.monotonic() > until:
                raise BrokenError(f"it had not ended after {seconds:.0f} s")
            time.sleep(0.01)
        return code

    def expect_alive(self, when: str) -> None:
        """Raise `BrokenError` if it has ended."""
        code = self.ended()
        if code is not None:
            raise BrokenError(f"it ended with {code} {when}: {shown(self.said()[-400:], 400)}")
