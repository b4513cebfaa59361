"""Programs as containers of an image, run by docker, podman or a program that takes the same."""

from __future__ import annotations

import json
import secrets
import shlex
import socket
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from fastml.errors import ConfigError
from fastml.sagemaker.conformance import relay
from fastml.sagemaker.conformance.contract import BrokenError, expect, shown
from fastml.sagemaker.conformance.running import Base, Conditions, Running, Signal

__all__ = ["Container"]

PORT = 8080
START = 60.0
"""Seconds for an engine to start a container."""
_CHILDREN = "print(open('/proc/1/task/1/children').read())"
_REMOVE = (
    "import os, shutil;"
    "place = '/fastml-test';"
    "[shutil.rmtree(each.path) for each in os.scandir(place) if each.is_dir(follow_symlinks=False)]"
)


@dataclass(frozen=True, slots=True)
class _Relay:
    """A container that leads requests in, and the socket at which it takes them."""

    name: str
    process: subprocess.Popen[bytes]
    socket: Path


class Container:
    """Runs an image.

    A container has no network; a second one beside it, of the same image and with the Python that
    is in it, leads requests in through a socket in a folder.

    Parameters
    ----------
    image : str
    engine : str
        docker, podman, or a command that takes their arguments.
    folder : Path
        For logs and sockets.

    Raises
    ------
    ConfigError
        If the engine cannot be run, or has no such image.
    """

    is_image = True

    def __init__(self, image: str, engine: str, folder: Path) -> None:
        self.name = image
        self._engine, self._folder = shlex.split(engine), folder
        self._started = 0
        self._own = f"fastml-test-{secrets.token_hex(4)}"  # an engine may have many users
        try:
            found = self._ask("image", "inspect", image)
        except OSError as error:
            raise ConfigError(f"the engine {engine!r} cannot be run: {error}") from error
        except BrokenError as error:
            raise ConfigError(f"{engine} has no image {image}: {error}") from error
        self.inspected: dict[str, Any] = json.loads(found)[0]

    def start(self, root: Path, verb: str, conditions: Conditions) -> Running:
        """Start the program as SageMaker does: `docker run IMAGE train`."""
        name = self._name()
        options = [f"--volume={root}:/opt/ml{':ro' if '' in conditions.unwritable else ''}"]
        options += [
            f"--volume={root / each}:/opt/ml/{each}:ro" for each in conditions.unwritable if each
        ]
        options += [f"--env={key}={value}" for key, value in conditions.environment.items()]
        if conditions.user:
            options += [f"--user={conditions.user}", "--cap-drop=ALL"]
        options += ["--read-only", "--tmpfs=/tmp"] if conditions.root_read_only else []
        port = int(conditions.environment.get("SAGEMAKER_BIND_TO_PORT", PORT))
        log = self._folder / f"{name}.log"
        began = time.monotonic()
        process = self._run(name, log, ["--network=none", *options], *filter(None, [verb]))
        running = _Containing(self, process, log, began, name, port)
        with ExitStack() as undo:
            undo.push(running)
            running.expect_started()
            undo.pop_all()
        return running

    def python(self, root: Path, code: str) -> str:
        """Run Python where the program would run, and return what it prints."""
        return self._ask(
            *("run", "--rm", "--network=none", f"--volume={root}:/opt/ml"),
            *("--entrypoint=python3", self.name, "-c", code),
        )

    def clear(self, folder: Path) -> None:
        """Remove the folders in one: what containers have written may be another user's."""
        self._call(
            *("run", "--rm", "--network=none", f"--volume={folder}:/fastml-test", "--user=0:0"),
            *("--entrypoint=python3", self.name, "-c", _REMOVE),
        )

    def lead_in(self, beside: str, port: int) -> _Relay:
        """Start what leads requests into a container."""
        name = self._name()
        place = self._folder / name
        place.mkdir(mode=0o777)
        code = Path(relay.__file__).read_text("utf-8")
        options = [f"--network=container:{beside}", f"--volume={place}:/relay"]
        options += ["--user=0:0", "--entrypoint=python3"]
        arguments = ("-c", code, "/relay/socket", str(port))
        log = self._folder / f"{name}.log"
        leads = _Relay(name, self._run(name, log, options, *arguments), place / "socket")
        until = time.monotonic() + START
        with ExitStack() as undo:
            undo.callback(self.end, name, leads.process)
            while not leads.socket.exists():
                if leads.process.poll() is not None or time.monotonic() > until:
                    words = log.read_text("utf-8", "replace")
                    raise BrokenError(f"no relay could be started in the image: {shown(words)}")
                time.sleep(0.01)
            undo.pop_all()
        return leads

    def is_running(self, name: str) -> bool:
        """Say whether a container of this name runs."""
        done = self._call("inspect", "--format={{.State.Running}}", name)
        return done.returncode == 0 and done.stdout.strip() == "true"

    def tell(self, name: str, signal: Signal) -> None:
        """Send a signal to process 1 of a container."""
        self._ask("kill", f"--signal={signal}", name)

    def execute(self, name: str, code: str) -> str:
        """Run Python in a running container, as its root, and return what it prints."""
        return self._ask("exec", "--user=0:0", name, "python3", "-c", code)

    def end(self, name: str, process: subprocess.Popen[bytes]) -> None:
        """Kill a container, if it still runs, and forget it; then the engine's process ends."""
        self._call("rm", "--force", name)
        try:
            process.wait(START)
        except subprocess.TimeoutExpired:  # the engine is stuck
            process.kill()
            process.wait()

    def _run(
        self, name: str, log: Path, options: list[str], *arguments: str
    ) -> subprocess.Popen[bytes]:
        # Not --rm: an engine waits with that for the relay, which is removed later.
        command = [*self._engine, "run", f"--name={name}", *options, self.name, *arguments]
        with log.open("wb") as output:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )

    def _name(self) -> str:
        self._started += 1
        return f"{self._own}-{self._started}"

    def _ask(self, *arguments: str) -> str:
        done = self._call(*arguments)
        if done.returncode:
            said = shown((done.stderr or done.stdout)[-400:], 400)
            raise BrokenError(f"{arguments[0]} failed with {done.returncode}: {said}")
        return done.stdout

    def _call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*self._engine, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)


class _Containing(Base):
    """A container, and the one that leads requests into it once it is asked something."""

    def __init__(
        self,
        engine: Container,
        process: subprocess.Popen[bytes],
        log: Path,
        began: float,
        name: str,
        port: int,
    ) -> None:
        super().__init__(process, log, began)
        self._engine, self._name, self._port = engine, name, port
        self._relay: _Relay | None = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with ExitStack() as both:
            both.callback(self._engine.end, self._name, self._process)
            if self._relay is not None:
                both.callback(self._engine.end, self._relay.name, self._relay.process)

    def expect_started(self) -> None:
        """Wait until the engine has started it; raise `BrokenError` if it does not."""
        while not self._engine.is_running(self._name) and self.ended() is None:
            expect(
                time.monotonic() - self.began < START,
                f"the engine had not started it after {START:.0f} s",
            )
            time.sleep(0.02)

    def tell(self, signal: Signal) -> None:
        self._engine.tell(self._name, signal)

    def children(self) -> list[int]:
        return [*map(int, self._engine.execute(self._name, _CHILDREN).split())]

    def kill(self, child: int) -> None:
        self._engine.execute(self._name, f"import os; os.kill({child}, 9)")

    def connect(self, seconds: float) -> socket.socket:
        if self._relay is None:
            self.expect_alive("before it was asked anything")
            self._relay = self._engine.lead_in(self._name, self._port)
        found = socket.socket(socket.AF_UNIX)
        found.settimeout(seconds)
        found.connect(str(self._relay.socket))
        return found
