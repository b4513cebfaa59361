"""`convert`: any table to a file, larger than memory if need be, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from fastml._typing import PathLike
from fastml.atomic import atomic_path
from fastml.data.canonical import canonical_batch, canonical_schema
from fastml.data.files import check_apart
from fastml.data.formats import canonical_format, format_of_name, packing_of_name
from fastml.data.json_lines import json_lines
from fastml.data.scan import scan
from fastml.data.schemas import conform, holds_bytes, without_dictionaries
from fastml.data.source import Source
from fastml.errors import ConfigError, SchemaError

__all__ = ["convert"]

Write = Callable[[pa.RecordBatch], None]

_ROW_GROUP = 131_072
_CODEC = "zstd"


def convert(
    source: Any,
    destination: PathLike,
    *,
    format: str | None = None,
    columns: Sequence[str] | None = None,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Write a table to a file, a batch at a time.

    The file appears when all is written, or not at all. Delimited text and JSON hold fewer types
    than Arrow: there, fields of structs are columns `a.b`, decimals floats, and durations integers.

    Parameters
    ----------
    source
        Whatever `fastml.scan` takes; what is read with options is given as a `Source`.
    destination : str or Path
        The file to write; an existing one is replaced. Text is packed if the name ends in `.gz`,
        `.zst`, `.bz2` or `.lz4`.
    format : {"csv", "jsonl", "json", "parquet", "arrow"}, optional
        Default: what the name of `destination` tells. "json" is an array of records, "jsonl" a
        record a line; "arrow" an IPC file, or a stream if the name ends in `.arrows`.
    columns : sequence of str, optional
        The columns to write; default all.
    progress : callable, optional
        Called with the number of rows written so far.

    Returns
    -------
    int
        The number of rows written.

    Raises
    ------
    ConfigError
        If the format is not known, or the destination is what is read.
    SchemaError
        If the format has no place for a column's type.
    DataError
        If the source cannot be read, or the disk is full.
    """
    path = Path(destination)
    if isinstance(source, (str, os.PathLike)):
        check_apart(os.fspath(source), os.fspath(destination))
    kind = _destination_format(str(destination), format)
    opened = scan(source, columns=columns)
    rows = 0
    with atomic_path(path) as temporary, _WRITERS[kind](temporary, path.name, opened) as write:
        # Blocks, so that the same rows give the same file however the source was cut.
        for batch in opened.blocks(_ROW_GROUP):
            write(batch)
            rows += batch.num_rows
            if progress is not None:
                progress(rows)
    return rows


def _destination_format(name: str, stated: str | None) -> str:
    if "://" in name:
        raise ConfigError(f"{name} is not on this machine; write a file here, and upload it")
    kind = format_of_name(name) if stated is None else canonical_format(stated)
    if kind is None:
        raise ConfigError(
            f"the name {name} tells no format; end it in .csv, .jsonl, .json, .parquet or .arrow, "
            "or state format="
        )
    if kind == "json":
        array = stated == "json" or (stated is None and ".json" in Path(name).suffixes)
        return "json" if array else "jsonl"
    if kind == "arrow" and name.endswith(".arrows"):
        return "arrows"
    return kind


@contextmanager
def _sink(temporary: Path, name: str) -> Iterator[pa.NativeFile]:
    """Open the file to write text to, packed as its final name says."""
    codec = packing_of_name(name)
    with pa.OSFile(str(temporary), "wb") as file:
        if codec is None:
            yield file
        else:
            with pa.CompressedOutputStream(file, codec) as packed:
                yield packed


@contextmanager
def _csv(temporary: Path, name: str, source: Source) -> Iterator[Write]:
    schema = without_dictionaries(canonical_schema(source.schema))
    for field in schema:
        if pa.types.is_nested(field.type) or holds_bytes(field.type):
            raise SchemaError(
                f"column {field.name!r} is {field.type}, which delimited text cannot hold; leave "
                "it out with columns=[...], or write Parquet"
            )
    written = pa.schema(
        [(f.name, pa.int64() if pa.types.is_duration(f.type) else f.type) for f in schema]
    )
    with (
        _named_types(),
        _sink(temporary, name) as sink,
        pacsv.CSVWriter(sink, written) as writer,
    ):
        yield lambda batch: writer.write_batch(conform(canonical_batch(batch), written))


@contextmanager
def _jsonl(temporary: Path, name: str, source: Source) -> Iterator[Write]:
    with _named_types(), _sink(temporary, name) as sink:
        yield lambda batch: sink.write(json_lines(batch))


@contextmanager
def _json(temporary: Path, name: str, source: Source) -> Iterator[Write]:
    first = True

    def write(batch: pa.RecordBatch) -> None:
        nonlocal first
        lines = json_lines(batch, before=",\n", after="")
        sink.write(lines.slice(1) if first else lines)
        first = False

    with _named_types(), _sink(temporary, name) as sink:
        sink.write(b"[")
        yield write
        sink.write(b"\n]\n")


@contextmanager
def _parquet(temporary: Path, name: str, source: Source) -> Iterator[Write]:
    schema = without_dictionaries(source.schema)
    with _named_types(), pq.ParquetWriter(temporary, schema, compression=_CODEC) as writer:
        yield lambda batch: writer.write_batch(conform(batch, schema), _ROW_GROUP)


@contextmanager
def _arrow(temporary: Path, name: str, source: Source) -> Iterator[Write]:
    schema = without_dictionaries(source.schema)
    options = pa.ipc.IpcWriteOptions(compression=_CODEC)
    with _named_types(), pa.ipc.new_file(str(temporary), schema, options=options) as writer:
        yield lambda batch: writer.write_batch(conform(batch, schema))


@contextmanager
def _arrow_stream(temporary: Path, name: str, source: Source) -> Iterator[Write]:
    schema = without_dictionaries(source.schema)
    options = pa.ipc.IpcWriteOptions(compression=_CODEC)
    with pa.ipc.new_stream(str(temporary), schema, options=options) as writer:
        yield lambda batch: writer.write_batch(conform(batch, schema))


_WRITERS = {
    "csv": _csv,
    "jsonl": _jsonl,
    "json": _json,
    "parquet": _parquet,
    "arrow": _arrow,
    "arrows": _arrow_stream,
}


@contextmanager
def _named_types() -> Iterator[None]:
    """Tell which types a file format does not take."""
    try:
        yield
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
        raise SchemaError(
            f"a column has a type that the file cannot hold: {error}; leave it out with "
            "columns=[...], or cast it"
        ) from error
