"""`fastml sagemaker ...`: from the project file to jobs, endpoints and schedules in the cloud."""

from __future__ import annotations

import typer

from fastml.cli.app import app

__all__ = ["group"]

group = typer.Typer(
    name="sagemaker",
    help="Train, deploy and watch a project on SageMaker.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(group)
