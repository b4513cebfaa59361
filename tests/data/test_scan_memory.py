"""Tables in memory: the Arrow PyCapsule interface, dicts, records, and streams that run dry."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from fastml.data import scan
from fastml.errors import ConfigError, DataError, SchemaError

TABLE = pa.table({"n": [1, 2, None], "s": ["x", None, "é"]})
EXPECTED = TABLE.to_pydict()


@pytest.mark.parametrize(
    ("table", "name"),
    [
        (TABLE, "<pyarrow.Table>"),
        (TABLE.to_batches()[0], "<pyarrow.RecordBatch>"),
        (
            pd.DataFrame({"n": pd.array([1, 2, None], "Int64"), "s": ["x", None, "é"]}),
            "<pandas.DataFrame>",
        ),
        (pl.DataFrame({"n": [1, 2, None], "s": ["x", None, "é"]}), "<polars.DataFrame>"),
        (EXPECTED, "<dict>"),
        (TABLE.to_pylist(), "<list>"),
        (TABLE.to_batches(max_chunksize=2), "<list>"),
    ],
)
def test_a_table_is_read_as_often_as_asked(table: object, name: str) -> None:
    source = scan(table)
    assert source.name == name
    assert source.rereadable
    for _ in range(2):
        assert source.to_table().to_pydict() == EXPECTED
    assert source.count_rows() == 3


def test_a_query_is_run_as_often_as_asked() -> None:
    with duckdb.connect() as connection:
        query = connection.sql("select * from (values (1, 'x'), (2, null), (null, 'é')) t(n, s)")
        source = scan(query)
        assert source.name == "<duckdb.DuckDBPyRelation>"
        for _ in range(2):
            assert source.to_table().to_pydict() == EXPECTED


@pytest.mark.parametrize(
    "stream",
    [
        lambda: TABLE.to_reader(),
        lambda: iter(TABLE.to_batches()),
        lambda: (table for table in [TABLE.slice(0, 1), TABLE.slice(1)]),
        lambda: (pl.DataFrame(TABLE.slice(i, 1)) for i in range(3)),
    ],
)
def test_a_stream_is_read_once(stream) -> None:
    source = scan(stream())
    assert not source.rereadable
    assert source.to_table().to_pydict() == EXPECTED
    with pytest.raises(DataError, match="can be read only once, and was read already; write it"):
        source.to_table()


def test_the_index_of_pandas_is_dropped() -> None:
    frame = pd.DataFrame({"x": [1, 2]}, index=pd.Index([5, 7], name="id"))
    assert scan(frame).schema.names == ["x"]


def test_a_pandas_column_that_mixes_types_is_named() -> None:
    frame = pd.DataFrame({"good": [1, 2], "bad": [1, "x"]})
    with pytest.raises(SchemaError, match=r"<pandas.DataFrame> .* column bad .*one type"):
        scan(frame)


def test_doubled_columns() -> None:
    with pytest.raises(SchemaError, match="Duplicate column names"):
        scan(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    doubled = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pytest.raises(SchemaError, match="more than one column named 'a'; rename"):
        scan(doubled)


def test_columns_of_different_length() -> None:
    with pytest.raises(SchemaError, match="expected length 1 but got length 2"):
        scan({"a": [1], "b": [1, 2]})


def test_a_dict_column_of_mixed_values_is_named() -> None:
    with pytest.raises(SchemaError, match="column 'a' of <dict> is not one column of one type"):
        scan({"a": [1, "x"]})
    with pytest.raises(SchemaError, match="column 'a' of <dict>"):
        scan({"a": np.zeros((2, 2))})


def test_records_may_lack_keys() -> None:
    source = scan([{"a": 1}, {"b": "x"}, {"a": 3, "b": None}])
    assert source.to_table().to_pydict() == {"a": [1, None, 3], "b": [None, "x", None]}


def test_records_must_be_records() -> None:
    with pytest.raises(SchemaError, match="row 2 of <list> is a int; expected a record"):
        scan([{"a": 1}, 2])
    with pytest.raises(DataError, match="<list> is empty"):
        scan([])


def test_no_columns() -> None:
    with pytest.raises(SchemaError, match="<dict> has no columns"):
        scan({})


def test_what_is_no_table_is_refused() -> None:
    with pytest.raises(ConfigError, match="a int is not a table; expected a path"):
        scan(3)
    with pytest.raises(ConfigError, match="'delimiter' does not apply to a table in memory"):
        scan(TABLE, delimiter=";")


def test_an_iterator_must_give_batches_of_one_schema() -> None:
    with pytest.raises(DataError, match="gave no record batch"):
        scan(iter([]))
    with pytest.raises(SchemaError, match=r"item 1 of .* is a int; expected Arrow record batches"):
        scan(iter([1]))
    other_type = iter([pa.record_batch({"x": [1]}), pa.record_batch({"x": ["a"]})])
    with pytest.raises(
        SchemaError, match=r"column 'x' is string in batch 2 .* but int64 in the first"
    ):
        scan(other_type).to_table()
    other_name = iter([pa.record_batch({"x": [1]}), pa.record_batch({"y": [1]})])
    with pytest.raises(SchemaError, match=r"batch 2 of .* has the columns 'y'; expected .* 'x'"):
        scan(other_name).to_table()


def test_the_error_of_a_stream_is_its_own() -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"a": [1]})
        raise KeyError("boom")

    def stream() -> pa.RecordBatchReader:
        return pa.RecordBatchReader.from_batches(pa.schema([("a", pa.int64())]), batches())

    with pytest.raises(KeyError, match="boom"):
        scan(stream()).to_table()
    with pytest.raises(DataError, match="cannot be read: ") as caught:
        scan(Exporter(stream())).to_table()
    assert "Traceback" not in str(caught.value)


class Exporter:
    """A stream of batches that is not pyarrow's."""

    def __init__(self, stream: pa.RecordBatchReader) -> None:
        self._stream = stream

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._stream.__arrow_c_stream__(requested_schema)

    def read_next_batch(self) -> pa.RecordBatch:
        return self._stream.read_next_batch()


class OneWay:
    """Exports its rows the first two times: for the schema, and for one pass."""

    def __init__(self) -> None:
        self.exports = 0

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        self.exports += 1
        return TABLE.slice(0, 3 if self.exports <= 2 else 0).__arrow_c_stream__()


def test_a_stream_in_disguise_is_found_out() -> None:
    source = scan(OneWay())
    assert source.to_table().num_rows == 3
    with pytest.raises(DataError, match="had 3 rows when first read and has 0 now"):
        source.to_table()


def test_read_only_and_nullable_arrays() -> None:
    values = np.arange(4.0)
    values.flags.writeable = False
    assert scan({"x": values}).to_table().column("x").to_pylist() == [0, 1, 2, 3]
    schema = pa.schema([pa.field("x", pa.int64(), nullable=False)])
    assert scan(pa.table({"x": [1]}, schema=schema)).schema.field("x").nullable
