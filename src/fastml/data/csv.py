"""Delimited text: types found over the whole file, then read as a stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv

from fastml.data.blocks import rows_between
from fastml.data.bytestreams import TextFile
from fastml.data.csv_dialect import sniff_delimiter, split_line
from fastml.data.csv_stream import Guard, up_to_line_end
from fastml.data.inference import (
    FALSE_WORDS,
    TRUE_WORDS,
    TextTypes,
    as_type,
    faulty_rows,
    without_markers,
)
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
    default_types: Mapping[str, Any] = field(default_factory=dict)
    text: Sequence[str] = ()
    names: Sequence[str] | None = None
    skip_rows: int = 0
    decimal: str = "."
    timestamp_formats: Sequence[str] = ()

    @property
    def markers(self) -> list[str]:
        """What stands for a missing value."""
        return [*self.null_values, *(NULLS * self.default_nulls)]

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


class CsvReader:
    """One file of delimited text.

    It is made with every column as text; `csv_readers` then states the types.
    """

    in_memory = False

    def __init__(self, file: TextFile, options: CsvOptions) -> None:
        self.name = file.name
        self.rereadable = file.rereadable
        self.num_rows: int | None = None
        self.quoted_nulls: set[str] = set()  # columns in which quoted null markers are null
        self._file = file
        self._options = options
        sample = file.head_text(_HEAD)
        if not sample.strip():
            raise DataError(
                f"{file.name} is empty; expected a line of column names, and rows below it"
            )
        lines = sample.splitlines(keepends=True)[options.skip_rows :]
        self._blank_lines = next((i for i, line in enumerate(lines) if line.strip("\r\n")), 0)
        sample = "".join(lines)
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
        yield from rows_between(self._typed(columns), start, None)

    def _typed(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield the columns in their types, with quoted null markers as values of text alone."""
        options = self._options
        schema = pa.schema([self.schema.field(name) for name in columns])
        by_hand = self.quoted_nulls & set(columns)
        types = {f.name: pa.string() if f.name in by_hand else f.type for f in schema}
        markers = pa.array(options.markers, pa.string())
        try:
            for batch in self._parsed(self._file.open_text(), types):
                for i, field in enumerate(schema):
                    if field.name in by_hand:
                        text = without_markers(batch.column(i), markers)
                        values = as_type(
                            text, field.type, options.decimal, options.timestamp_formats
                        )
                        batch = batch.set_column(i, field, values)
                yield batch
        except pa.ArrowInvalid as error:
            # Conversions name neither row nor value count: look for what they met.
            self._raise_faults(schema, error)
            raise

    def _parsed(
        self, stream: pa.NativeFile, types: Mapping[str, pa.DataType], *, whole: bool = True
    ) -> Iterator[pa.RecordBatch]:
        """Parse `stream`, which is UTF-8, into columns of these types, in this order.

        What is quoted is never null. Where the text is not `whole`, its last row may be cut short.
        """
        if self._header_alone:
            return
        options = self._options
        rows = 0
        with Guard(stream, len(self.schema), self._delimiter, options.quote, whole) as guard:
            try:
                for batch in self._opened(guard, types):
                    yield batch
                    rows += batch.num_rows
            except pa.ArrowInvalid as error:
                if guard.bad is not None and not guard.open_quote:
                    raise self._ragged(guard.bad) from error
                if guard.bad is not None or "straddling" in str(error):
                    raise self._open_quote(guard.bad, rows) from error
                raise

    def _opened(self, guard: Guard, types: Mapping[str, pa.DataType]) -> pacsv.CSVStreamingReader:
        options = self._options
        one_column = len(self.schema) == 1
        text = guard.open()
        try:
            return pacsv.open_csv(
                pa.PythonFile(text, mode="r"),
                read_options=pacsv.ReadOptions(
                    use_threads=False,  # it is no faster on threads, and so numbers its rows
                    block_size=_BLOCK,
                    column_names=options.names,
                    skip_rows=options.skip_rows + self._blank_lines * one_column,
                ),
                parse_options=pacsv.ParseOptions(
                    delimiter=self._delimiter,
                    quote_char=options.quote or False,
                    escape_char=options.escape or False,
                    newlines_in_values=True,
                    ignore_empty_lines=not one_column,  # there they are nulls
                    invalid_row_handler=text.judge,
                ),
                convert_options=pacsv.ConvertOptions(
                    check_utf8=True,
                    include_columns=list(types),
                    column_types=types,
                    null_values=options.markers,
                    true_values=TRUE_WORDS,
                    false_values=FALSE_WORDS,
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                    decimal_point=options.decimal,
                    timestamp_parsers=[*options.timestamp_formats, pacsv.ISO8601],
                ),
            )
        finally:
            del text  # the traceback of an error keeps this frame, and would keep it

    def text_batches(
        self, stream: pa.NativeFile, columns: Sequence[str], *, whole: bool = True
    ) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Parse `stream` into columns of bytes; yield each batch and the number of rows before it.

        `checked_text` makes text of them; `whole` as in `_parsed`.
        """
        rows = 0
        types = dict.fromkeys(columns, pa.binary())
        for batch in self._parsed(stream, types, whole=whole):
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

    def _raise_faults(self, schema: pa.Schema, error: pa.ArrowInvalid) -> None:
        """Read the file again as text, and raise for the first column whose values are at fault."""
        if not self.rereadable:
            raise DataError(
                f"{self.name}: {error}. It can be read only once, so the types were found from "
                f"its first {_PREFIX >> 20} MB: declare the column's type with types={{...}}, or "
                "scan a file"
            ) from error
        options = self._options
        markers = pa.array(options.markers, pa.string())
        faults: dict[str, tuple[int, int, str]] = {}  # column: count, first row, first value
        for rows, batch in self.text_batches(self._file.open_text(), schema.names):
            for name, text in zip(schema.names, self.checked_text(rows, batch), strict=True):
                wanted = schema.field(name).type
                count, row, value = faults.get(name, (0, 0, ""))
                values = text if _is_text(wanted) else without_markers(text, markers)
                found = faulty_rows(
                    values, wanted, options.decimal, options.timestamp_formats, _COUNTED_FAULTS
                )
                if found and count < _COUNTED_FAULTS:
                    if not count:
                        row, value = rows + found[0] + 1, text[found[0]].as_py()
                    faults[name] = (count + len(found), row, value)
        for name, (count, row, value) in faults.items():
            many = "over 1,000" if count >= _COUNTED_FAULTS else f"{count:,}"
            raise DataError(
                f"column {name!r} has {many} value{'s' * (count > 1)} that cannot be read as "
                f"{schema.field(name).type}, the first {value!r} at row {row:,} of {self.name}; "
                f"declare it as a null marker, null_values=[{value!r}], or the column as text, "
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

    def _open_quote(self, row: pacsv.InvalidRow | None, rows: int) -> DataError:
        """Return the error for a quote that is open at the end of the text, or a megabyte on."""
        quote = self._options.quote
        if row is None:
            fault = f"has, after row {rows:,}, a row of over {_BLOCK:,} bytes; most often a"
        else:
            number = row.number - int(self._options.names is None)
            fault = f"has, in row {number:,}, {row.text[:40]!r}, a"
        return DataError(
            f"{self.name} {fault} quote ({quote}) that is opened and never closed: correct it, or "
            "pass quote=None if quotes have no meaning in this file"
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
    Default types are passed over where their columns are not there.
    """
    readers = [CsvReader(file, options) for file in files]
    defaults = {**dict.fromkeys(options.text, "string"), **options.default_types}
    present = {n: kind for n, kind in defaults.items() if n in readers[0].schema.names}
    declared = declared_types({**present, **options.types})
    wanted = list(readers[0].schema.names if columns is None else columns)
    for reader in readers:
        for name in [*declared, *wanted]:
            if name not in reader.schema.names:
                raise no_such_column(name, reader.schema.names, reader.name)
    unknown = [name for name in wanted if name not in declared]
    found, marked = _infer(readers, unknown, options) if unknown else ([], set())
    types = declared | dict(zip(unknown, found, strict=True))
    for reader in readers:
        reader.schema = pa.schema([(n, types.get(n, pa.string())) for n in reader.schema.names])
        reader.quoted_nulls = marked | {n for n, kind in declared.items() if not _is_text(kind)}
    return readers


def _is_text(kind: pa.DataType) -> bool:
    """Whether what is quoted is a value of a column of this type, be it `"NA"` or nothing."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
    )


def _infer(
    readers: Sequence[CsvReader], columns: list[str], options: CsvOptions
) -> tuple[list[pa.DataType], set[str]]:
    """Return the types of `columns`, and which hold quoted null markers and yet are not text."""
    fold = TextTypes(len(columns), options.decimal, options.timestamp_formats, options.markers)
    for reader in readers:
        stream, whole = reader._file.open_prefix(_PREFIX)
        if not whole:
            stream = up_to_line_end(stream)

        def types_of(
            item: tuple[int, pa.RecordBatch], reader: CsvReader = reader
        ) -> tuple[int, list[tuple[pa.DataType, bool]]]:
            return item[1].num_rows, fold.of(reader.checked_text(*item))

        rows = 0
        batches = reader.text_batches(stream, columns, whole=whole)
        for count, types in ordered_map(types_of, batches, default_threads()):
            fold.update(types)
            rows += count
        reader.num_rows = rows if whole else None
    kinds = zip(columns, fold.types, fold.marked, strict=True)
    return fold.types, {name for name, kind, marked in kinds if marked and kind != pa.string()}
