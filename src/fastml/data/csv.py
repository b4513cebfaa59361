"""Delimited text: types found over the whole file, then read as a stream."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv

from fastml.data.blocks import rows_between
from fastml.data.bytestreams import TextFile
from fastml.data.csv_dialect import sniff_delimiter, split_line
from fastml.data.inference import FALSE_WORDS, TRUE_WORDS, TextTypes, faulty_rows
from fastml.data.schemas import check_names, declared_types, no_such_column
from fastml.engine import default_threads, ordered_map
from fastml.errors import ConfigError, DataError

__all__ = ["CsvOptions", "CsvReader", "csv_readers"]

NULLS = (
    "", "NA", "N/A", "n/a", "NaN", "nan", "-nan", "-NaN", "NULL", "null", "<NA>", "#N/A",
    "#N/A N/A", "#NA", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN",
)  # fmt: skip
_BLOCK = 1 << 20  # bytes parsed at once; larger ones fall out of the cache, and measured slower
_HEAD = 1 << 20  # what the dialect is found from; holds the line of names
_PREFIX = 1 << 25  # of a stream that can be read once: what its types are found from
_COUNTED_FAULTS = 1_000


@dataclass(frozen=True)
class CsvOptions:
    """How the text is to be read; see `fastml.scan`."""

    delimiter: str | None = None
    quote: str | None = '"'
    escape: str | None = None
    encoding: str | None = None
    null_values: Sequence[str] = ()
    default_nulls: bool = True
    types: Mapping[str, Any] = field(default_factory=dict)
    names: Sequence[str] | None = None
    skip_rows: int = 0
    decimal: str = "."
    timestamp_formats: Sequence[str] = ()

    def __post_init__(self) -> None:
        for name in ("delimiter", "quote", "escape", "decimal"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, str) or len(value) != 1):
                raise ConfigError(f"{name} is {value!r}; expected one character")
        if isinstance(self.null_values, str):
            raise ConfigError(
                f"null_values is the text {self.null_values!r}; expected a list: "
                f"[{self.null_values!r}]"
            )
        if self.encoding is not None:
            try:
                codecs.lookup(self.encoding)
            except LookupError as error:
                raise ConfigError(
                    f"encoding {self.encoding!r} is not known; expected a name such as 'utf-8', "
                    "'latin-1', 'cp1252' or 'utf-16'"
                ) from error


class CsvReader:
    """One file of delimited text.

    It is made with every column as text; `csv_readers` then states the types.
    """

    in_memory = False

    def __init__(self, file: TextFile, options: CsvOptions) -> None:
        self.name = file.name
        self.rereadable = file.rereadable
        self.num_rows: int | None = None
        self._file = file
        self._options = options
        sample = file.head_text(_HEAD)
        if not sample.strip():
            raise DataError(
                f"{file.name} is empty; expected a line of column names, and rows below it"
            )
        sample = "".join(sample.splitlines(keepends=True)[options.skip_rows :])
        self._delimiter = options.delimiter or self._sniffed(sample)
        # Arrow does not read a line of names that ends the file without a line end.
        short = len(sample) < _HEAD // 4 and options.names is None
        self._header_alone = short and "\n" not in sample and "\r" not in sample
        header = self._split(sample, self._delimiter)
        self._check_delimiter(sample, header)
        names = header if options.names is None else options.names
        if len(names) != len(header):
            raise ConfigError(
                f"names has {len(names)} entries, but the first row of {file.name} has "
                f"{len(header)} fields"
            )
        check_names(names, file.name)
        self.schema = pa.schema([(name, pa.string()) for name in names])

    def _sniffed(self, sample: str) -> str:
        return sniff_delimiter(sample, self._options.quote, self._options.escape)

    def _split(self, sample: str, delimiter: str) -> list[str]:
        return split_line(sample, delimiter, self._options.quote, self._options.escape)

    def _check_delimiter(self, sample: str, header: list[str]) -> None:
        other = self._sniffed(sample)
        if len(header) == 1 and other != self._delimiter:
            columns = len(self._split(sample, other))
            if columns > 1:
                raise DataError(
                    f"{self.name} has one column, {header[0]!r}, when cut at "
                    f"{self._delimiter!r}, but {columns} when cut at {other!r}; "
                    f"pass delimiter={other!r}"
                )

    def read(self, columns: Sequence[str], start: int = 0) -> Iterator[pa.RecordBatch]:
        """Yield batches of about a megabyte of text each."""
        types = {name: self.schema.field(name).type for name in columns}
        yield from rows_between(self._parsed(self._file.open_text(), types), start, None)

    def _parsed(
        self, stream: pa.NativeFile, types: Mapping[str, pa.DataType]
    ) -> Iterator[pa.RecordBatch]:
        """Parse `stream`, which is UTF-8, into columns of these types, in this order."""
        if self._header_alone:
            return
        options = self._options
        bad: list[pacsv.InvalidRow] = []

        def keep_bad_row(row: pacsv.InvalidRow) -> str:
            bad.append(row)
            return "error"

        formats = [*options.timestamp_formats, pacsv.ISO8601]
        try:
            with stream:
                yield from pacsv.open_csv(
                    stream,
                    read_options=pacsv.ReadOptions(
                        use_threads=False,  # it is no faster on threads, and so numbers its rows
                        block_size=_BLOCK,
                        column_names=options.names,
                        skip_rows=options.skip_rows,
                    ),
                    parse_options=pacsv.ParseOptions(
                        delimiter=self._delimiter,
                        quote_char=options.quote or False,
                        escape_char=options.escape or False,
                        newlines_in_values=True,
                        invalid_row_handler=keep_bad_row,
                    ),
                    convert_options=pacsv.ConvertOptions(
                        check_utf8=True,
                        include_columns=list(types),
                        column_types=types,
                        null_values=[*options.null_values, *(NULLS * options.default_nulls)],
                        true_values=TRUE_WORDS,
                        false_values=FALSE_WORDS,
                        strings_can_be_null=True,
                        decimal_point=options.decimal,
                        timestamp_parsers=formats,
                    ),
                )
        except pa.ArrowInvalid as error:
            if bad:
                raise self._ragged(bad[0]) from error
            if "straddling" in str(error):
                raise DataError(
                    f"{self.name} has a row of over {_BLOCK:,} bytes; most often a quote "
                    f"({options.quote}) that is opened and never closed: correct it, or pass "
                    "quote=None if quotes have no meaning in this file"
                ) from error
            # Conversions name neither row nor value count: look for what they met.
            if any(kind != pa.binary() for kind in types.values()):
                self._raise_faults(types, error)
            raise

    def text_batches(
        self, stream: pa.NativeFile, columns: Sequence[str]
    ) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Parse `stream` into columns of bytes; yield each batch and the number of rows before it.

        `checked_text` makes text of them.
        """
        rows = 0
        for batch in self._parsed(stream, dict.fromkeys(columns, pa.binary())):
            yield rows, batch
            rows += batch.num_rows

    def checked_text(self, rows_before: int, batch: pa.RecordBatch) -> list[pa.Array]:
        """Return the batch's columns of bytes as text, or raise for the first that is not UTF-8."""
        columns = []
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            try:
                columns.append(column.cast(pa.string()))
            except pa.ArrowInvalid as error:
                raise self._not_utf8(name, rows_before, column) from error
        return columns

    def _raise_faults(self, types: Mapping[str, pa.DataType], error: pa.ArrowInvalid) -> None:
        """Read the file again as text, and raise for the first column whose values are at fault."""
        if not self.rereadable:
            raise DataError(
                f"{self.name}: {error}. It can be read only once, so the types were found from "
                f"its first {_PREFIX >> 20} MB: declare the column's type with types={{...}}, or "
                "scan a file"
            ) from error
        options = self._options
        faults: dict[str, tuple[int, int, str]] = {}  # column: count, first row, first value
        for rows, batch in self.text_batches(self._file.open_text(), list(types)):
            for (name, wanted), text in zip(
                types.items(), self.checked_text(rows, batch), strict=True
            ):
                count, row, value = faults.get(name, (0, 0, ""))
                found = faulty_rows(
                    text, wanted, options.decimal, options.timestamp_formats, _COUNTED_FAULTS
                )
                if found and count < _COUNTED_FAULTS:
                    if not count:
                        row, value = rows + found[0] + 1, text[found[0]].as_py()
                    faults[name] = (count + len(found), row, value)
        for name, (count, row, value) in faults.items():
            many = "over 1,000" if count >= _COUNTED_FAULTS else f"{count:,}"
            raise DataError(
                f"column {name!r} has {many} value{'s' * (count > 1)} that cannot be read as "
                f"{types[name]}, the first {value!r} at row {row:,} of {self.name}; declare it as "
                f"a null marker, null_values=[{value!r}], or the column as text, "
                f"types={{{name!r}: 'string'}}"
            )

    def _ragged(self, row: pacsv.InvalidRow) -> DataError:
        number = row.number - int(self._options.names is None)
        text = row.text if len(row.text) <= 80 else row.text[:77] + "..."
        return DataError(
            f"row {number:,} of {self.name} has {row.actual_columns} field"
            f"{'s' * (row.actual_columns > 1)}, but the header has "
            f"{row.expected_columns}: {text!r}; correct the row, or quote the field that holds "
            f"{self._delimiter!r}"
        )

    def _not_utf8(self, name: str, rows_before: int, column: pa.Array) -> DataError:
        for row, value in enumerate(column.to_pylist(), start=rows_before + 1):
            try:
                (value or b"").decode()
            except UnicodeDecodeError as error:
                return DataError(
                    f"{self.name} is not UTF-8: column {name!r} holds the byte "
                    f"0x{error.object[error.start]:02X} at row {row:,}, in {value[:60]!r}; state "
                    "the encoding it has, e.g. encoding='latin-1'"
                )
        raise AssertionError("Arrow and Python disagree on what is UTF-8")


def csv_readers(
    files: Sequence[TextFile], options: CsvOptions, columns: Sequence[str] | None = None
) -> list[CsvReader]:
    """Return a reader for each file, with the types that all of them can be read as.

    Types that `options` does not declare are found by reading every file from start to end (of a
    stream that can be read only once, its first 32 MB). Of `columns`, where stated, only these.
    """
    readers = [CsvReader(file, options) for file in files]
    declared = declared_types(options.types)
    wanted = list(readers[0].schema.names if columns is None else columns)
    for reader in readers:
        for name in [*declared, *wanted]:
            if name not in reader.schema.names:
                raise no_such_column(name, reader.schema.names, reader.name)
    unknown = [name for name in wanted if name not in declared]
    found = _infer(readers, unknown, options) if unknown else []
    types = declared | dict(zip(unknown, found, strict=True))
    for reader in readers:
        reader.schema = pa.schema([(n, types.get(n, pa.string())) for n in reader.schema.names])
    return readers


def _infer(
    readers: Sequence[CsvReader], columns: list[str], options: CsvOptions
) -> list[pa.DataType]:
    fold = TextTypes(len(columns), options.decimal, options.timestamp_formats)
    for reader in readers:
        stream, whole = reader._file.open_prefix(_PREFIX)

        def types_of(
            item: tuple[int, pa.RecordBatch], reader: CsvReader = reader
        ) -> tuple[int, list[pa.DataType]]:
            return item[1].num_rows, fold.of(reader.checked_text(*item))

        rows = 0
        batches = reader.text_batches(stream, columns)
        for count, types in ordered_map(types_of, batches, default_threads()):
            fold.update(types)
            rows += count
        reader.num_rows = rows if whole else None
    return fold.types
