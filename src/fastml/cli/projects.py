"""`fastml run`, `demo`, `init` and `runs`: the main job, and what goes with it."""

from __future__ import annotations

import shlex
import sys
from typing import Annotated

import typer

from fastml.cli.app import (
    FAILED_GATE,
    Debug,
    Json,
    Memory,
    Out,
    Seed,
    Threads,
    command,
    print_json,
    printing,
)
from fastml.errors import StoppedError

__all__ = ["demo", "init", "run", "runs"]


@command("demo")
def demo(
    out: Out = None,
    as_json: Json = False,
    threads: Threads = None,
    debug: Debug = False,
) -> None:
    """Run the whole loop on a churn table that comes with fastml, and tell what happens."""
    from fastml.cli.progress import Progress
    from fastml.workflow.demo import demo_project, tell
    from fastml.workflow.run import run

    with Progress(quiet=True) as progress:
        project = demo_project()
        outcome, folder = run(project, out=out, journal=progress.journal)
    with printing():
        if as_json:
            print_json(outcome.to_dict())
        else:
            for paragraph in tell(project, outcome, folder):
                print(paragraph)
    if not outcome.passed:
        raise typer.Exit(FAILED_GATE)


@command("run")
def run(
    project: Annotated[str, typer.Argument(metavar="PROJECT.TOML", help="The project file.")],
    out: Out = None,
    draft: Annotated[
        bool, typer.Option("--draft", help="Judge on the validation split; leave test alone.")
    ] = False,
    cache: Annotated[
        str | None,
        typer.Option(
            "--cache",
            metavar="FILE",
            help="Keep the encoded rows in FILE: the next run begins with them where only "
            "[learner] has changed.",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where a run that was cut off was last saved.")
    ] = False,
    checkpoint: Annotated[
        str | None,
        typer.Option(
            "--checkpoint",
            metavar="FOLDER",
            help="Where training is saved while it goes on, and when it is terminated; default "
            "training.checkpoint beside PROJECT.TOML. Removed at the end.",
        ),
    ] = None,
    save_every: Annotated[
        float,
        typer.Option(
            "--save-every", metavar="SECONDS", min=0.0, help="Seconds from one saving to the next."
        ),
    ] = 60.0,
    as_json: Json = False,
    seed: Seed = None,
    memory: Memory = None,
    threads: Threads = None,
    debug: Debug = False,
) -> None:
    """Run a project: read, profile, split, train, judge, save. Exit 0 passed, 3 did not.

    A run that was killed and goes on with --resume ends with the same model, to the last bit. Not
    so where [learner] time_budget ends the training: how far it comes differs from run to run.
    """
    from fastml.checkpoint import Checkpoint
    from fastml.cli.progress import Progress
    from fastml.reporting.summary import summary
    from fastml.workflow.project import read_project
    from fastml.workflow.run import run as run_project

    settings = read_project(project).with_seed(seed)
    saved = Checkpoint(checkpoint or settings.checkpoint, every=save_every, resume=resume)
    with Progress() as progress:
        try:
            outcome, folder = run_project(
                settings,
                out=out,
                draft=draft,
                cache=cache,
                checkpoint=saved,
                journal=progress.journal,
            )
        except StoppedError as stopped:
            given = shlex.join(word for word in sys.argv[1:] if word != "--resume")
            stopped.add_note(f"`fastml {given} --resume` goes on")
            raise
    with printing():
        if as_json:
            print_json(outcome.to_dict())
        else:
            print(summary(outcome))
            print(f"\nwritten to {folder}: report.html, metrics.json, model and more")
    if not outcome.passed:
        raise typer.Exit(FAILED_GATE)


@command("init")
def init(
    path: Annotated[str, typer.Argument(help="The file to write.")] = "project.toml",
    source: Annotated[str | None, typer.Option(help="The table to learn from.")] = None,
    target: Annotated[str | None, typer.Option(help="The column to predict.")] = None,
    debug: Debug = False,
) -> None:
    """Write a commented project file to fill in."""
    from fastml.workflow.template import write_template

    write_template(path, source=source, target=target)
    print(f"wrote {path}; fill it in, then: fastml run {path}", file=sys.stderr)


@command("runs")
def runs(
    folder: Annotated[str, typer.Argument(help="The folder that holds the runs.")] = "runs",
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show the runs so far side by side, and how often each test split was looked at."""
    from fastml.workflow.history import history

    found = history(folder)
    if as_json:
        print_json(found.to_dict())
    else:
        print(found)
