"""The application: the options that commands share, and how errors and interrupts end one.

Exit codes: 0 done (and passed, where there is a gate), 2 a mistake in what was asked or given,
3 did not pass the gate, 70 a fault of fastml's own, 130 interrupted, 143 terminated.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec, TypeVar

import typer

from fastml import __version__
from fastml.errors import FastMLError, StoppedError

if TYPE_CHECKING:
    from fastml.data import Source

__all__ = [
    "FAILED_GATE",
    "Debug",
    "Json",
    "Memory",
    "Model",
    "Out",
    "Read",
    "Seed",
    "Table",
    "Threads",
    "app",
    "command",
    "open_source",
    "print_json",
    "printing",
]

P = ParamSpec("P")
R = TypeVar("R")

FAILED_GATE = 3
_MISTAKE, _FAULT, _INTERRUPTED, _TERMINATED = 2, 70, 130, 143

Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, for machines.")]
Out = Annotated[str | None, typer.Option("--out", "-o", help="Where to write.")]
Threads = Annotated[
    int | None, typer.Option("--threads", min=1, help="Threads to use; default every core.")
]
Memory = Annotated[
    str | None,
    typer.Option(
        "--memory",
        metavar="SIZE",
        help="What the process may hold, such as 1GB or 512MiB: rows beyond lie in a temporary "
        "file (TMPDIR); default three quarters of what is available.",
    ),
]
Seed = Annotated[
    int | None, typer.Option("--seed", min=0, max=2**63 - 1, help="Seed of the split.")
]
Debug = Annotated[bool, typer.Option("--debug", help="Show where in fastml an error arose.")]
Model = Annotated[str, typer.Argument(help="A model's directory, or a run's.")]
Table = Annotated[str, typer.Argument(metavar="SOURCE", help="A file, folder, pattern or URI.")]

Read = Annotated[
    list[str] | None,
    typer.Option(
        "--read",
        metavar="KEY=VALUE",
        help="How to read SOURCE, as in [data] of a project file: --read 'null_values=[\"n/a\"]'. "
        "May be repeated.",
    ),
]

app = typer.Typer(
    name="fastml",
    help="From a raw table to a judged, saved, predicting model, "
    "at the speed of reading the table.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, help="Show the version and stop.")
    ] = False,
) -> None:
    if version:
        print(__version__)
        raise typer.Exit


def command(name: str, group: typer.Typer = app) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Add a function as the command `name`, or as one of a group of commands.

    Its options `threads`, `memory` and `debug` are seen to here.
    """

    def add(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            threads = kwargs.get("threads")
            if threads is not None:
                # Arrow takes the second for the threads that it decodes Parquet on.
                os.environ["FASTML_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(threads)
            memory = kwargs.get("memory")
            with _endings(debug=bool(kwargs.get("debug"))):
                if memory is not None:
                    from fastml.engine.budget import parse_memory

                    os.environ["FASTML_MEMORY"] = str(parse_memory(str(memory), "--memory"))
                return function(*args, **kwargs)

        group.command(name)(guarded)
        return function

    return add


@contextmanager
def _endings(*, debug: bool) -> Iterator[None]:
    """Turn errors and interrupts into messages and exit codes."""
    signal.signal(signal.SIGTERM, _terminated)
    try:
        yield
        sys.stdout.flush()
    except KeyboardInterrupt as interrupt:
        noted = hasattr(interrupt, "__notes__")  # by who knows what was done
        _tell("interrupted" if noted else "interrupted; nothing was written", interrupt)
        raise typer.Exit(_INTERRUPTED) from None
    except StoppedError as stopped:
        _tell(str(stopped), stopped)
        raise typer.Exit(_TERMINATED) from None
    except BrokenPipeError:
        _forget_output()
        raise typer.Exit(0) from None
    except (FastMLError, OSError) as error:
        if debug:
            raise
        _tell(str(error), error)
        raise typer.Exit(_MISTAKE) from error
    except typer.Exit:
        raise
    # The one place where any error is caught: a user of the command line is told in a line what
    # went wrong and how to learn more, and a script sees a fault that is not its own.
    except Exception as error:
        if debug:
            raise
        print(
            f"fastml: internal error: {type(error).__name__}: {error}; --debug shows where",
            file=sys.stderr,
        )
        raise typer.Exit(_FAULT) from error


def _tell(message: str, error: BaseException) -> None:
    for line in (message, *getattr(error, "__notes__", ())):
        print(f"fastml: {line}", file=sys.stderr)


@contextmanager
def printing() -> Iterator[None]:
    """Print for whoever reads; where they have gone, the command goes on to its own exit code."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_output()


def _forget_output() -> None:
    """Lead standard output nowhere; Python would complain once more on exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _terminated(_signal: int, _frame: FrameType | None) -> None:
    checkpoints = sys.modules.get("fastml.checkpoint")  # what is not imported saves nothing
    checkpoint = checkpoints and checkpoints.current()
    if checkpoint is None or not checkpoint.stop():
        raise SystemExit(_TERMINATED)  # unwinds, so that what is half-written is removed


def open_source(source: str, read: list[str] | None) -> Source:
    """Open a table that was named on the command line, with its `--read` options."""
    from fastml.data import scan
    from fastml.workflow.project import reading_options

    return scan(source, **reading_options(read or ()))


def print_json(content: Any) -> None:
    """Print JSON on standard output."""
    print(json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False))
