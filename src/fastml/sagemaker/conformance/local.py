"""Programs as processes of this machine, with another folder in place of /opt/ml."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from fastml.sagemaker.conformance.contract import BrokenError, shown
from fastml.sagemaker.conformance.running import Base, Conditions, Running, Signal
from fastml.sagemaker.layout import BASE_DIR

__all__ = ["Local"]

_PORT = "SAGEMAKER_BIND_TO_PORT"


class Local:
    """Runs a program of this machine.

    It must look for /opt/ml where `SAGEMAKER_BASE_DIR` says, as SageMaker's own toolkits do.

    Parameters
    ----------
    folder : Path
        For logs.
    program : sequence of str
        Default fastml's.
    """

    is_image = False

    def __init__(
        self,
        folder: Path,
        program: Sequence[str] = (sys.executable, "-m", "fastml.sagemaker"),
    ) -> None:
        self._folder, self._program = folder, tuple(program)
        self.name = " ".join(("python", *self._program[1:]))
        self._started = 0

    def start(self, root: Path, verb: str, conditions: Conditions) -> Running:
        """Start the program as SageMaker does."""
        self._started += 1
        port = int(conditions.environment.get(_PORT) or _free_port())
        variables = os.environ | {BASE_DIR: str(root), _PORT: str(port)}
        log = self._folder / f"{self._started}.log"
        began = time.monotonic()
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*self._program, *filter(None, [verb])],
                env=variables | dict(conditions.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=root,
                start_new_session=True,
            )
        return _Process(process, log, began, port)

    def python(self, root: Path, code: str) -> str:
        """Run Python where the program would run, and return what it prints."""
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {BASE_DIR: str(root)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BrokenError(f"Python failed: {shown(done.stderr[-400:], 400)}")
        return done.stdout

    def clear(self, folder: Path) -> None:
        """Remove nothing: all is of the user who tests."""


class _Process(Base):
    """A process, its port, and those that it has started."""

    def __init__(
        self, process: subprocess.Popen[bytes], log: Path, began: float, port: int
    ) -> None:
        super().__init__(process, log, began)
        self._port = port

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def tell(self, signal_: Signal) -> None:
        self._process.send_signal(getattr(signal, f"SIG{signal_}"))

    def children(self) -> list[int]:
        pid = self._process.pid
        return [*map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split())]

    def kill(self, child: int) -> None:
        os.kill(child, signal.SIGKILL)

    def connect(self, seconds: float) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._port), timeout=seconds)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
