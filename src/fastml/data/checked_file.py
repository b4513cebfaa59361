"""A file of arrays and JSON that is checked to the last byte before anything in it is believed.

::

    magic, version       16 bytes, then zeros up to a multiple of 64
    content              arrays as they lie in memory; each begins at a multiple of 64
    footer               JSON: what the file holds, and where, with the CRC-32 of each part
    trailer              24 bytes: place, length and CRC-32 of the footer, magic

What is read lies in a mapping of the file. A checksum tells damage, not who wrote the file.
"""

from __future__ import annotations

import json
import mmap
import struct
import sys
import zlib
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from fastml.errors import ConfigError, FastMLError

__all__ = ["CheckedReader", "CheckedWriter", "UnusableError", "refuse_to_replace"]

_HEAD = struct.Struct("<8sQ")
_TRAILER = struct.Struct("<QQI4x8s")
_ALIGN = 64
_ZEROS = bytes(_ALIGN)


class UnusableError(FastMLError):
    """A file holds nothing that may be used; the message says why."""


class CheckedWriter:
    """Writes such a file from its beginning.

    Parameters
    ----------
    file : binary file
    magic : bytes
        Eight, of the kind of file.
    version : int
        Of what the kind holds.
    """

    def __init__(self, file: BinaryIO, magic: bytes, version: int) -> None:
        self._file, self._magic = file, magic
        file.write(_HEAD.pack(magic, version))

    def add(self, *arrays: NDArray[Any] | memoryview) -> tuple[int, int]:
        """Write arrays in turn; return where the first begins, and the CRC-32 of all of them."""
        start, checksum = self._pad(), 0
        for array in arrays:
            self._pad()
            content = array if isinstance(array, memoryview) else np.ascontiguousarray(array).data
            self._file.write(content)
            checksum = zlib.crc32(content, checksum)
        return start, checksum

    def finish(self, footer: Mapping[str, Any]) -> None:
        """Write what the file holds, as JSON can hold it."""
        place = self._pad()
        words = {**footer, "byte_order": sys.byteorder}
        content = json.dumps(words, allow_nan=False).encode()
        self._file.write(content)
        self._file.write(_TRAILER.pack(place, len(content), zlib.crc32(content), self._magic))

    def _pad(self) -> int:
        """Write zeros up to a multiple of 64, and return where that is."""
        self._file.write(_ZEROS[: -self._file.tell() % _ALIGN])
        return self._file.tell()


class CheckedReader:
    """Reads such a file.

    Parameters
    ----------
    path : Path
    magic : bytes
    version : int

    Attributes
    ----------
    footer : dict
    mapping : mmap
        Of the whole file, to be read.

    Raises
    ------
    UnusableError
        If there is no file, or it is of another version, not whole or altered.
    """

    def __init__(self, path: Path, magic: bytes, version: int) -> None:
        try:
            with path.open("rb") as file:
                self.mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except FileNotFoundError:
            raise UnusableError("it is not there yet") from None
        except (OSError, ValueError) as error:
            raise UnusableError(f"it cannot be read ({error})") from error
        try:
            self.footer = self._footer(magic, version)
        except (KeyError, TypeError, ValueError, struct.error) as error:
            raise UnusableError(f"it is not whole ({error})") from error

    def _footer(self, magic: bytes, version: int) -> dict[str, Any]:
        mapping = self.mapping
        found, of_format = _HEAD.unpack_from(mapping)
        place, size, checksum, end = _TRAILER.unpack_from(mapping, len(mapping) - _TRAILER.size)
        if found != magic or end != magic or place + size + _TRAILER.size != len(mapping):
            raise UnusableError("it is not whole")
        if of_format != version:
            raise UnusableError(f"it is of format {of_format}; this is {version}")
        content = mapping[place : place + size]
        if zlib.crc32(content) != checksum:
            raise UnusableError("it was altered or damaged")
        footer: dict[str, Any] = json.loads(content)
        if footer["byte_order"] != sys.byteorder:
            raise UnusableError("it is of a machine of another byte order")
        return footer

    def arrays(
        self, start: int, checksum: int, wanted: Sequence[tuple[np.dtype[Any], tuple[int, ...]]]
    ) -> list[NDArray[Any]]:
        """Return arrays that `add` wrote, of these dtypes and shapes; they lie in the mapping.

        Raises
        ------
        UnusableError
            If the checksum is not theirs.
        """
        arrays, at, found = [], start, 0
        for dtype, shape in wanted:
            at += -at % _ALIGN
            array = np.frombuffer(self.mapping, dtype, prod(shape), at).reshape(shape)
            found = zlib.crc32(array.data, found)
            arrays.append(array)
            at += array.nbytes
        if found != checksum:
            raise UnusableError("it was altered or damaged")
        return arrays


def refuse_to_replace(path: Path, magic: bytes, stated: str, such_as: str) -> None:
    """Raise a ConfigError if something stands at `path` that is no file of that magic.

    Parameters
    ----------
    path : Path
    magic : bytes
    stated : str
        How the path was given, for the message: ``cache='rows'``.
    such_as : str
        A name that would do.
    """
    try:
        if not path.exists():
            return
        if not path.is_file():
            what = "a folder" if path.is_dir() else "a device or a pipe"
            raise ConfigError(f"{stated} is {what}; name a file, such as {such_as}")
        with path.open("rb") as file:
            head = file.read(len(magic))
    except OSError as error:  # of a name that no file can have, too
        raise ConfigError(f"{stated} cannot be read ({error}); name another file") from error
    if head and head != magic[: len(head)]:
        raise ConfigError(
            f"{stated} is a file of something else, which would be lost; name another file"
        )
