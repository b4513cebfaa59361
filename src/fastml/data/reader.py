"""What a format has to offer so that a `Source` can read it, and how its faults are told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import pyarrow as pa

from fastml.errors import DataError

__all__ = ["Reader", "reading"]


class Reader(Protocol):
    """Rows of one table, read from the start as often as asked.

    Attributes
    ----------
    name : str
        For messages: the path, URI or `<pandas.DataFrame>`.
    schema : pyarrow.Schema
        All columns.
    num_rows : int or None
        Where it is known without reading.
    rereadable : bool
        False where a second `read` raises `DataError`.
    in_memory : bool
        True where reading costs nothing, so that reading ahead would be of no use.
    """

    name: str
    schema: pa.Schema
    num_rows: int | None
    rereadable: bool
    in_memory: bool

    def read(self, columns: Sequence[str], start: int = 0) -> Iterator[pa.RecordBatch]:
        """Yield `columns`, in that order, from row `start` on, in batches of bounded size."""
        ...


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Turn what Arrow or the system says while reading `name` into a `DataError`."""
    try:
        yield
    except UnicodeError as error:
        raise DataError(
            f"{name} is not in the encoding that was stated or that its first bytes tell: {error}; "
            "state the one it has, e.g. encoding='latin-1'"
        ) from error
    except (pa.ArrowException, OSError) as error:
        said = " ".join(str(error).split()).partition(" Detail: Python exception")[0]
        raise DataError(
            f"{name} cannot be read: {said}; check that the file is whole and of the stated format"
        ) from error
