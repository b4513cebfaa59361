"""The `fastml` command: parses, calls, prints.

Nothing heavy is imported before a command needs it, so that `fastml --help` is quick.
"""

from __future__ import annotations

from importlib import import_module

from fastml.cli.app import app

__all__ = ["app", "main"]

for _group in (
    "projects", "data", "models", "sagemaker", "launch", "conformance", "information",
):  # fmt: skip
    import_module(f"fastml.cli.{_group}")  # adds its commands, in the order of the help


def main() -> None:
    """Run the command line; the console script's entry point."""
    app()
