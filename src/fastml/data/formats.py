"""Tells the format of a file by its first bytes and its name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from fastml.data.bytestreams import ByteSource
from fastml.data.files import File
from fastml.data.schemas import listed
from fastml.errors import ConfigError, DataError

__all__ = ["canonical_format", "format_of", "format_of_name", "only_tables", "packing_of_name"]

FORMATS = ("parquet", "csv", "json", "arrow")
_ALIASES = {
    "jsonl": "json", "ndjson": "json", "feather": "arrow", "ipc": "arrow", "tsv": "csv",
}  # fmt: skip
_SUFFIXES = {
    ".parquet": "parquet", ".pq": "parquet", ".csv": "csv", ".tsv": "csv", ".tab": "csv",
    ".txt": "csv", ".psv": "csv", ".json": "json", ".jsonl": "json", ".ndjson": "json",
    ".geojson": "json", ".arrow": "arrow", ".arrows": "arrow", ".feather": "arrow", ".ipc": "arrow",
}  # fmt: skip
_PACKED = {
    ".gz": "gzip", ".gzip": "gzip", ".zst": "zstd", ".zstd": "zstd", ".bz2": "bz2", ".lz4": "lz4",
}  # fmt: skip


def canonical_format(stated: str) -> str:
    """Return the format that a user named: parquet, csv, json or arrow."""
    name = _ALIASES.get(stated, stated)
    if name not in FORMATS:
        raise ConfigError(f"format {stated!r} is not known; expected one of {listed(FORMATS)}")
    return name


def format_of_name(name: str) -> str | None:
    """Return the format that a file's name tells, None where it tells none."""
    suffixes = [s.lower() for s in PurePosixPath(name).suffixes]
    while suffixes and suffixes[-1] in _PACKED:
        suffixes.pop()
    return _SUFFIXES.get(suffixes[-1]) if suffixes else None


def packing_of_name(name: str) -> str | None:
    """Return the codec that a file's name tells, None where it tells none."""
    return _PACKED.get(PurePosixPath(name).suffix.lower())


def format_of(source: ByteSource) -> str:
    """Return the format of a file: what its first bytes prove, else what its name says.

    Raises
    ------
    DataError
        If it is empty, or neither tells.
    """
    head = source.head(64)
    if not head:
        raise DataError(f"{source.name} is empty; expected a table")
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
        return "arrow"
    if head.startswith(b"FEA1"):
        raise DataError(
            f"{source.name} is a Feather file of version 1, which Arrow no longer writes; "
            "save it anew as Feather 2, Arrow or Parquet"
        )
    named = format_of_name(source.name)
    if named is not None:
        return named
    if head.lstrip().startswith((b"[", b"{")):
        return "json"
    if b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(
            f"the format of {source.name} cannot be told; state it with format=, one of "
            f"{listed(FORMATS)}"
        )
    return "csv"


def only_tables(files: Sequence[File], source: str) -> list[File]:
    """Return the files of a folder that hold tables; all, if no name tells.

    Raises
    ------
    ConfigError
        If they are of more than one format.
    """
    named = {file.path: format_of_name(file.path) for file in files}
    found = {kind for kind in named.values() if kind is not None}
    if len(found) > 1:
        raise ConfigError(
            f"{source} holds files of the formats {listed(sorted(found))}; "
            f"name those of one format with a glob, e.g. {source.rstrip('/')}/*.parquet"
        )
    return [file for file in files if named[file.path] in found] if found else list(files)
