"""Every Arrow type becomes one that the compiled core reads, or stays for the caller to drop."""

from __future__ import annotations

import datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from fastml.data import canonical_batch, canonical_schema, canonical_type, scan
from fastml.errors import SchemaError

TEXT = pa.array(["é", None, "b"])
SAME = [
    pa.array([True, None, False]),
    pa.array([1, None, 3], pa.int8()),
    pa.array([1, None, 3], pa.uint64()),
    pa.array([1.5, None, 3], pa.float32()),
    pa.array([datetime.date(2020, 1, 1), None, None]),
    pa.array([1, None, 3], pa.timestamp("ns", "UTC")),
    pa.array([1, None, 3], pa.duration("s")),
    pa.array([1, None, 3], pa.time64("us")),
    TEXT,
    TEXT.cast(pa.large_string()),
    TEXT.dictionary_encode(),
    pa.nulls(3),
    pa.array([[1], None, []]),
    pa.array([b"x", None, b""]),
    pa.array([[("k", 1)], None, []], pa.map_(pa.string(), pa.int64())),
]
CAST = [
    (pa.array(np.array([1, 2, 3], np.float16)), pa.float32()),
    (pa.array([Decimal("1.25"), None, Decimal(3)]), pa.float64()),
    (pa.array([Decimal("1.25"), None, Decimal(3)], pa.decimal256(5, 2)), pa.float64()),
    (pa.array([datetime.date(2020, 1, 1), None, None], pa.date64()), pa.timestamp("ms")),
    (TEXT.cast(pa.string_view()), pa.string()),
    (pa.array([1.5, None, 1.5]).dictionary_encode(), pa.float64()),
    (
        pa.DictionaryArray.from_arrays(pa.array([0, None, 1], pa.uint8()), pa.array(["a", "b"])),
        pa.dictionary(pa.int32(), pa.string()),
    ),
    (
        pa.DictionaryArray.from_arrays(
            pa.array([0, None, 1], pa.uint32()), pa.array(["a", "b"], pa.string_view())
        ),
        pa.dictionary(pa.int64(), pa.string()),
    ),
    (pa.RunEndEncodedArray.from_arrays([2, 3], ["a", "b"]), pa.string()),
    (pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, None, 0], pa.int8())), pa.int8()),
]


@pytest.mark.parametrize("column", SAME, ids=lambda c: str(c.type))
def test_what_the_core_reads_is_not_touched(column: pa.Array) -> None:
    assert canonical_type(column.type) == column.type
    batch = pa.record_batch({"c": column})
    assert canonical_batch(batch) is batch


@pytest.mark.parametrize(("column", "wanted"), CAST, ids=lambda c: str(getattr(c, "type", c)))
def test_what_it_does_not_read_is_cast(column: pa.Array, wanted: pa.DataType) -> None:
    assert canonical_type(column.type) == wanted
    for part in (column, column.slice(1), column.slice(0, 0)):
        got = canonical_batch(pa.record_batch({"c": part})).column(0)
        got.validate(full=True)
        assert got.type == wanted
        expected = [float(v) if isinstance(v, Decimal) else v for v in part.to_pylist()]
        assert got.cast(wanted).to_pylist() == [
            datetime.datetime(v.year, v.month, v.day) if isinstance(v, datetime.date) else v
            for v in expected
        ]


def test_structs_are_taken_apart() -> None:
    column = pa.array([{"x": 1, "y": {"z": "q"}}, None, {"x": None, "y": None}])
    batch = pa.record_batch({"s": column, "n": [1, 2, 3]})
    flat = canonical_batch(batch)
    assert flat.schema.equals(canonical_schema(batch.schema))
    assert flat.to_pydict() == {"s.x": [1, None, None], "s.y.z": ["q", None, None], "n": [1, 2, 3]}
    assert canonical_batch(batch.slice(1, 1)).to_pylist() == [{"s.x": None, "s.y.z": None, "n": 2}]


def test_a_canonical_source() -> None:
    table = pa.table({"s": [{"x": Decimal("1.5"), "y": 1}] * 3, "n": [1, 2, 3]})
    source = scan(table).slice(1).canonical()
    assert source.num_rows == 2
    assert source.select(["n", "s.x"]).to_table().to_pydict() == {"n": [2, 3], "s.x": [1.5, 1.5]}


def test_a_field_may_not_hide_a_column() -> None:
    with pytest.raises(SchemaError, match=r"more than one column named 's\.x'"):
        scan(pa.table({"s": [{"x": 1}], "s.x": [2]})).canonical()
