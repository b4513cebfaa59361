"""`fastml predict`, `evaluate` and `explain`: what a saved model says, and how well."""

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
    open_source,
    print_json,
)

__all__ = ["evaluate", "explain", "predict"]


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

    pipeline, _ = open_model(model)
    found = predictions(pipeline, open_source(source, read), keep or ())
    if out is None:
        print_predictions(found, sys.stdout.buffer, as_json=as_json)
        return
    rows = convert(found, out)
    if as_json:
        print_json({"rows": rows, "out": out})
    else:
        print(f"wrote {rows:,} predictions to {out}", file=sys.stderr)


@command("evaluate")
def evaluate(
    model: Model,
    source: Table,
    read: Read = None,
    as_json: Json = False,
    threads: Threads = None,
    debug: Debug = False,
) -> None:
    """Measure a model on a labelled table against its own criteria. Exit 0 passed, 3 did not."""
    from fastml.workflow.evaluate import evaluate_model

    report = evaluate_model(model, open_source(source, read))
    if as_json:
        print_json(report.to_dict())
    else:
        print(report)
    if not report.passed:
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
