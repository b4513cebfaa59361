"""A file of encoded rows, so that the next training need not decode the table again.

A `checked_file` of each block's dense part, codes, target and weight (where there is one), then of
Arrow IPC files, the tables. Its footer says what the rows are of, their types and shapes, the
blocks, the facts that go with them, and the tables. Blocks lie in the file, and training streams
them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fastml.atomic import atomic_path
from fastml.data.checked_file import (
    CheckedReader,
    CheckedWriter,
    UnusableError,
    refuse_to_replace,
)
from fastml.engine import ordered_map
from fastml.engine.memory import Region
from fastml.linear_model.design import Design, DesignBlock

__all__ = ["Kept", "read_encoded", "write_encoded"]

MAGIC = b"fastmlE\n"
VERSION = 1


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
    _refuse_to_replace(path)
    blocks = []
    with atomic_path(path) as beside, beside.open("wb") as file:
        writer = CheckedWriter(file, MAGIC, VERSION)
        for block in kept.design.blocks:
            start, checksum = writer.add(*_arrays_of(block))
            block.rest()
            blocks.append([start, block.n_rows, checksum])
        tables = {name: _write_table(writer, table) for name, table in kept.tables.items()}
        writer.finish(
            {
                "fingerprint": fingerprint,
                "columns": _columns(kept.design),
                "n_codes": kept.design.n_codes,
                "blocks": blocks,
                "tables": tables,
                "facts": dict(kept.facts),
            }
        )


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
    _refuse_to_replace(path)
    reader = CheckedReader(path, MAGIC, VERSION)
    footer = reader.footer
    try:
        if footer["fingerprint"] != fingerprint:
            raise UnusableError("it is of another table, or prepared in another way")
        tables = {name: _read_table(reader, *at) for name, at in footer["tables"].items()}
        blocks = _blocks(reader, threads)
        design = Design(blocks, footer["columns"][0][1], footer["n_codes"], memory)
        return Kept(design, footer["facts"], tables)
    except (KeyError, TypeError, ValueError, pa.ArrowException) as error:
        raise UnusableError(f"it is not whole ({error})") from error


def _refuse_to_replace(path: Path) -> None:
    refuse_to_replace(path, MAGIC, f"cache={str(path)!r}", "rows.encoded")


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


def _write_table(writer: CheckedWriter, table: pa.Table) -> list[int]:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as file:
        file.write_table(table.combine_chunks())
    content = memoryview(sink.getvalue())
    start, checksum = writer.add(content)
    return [start, len(content), checksum]


def _read_table(reader: CheckedReader, start: int, size: int, checksum: int) -> pa.Table:
    (content,) = reader.arrays(start, checksum, [(np.dtype(np.uint8), (size,))])
    return pa.ipc.open_file(pa.py_buffer(content.tobytes())).read_all()


def _blocks(reader: CheckedReader, threads: int) -> list[DesignBlock]:
    columns = [(np.dtype(dtype), n) for dtype, n in reader.footer["columns"]]

    def read(stated: Sequence[int]) -> DesignBlock:
        start, n_rows, checksum = stated
        wanted = [(dtype, (n_rows,) if n is None else (n_rows, n)) for dtype, n in columns]
        dense, codes, *others = arrays = reader.arrays(start, checksum, wanted)
        target, *weight = (each.copy() for each in others)  # read all the time
        last = arrays[-1]
        size = last.ctypes.data + last.nbytes - dense.ctypes.data
        region = Region(np.frombuffer(reader.mapping, np.uint8, size, start), reader.mapping, start)
        region.rest()
        return DesignBlock(dense, codes, target, weight[0] if weight else None, region)

    return list(ordered_map(read, reader.footer["blocks"], threads))
