"""Moments at serving time: those of training, whatever their unit or zone."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest

from fastml.errors import SchemaError
from fastml.preprocessing.conform import conform

NOON = dt.datetime(2024, 3, 1, 12, 30)


def moments(type_: pa.DataType, value: object = NOON) -> pa.RecordBatch:
    return pa.record_batch({"t": pa.array([value, None], type_)})


def conformed(found: pa.RecordBatch, wanted: pa.DataType) -> pa.Array:
    return conform(found, pa.schema({"t": wanted}), "new.csv").column("t")


def test_finer_units_are_cut_to_those_of_training() -> None:
    nanoseconds = pa.array([1_709_296_200_000_000_001, None], pa.timestamp("ns"))
    got = conformed(pa.record_batch({"t": nanoseconds}), pa.timestamp("us"))
    assert got.to_pylist() == [NOON, None]


def test_moments_that_the_unit_cannot_hold_are_named() -> None:
    far = moments(pa.timestamp("us"), dt.datetime(9999, 1, 1))
    with pytest.raises(SchemaError, match=r"'t' of new.csv .* timestamp\[ns\].* cannot hold"):
        conformed(far, pa.timestamp("ns"))


def test_zones_are_converted() -> None:
    here = moments(pa.timestamp("us", "Asia/Tokyo"))
    got = conformed(here, pa.timestamp("ms", "UTC"))
    assert got.type == pa.timestamp("ms", "UTC")
    assert got.cast(pa.int64()).to_pylist() == [1_709_296_200_000, None]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (pa.timestamp("us"), pa.timestamp("us", "America/New_York")),
        (pa.timestamp("us", "America/New_York"), pa.timestamp("us")),
        (pa.timestamp("us", "UTC"), pa.date32()),
    ],
    ids=str,
)
def test_moments_with_and_without_a_zone_are_not_mixed(
    wanted: pa.DataType, found: pa.DataType
) -> None:
    with pytest.raises(SchemaError, match="zone"):
        conformed(moments(found), wanted)
