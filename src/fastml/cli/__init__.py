"""The `fastml` command: parses, calls, prints.

Nothing heavy is imported before a command needs it, so that `fastml --help` is quick.
"""

from __future__ import annotations

from fastml.cli import data, information, models, projects  # each adds its commands
from fastml.cli.app import app

__all__ = ["app", "main"]

_ = (data, information, models, projects)


def main() -> None:
    """Run the command line; the console script's entry point."""
    app()
