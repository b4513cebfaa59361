"""Few bytes that would become many: refused before they do."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fastml.serving.handler import Handler
from fastml.serving.predictor import Predictor
from fastml.serving.refused import RefusedError
from fastml.serving.rows import MOST_CELLS

from .conftest import model, table

ARROW, PARQUET = b"application/vnd.apache.arrow.stream", b"application/vnd.apache.parquet"
LONG = "x" * (1 << 20)


def handler(kind: str = "numbers") -> Handler:
    return Handler(Predictor.of(model(kind)))


def stream(columns: dict[str, pa.Array], compression: str | None = None) -> bytes:
    sink = io.BytesIO()
    batch = pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
        writer.write_batch(batch)
    return sink.getvalue()


def refused(body: bytes, kind: bytes, words: str, status: int = 413) -> None:
    """Check that a body is refused, and takes a small part of what it would become meanwhile."""
    usual = pa.default_memory_pool()
    pool = pa.proxy_memory_pool(usual)
    pa.set_memory_pool(pool)
    try:
        with pytest.raises(RefusedError, match=words) as found:
            handler("binary").handle(body, kind)
    finally:
        pa.set_memory_pool(usual)
    assert found.value.status == status
    assert pool.max_memory() < 64 << 20


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_compressed_streams_are_read(compression: str) -> None:
    own = handler("binary")
    rows = table().select(own.predictor.batches.schema.names).combine_chunks()
    columns = {name: rows[name].combine_chunks() for name in rows.column_names}
    for plan in (columns["plan"], columns["plan"].dictionary_encode()):
        some = columns | {"plan": plan}
        plain = own.handle(stream(some), ARROW, b"text/csv")
        assert own.handle(stream(some, compression), ARROW, b"text/csv") == plain


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_buffers_that_state_too_much_are_not_decompressed(
    compression: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastml.serving.swelling.MOST_BYTES", 1 << 27)
    many = pa.DictionaryArray.from_arrays(pa.array([0], pa.int32()), pa.array([LONG * 129]))
    for columns in ({"size": pa.array(np.zeros((1 << 24) + 1))}, {"plan": many}):
        body = stream(columns, compression)
        assert len(body) < 1 << 20
        refused(body, ARROW, "when decompressed")


def test_a_length_that_is_a_lie() -> None:
    body = bytearray(stream({"size": pa.array(np.zeros(1 << 16))}, "zstd"))
    at = bytes(body).rindex((8 << 16).to_bytes(8, "little"))
    body[at : at + 8] = (1 << 60).to_bytes(8, "little")
    refused(bytes(body), ARROW, "when decompressed")


def test_streams_that_are_cut_or_altered_are_refused_in_words() -> None:
    body = stream({"size": pa.array(np.arange(100.0))}, "zstd")
    random = np.random.default_rng(0)
    own = handler("binary")
    for _ in range(300):
        altered = bytearray(body)
        for at in random.integers(0, len(body), 3):
            altered[at] ^= 1 << int(random.integers(8))
        with pytest.raises(RefusedError):  # if for nothing else, for the columns that it lacks
            own.handle(bytes(altered), ARROW)


def zeros(rows: int) -> pa.Array:
    return pa.array(np.zeros(rows, np.int32))


def views(rows: int) -> pa.Array:
    one = pa.array([LONG], pa.string_view())
    again = np.tile(np.frombuffer(one.buffers()[1], np.uint8)[:16], rows)
    return pa.Array.from_buffers(
        pa.string_view(), rows, [None, pa.py_buffer(again.tobytes()), one.buffers()[2]]
    )


def of_one(value: object, type_: pa.DataType | None = None) -> pa.Array:
    return pa.DictionaryArray.from_arrays(zeros(5000), pa.array([value], type_))


@pytest.mark.parametrize(
    ("column", "words", "status"),
    [
        (lambda: pa.nulls(10**9), "more than 2,000,000 rows", 413),
        (lambda: of_one(LONG), "when decompressed", 413),
        (lambda: of_one(LONG.encode()), "when decompressed", 413),
        (lambda: of_one([1]), "a dictionary of list", 400),
        (lambda: pa.RunEndEncodedArray.from_arrays([5000], [LONG]), "runs of string", 400),
        (lambda: views(5000), "when decompressed", 413),
    ],
    ids=["nulls", "texts", "bytes", "lists", "runs", "views"],
)
def test_one_value_for_many_rows(column: Callable[[], pa.Array], words: str, status: int) -> None:
    refused(stream({"plan": column()}), ARROW, words, status)
    inside = pa.StructArray.from_arrays([column()], ["it"])
    refused(stream({"plan": inside}), ARROW, words, status)


def test_parquet_with_one_long_text_for_many_rows() -> None:
    sink = io.BytesIO()
    text = pa.DictionaryArray.from_arrays(zeros(60_000), pa.array([LONG]))
    pq.write_table(pa.table({"plan": text}), sink)
    assert len(sink.getvalue()) < 2 << 20
    refused(sink.getvalue(), PARQUET, "when decompressed")


def test_parquet_that_states_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastml.serving.swelling.MOST_BYTES", 1 << 20)
    sink = io.BytesIO()
    pq.write_table(
        pa.table({"size": np.zeros(1 << 18)}), sink, use_dictionary=False, compression="zstd"
    )
    refused(sink.getvalue(), PARQUET, "when decompressed")


def test_rows_of_every_type() -> None:
    rows = pa.table({name: np.arange(9.0) for name in ("size", "count", "small")})
    arrow, parquet, array = io.BytesIO(), io.BytesIO(), io.BytesIO()
    with pa.ipc.new_stream(arrow, rows.schema) as writer:
        writer.write_table(rows, max_chunksize=4)
    pq.write_table(rows, parquet)
    np.save(array, np.zeros((9, 3)))
    text = b"".join(b"%d,%d,%d\n" % (i, i, i) for i in range(9))
    nine = b",".join([b"1"] * 9)
    own = handler()
    for body, kind in (
        (arrow.getvalue(), ARROW),
        (parquet.getvalue(), PARQUET),
        (array.getvalue(), b"application/x-npy"),
        (text, b"text/csv"),
        (text.replace(b"\n", b"\r\n"), b"text/csv"),
        (text.replace(b"\n", b"\r"), b"text/csv"),
        (b"[" + b",".join([b"[1,2,3]"] * 9) + b"]", b"application/json"),
        (b'{"size":[%b],"count":[%b],"small":[%b]}' % (nine, nine, nine), b"application/json"),
        (b"[1,2,3]\n" * 9, b"application/jsonlines"),
    ):
        assert own.handle(body, kind, b"text/csv", most_rows=9).body.count(b"\n") == 9
        for most in (1, 7):
            with pytest.raises(RefusedError, match=f"more than {most} rows") as found:
                own.handle(body, kind, most_rows=most)
            assert found.value.status == 413


def test_text_that_is_all_lines_or_all_values() -> None:
    own = handler()
    values = b"," * (MOST_CELLS + (1 << 17))
    for body, kind, words in (
        (b"\n" * 2000, b"text/csv", "more than 1,000 rows"),
        (values, b"text/csv", f"more than {MOST_CELLS:,} values"),
        (b"a\n" + values + b"\n", b"text/csv", f"more than {MOST_CELLS:,} values"),
        (b"[" + b"," * 4000 + b"]", b"application/json", "more than 1,000 rows"),
        (b"\n" * 2000, b"application/jsonlines", "more than 1,000 rows"),
    ):
        with pytest.raises(RefusedError, match=words) as found:
            own.handle(body, kind, most_rows=1000)
        assert found.value.status == 413


def test_many_narrow_rows_are_read() -> None:
    answer = handler().handle(b"1,2,3\n" * 1_500_000, b"text/csv", b"text/csv").body
    assert answer.count(b"\n") == 1_500_000
