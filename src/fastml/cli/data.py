"""`fastml profile` and `convert`: what is in a table, and from any file to any other."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from fastml.cli.app import (
    Debug,
    Json,
    Read,
    Table,
    Threads,
    command,
    open_source,
    print_json,
)

__all__ = ["convert", "profile"]


@command("profile")
def profile(
    source: Table,
    html: Annotated[
        str | None, typer.Option("--html", metavar="FILE", help="Write a page to this file.")
    ] = None,
    read: Read = None,
    as_json: Json = False,
    threads: Threads = None,
    debug: Debug = False,
) -> None:
    """Show what is in a table."""
    from fastml.profile import profile as profile_table

    if html is not None:
        from fastml.data.files import check_apart

        check_apart(source, html)
    found = profile_table(open_source(source, read))
    if html is not None:
        from fastml.atomic import atomic_path
        from fastml.reporting.columns import profile_page

        with atomic_path(html) as file:
            file.write_text(profile_page(source, found.to_dict()), encoding="utf-8")
    if as_json:
        print_json(found.to_dict())
    elif html is not None:
        print(f"wrote {html}", file=sys.stderr)
    elif sys.stdout.isatty():
        from rich import print as print_rich

        print_rich(found)
    else:
        print(found)


@command("convert")
def convert(
    source: Table,
    destination: Annotated[str, typer.Argument(help="The file to write; its name says how.")],
    read: Read = None,
    as_json: Json = False,
    threads: Threads = None,
    debug: Debug = False,
) -> None:
    """Convert a table: JSON, CSV, Parquet, Arrow; any to any."""
    from fastml.data.convert import convert as convert_table
    from fastml.data.files import check_apart

    check_apart(source, destination)
    rows = convert_table(open_source(source, read), destination)
    if as_json:
        print_json({"rows": rows, "destination": destination})
    else:
        print(f"wrote {rows:,} rows to {destination}", file=sys.stderr)
