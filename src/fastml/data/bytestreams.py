"""Bytes to read from the start: of a file, or of a stream that comes by once."""

from __future__ import annotations

import codecs
import io
from dataclasses import dataclass
from typing import IO, Protocol

import pyarrow as pa

from fastml.errors import ConfigError, DataError

__all__ = ["ByteSource", "OnceFile", "TextFile", "compression_of", "text_file"]

_COMPRESSIONS = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bz2",
    b"\x04\x22\x4d\x18": "lz4",
}
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def compression_of(head: bytes) -> str | None:
    """Return the codec that a file of which these are the first bytes is packed with."""
    return next((name for magic, name in _COMPRESSIONS.items() if head.startswith(magic)), None)


class ByteSource(Protocol):
    """Bytes, decompressed."""

    @property
    def name(self) -> str:
        """For messages."""
        ...

    @property
    def rereadable(self) -> bool:
        """Whether `open_stream` may be called again."""
        ...

    def head(self, count: int) -> bytes:
        """Return the first `count` bytes, or all if there are fewer; may be called at any time."""
        ...

    def open_stream(self) -> pa.NativeFile:
        """Open the whole for reading from the start."""
        ...


class OnceFile:
    """Standard input, or another binary file object: read once, from where it stands."""

    rereadable = False

    def __init__(self, handle: IO[bytes], name: str) -> None:
        self.name = name
        first = _Joined(b"", handle).read(4)
        self._rest = pa.PythonFile(_Joined(first, handle), mode="r")
        codec = compression_of(first)
        if codec is not None:
            self._rest = pa.CompressedInputStream(self._rest, codec)
        self._prefix = b""  # what was read to look at, and is still to be given
        self._opened = False

    def head(self, count: int) -> bytes:
        """Return the first `count` bytes, which are kept to be read again."""
        if self._opened:
            raise self._read_already()
        if len(self._prefix) < count:
            self._prefix += self._rest.read(count - len(self._prefix))
        return self._prefix[:count]

    def open_stream(self) -> pa.NativeFile:
        """Open it, once.

        Raises
        ------
        DataError
            On a second call.
        """
        if self._opened:
            raise self._read_already()
        self._opened = True
        prefix, self._prefix = self._prefix, b""
        return pa.PythonFile(_Joined(prefix, self._rest), mode="r")

    def _read_already(self) -> DataError:
        return DataError(
            f"{self.name} can be read only once, and was read already; write it to a file first "
            "(fastml convert) and scan that"
        )


class _Joined(io.RawIOBase):
    """Bytes, and then what a file object gives."""

    def __init__(self, prefix: bytes, rest: IO[bytes] | pa.NativeFile) -> None:
        self._prefix = prefix
        self._rest = rest

    def readable(self) -> bool:
        return True

    def read(self, count: int = -1) -> bytes:
        """Return exactly `count` bytes unless the end is met, as Arrow expects."""
        parts = [self._prefix[:count] if count >= 0 else self._prefix]
        self._prefix = self._prefix[len(parts[0]) :]
        missing = count - len(parts[0])
        while missing > 0 or count < 0:
            part = self._rest.read(missing if count >= 0 else 1 << 20)
            if not part:
                break
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)


@dataclass(frozen=True)
class TextFile:
    """A byte source that holds text.

    Attributes
    ----------
    marked : bool
        Whether it is UTF-8 and begins with a byte order mark.
    """

    source: ByteSource
    encoding: str
    marked: bool

    @property
    def name(self) -> str:
        """For messages."""
        return self.source.name

    @property
    def rereadable(self) -> bool:
        """Whether it can be opened again."""
        return self.source.rereadable

    def head_text(self, count: int) -> str:
        """Return the text of the first `count` bytes; what cannot be decoded is replaced."""
        text = self.source.head(count).decode(self.encoding, errors="replace")
        return text.removeprefix("\ufeff")

    def open_text(self) -> pa.NativeFile:
        """Open it as UTF-8."""
        return self._as_utf8(self.source.open_stream())

    def open_prefix(self, count: int) -> tuple[pa.NativeFile, bool]:
        """Open it as UTF-8 to look at, and say whether to the end.

        What can be read only once is given up to `count` bytes, be it in the middle of a record.
        """
        if self.rereadable:
            return self.open_text(), True
        head = self.source.head(count)
        return self._as_utf8(pa.BufferReader(head)), len(head) < count

    def _as_utf8(self, stream: pa.NativeFile) -> pa.NativeFile:
        if self.encoding == "utf-8":
            if self.marked:
                stream.read(len(codecs.BOM_UTF8))
            return stream
        return pa.transcoding_input_stream(stream, self.encoding, "utf-8")


def text_file(source: ByteSource, encoding: str | None) -> TextFile:
    """Return `source` as text; by default UTF-8, or what a byte order mark tells.

    Raises
    ------
    ConfigError
        If the encoding is not known.
    """
    head = source.head(4)
    if encoding is None:
        marks = (name for mark, name in _BYTE_ORDER_MARKS.items() if head.startswith(mark))
        name = next(marks, "utf-8")
    else:
        try:
            name = codecs.lookup(encoding).name.removesuffix("-sig")
            "".encode(name)  # else it is no encoding of text, such as base64
        except LookupError as error:
            raise ConfigError(
                f"encoding {encoding!r} is not known; expected a name such as 'utf-8', "
                "'latin-1', 'cp1252' or 'utf-16'"
            ) from error
    return TextFile(source, name, name == "utf-8" and head.startswith(codecs.BOM_UTF8))
