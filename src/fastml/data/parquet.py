"""Parquet files: decoded a batch at a time, text kept as dictionaries where the file has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from fastml.data.blocks import rows_between
from fastml.data.files import File
from fastml.data.reader import reading
from fastml.data.schemas import check_names, dressed, nullable
from fastml.engine import BLOCK_ROWS, default_threads

__all__ = ["ParquetReader"]

# Measured on 2 million rows of 31 columns: reading column chunks through buffers of this size
# costs no more than reading them whole, and bounds memory in a file of one giant row group.
_BUFFER = 256 * 1024
_BATCH_BYTES = 64 * 1024 * 1024  # wide tables are read in batches of fewer rows
_SAMPLED_ROW_GROUPS = 32


class ParquetReader:
    """One Parquet file, of any size of row group.

    Columns are decoded in parallel, a batch of rows at a time. Row groups in parallel are as fast,
    but hold several row groups in memory.
    """

    rereadable = True
    in_memory = False

    def __init__(self, file: File) -> None:
        self.name = file.name
        self._file = file
        with reading(file.name), file.open_random() as handle:
            parquet = pq.ParquetFile(handle)
            self._metadata = parquet.metadata
            schema = parquet.schema_arrow
        check_names(schema.names, file.name)
        self.num_rows: int | None = self._metadata.num_rows
        self._dictionaries = _dictionary_columns(self._metadata, schema)
        self.schema = nullable(
            pa.schema(
                pa.field(field.name, pa.dictionary(pa.int32(), field.type))
                if field.name in self._dictionaries
                else field
                for field in schema
            )
        )

    def read(self, columns: Sequence[str], start: int = 0) -> Iterator[pa.RecordBatch]:
        """Yield batches, from the row group on that holds row `start`."""
        columns = list(columns)
        schema = pa.schema([self.schema.field(column) for column in columns])
        ends = 0
        groups = []
        skipped = 0  # rows in the row groups that lie before `start`
        for group in range(self._metadata.num_row_groups):
            ends += self._metadata.row_group(group).num_rows
            if ends > start:
                groups.append(group)
            else:
                skipped = ends
        with self._file.open_random() as handle:
            # What is remote is fetched a row group at a time, in few large requests; what is
            # local is read as it is decoded.
            remote = not self._file.is_local
            parquet = pq.ParquetFile(
                handle,
                metadata=self._metadata,
                read_dictionary=self._dictionaries,
                buffer_size=0 if remote else _BUFFER,
                pre_buffer=remote,
            )
            rows = _batch_rows(schema)
            threads = default_threads() > 1
            batches = (
                dressed(batch.select(columns), schema)
                for part in ([[group] for group in groups] if remote else [groups])
                for batch in parquet.iter_batches(rows, part, columns, use_threads=threads)
            )
            yield from rows_between(batches, start - skipped, None)


def _batch_rows(schema: pa.Schema) -> int:
    """Return how many rows to decode at once: a block, but fewer of a very wide table."""
    rows = BLOCK_ROWS
    while rows > 1024 and rows * 16 * len(schema) > _BATCH_BYTES:
        rows //= 2
    return rows


def _dictionary_columns(metadata: pq.FileMetaData, schema: pa.Schema) -> list[str]:
    """Return the text columns that the file holds as dictionaries throughout.

    Where a writer met too many distinct values and went on in plain encoding, reading the column
    as a dictionary would build one anew, ever larger. A chunk's footer does not tell this, but its
    size does: dictionary codes take at most about 20 bits a value, plain text four bytes and more.
    """
    texts = {
        f.name for f in schema if pa.types.is_string(f.type) or pa.types.is_large_string(f.type)
    }
    positions = {metadata.schema.column(i).path: i for i in range(metadata.num_columns)}
    step = max(1, metadata.num_row_groups // _SAMPLED_ROW_GROUPS)
    groups = [metadata.row_group(g) for g in range(0, metadata.num_row_groups, step)]

    def encoded(column: str) -> bool:
        chunks = [group.column(positions[column]) for group in groups]
        return bool(chunks) and all(
            chunk.has_dictionary_page
            and chunk.total_uncompressed_size <= 4 * chunk.num_values + 65_536
            for chunk in chunks
        )

    return [column for column in schema.names if column in texts and encoded(column)]
