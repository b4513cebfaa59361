"""Items of an endpoint that answers: `/ping`, `/invocations`, `/execution-parameters`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fastml.sagemaker.conformance.asking import Answer, Connection, ask, pinged, wait_for_ping
from fastml.sagemaker.conformance.contract import Collected, expect, shown
from fastml.sagemaker.conformance.sample import Churn

if TYPE_CHECKING:
    from fastml.sagemaker.conformance.workbench import Workbench

__all__ = ["SERVING"]

SERVING = Collected("your-algorithms-inference-code")
_BATCH = "your-algorithms-batch-code"

_FIRST = 50
_LARGE = 1 << 30
_IDLE = 76.0
"""Seconds: load balancers keep a connection for a minute, and SageMaker's somewhat longer."""


@SERVING.item("serve.ping", "answer /ping with 200 and nothing, within 2 s, once it can predict")
def _ping(bench: Workbench) -> str:
    # A start of its own, which is timed.
    with bench.serving() as running:
        seconds = wait_for_ping(running)
        answer = pinged(running)
        expect(answer is not None, "the second /ping was not answered within 2 s")
        assert answer is not None
        answer.expect(200)
        expect(not answer.body, f"the body of /ping is {shown(answer.body)}; expected none")
    return f"ready after {seconds:.2f} s"


@SERVING.item("serve.ready", "answer every request from the first good /ping on")
def _ready(bench: Workbench) -> None:
    # Whichever of its processes takes it.
    kind = {"Content-Type": bench.sample.content_type}
    with bench.serving() as running:
        wait_for_ping(running)
        for _ in range(_FIRST):
            ask(running, "POST", "/invocations", bench.sample.body, kind).expect(200)


@SERVING.item("serve.invocation", "answer /invocations with 200 within 60 s")
def _invocation(bench: Workbench) -> str:
    # The sample's own request.
    body, kind = bench.sample.body, bench.sample.content_type
    _invoke(bench, body, kind).expect(200)
    began = time.perf_counter()
    answer = _invoke(bench, body, kind).expect(200)
    expect(answer.body, "the answer is empty")
    return f"{(time.perf_counter() - began) * 1e3:.1f} ms"


@SERVING.item(
    "serve.formats", "answer CSV, JSON and JSON Lines alike", "churn", source="cdf-inference"
)
def _formats(bench: Workbench) -> str:
    # The same row in every format has the same prediction.
    (row,) = _rows(bench, 1)
    as_csv = ",".join(row) + "\n" + ",".join(map(_cell, row.values())) + "\n"
    bodies = {
        "application/json": json.dumps([row]),
        "application/jsonlines": json.dumps(row) + "\n",
        "text/csv": as_csv,
    }
    found = {
        kind: _predictions(_invoke(bench, body.encode(), kind, Accept="application/jsonlines"))
        for kind, body in bodies.items()
    }
    first = found["application/json"]
    expect(len(first) == 1, f"expected a prediction, found {len(first)}")
    for kind, each in found.items():
        expect(each == first, f"{kind} has {shown(each[0])}, JSON {shown(first[0])}")
    return shown(first[0], 60)


@SERVING.item("serve.chunked", "take a body that comes in chunks")
def _chunked(bench: Workbench) -> None:
    # Transfer-Encoding: chunked.
    kind, body = bench.sample.content_type, bench.sample.body
    whole = _invoke(bench, body, kind).expect(200)
    parts = (body[at : at + 16] for at in range(0, len(body), 16))
    answer = _invoke(bench, parts, kind).expect(200)
    expect(answer.body == whole.body, "the answer is another than of the body as a whole")


@SERVING.item("serve.content-type-parameters", "bear parameters of the Content-Type")
def _content_type_parameters(bench: Workbench) -> None:
    # A charset, in letters of any case.
    sample = bench.sample
    _invoke(bench, sample.body, f"{sample.content_type.upper()}; Charset=UTF-8").expect(200)


@SERVING.item(
    "serve.headers",
    "bear the headers that SageMaker passes on",
    source="API_runtime_InvokeEndpoint",
)
def _headers(bench: Workbench) -> None:
    # Custom attributes, an inference id, a variant and a model.
    begin = "X-Amzn-SageMaker-"
    more = {
        f"{begin}Custom-Attributes": "trace=ab;c09=\u00e9".encode().decode("latin-1"),
        f"{begin}Inference-Id": "a9f1",
        f"{begin}Target-Variant": "AllTraffic",
        f"{begin}Target-Model": "churn.tar.gz",
        "X-Amzn-Trace-Id": "Root=1-67891233-abcdef012345678912345678",
    }
    _invoke(bench, bench.sample.body, bench.sample.content_type, **more).expect(200)


@SERVING.item("serve.unknown-type", "refuse an unknown Content-Type with 415", "churn")
def _unknown_type(bench: Workbench) -> str:
    # No guess, and no fault.
    return shown(_invoke(bench, b"<a/>", "application/xml").expect(415).body, 80)


@SERVING.item(
    "serve.bad-row", "refuse a bad value with 400 that names the row and the column", "churn"
)
def _bad_row(bench: Workbench) -> str:
    # A word in the place of a number, in the third row.
    rows = _rows(bench, 3)
    rows[2]["total_day_minutes"] = "many"
    answer = _invoke(bench, json.dumps(rows).encode(), "application/json").expect(400)
    words = answer.body.decode()
    expect("total_day_minutes" in words, f"it does not name the column: {shown(words)}")
    expect(any(each in words for each in ("2", "3")), f"it does not name the row: {shown(words)}")
    return shown(words, 100)


@SERVING.item("serve.not-json", "refuse a body that cannot be read with 400", "churn")
def _not_json(bench: Workbench) -> None:
    # A client's mistake is no fault of the server's.
    _invoke(bench, b'[{"age":', "application/json").expect(400)


@SERVING.item("serve.too-large", "refuse a body that is too large with 413, and live", "churn")
def _too_large(bench: Workbench) -> None:
    # A gigabyte is announced.
    with closing(Connection(bench.server)) as connection:
        connection.putrequest("POST", "/invocations")
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", str(_LARGE))
        connection.endheaders(b"[")
        connection.answer().expect(413)
    _invoke(bench, bench.sample.body, bench.sample.content_type).expect(200)


@SERVING.item(
    "serve.execution-parameters", "tell batch transform how it is best asked, or 404", source=_BATCH
)
def _execution_parameters(bench: Workbench) -> str:
    # MaxConcurrentTransforms, BatchStrategy, MaxPayloadInMB.
    answer = ask(bench.server, "GET", "/execution-parameters").expect(200, 404)
    if answer.status == 404:
        return "404: SageMaker's own are used"
    found = answer.json()
    for name in ("MaxConcurrentTransforms", "MaxPayloadInMB"):
        value = found.get(name)
        expect(isinstance(value, int) and value >= 0, f"{name} is {value!r}; expected a number")
    strategy = found.get("BatchStrategy")
    expect(strategy in ("MULTI_RECORD", "SINGLE_RECORD"), f"BatchStrategy is {strategy!r}")
    total = found["MaxConcurrentTransforms"] * found["MaxPayloadInMB"]
    expect(total <= 100, f"{total} MB at once; SageMaker allows 100")
    return json.dumps(found)


@SERVING.item(
    "serve.transform", "answer each record of a payload, in order", "churn", source=_BATCH
)
def _transform(bench: Workbench) -> str:
    # A payload of many records, as batch transform sends them, and parts of it one by one.
    rows = _rows(bench, 5_000)
    payload = "".join(json.dumps(row) + "\n" for row in rows).encode()
    found = _predictions(_invoke(bench, payload, "application/jsonlines"))
    expect(len(found) == len(rows), f"{len(rows):,} records in, {len(found):,} out")
    for at in (0, 1, 2_500, 4_999):
        alone = json.dumps(rows[at]).encode() + b"\n"
        (one,) = _predictions(_invoke(bench, alone, "application/jsonlines")) or (b"",)
        expect(one == found[at], f"record {at} is {shown(found[at])}, alone {shown(one)}")
    return f"{len(rows):,} records, {len(payload):,} bytes"


@SERVING.item("serve.keep-alive", "keep a connection that is idle for 75 s", "time")
def _keep_alive(bench: Workbench) -> None:
    # Else a client may write to a connection that is being closed.
    kind = {"Content-Type": bench.sample.content_type}
    with closing(Connection(bench.server)) as connection:
        connection.ask("POST", "/invocations", bench.sample.body, kind).expect(200)
        socket = connection.sock
        time.sleep(_IDLE)
        connection.ask("POST", "/invocations", bench.sample.body, kind).expect(200)
        expect(connection.sock is socket, "the connection was closed meanwhile")


def _invoke(bench: Workbench, body: bytes | Iterator[bytes], kind: str, **headers: str) -> Answer:
    return ask(bench.server, "POST", "/invocations", body, {"Content-Type": kind, **headers})


def _rows(bench: Workbench, count: int) -> list[dict[str, Any]]:
    assert isinstance(bench.sample, Churn)
    return bench.sample.rows[:count]


def _predictions(answer: Answer) -> list[bytes]:
    lines = answer.expect(200).body.splitlines()
    for line in lines:
        replace(answer, body=line).json()
    return lines


def _cell(value: Any) -> str:
    return "" if value is None else str(value)
