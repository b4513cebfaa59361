"""Cuts JSON text into blocks of whole records, one record a line, in bounded memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fastml._typing import Bool
from fastml.data.schemas import listed
from fastml.errors import DataError

__all__ = ["array_start", "line_blocks", "record_blocks"]

BLOCK_BYTES = 2 << 20
_LARGEST_RECORD = 256 << 20

_STEP = np.zeros(256, np.int8)  # how a byte outside strings changes the depth of nesting
_STEP[list(b"{[")] = 1
_STEP[list(b"}]")] = -1


def line_blocks(stream: pa.NativeFile, name: str, *, whole: bool = True) -> Iterator[bytes]:
    """Yield JSON Lines in blocks that end where a line ends; `whole` as in `record_blocks`."""
    held = b""
    while chunk := stream.read(BLOCK_BYTES):
        cut = chunk.rfind(b"\n") + 1
        if not cut:
            held += chunk
            _check_size(held, name)
            continue
        block = held + chunk[:cut]
        held = chunk[cut:]
        if block.strip():
            yield block
    if whole and held.strip():
        yield held


def record_blocks(
    stream: pa.NativeFile, start: int, name: str, *, whole: bool = True
) -> Iterator[bytes]:
    """Yield the elements of a JSON array as lines.

    Parameters
    ----------
    stream : pyarrow.NativeFile
        UTF-8.
    start : int
        The position just after the array's bracket; see `array_start`.
    name : str
        For messages.
    whole : bool
        False where the stream is but the beginning of a text, and may end before the array does.

    Raises
    ------
    DataError
        If the text ends before the array does or goes on after it, or a record is empty.
    """
    alone = stream.read(start).strip() == b"["  # else the object that holds the array goes on
    held = b""
    rows = 0
    while chunk := stream.read(BLOCK_BYTES):
        held += chunk
        records, end = _whole_records(held)
        mark, held = held[end : end + 1], held[end + 1 :]
        if mark == b"]" and rows == 0 and len(records) == 1 and not records[0].strip():
            records = []  # the one array whose bracket follows no record
        _check_records(records, rows, name)
        rows += len(records)
        if records:
            yield b"\n".join(records)
        if mark not in (b"", b","):
            _check_end(mark, held, stream if alone else None, f"row {rows:,} of {name}")
            return
        _check_size(held, name)
    if whole:
        raise DataError(
            f"{name} ends before its array of records does: it is cut short, after "
            f"{held[-40:].decode(errors='replace')!r}; fetch it again"
        )


def _whole_records(text: bytes) -> tuple[list[bytes], int]:
    """Return the records of `text` that are whole, each a line, and where the last one ends.

    `text` begins between two elements of the array. What is outside strings is found by counting
    the quotes that no backslash escapes; an element ends at a comma at depth 0, the array at the
    bracket that closes more than was opened. -1 where nothing ends.
    """
    data = np.frombuffer(text, np.uint8)
    outside = _outside_strings(data)
    depth = np.cumsum(_STEP[data] * outside, dtype=np.int32)
    closing = np.flatnonzero(depth < 0)
    commas = np.flatnonzero((data == ord(",")) & outside & (depth == 0))
    if len(closing):
        end = int(closing[0])
    elif len(commas):
        end = int(commas[-1])
    else:
        return [], -1
    lines = data[:end].copy()
    lines[(lines == ord("\n")) | (lines == ord("\r"))] = ord(" ")  # never inside a string
    lines[commas[commas < end]] = ord("\n")
    return lines.tobytes().split(b"\n"), end


def _check_records(records: list[bytes], rows_before: int, name: str) -> None:
    for row, record in enumerate(records, start=rows_before + 1):
        if not record or record.isspace():
            raise DataError(
                f"row {row:,} of {name} is empty: nothing stands between two commas, or a comma "
                "and a bracket, of its array; take the comma out"
            )


def _check_end(mark: bytes, rest: bytes, stream: pa.NativeFile | None, last: str) -> None:
    """Raise unless the array ends with its bracket, and with it the text, if one is given."""
    if mark != b"]":
        raise DataError(
            f"{last} is followed by {mark.decode()!r}, which closes nothing; expected a comma, or "
            "the bracket that ends the array of records"
        )
    while stream is not None and not rest.strip() and (rest := stream.read(BLOCK_BYTES)):
        pass
    if stream is not None and rest.strip():
        raise DataError(
            f"{last} is the last of an array of records, but the text goes on after it, with "
            f"{rest.strip()[:40].decode(errors='replace')!r}; expected one array, or one record a "
            "line"
        )


def _outside_strings(data: NDArray[np.uint8]) -> Bool:
    """Return which bytes lie outside strings; an opening quote counts as inside."""
    quotes = np.flatnonzero(data == ord('"'))
    others = np.flatnonzero(data != ord("\\"))
    if len(others) < len(data):  # leave out the quotes after an odd number of backslashes
        before = np.searchsorted(others, quotes) - 1
        last = np.where(before >= 0, others[before], -1)
        quotes = quotes[(quotes - last) % 2 == 1]
    marks = np.zeros(len(data), np.int8)
    marks[quotes] = 1
    outside: Bool = np.bitwise_xor.accumulate(marks) == 0
    return outside


def array_start(head: str, records: str | None, name: str) -> int | None:
    """Return where the array of records begins in UTF-8 bytes, None for JSON Lines.

    Parameters
    ----------
    head : str
        The beginning of the text.
    records : str, optional
        The key of the top object that holds the records.
    name : str
        For messages.

    Raises
    ------
    DataError
        If there is no such key, or the text is one object that is not itself a record.
    """
    text = head.encode()
    offset = len(text) - len(text.lstrip())
    if text[offset : offset + 1] == b"[":
        return offset + 1
    if records is not None:
        arrays = _arrays(text)
        if records not in arrays:
            raise DataError(
                f"{name} has no array under the key {records!r} of its top object; "
                f"found {listed(arrays) or 'none'} in its first {len(text):,} bytes"
            )
        return arrays[records]
    first, newline, rest = head.strip().partition("\n")
    try:
        json.loads(first)
        one_object = not rest.strip()
    except json.JSONDecodeError as error:
        one_object = error.pos >= len(first.rstrip()) or not newline  # else a fault inside a line
    if one_object:
        holders = [k for k, at in _arrays(text).items() if text[at:].lstrip().startswith(b"{")]
        if holders or newline:
            raise DataError(
                f"{name} is one JSON object; expected one record a line, or an array of records: "
                f"if a key of it holds the records, name it, records={(holders or ['KEY'])[0]!r}"
            )
    return None


def _arrays(text: bytes) -> dict[str, int]:
    """Return the keys of the top object that hold arrays, and the position inside each."""
    data = np.frombuffer(text, np.uint8)
    outside = _outside_strings(data)
    depth = np.cumsum(_STEP[data] * outside, dtype=np.int32)
    return {
        found[1].decode(errors="replace"): found.end()
        for found in re.finditer(rb'"([^"\\]*)"\s*:\s*\[', text)
        if depth[found.start()] == 1 and found.start() and outside[found.start() - 1]
    }


def _check_size(held: bytes, name: str) -> None:
    if len(held) > _LARGEST_RECORD:
        raise DataError(
            f"{name} has a record of over {_LARGEST_RECORD >> 20} MB; expected one record a line, "
            "or an array of records"
        )
