"""`fastml sagemaker test`: whether an image, or what is installed here, keeps the contract."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fastml.cli.app import FAILED_GATE, Debug, Json, command, print_json, printing
from fastml.cli.sagemaker import group

if TYPE_CHECKING:
    from fastml.sagemaker.conformance.running import Runner
    from fastml.sagemaker.conformance.sample import Sample

__all__ = ["contract"]


@command("test", group)
def contract(
    image: Annotated[str | None, typer.Argument(help="An image; or --local.")] = None,
    local: Annotated[
        bool, typer.Option("--local", help="Test the fastml that is installed here.")
    ] = False,
    engine: Annotated[
        str | None,
        typer.Option(
            "--engine", help="docker, podman or a command like them; default the one found."
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="PATTERN", help="Items such as 'serve.*'; may be repeated."),
    ] = None,
    slow: Annotated[
        bool, typer.Option("--slow", help="Look at what takes more than a minute, too.")
    ] = False,
    train_data: Annotated[
        Path | None, typer.Option("--train-data", metavar="FOLDER", help="Instead of churn.")
    ] = None,
    hyperparameters: Annotated[
        Path | None,
        typer.Option(
            "--hyperparameters", metavar="FILE.json", help="That train some seconds on it."
        ),
    ] = None,
    request: Annotated[
        Path | None, typer.Option("--request", metavar="FILE", help="The body of a request.")
    ] = None,
    content_type: Annotated[
        str, typer.Option("--content-type", metavar="TYPE", help="Of --request.")
    ] = "text/csv",
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Run SageMaker's contract of a container against an image. Exit 0 kept, 3 broken.

    It trains, stops, resumes, serves and drains, without a network, by docker or podman. An image
    that is not of fastml takes --train-data, --hyperparameters and --request.
    """
    import tempfile

    from fastml.sagemaker.conformance.table import chosen, conformance, lines
    from fastml.sagemaker.conformance.workbench import Workbench

    items = chosen(only or ())
    sample = _sample(train_data, hyperparameters, request, content_type)
    found = []
    with tempfile.TemporaryDirectory(prefix="fastml-test-", ignore_cleanup_errors=True) as place:
        # What a container writes as another user cannot always be removed.
        runner = _runner(image, engine, Path(place), local=local)
        with Workbench(runner, sample, Path(place)) as bench, printing():
            for each in conformance(bench, items, slow=slow):
                found.append(each)
                for line in () if as_json else lines(each):
                    print(line, flush=True)
    counts = {
        verdict: sum(each.verdict == verdict for each in found)
        for verdict in ("passed", "failed", "left out")
    }
    if as_json:
        print_json({"tested": runner.name, **counts, "items": [each.to_dict() for each in found]})
    else:
        words = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
        print(f"\n{runner.name}: {words}")
    if counts["failed"]:
        raise typer.Exit(FAILED_GATE)


def _sample(
    data: Path | None, hyperparameters: Path | None, request: Path | None, content_type: str
) -> Sample:
    from fastml.errors import ConfigError
    from fastml.sagemaker.conformance.sample import Churn, Given

    if data is None and hyperparameters is None and request is None:
        return Churn()
    if data is None or hyperparameters is None or request is None:
        raise ConfigError("--train-data, --hyperparameters and --request belong together")
    return Given.read(data, hyperparameters, request, content_type)


def _runner(image: str | None, engine: str | None, folder: Path, *, local: bool) -> Runner:
    import shutil

    from fastml.errors import ConfigError
    from fastml.sagemaker.conformance.container import Container
    from fastml.sagemaker.conformance.local import Local

    if (image is None) != local:
        raise ConfigError("name an image to test, or say --local")
    if image is None:
        return Local(folder)
    engine = engine or next(filter(shutil.which, ("docker", "podman")), None)
    if engine is None:
        raise ConfigError("neither docker nor podman is here; name the engine: --engine PROGRAM")
    return Container(image, engine, folder)
