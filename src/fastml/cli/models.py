"""`fastml predict`, `evaluate`, `explain`, `export` and `serve`: a saved model, put to use."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from fastml.cli.app import (
    FAILED_GATE,
    Debug,
    Json,
    Model,
    Out,
    Read,
    Table,
    Threads,
    command,
    print_json,
    printing,
)

__all__ = ["evaluate", "explain", "export", "predict", "serve"]


@command("predict")
def predict(
    model: Model,
    source: Table,
    out: Out = None,
    keep: Annotated[
        list[str] | None,
        typer.Option("--keep", metavar="COLUMN", help="Copy this column along; may be repeated."),
    ] = None,
    read: Read = None,
    as_json: Json = False,
    threads: Threads = None,
    debug: Debug = False,
) -> None:
    """Predict every row of a table: to a file (-o), else as CSV on standard output."""
    from fastml.data.convert import convert
    from fastml.workflow.models import open_model
    from fastml.workflow.predict import predictions, print_predictions
    from fastml.workflow.project import reading_options

    if out is not None:
        from fastml.data.files import check_apart

        check_apart(source, out)
    pipeline, _ = open_model(model)
    rows = pipeline.scan(source, **reading_options(read or ()))
    found = predictions(pipeline, rows, keep or ())
    if out is None:
        print_predictions(found, sys.stdout.buffer, as_json=as_json)
        return
    count = convert(found, out)
    if as_json:
        print_json({"rows": count, "out": out})
    else:
        print(f"wrote {count:,} predictions to {out}", file=sys.stderr)


@command("evaluate")
def evaluate(
    model: Model,
    source: Table,
    read: Read = None,
    as_json: Json = False,
    threads: Threads = None,
    debug: Debug = False,
) -> None:
    """Measure a model on a labelled table against its own criteria. Exit 0 passed, 3 did not.

    A model without a criterion exits 0 and says that nothing was asked ("passed": null).
    """
    from fastml.workflow.evaluate import NOTHING_ASKED, evaluate_model
    from fastml.workflow.project import reading_options

    report = evaluate_model(model, source, reading_options(read or ()))
    with printing():
        if as_json:
            print_json(report.to_dict())
        else:
            print(report)
    if report.passed is None:
        print(f"fastml: {NOTHING_ASKED.strip()}", file=sys.stderr)
    elif not report.passed:
        raise typer.Exit(FAILED_GATE)


@command("explain")
def explain(
    model: Model, as_json: Json = False, threads: Threads = None, debug: Debug = False
) -> None:
    """Show a model's features and coefficients, and what was left out and why."""
    from fastml.workflow.models import open_model

    explanation = open_model(model)[0].explain()
    if as_json:
        print_json(explanation.to_dict())
    else:
        print(explanation)


@command("export")
def export(
    model: Model,
    file: Annotated[str, typer.Argument(metavar="FILE.onnx", help="The file to write.")],
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write a model for other programs, as ONNX: raw columns in, predictions out."""
    from fastml.artifact import export_onnx
    from fastml.workflow.models import open_model

    export_onnx(open_model(model)[0], file)
    if as_json:
        print_json({"out": file})
    else:
        print(f"wrote {file}", file=sys.stderr)


@command("serve")
def serve(
    model: Annotated[
        str | None, typer.Argument(help="A model's directory, or a run's; or --multi-model.")
    ] = None,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65_535, help="0 takes one that is free.")
    ] = 8080,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes that answer.")] = 1,
    most: Annotated[
        str, typer.Option("--max-body", metavar="SIZE", help="The largest request.")
    ] = "100MB",
    rows: Annotated[
        int, typer.Option("--max-rows", min=1, help="Rows of the largest request.")
    ] = 2_000_000,
    connections: Annotated[
        int, typer.Option("--max-connections", min=1, help="Clients of each worker at once.")
    ] = 10_000,
    threads: Annotated[
        int, typer.Option("--threads", min=1, help="Of each worker, for large requests.")
    ] = 2,
    multi_model: Annotated[
        bool, typer.Option("--multi-model", help="Serve those that /models is told of.")
    ] = False,
    memory: Annotated[
        str | None,
        typer.Option(
            "--memory", metavar="SIZE", help="For all models of --multi-model; default 1GB."
        ),
    ] = None,
    capture: Annotated[
        str | None,
        typer.Option("--capture", metavar="FOLDER", help="Keep requests and answers there."),
    ] = None,
    sample: Annotated[
        float, typer.Option("--capture-sample", min=0.0, max=1.0, help="The share that is kept.")
    ] = 1.0,
    parquet: Annotated[
        bool, typer.Option("--capture-parquet", help="As Parquet, not as lines of JSON.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Serve a model over HTTP: /invocations, /ping, /schema, /metrics, /execution-parameters.

    Rows are sent as CSV, JSON, JSON Lines, Arrow, Parquet or NPY. A model that takes the place of
    the one that is served is taken up.
    """
    from pathlib import Path

    from fastml.engine.budget import parse_memory
    from fastml.errors import ConfigError
    from fastml.serving.capture import CaptureSettings
    from fastml.serving.limits import Limits
    from fastml.serving.server import serve as run

    if model is None and not multi_model:
        raise ConfigError("name a model to serve, or say --multi-model")
    if model is not None and multi_model:
        raise ConfigError(
            f"--multi-model begins without a model; leave out {model!r} and load it by POST /models"
        )
    if memory is not None and not multi_model:
        raise ConfigError("--memory is for the models of --multi-model; leave it out for one model")
    if capture is None and (parquet or sample != 1.0):
        raise ConfigError(
            "--capture-parquet and --capture-sample say how requests are kept; "
            "say where, too: --capture FOLDER"
        )
    limits = Limits(
        body=parse_memory(most, "--max-body"),
        rows=rows,
        connections=connections,
        threads=threads,
        models=parse_memory(memory or "1GB", "--memory"),
    )
    kept = None
    if capture is not None:
        kept = CaptureSettings(Path(capture), sample, "parquet" if parquet else "jsonl")
    place = None if model is None else Path(model)
    run(place, host=host, port=port, workers=workers, limits=limits, capture=kept)
