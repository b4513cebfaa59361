"""The routes: what is answered, what is refused, and that one request does not harm another."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any, NamedTuple

import pytest

from fastml.serving.app import App
from fastml.serving.arriving import within
from fastml.serving.counters import Counters
from fastml.serving.handler import Answered, Handler
from fastml.serving.limits import Limits
from fastml.serving.predictor import Predictor

from .conftest import model, table


class Response(NamedTuple):
    status: int
    headers: dict[bytes, bytes]
    body: bytes


def app(limits: Limits | None = None, *, loaded: bool = True) -> App:
    made = App(Counters(1), limits)
    if loaded:
        made.handler = Handler(Predictor.of(model("numbers")))
    return made


ROW = b"1.5,2,3.25\n"
CSV = (b"content-type", b"text/csv")


async def ask(
    made: App,
    path: str = "/invocations",
    *,
    method: str = "POST",
    body: bytes | Iterable[bytes | float | None] = ROW,
    headers: Iterable[tuple[bytes, bytes]] = (CSV,),
    query: bytes = b"",
) -> Response | None:
    """Send a request whose body comes in parts: None ends the connection, a number is a pause."""
    parts = iter([body] if isinstance(body, bytes) else body)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        for part in parts:
            if isinstance(part, float):
                await asyncio.sleep(part)
            elif part is None:
                return {"type": "http.disconnect"}
            else:
                return {
                    "type": "http.request",
                    "body": part,
                    "more_body": not isinstance(body, bytes),
                }
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "path": path,
        "method": method,
        "headers": list(headers),
        "query_string": query,
    }
    await made(scope, receive, send)
    if not sent:
        return None
    start, end = sent
    return Response(start["status"], dict(start["headers"]), end["body"])


def get(made: App, path: str, method: str = "GET") -> Response:
    found = asyncio.run(ask(made, path, method=method))
    assert found is not None
    return found


def post(made: App, **request: Any) -> Response:
    found = asyncio.run(ask(made, **request))
    assert found is not None
    return found


def test_a_prediction() -> None:
    made = app()
    found = post(made)
    assert found.status == 200
    assert found.body == made.handler.handle(ROW, b"text/csv").body  # type: ignore[union-attr]
    assert found.headers[b"content-type"] == b"text/csv"
    assert found.headers[b"content-length"] == b"%d" % len(found.body)


def test_bodies_in_parts_are_one() -> None:
    whole = post(app())
    assert post(app(), body=[ROW[:3], 0.01, ROW[3:]]) == whole
    assert post(app(), body=[0.01, ROW]) == whole


def test_a_body_that_is_not_finished_is_not_predicted() -> None:
    made = app()
    assert asyncio.run(ask(made, body=[ROW, None])) is None
    assert asyncio.run(ask(made, body=[None])) is None
    assert b'fastml_requests_total{status="200"} 0' in get(made, "/metrics").body
    assert made._bodies.held == 0


def test_bodies_that_are_too_large() -> None:
    made = app(Limits(body=20))
    for request in (
        {"body": ROW * 3},
        {"body": [ROW, ROW]},
        {"headers": [CSV, (b"content-length", b"21")]},
    ):
        found = post(made, **request)
        assert found.status == 413
        assert b"more than 20 bytes" in found.body
        assert found.headers[b"connection"] == b"close"
    assert made._bodies.held == 0


def test_bodies_that_are_slow() -> None:
    made = app(Limits(body_seconds=0.05))
    for body in ([1.0, ROW], [ROW, 1.0, ROW], [ROW] + [0.02, b""] * 9):
        found = post(made, body=body)
        assert found.status == 408
        assert b"did not arrive within 0.05 s" in found.body
    assert made._bodies.held == 0


@pytest.mark.parametrize(
    ("request_", "status", "words"),
    [
        ({"headers": []}, 415, "the Content-Type is missing"),
        ({"headers": [CSV, (b"accept", b"image/png")]}, 406, "predictions are written as one of"),
        ({"body": b"1,x,3"}, 400, "row 1, column 'count': found 'x', expected a number"),
        ({"body": b""}, 400, "the body is empty"),
        ({"method": "GET"}, 405, "/invocations takes POST"),
    ],
)
def test_requests_that_are_refused(request_: dict[str, Any], status: int, words: str) -> None:
    found = post(app(), **request_)
    assert found.status == status
    assert words in json.loads(found.body)["error"]


def test_what_is_refused_is_logged_without_its_values(capsys: pytest.CaptureFixture[str]) -> None:
    headers = [CSV, (b"x-amzn-sagemaker-inference-id", b"abc")]
    found = post(app(), body=b"1,secret,3", headers=headers)
    assert b"secret" in found.body
    assert found.headers[b"x-request-id"] == b"abc"
    logged = capsys.readouterr().err
    assert "secret" not in logged
    line = json.loads(logged)
    assert (line["event"], line["status"], line["request"], line["bytes"]) == (
        "refused", 400, "abc", 10,
    )  # fmt: skip


def test_a_fault_is_told_without_its_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: Any, **__: Any) -> Answered:
        raise RuntimeError("secret")

    monkeypatch.setattr(Handler, "handle", fails)
    found = post(app())
    assert found.status == 500
    logged = capsys.readouterr().err
    assert json.loads(found.body)["request"] == json.loads(logged)["request"]
    assert b"secret" not in found.body
    assert "secret" not in logged
    assert json.loads(logged)["kind"] == "RuntimeError"


def test_routes() -> None:
    made = app()
    assert get(made, "/ping") == Response(
        200, {b"content-type": b"application/json", b"content-length": b"0"}, b""
    )
    schema = json.loads(get(made, "/schema").body)
    assert schema["input"][0] == {"name": "size", "type": "double"}
    assert [each["name"] for each in schema["output"]] == [
        "prediction", "probability_no", "probability_yes",
    ]  # fmt: skip
    assert (schema["task"], schema["classes"]) == ("binary", ["no", "yes"])
    parameters = json.loads(get(made, "/execution-parameters").body)
    assert parameters == {
        "MaxConcurrentTransforms": 2, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": 6,
    }  # fmt: skip
    found = get(made, "/nothing")
    assert (found.status, b"/invocations, /ping" in found.body) == (404, True)
    for path, method, allow in (("/ping", "POST", b"GET, HEAD"), ("/invocations", "GET", b"POST")):
        found = get(made, path, method)
        assert (found.status, found.headers[b"allow"]) == (405, allow)


def test_a_model_that_is_not_loaded() -> None:
    made = app(loaded=False)
    for found in (get(made, "/ping"), get(made, "/schema"), post(made)):
        assert found.status == 503
        assert found.headers[b"retry-after"] == b"1"
    assert get(made, "/metrics").status == 200


def test_counters() -> None:
    made = app()
    post(made)
    post(made, body=b"x")
    lines = get(made, "/metrics").body.decode().splitlines()
    assert 'fastml_requests_total{status="200"} 1' in lines
    assert 'fastml_requests_total{status="400"} 1' in lines
    assert "fastml_request_seconds_count 2" in lines
    assert f"fastml_bytes_in_total {len(ROW) + 1}" in lines
    assert next(each for each in lines if 'le="+Inf"' in each).endswith(" 2")


def test_counters_of_workers_add_up() -> None:
    counters = Counters(3)
    for worker in range(3):
        counters.of_worker(worker)
        counters.answered(200 + worker, 10.0**-worker, 5, 7)
    assert counters.total("status_200") == 1.0
    assert counters.total("status_500") == 2.0  # those that have no counter of their own
    assert counters.total("bytes_in") == 15.0
    assert counters.total("seconds") == pytest.approx(1.11)


def test_explanations_are_asked_for_in_two_ways() -> None:
    made = app()
    headers = [CSV, (b"accept", b"application/json")]
    attributes = (b"x-amzn-sagemaker-custom-attributes", b"a=b,explain=1")
    by_query = post(made, query=b"explain=1", headers=headers)
    assert post(made, headers=[*headers, attributes]).body == by_query.body
    (record,) = json.loads(by_query.body)["predictions"]
    assert set(record["contributions"]) == {"size", "count", "small"}


def test_small_requests_do_not_wait_for_large_ones() -> None:
    made = app(Limits(small=100, threads=1, waiting=1))
    many = ROW * 20_000

    async def together() -> tuple[list[str], list[Response | None]]:
        ended: list[str] = []

        async def timed(name: str, body: bytes) -> Response | None:
            found = await ask(made, body=body)
            ended.append(name)
            return found

        large = [asyncio.create_task(timed(f"large {i}", many)) for i in range(4)]
        await asyncio.sleep(0)
        small = await timed("small", ROW)
        return ended, [small, *await asyncio.gather(*large)]

    ended, (small, *large) = asyncio.run(together())
    assert small is not None
    assert small.status == 200
    assert ended.index("small") < max(ended.index(f"large {i}") for i in range(2))
    statuses = sorted(each.status for each in large if each is not None)
    assert statuses == [200, 200, 503, 503]  # one at work, one waiting
    refused = next(each for each in large if each is not None and each.status == 503)
    assert refused.headers[b"retry-after"] == b"1"
    assert (made._waiting, made._bodies.held) == (0, 0)


def test_large_and_small_requests_have_the_same_answers() -> None:
    rows = table().select(["size", "count", "small"]).slice(0, 300)
    body = b"".join(b"%r,%r,%r\n" % tuple(map(_text, row.values())) for row in rows.to_pylist())
    assert post(app(Limits(small=10)), body=body) == post(app(Limits(small=1 << 20)), body=body)


def _text(value: object) -> float:
    return float("nan") if value is None else float(value)  # type: ignore[arg-type]


def test_connections_close_while_draining() -> None:
    made = app()
    made.draining = True
    assert post(made).headers[b"connection"] == b"close"


def test_waiting_with_a_deadline() -> None:
    async def coming(seconds: float) -> str:
        if seconds:
            await asyncio.sleep(seconds / 2)
            await asyncio.sleep(seconds / 2)
        return "here"

    async def both() -> None:
        assert await within(0.0, coming(0.0)) == "here"
        assert await within(5.0, coming(0.01)) == "here"
        with pytest.raises(TimeoutError):
            await within(0.01, coming(5.0))

    asyncio.run(both())
