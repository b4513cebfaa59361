"""Bodies that hold columns: Arrow streams, Parquet and NumPy arrays, as record batches."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator
from http import HTTPStatus
from tokenize import TokenError
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fastml.data.canonical import canonical_batch
from fastml.serving.refused import RefusedError

__all__ = ["batches_of"]

MOST_BYTES = 1 << 30
"""What a body may become when it is decompressed."""


def batches_of(kind: str, body: bytes, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a body.

    Parameters
    ----------
    kind : {"arrow", "parquet", "npy"}
    body : bytes
    schema : pyarrow.Schema
        The columns that are wanted, and the order of those of an array without names.

    Raises
    ------
    RefusedError
        400, if the body is not what it says it is, or too much when decompressed.
    """
    try:
        for batch in _READERS[kind](body, schema):
            yield canonical_batch(batch)
    except (pa.ArrowException, OSError, ValueError, EOFError) as error:
        raise RefusedError(
            HTTPStatus.BAD_REQUEST, f"the body is no {_NAMES[kind]}: {error}"
        ) from error


def _arrow(body: bytes, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    total = 0
    with pa.ipc.open_stream(pa.BufferReader(body)) as reader:
        for batch in reader:
            # Columns of nulls, or of dictionaries, take no bytes here, but eight a value later.
            total += max(batch.nbytes, 8 * batch.num_rows * batch.num_columns)
            _check_size(total)
            batch.validate(full=True)  # offsets of who knows whom
            yield batch


def _parquet(body: bytes, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(pa.BufferReader(body)) as file:
        meta = file.metadata
        columns = [name for name in schema.names if name in file.schema_arrow.names]
        _check_size(max(meta.num_rows * 8 * len(columns), _stated_size(meta)))
        yield from file.iter_batches(columns=columns)


def _stated_size(meta: object) -> int:
    groups = range(meta.num_row_groups)  # type: ignore[attr-defined]
    return sum(meta.row_group(i).total_byte_size for i in groups)  # type: ignore[attr-defined]


def _npy(body: bytes, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    array = _array(body)
    if array.dtype.names is not None:
        names, columns = list(array.dtype.names), [array[name] for name in array.dtype.names]
    else:
        rows = np.atleast_2d(array)
        if rows.ndim != 2 or rows.shape[1] != len(schema):
            raise ValueError(f"an array of shape {array.shape}, expected rows of {len(schema)}")
        names, columns = schema.names, list(rows.T)
    arrays = [pa.array(np.ascontiguousarray(column)) for column in columns]
    yield pa.RecordBatch.from_arrays(arrays, names=names)


def _array(body: bytes) -> NDArray[Any]:
    """Return the array of a body, where it lies: a header may state any size, and any object."""
    stream = io.BytesIO(body)
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"its version is {version}, expected (1, 0) or (2, 0)")
    one = version == (1, 0)
    read = np.lib.format.read_array_header_1_0 if one else np.lib.format.read_array_header_2_0
    try:
        shape, by_column, dtype = read(stream)
    except (SyntaxError, TokenError, MemoryError, RecursionError) as error:
        raise ValueError(f"its header cannot be read ({error})") from error
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are never read")
    stated, held = math.prod(shape) * dtype.itemsize, len(body) - stream.tell()
    if stated != held or min(shape, default=0) < 0:
        raise ValueError(f"it has {held:,} bytes of values where its header states {stated:,}")
    flat = np.frombuffer(body, dtype, offset=stream.tell())
    return flat.reshape(shape, order="F" if by_column else "C")


def _check_size(size: int) -> None:
    if size > MOST_BYTES:
        raise ValueError(f"it has over {MOST_BYTES:,} bytes when decompressed; send fewer rows")


_READERS: Final[dict[str, Callable[[bytes, pa.Schema], Iterator[pa.RecordBatch]]]] = {
    "arrow": _arrow,
    "parquet": _parquet,
    "npy": _npy,
}
_NAMES = {"arrow": "Arrow stream", "parquet": "Parquet file", "npy": "NumPy array"}
