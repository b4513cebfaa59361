"""The program that builds and pushes images: docker, podman or another like them."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from fastml.errors import ConfigError, LaunchError

__all__ = ["output_of", "show"]

_STANDARD_ERROR = 2


def output_of(command: Sequence[str]) -> str:
    """Run a command and return what it prints.

    Raises
    ------
    ConfigError
        If there is no such program.
    LaunchError
        If it fails.
    """
    return str(_run(command, None, subprocess.PIPE).stdout)


def show(command: Sequence[str], given: str | None) -> None:
    """Run a command, and show what it prints; `given` is what it reads.

    Raises
    ------
    ConfigError
        If there is no such program.
    LaunchError
        If it fails.
    """
    _run(command, given, _STANDARD_ERROR)


def _run(
    command: Sequence[str], given: str | None, output: int
) -> subprocess.CompletedProcess[str]:
    try:
        done = subprocess.run(
            command, input=given, stdout=output, stderr=subprocess.PIPE, text=True, check=False
        )
    except OSError as error:
        raise ConfigError(f"{command[0]!r} cannot be run: {error}") from error
    if done.returncode != 0:
        said = done.stderr.strip() or f"exit code {done.returncode}"
        raise LaunchError(f"`{' '.join(command)}` failed: {said}")
    return done
