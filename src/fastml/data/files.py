"""Finds files: a path, a URI, a folder, a glob; opens them, decompressed."""

from __future__ import annotations

import glob
import io
import os
import re
import stat
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.fs as pafs

from fastml.data.bytestreams import compression_of
from fastml.data.reader import reading
from fastml.errors import ConfigError, DataError, did_you_mean

__all__ = ["File", "check_apart", "find_files", "open_pipe"]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_WILDCARD = re.compile(r"[*?\[]")
_QUERY = re.compile(r"\?\w+=.*$")  # of a URI: s3://bucket/key?region=eu-west-1


@dataclass(frozen=True)
class File:
    """One file of a source.

    Attributes
    ----------
    name : str
        As the user would write it, for messages.
    partitions : dict
        What the folders `key=value` on the way to the file say about its rows.
    """

    filesystem: pafs.FileSystem
    path: str
    name: str
    partitions: dict[str, str | None] = field(default_factory=dict)

    rereadable: ClassVar[bool] = True

    @property
    def is_local(self) -> bool:
        """Whether reading a small part of it costs little."""
        return isinstance(self.filesystem, pafs.LocalFileSystem)

    def version(self) -> tuple[str, int, int]:
        """Return its path, size and time of change in nanoseconds: other content, another version.

        Raises
        ------
        DataError
            If it is there no more.
        """
        with reading(self.name):
            found = self.filesystem.get_file_info(self.path)
        if found.type != pafs.FileType.File:
            raise DataError(f"{self.name} is there no more; it was while it was opened")
        return self.path, found.size, found.mtime_ns or 0

    def open_random(self) -> pa.NativeFile:
        """Open it for reading at any position."""
        return self.filesystem.open_input_file(self.path)

    def open_stream(self) -> pa.NativeFile:
        """Open it for reading from the start, decompressed if its first bytes say it is packed."""
        with self.filesystem.open_input_stream(self.path, compression=None) as handle:
            codec = compression_of(handle.read(4))
        return self.filesystem.open_input_stream(self.path, compression=codec)

    def head(self, count: int) -> bytes:
        """Return the first bytes, decompressed."""
        with reading(self.name), self.open_stream() as handle:
            return bytes(handle.read(count))


def find_files(source: str) -> list[File]:
    """Return the files that a path, URI, folder or glob stands for, sorted by path.

    In a folder, files and folders whose name begins with `.` or `_` are passed over, and by a glob
    unless a part of it begins so.

    Raises
    ------
    DataError
        If there is no such file, or none in the folder, or none that the glob matches.
    ConfigError
        If the URI's scheme is not known.
    """
    filesystem, path, prefix = _locate(source)
    found = filesystem.get_file_info(path)
    if found.type == pafs.FileType.File:
        return [File(filesystem, path, source)]
    wild = _WILDCARD.search(path)
    if found.type == pafs.FileType.Directory:
        root, below, matches = path.rstrip("/"), "**", None
    elif wild:
        root = path[: wild.start()].rpartition("/")[0] or "/"
        below, matches = path[len(root) :].lstrip("/"), _glob_pattern(path)
    else:
        raise DataError(_not_found(source))
    deep = "/" in below or "**" in below
    selector = pafs.FileSelector(root, allow_not_found=True, recursive=deep)
    paths = sorted(
        info.path
        for info in filesystem.get_file_info(selector)
        if info.type == pafs.FileType.File and _visible(info.path[len(root) :], below)
    )
    if matches is not None:
        paths = [p for p in paths if matches.fullmatch(p)]
    if not paths:
        where = "the folder" if matches is None else "no file matches"
        raise DataError(
            f"{where} {source}{' holds no files' if matches is None else ''}; "
            "expected at least one file to read"
        )
    return [File(filesystem, p, prefix + p, _partitions(p[len(root) :])) for p in paths]


def open_pipe(path: str) -> io.FileIO | None:
    """Open what is there, but neither a file nor a folder: a pipe, a terminal. Else None."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return None
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return None
    with reading(path):
        descriptor = os.open(path, os.O_RDONLY)
    pipe = io.FileIO(descriptor, closefd=False)
    weakref.finalize(pipe, os.close, descriptor)
    return pipe


def _locate(source: str) -> tuple[pafs.FileSystem, str, str]:
    """Return the file system, the path in it, and what to write before a path in messages."""
    scheme = _SCHEME.match(source)
    if scheme is None:
        path = str(Path(os.path.expanduser(source)).absolute())
        return pafs.LocalFileSystem(), path, ""
    # Wildcards are not legal in a URI: resolve the part before them, and put the rest back.
    query = _QUERY.search(source)
    base, rest, asked = source[: query.start()] if query else source, "", query and query.group()
    wild = _WILDCARD.search(base)
    if wild:
        cut = base.rindex("/", 0, wild.start()) + 1
        base, rest = base[:cut], base[cut:]
    try:
        filesystem, path = pafs.FileSystem.from_uri(base + (asked or ""))
    except (pa.ArrowException, ValueError) as error:
        raise ConfigError(
            f"{source!r} cannot be opened: {error}; "
            "expected a path, or a URI of file://, s3://, gs://, abfs:// or hdfs://"
        ) from error
    if rest:
        path = path.rstrip("/") + "/" + rest
    return filesystem, path, scheme.group() if scheme.group() != "file://" else ""


def _glob_pattern(path: str) -> re.Pattern[str]:
    """Return the pattern of a glob in which `*` stays within a folder and `**` does not."""
    pattern = ""
    for token in re.findall(r"\*\*/|\*\*|\*|\?|\[[^\]]*\]|.", path, re.DOTALL):
        pattern += {
            "**/": "(?:.*/)?",
            "**": ".*",
            "*": "[^/]*",
            "?": "[^/]",
        }.get(token) or (
            token.replace("[!", "[^")
            if token.startswith("[") and len(token) > 1
            else re.escape(token)
        )
    return re.compile(pattern)


def _visible(path: str, glob: str) -> bool:
    """Whether no part of the path is hidden by a first character that the glob does not name."""
    named = {part[:1] for part in glob.split("/")}
    hidden = {".", "_"} - named
    return not any(part[:1] in hidden for part in path.split("/"))


def _partitions(path: str) -> dict[str, str | None]:
    """Return what the folders `key=value` on the way say; Hive's default partition is null."""
    pairs = (part.split("=", 1) for part in path.split("/")[:-1] if "=" in part)
    return {
        key: None if value == "__HIVE_DEFAULT_PARTITION__" else unquote(value)
        for key, value in pairs
    }


def _not_found(source: str) -> str:
    meant = ""
    if _SCHEME.match(source) is None:
        folder = Path(os.path.expanduser(source)).absolute().parent
        if folder.is_dir():
            meant = did_you_mean(Path(source).name, [p.name for p in folder.iterdir()])
        else:
            return f"there is no file {source}, and no folder {folder}; check the path"
    return f"there is no file or folder {source}{meant or '; check the path'}"


def check_apart(source: str, destination: str) -> None:
    """Check that writing `destination` leaves what `source` is read from as it is.

    Raises
    ------
    ConfigError
        If both are the same file, also by a link, or the destination lies in the source's folder.
    """
    place = source.removeprefix("file://")
    written = Path(destination).resolve()
    for each in [place] if Path(place).exists() else glob.glob(place, recursive=True):
        read = Path(each).resolve()
        if written.exists() and written.samefile(read):
            raise ConfigError(
                f"{destination} is what is read ({source}) and would be overwritten; "
                "name another file to write"
            )
        if read.is_dir() and read in written.parents:
            raise ConfigError(
                f"{destination} lies in the folder that is read ({source}) and would be a part of "
                "it; name a file elsewhere"
            )
