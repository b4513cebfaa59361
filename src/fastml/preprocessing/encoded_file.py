"""A file of encoded rows, so that the next training need not decode the table again.

::

    magic, version       16 bytes, then zeros up to a multiple of 64
    blocks               of each: dense, codes, target, weight (where there is one), as they lie in
                         memory; each array begins at a multiple of 64
    footer               JSON: what the rows are of, their types and shapes, each block's place and
                         CRC-32, the facts that go with them, and the places of the tables
    tables               Arrow IPC files, before the footer
    trailer              24 bytes: place, length and CRC-32 of the footer, magic

The file is mapped when it is read: blocks lie in it, and training streams them. A checksum tells
damage, not who wrote the file.
"""

from __future__ import annotations

import json
import mmap
import struct
import sys
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fastml.data.atomic import atomic_path
from fastml.engine import ordered_map
from fastml.engine.memory import Region
from fastml.errors import ConfigError, FastMLError
from fastml.linear_model.design import Design, DesignBlock

__all__ = ["Kept", "UnusableError", "read_encoded", "write_encoded"]

MAGIC = b"fastmlE\n"
VERSION = 1
_HEAD = struct.Struct("<8sQ")
_TRAILER = struct.Struct("<QQI4x8s")
_ALIGN = 64
_ZEROS = bytes(_ALIGN)


class UnusableError(FastMLError):
    """A file holds no rows that may be trained on; the message says why."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a file holds.

    Parameters
    ----------
    design : Design
        Its dense parts and codes lie in the file; targets and weights in memory.
    facts : mapping
        What JSON can hold.
    tables : mapping of str to pyarrow.Table
    """

    design: Design
    facts: Mapping[str, Any]
    tables: Mapping[str, pa.Table]


def write_encoded(path: Path, fingerprint: str, kept: Kept) -> None:
    """Write rows and what goes with them; a file of encoded rows at `path` is replaced.

    Parameters
    ----------
    path : Path
    fingerprint : str
        Of what the rows were made from; `read_encoded` asks for it.
    kept : Kept

    Raises
    ------
    ConfigError
        If something else stands at `path`.
    DataError
        If the disk is full or the place cannot be written to; nothing is left behind.
    """
    refuse_to_replace(path)
    blocks = []
    with atomic_path(path) as beside, beside.open("wb") as file:
        file.write(_HEAD.pack(MAGIC, VERSION))
        for block in kept.design.blocks:
            start, checksum = _pad(file), 0
            for array in _arrays_of(block):
                _pad(file)
                content = np.ascontiguousarray(array).data
                file.write(content)
                checksum = zlib.crc32(content, checksum)
            block.rest()
            blocks.append([start, block.n_rows, checksum])
        tables = {name: _write_table(file, table) for name, table in kept.tables.items()}
        place = _pad(file)
        footer = json.dumps(
            {
                "fingerprint": fingerprint,
                "byte_order": sys.byteorder,
                "columns": _columns(kept.design),
                "n_codes": kept.design.n_codes,
                "blocks": blocks,
                "tables": tables,
                "facts": dict(kept.facts),
            },
            allow_nan=False,
        ).encode()
        file.write(footer)
        file.write(_TRAILER.pack(place, len(footer), zlib.crc32(footer), MAGIC))


def read_encoded(path: Path, fingerprint: str, memory: int | None, threads: int) -> Kept:
    """Open a file, and check every byte of it.

    Parameters
    ----------
    path : Path
    fingerprint : str
        Of what the rows must have been made from.
    memory : int or None
        Bytes that the process may hold while something is learned from the rows.
    threads : int

    Raises
    ------
    UnusableError
        If there is no file, or it is of other rows, another version, not whole or altered.
    ConfigError
        If it is no file of encoded rows.
    """
    refuse_to_replace(path)
    try:
        with path.open("rb") as file:
            mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        raise UnusableError("it is not there yet") from None
    except (OSError, ValueError) as error:
        raise UnusableError(f"it cannot be read ({error})") from error
    try:
        footer = _footer(mapping)
        if footer["fingerprint"] != fingerprint:
            raise UnusableError("it is of another table, or prepared in another way")
        tables = {name: _read_table(mapping, *at) for name, at in footer["tables"].items()}
        blocks = _blocks(mapping, footer, threads)
        design = Design(blocks, footer["columns"][0][1], footer["n_codes"], memory)
        return Kept(design, footer["facts"], tables)
    except (KeyError, TypeError, ValueError, struct.error, pa.ArrowException) as error:
        raise UnusableError(f"it is not whole ({error})") from error


def refuse_to_replace(path: Path) -> None:
    """Raise a ConfigError if something stands at `path` that is no file of encoded rows."""
    if path.is_dir():
        raise ConfigError(f"cache={str(path)!r} is a folder; name a file, such as rows.encoded")
    if path.is_file():
        with path.open("rb") as file:
            head = file.read(len(MAGIC))
        if head and head != MAGIC[: len(head)]:
            raise ConfigError(
                f"cache={str(path)!r} is a file of something else, which would be lost; name "
                "another file"
            )


def _arrays_of(block: DesignBlock) -> list[NDArray[Any]]:
    assert block.target is not None
    arrays = [block.dense, block.codes, block.target]
    return arrays if block.weight is None else [*arrays, block.weight]


def _columns(design: Design) -> list[list[Any]]:
    """Return the type of each array of a block, and its columns (None: of one dimension)."""
    found = {
        tuple((a.dtype.str, a.shape[1] if a.ndim == 2 else None) for a in _arrays_of(block))
        for block in design.blocks
    }
    (columns,) = found  # all blocks have the same: `Design` and the target see to that
    return [list(column) for column in columns]


def _pad(file: BinaryIO) -> int:
    """Write zeros up to a multiple of 64, and return where that is."""
    file.write(_ZEROS[: -file.tell() % _ALIGN])
    return file.tell()


def _write_table(file: BinaryIO, table: pa.Table) -> list[int]:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    content = memoryview(sink.getvalue())
    start = _pad(file)
    file.write(content)
    return [start, len(content), zlib.crc32(content)]


def _read_table(mapping: mmap.mmap, start: int, size: int, checksum: int) -> pa.Table:
    content = mapping[start : start + size]
    if len(content) != size or zlib.crc32(content) != checksum:
        raise UnusableError("it was altered or damaged")
    return pa.ipc.open_file(pa.py_buffer(content)).read_all()


def _footer(mapping: mmap.mmap) -> dict[str, Any]:
    magic, version = _HEAD.unpack_from(mapping)
    place, size, checksum, end = _TRAILER.unpack_from(mapping, len(mapping) - _TRAILER.size)
    if magic != MAGIC or end != MAGIC or place + size + _TRAILER.size != len(mapping):
        raise UnusableError("it is not whole")
    if version != VERSION:
        raise UnusableError(f"it is of format {version}; this is {VERSION}")
    content = mapping[place : place + size]
    if zlib.crc32(content) != checksum:
        raise UnusableError("it was altered or damaged")
    footer: dict[str, Any] = json.loads(content)
    if footer["byte_order"] != sys.byteorder:
        raise UnusableError("it is of a machine of another byte order")
    return footer


def _blocks(mapping: mmap.mmap, footer: dict[str, Any], threads: int) -> list[DesignBlock]:
    columns = [(np.dtype(dtype), n) for dtype, n in footer["columns"]]

    def read(stated: Sequence[int]) -> DesignBlock:
        start, n_rows, checksum = stated
        arrays, at, found = [], start, 0
        for dtype, n in columns:
            at += -at % _ALIGN
            shape = (n_rows,) if n is None else (n_rows, n)
            array = np.frombuffer(mapping, dtype, prod(shape), at).reshape(shape)
            found = zlib.crc32(array.data, found)
            arrays.append(array)
            at += array.nbytes
        if found != checksum:
            raise UnusableError("it was altered or damaged")
        dense, codes, *others = arrays
        target, *weight = (each.copy() for each in others)  # read all the time
        region = Region(np.frombuffer(mapping, np.uint8, at - start, start), mapping, start)
        region.rest()
        return DesignBlock(dense, codes, target, weight[0] if weight else None, region)

    return list(ordered_map(read, footer["blocks"], threads))
