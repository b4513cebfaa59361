"""What the columns of a body become when they are decoded: known before they are, and bounded."""

from __future__ import annotations

import struct
from http import HTTPStatus
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fastml.serving.refused import RefusedError

__all__ = ["MOST_BYTES", "check_size", "check_stream", "plain_size"]

MOST_BYTES: Final = 1 << 30
"""What a body may become when it is decompressed and decoded."""
_HEADER_TYPE, _HEADER = 1, 2  # fields of Message, in Arrow's Message.fbs
_BUFFERS, _COMPRESSION = 2, 3  # of RecordBatch
_DATA = 1  # of DictionaryBatch
_DICTIONARY = 2  # what _HEADER_TYPE says of a DictionaryBatch


def check_size(size: int) -> None:
    """Raise a RefusedError, 413, if a body becomes too large."""
    if size > MOST_BYTES:
        raise RefusedError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"the body has over {MOST_BYTES:,} bytes when decompressed; send fewer rows at a time",
        )


def check_stream(body: bytes) -> None:
    """Refuse an Arrow stream whose compressed buffers state too much, before any is decompressed.

    Each such buffer begins with its length (Arrow columnar format, "Compression"); where it begins
    is in the message's FlatBuffer, which pyarrow verifies but does not show.

    Raises
    ------
    RefusedError
        413.
    ValueError, pyarrow.ArrowInvalid
        If it is no stream.
    """
    total = 0
    for message in pa.ipc.MessageReader.open_stream(pa.BufferReader(body)):
        if message.type in ("record batch", "dictionary"):
            try:
                total += _stated(memoryview(message.metadata), message.body)
            except (struct.error, IndexError) as error:
                raise ValueError(f"a message cannot be read ({error})") from error
            check_size(total)


def _stated(metadata: memoryview, body: Any) -> int:
    """Return the bytes that the compressed buffers of a message state."""
    table = _Table(metadata, struct.unpack_from("<I", metadata)[0])
    batch = table.table(_HEADER)
    if batch is not None and table.byte(_HEADER_TYPE) == _DICTIONARY:
        batch = batch.table(_DATA)
    if batch is None or batch.table(_COMPRESSION) is None:
        return 0
    content, total = memoryview(body), 0
    for offset, length in batch.pairs(_BUFFERS):
        if length:
            total += max(struct.unpack_from("<q", content, offset)[0], length - 8)
    return total


class _Table:
    """A table of a FlatBuffer: fields by their number, found through a table of their places."""

    def __init__(self, memory: memoryview, at: int) -> None:
        self._memory, self._at = memory, at
        self._places = at - struct.unpack_from("<i", memory, at)[0]
        self._size = struct.unpack_from("<H", memory, self._places)[0]

    def _place(self, field: int) -> int:
        """Return where a field is, or 0."""
        slot = 4 + 2 * field
        if slot >= self._size:
            return 0
        offset: int = struct.unpack_from("<H", self._memory, self._places + slot)[0]
        return self._at + offset if offset else 0

    def byte(self, field: int) -> int:
        place = self._place(field)
        return self._memory[place] if place else 0

    def table(self, field: int) -> _Table | None:
        place = self._place(field)
        if not place:
            return None
        return _Table(self._memory, place + struct.unpack_from("<I", self._memory, place)[0])

    def pairs(self, field: int) -> list[tuple[int, int]]:
        """Return a vector of structs of two int64."""
        place = self._place(field)
        if not place:
            return []
        first = place + struct.unpack_from("<I", self._memory, place)[0]
        count = struct.unpack_from("<I", self._memory, first)[0]
        return list(struct.iter_unpack("<qq", self._memory[first + 4 : first + 4 + 16 * count]))


def plain_size(column: pa.Array) -> int:
    """Return the bytes of a valid column's values where each stands for itself.

    A dictionary, a run or a view may give one long value to every row.

    Raises
    ------
    ValueError
        If it is of a type whose size is not known: runs of text, say.
    """
    types, found = pa.types, column.type
    if isinstance(column, pa.ExtensionArray):
        return plain_size(column.storage)
    if types.is_struct(found):
        return sum(plain_size(child) for child in column.flatten())
    if types.is_dictionary(found):
        if _is_fixed(found.value_type):
            return _fixed_size(found.value_type, len(column))
        if not (_is_text(found.value_type)):
            raise ValueError(f"a dictionary of {found.value_type}; send the values themselves")
        lengths = pc.take(pc.binary_length(column.dictionary), column.indices)
        return int(pc.sum(lengths).as_py() or 0)
    if types.is_run_end_encoded(found):
        if not _is_fixed(found.value_type):
            raise ValueError(f"runs of {found.value_type}; send the values themselves")
        return _fixed_size(found.value_type, len(column))
    if types.is_string_view(found) or types.is_binary_view(found):
        views = np.frombuffer(column.buffers()[1], np.int32).reshape(-1, 4)
        lengths = views[column.offset : column.offset + len(column), 0]
        return int(lengths.sum(dtype=np.int64))
    # A column of nulls takes no bytes here, but eight a value later.
    return max(int(column.nbytes), 8 * len(column))


def _is_fixed(type_: pa.DataType) -> bool:
    return bool(
        pa.types.is_primitive(type_) or pa.types.is_decimal(type_) or pa.types.is_null(type_)
    )


def _fixed_size(type_: pa.DataType, rows: int) -> int:
    return rows * (8 if pa.types.is_null(type_) else max(type_.bit_width // 8, 8))


def _is_text(type_: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(type_)
        or pa.types.is_large_string(type_)
        or pa.types.is_binary(type_)
        or pa.types.is_large_binary(type_)
    )
