"""Says what is wrong with a block of JSON records, and in which row: read slowly, once."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from fastml.data.json_types import kind_of

__all__ = ["describe_fault"]


def describe_fault(
    block: bytes, rows_before: int, known: pa.Schema, name: str, origin: str
) -> str | None:
    """Return a message for the first record that cannot be read, None where none is found.

    Parameters
    ----------
    block : bytes
        Whole records, one a line.
    rows_before : int
        How many records of the file come before the block.
    known : pyarrow.Schema
        The types that the records must have.
    name : str
        Of the file.
    origin : str
        Where `known` comes from, e.g. "in the rows above".
    """
    kinds = {path: (kind, origin) for path, kind in _paths("", pa.struct(list(known)))}
    lines = (line for line in block.split(b"\n") if line.strip())
    for row, line in enumerate(lines, start=rows_before + 1):
        where = f"row {row:,} of {name}"
        try:
            record = json.loads(line.decode(), object_pairs_hook=_unique)
        except UnicodeDecodeError as error:
            return (
                f"{where} is not UTF-8: it holds the byte 0x{line[error.start]:02X}; state the "
                "encoding it has, e.g. encoding='latin-1'"
            )
        except json.JSONDecodeError as error:
            return (
                f"{where} is not valid JSON: {error.msg} at character {error.pos + 1}, near "
                f"{_excerpt(error.doc[max(error.pos - 20, 0) :])}; correct the row"
            )
        except _DoubledKeyError as error:
            return f"{where} holds the key {error.args[0]!r} more than once; name each key once"
        if not isinstance(record, dict):
            return f"{where} is {_excerpt(line.decode())}; expected an object, {{column: value}}"
        for path, value in _values("", record):
            kind = _kind(value)
            before, at = kinds.setdefault(path, (kind, f"at row {row:,}"))
            if kind != before:
                return (
                    f"column {path!r} of {name} holds {before} ({at}) and {kind}, "
                    f"{_excerpt(json.dumps(value))}, at row {row:,}; give the column one type"
                )
    return None


class _DoubledKeyError(ValueError):
    """An object holds a key twice."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _DoubledKeyError(next(key for key in keys if keys.count(key) > 1))
    return record


def _paths(path: str, found: pa.DataType) -> list[tuple[str, str]]:
    """Return the path and kind of every field at any depth of a struct."""
    pairs = []
    for child in found:
        name = f"{path}.{child.name}" if path else child.name
        kind = kind_of(child.type)
        if kind is not None:
            pairs.append((name, kind))
        if pa.types.is_struct(child.type):
            pairs += _paths(name, child.type)
    return pairs


def _values(path: str, record: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return the path and value of every field at any depth that is not null."""
    pairs = []
    for key, value in record.items():
        name = f"{path}.{key}" if path else key
        if value is not None:
            pairs.append((name, value))
        if isinstance(value, dict):
            pairs += _values(name, value)
    return pairs


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, dict):
        return "an object"
    return "a list" if isinstance(value, list) else "a text"


def _excerpt(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
