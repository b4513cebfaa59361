"""Answers as HTTP has them: predictions, facts as JSON, and what a refused request is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any, TypeAlias

from fastml.serving.handler import Answered
from fastml.serving.refused import RefusedError

__all__ = [
    "JSON",
    "NO_HEADERS",
    "Headers",
    "Send",
    "as_json",
    "fault_told",
    "refusal_headers",
    "refusal_told",
    "request_name",
    "send_answer",
]

Send: TypeAlias = Callable[[dict[str, Any]], Coroutine[Any, Any, None]]
Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]

JSON = b"application/json"
NO_HEADERS: Headers = ()
_CLOSE: Headers = ((b"connection", b"close"),)
_UNREAD = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


async def send_answer(
    send: Send, status: int, answered: Answered, more: Headers = NO_HEADERS, *, close: bool = False
) -> None:
    """Send an answer whole; `close` has the client close its connection."""
    body, content_type = answered
    headers = [
        (b"content-type", content_type),
        (b"content-length", b"%d" % len(body)),
        *more,
    ]
    if close:
        headers += _CLOSE
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": body})


def as_json(found: object) -> Answered:
    """Return what is known as JSON."""
    return Answered(json.dumps(found, ensure_ascii=False).encode(), JSON)


def refusal_told(error: RefusedError) -> Answered:
    """Return what the client of a refused request reads."""
    return as_json({"error": str(error)})


def refusal_headers(error: RefusedError) -> Headers:
    """Return the headers that a refusal comes with."""
    if error.status in _UNREAD:  # the rest of the body must not be waited for
        return _CLOSE
    if error.allow is not None:
        return ((b"allow", error.allow.encode()),)
    after = error.retry_after
    return NO_HEADERS if after is None else ((b"retry-after", b"%d" % after),)


def fault_told(identity: bytes) -> Answered:
    """Return what a client reads of a fault that is the server's."""
    told = "a fault of the server's own; its log says more under this request"
    return as_json({"error": told, "request": request_name(identity)})


def request_name(identity: bytes) -> str:
    """Return the name of a request as the log has it."""
    return identity[:128].decode("latin-1")
