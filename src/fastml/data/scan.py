"""`scan`: from whatever holds a table to a `Source`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypedDict, TypeVar, Unpack

from fastml.data.bytestreams import ByteSource, OnceFile, text_file
from fastml.data.csv import CsvOptions, csv_readers
from fastml.data.files import File, find_files, open_pipe
from fastml.data.formats import canonical_format, format_of, only_tables
from fastml.data.ipc import arrow_reader
from fastml.data.json import JsonOptions, json_readers
from fastml.data.memory import memory_reader
from fastml.data.parquet import ParquetReader
from fastml.data.reader import Reader, reading
from fastml.data.schemas import listed
from fastml.data.source import Source
from fastml.data.tables import FilesReader
from fastml.engine import ordered_map
from fastml.errors import ConfigError

__all__ = ["TextOptions", "scan"]

Options = TypeVar("Options", CsvOptions, JsonOptions)


class TextOptions(TypedDict, total=False):
    """How delimited text and JSON are read; see `scan`."""

    types: Mapping[str, Any]
    encoding: str | None
    null_values: Sequence[str]
    default_nulls: bool
    delimiter: str | None
    quote: str | None
    escape: str | None
    names: Sequence[str] | None
    skip_rows: int
    decimal: str
    timestamp_formats: Sequence[str]
    records: str | None


def scan(
    source: Any,
    *,
    format: str | None = None,
    columns: Sequence[str] | None = None,
    defaults: Mapping[str, Any] | None = None,
    **options: Unpack[TextOptions],
) -> Source:
    """Open a table, to be read as a stream of record batches.

    Parameters
    ----------
    source : str, path, file object or table
        - a path or URI (`s3://`, `gs://`, `file://`, ...) of a file, a folder or a glob, or a list
          of them: Parquet, delimited text, JSON Lines, a JSON array of records, Arrow IPC files
          and streams; text may be packed with gzip, zstd, bz2 or lz4. The files of a folder are
          read in the order of their paths, and folders `key=value` become columns;
        - `"-"` for standard input, a pipe, or a binary file object: read once;
        - anything with the Arrow PyCapsule interface: tables of pyarrow, pandas and polars, DuckDB
          relations; `{column: values}`, a list of records, an iterator of record batches (once).
    format : {"parquet", "csv", "json", "arrow"}, optional
        Default: told by the first bytes and the name.
    columns : sequence of str, optional
        The columns to read, in this order; default all.
    defaults : mapping, optional
        Options below that apply to what takes them, where they are not stated; of `types` those of
        columns that are there. And `text`: columns of delimited text that are text if they are
        there. So new rows are read as those that a model learned from.
    types : mapping of str to str or pyarrow.DataType
        Types of columns of text and JSON files, e.g. `{"zip": "string"}`. What is not declared is
        found from all rows, not from the first: integers, floats, booleans, dates, timestamps,
        times of day, else text. A column of delimited text that holds whole numbers with leading
        zeros (`02134`) or beyond int64 is text, so that no digit is lost.
    encoding : str
        Default UTF-8, or what a byte order mark tells.
    null_values : sequence of str
        What stands for a missing value in delimited text, beside the usual (`NA`, `null`, ...,
        and nothing at all). In quotes it is a value of a column of text: `"NA"` is Namibia.
    default_nulls : bool
        False: `null_values` alone.
    delimiter : str
        Default: the one of comma, semicolon, tab and bar that cuts the rows evenly.
    quote, escape : str or None
        Default `'"'` and none. `quote=None`: quotes have no meaning.
    names : sequence of str
        Column names of delimited text that has no line of them.
    skip_rows : int
        Lines above the column names.
    decimal : str
        The decimal point.
    timestamp_formats : sequence of str
        Formats for `strptime` that are tried beside ISO 8601, e.g. `["%d/%m/%Y"]`.
    records : str
        The key of a JSON object that holds the array of records.

    Returns
    -------
    Source

    Raises
    ------
    DataError
        If there is nothing to read, or it cannot be read.
    SchemaError
        If columns are doubled or lacking, or differ between files.
    ConfigError
        If an option is unknown, or does not fit the format.
    """
    columns = None if columns is None else list(columns)
    text = _Text(options, defaults or {})
    if isinstance(source, Source):
        _no_options(options, format, "a source that is open already")
        found = source
    elif (once := _once_file(source)) is not None:
        found = Source(_once_reader(once, format, columns, text))
    elif (paths := _paths(source)) is not None:
        files = _files(paths, format)
        reader = _files_reader(files, paths, format, columns, text)
        stated = repr((format, sorted(options.items()), sorted(text.defaults.items())))
        found = Source(reader, version=lambda: f"{stated} {[file.version() for file in files]}")
    else:
        _no_options(options, format, "a table in memory")
        table = memory_reader(source)
        if table is None:
            raise ConfigError(
                f"a {type(source).__name__} is not a table; expected a path or URI, an Arrow, "
                "pandas or polars table, {column: values}, a list of records, or an iterator of "
                "record batches"
            )
        found = Source(table)
    return found if columns is None else found.select(columns)


@dataclass(frozen=True, slots=True)
class _Text:
    """The options of `scan` that are for text."""

    stated: TextOptions
    defaults: Mapping[str, Any]

    def options(self, cls: type[Options], what: str) -> Options:
        """Return those that a format takes; raise for what was stated and it does not take."""
        takes = {field.name for field in fields(cls)}
        known = takes & set(TextOptions.__annotations__)
        for option in self.stated:
            if option not in TextOptions.__annotations__:
                raise ConfigError(
                    f"scan has no option {option!r}; expected some of "
                    f"{listed(sorted(TextOptions.__annotations__), 20)}"
                )
            if option not in known:
                raise ConfigError(
                    f"{option}= does not apply to {what}; it takes {listed(sorted(known))}"
                )
        given = {k: v for k, v in self.defaults.items() if k in takes and k != "types"}
        given |= {"default_types": self.defaults.get("types", {}), **self.stated}
        return cls(**given)


def _once_file(source: Any) -> OnceFile | None:
    """Return standard input, a pipe or a file object, None where `source` is something else."""
    if isinstance(source, (str, os.PathLike)):
        if source == "-":
            return OnceFile(sys.stdin.buffer, "<stdin>")
        pipe = open_pipe(os.fspath(source))
        return None if pipe is None else OnceFile(pipe, os.fspath(source))
    if not callable(getattr(type(source), "read", None)):
        return None
    if isinstance(source.read(0), str):
        raise ConfigError("the file object gives text; open it for bytes: open(path, 'rb')")
    name = getattr(source, "name", None)
    return OnceFile(source, name if isinstance(name, str) else f"<{type(source).__name__}>")


def _paths(source: Any) -> list[str] | None:
    """Return the paths that `source` is, None where it is something else."""
    if isinstance(source, (str, os.PathLike)):
        return [os.fspath(source)]
    if (
        isinstance(source, list)
        and source
        and all(isinstance(s, (str, os.PathLike)) for s in source)
    ):
        return [os.fspath(s) for s in source]
    return None


def _files(paths: list[str], format: str | None) -> list[File]:
    files = []
    for path in paths:
        found = find_files(path)
        files += only_tables(found, path) if format is None and len(found) > 1 else found
    return files


def _files_reader(
    files: list[File],
    paths: list[str],
    format: str | None,
    columns: list[str] | None,
    text: _Text,
) -> Reader:
    kind = format_of(files[0]) if format is None else canonical_format(format)
    readers = _readers(kind, files, columns, text)
    if len(files) == 1 and not files[0].partitions:
        return readers[0]
    name = paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
    return FilesReader(readers, [file.partitions for file in files], name, columns)


def _readers(
    kind: str, files: list[File], columns: list[str] | None, text: _Text
) -> Sequence[Reader]:
    """Return a reader for each file."""
    if kind in ("csv", "json"):
        inner = None
        if columns is not None:  # but not those that the folders give
            inner = [c for c in columns if all(c not in file.partitions for file in files)]
        return _text_readers(kind, files, inner, text)
    _no_options(text.stated, None, f"the {kind} format")
    return list(ordered_map(ParquetReader if kind == "parquet" else arrow_reader, files))


def _text_readers(
    kind: str, sources: Sequence[ByteSource], columns: list[str] | None, text: _Text
) -> Sequence[Reader]:
    with reading(sources[0].name):
        if kind == "csv":
            stated = text.options(CsvOptions, "delimited text")
            return csv_readers([text_file(s, stated.encoding) for s in sources], stated, columns)
        given = text.options(JsonOptions, "JSON")
        return json_readers([text_file(s, given.encoding) for s in sources], given)


def _once_reader(
    once: OnceFile, format: str | None, columns: list[str] | None, text: _Text
) -> Reader:
    kind = format_of(once) if format is None else canonical_format(format)
    if kind in ("csv", "json"):
        return _text_readers(kind, [once], columns, text)[0]
    _no_options(text.stated, None, f"the {kind} format")
    if kind == "parquet":
        raise ConfigError(
            f"{once.name} holds Parquet, which cannot be read as it comes: its index is at the "
            "end; write it to a file and scan that"
        )
    return arrow_reader(once)


def _no_options(options: TextOptions, format: str | None, what: str) -> None:
    """Raise if options of text are given, or a format, for what has neither."""
    if options:
        raise ConfigError(
            f"{listed(options)} does not apply to {what}; it is for delimited text and JSON"
        )
    if format is not None:
        raise ConfigError(f"format={format!r} does not apply to {what}; it is for files")
