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
from fastml.preprocessing.conform import is_category_type
from fastml.serving.refused import RefusedError
from fastml.serving.rows import MOST_ROWS, too_many_rows
from fastml.serving.swelling import check_size, check_stream, plain_size

__all__ = ["batches_of"]


def batches_of(
    kind: str, body: bytes, schema: pa.Schema, most_rows: int = MOST_ROWS
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a body.

    Parameters
    ----------
    kind : {"arrow", "parquet", "npy"}
    body : bytes
    schema : pyarrow.Schema
        The columns that are wanted, and the order of those of an array without names.
    most_rows : int
        That the body may have.

    Raises
    ------
    RefusedError
        400, if the body is not what it says it is; 413, if it has too many rows, or is too much
        when decompressed.
    """
    rows = size = 0
    try:
        for batch in _READERS[kind](body, schema, most_rows):
            rows += batch.num_rows
            if rows > most_rows:
                raise too_many_rows(most_rows)
            batch.validate(full=True)  # offsets of who knows whom
            size += sum(map(plain_size, batch.columns))
            check_size(size)
            yield canonical_batch(batch)
    except (pa.ArrowException, OSError, ValueError, EOFError) as error:
        raise RefusedError(
            HTTPStatus.BAD_REQUEST, f"the body is no {_NAMES[kind]}: {error}"
        ) from error


def _arrow(body: bytes, schema: pa.Schema, most_rows: int) -> Iterator[pa.RecordBatch]:
    check_stream(body)
    with pa.ipc.open_stream(pa.BufferReader(body)) as reader:
        yield from reader


def _parquet(body: bytes, schema: pa.Schema, most_rows: int) -> Iterator[pa.RecordBatch]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(pa.BufferReader(body)) as file:
        meta, found = file.metadata, file.schema_arrow
        if meta.num_rows > most_rows:
            raise too_many_rows(most_rows)
        check_size(_stated_size(meta))
        columns = [name for name in schema.names if name in found.names]
        text = [name for name in columns if is_category_type(found.field(name).type)]
    # A page of a few bytes may give one long text to every row: as dictionaries they stay small.
    with pq.ParquetFile(pa.BufferReader(body), read_dictionary=text) as file:
        yield from file.iter_batches(columns=columns)


def _stated_size(meta: Any) -> int:
    return sum(meta.row_group(i).total_byte_size for i in range(meta.num_row_groups))


def _npy(body: bytes, schema: pa.Schema, most_rows: int) -> Iterator[pa.RecordBatch]:
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


_READERS: Final[dict[str, Callable[[bytes, pa.Schema, int], Iterator[pa.RecordBatch]]]] = {
    "arrow": _arrow,
    "parquet": _parquet,
    "npy": _npy,
}
_NAMES = {"arrow": "Arrow stream", "parquet": "Parquet file", "npy": "NumPy array"}
