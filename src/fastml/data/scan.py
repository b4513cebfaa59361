"""`scan`: from whatever holds a table to a `Source`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastml.data.files import find_files
from fastml.data.memory import memory_reader
from fastml.data.parquet import ParquetReader
from fastml.data.source import Source
from fastml.errors import ConfigError

__all__ = ["scan"]


def scan(source: Any, *, format: str | None = None, columns: Sequence[str] | None = None) -> Source:
    """Open a table, to be read as a stream of record batches."""
    if isinstance(source, Source):
        found = source
    elif isinstance(source, (str, Path)):
        (file,) = find_files(str(source))
        found = Source(ParquetReader(file))
    else:
        reader = memory_reader(source)
        if reader is None:
            raise ConfigError(
                f"a {type(source).__name__} is not a table; expected a path or URI, an Arrow, "
                "pandas or polars table, {column: values}, a list of records, or an iterator of "
                "record batches"
            )
        found = Source(reader)
    return found if columns is None else found.select(columns)
