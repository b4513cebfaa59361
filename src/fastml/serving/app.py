"""The routes, as an ASGI application: requests are read whole, judged, answered or refused."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
import traceback
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeAlias

from fastml.serving.arriving import within
from fastml.serving.capture import Capture
from fastml.serving.counters import Counters
from fastml.serving.handler import Answered, Handler
from fastml.serving.log import say
from fastml.serving.media import ACCEPTED, READ
from fastml.serving.models import Models
from fastml.serving.refused import RefusedError

__all__ = ["App", "Limits"]

Scope: TypeAlias = dict[str, Any]
Receive: TypeAlias = Callable[[], Coroutine[Any, Any, dict[str, Any]]]
Send: TypeAlias = Callable[[dict[str, Any]], Coroutine[Any, Any, None]]
Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]

_NOTHING: Headers = ()
_UNREAD = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
_SMALL = (b"text/", b"application/json", b"application/x-ndjson")
_JSON, _TEXT = b"application/json", b"text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a worker takes on.

    Parameters
    ----------
    body : int
        Bytes of a request; more are 413.
    body_seconds : float
        For a body to arrive; slower is 408.
    small : int
        Bytes of a request that is answered at once; larger ones are answered on threads, so that
        they do not delay others.
    threads : int
        For larger ones.
    waiting : int
        Larger ones that may wait for a thread; more are 503.
    held : int
        Bytes of all bodies that are held at once; more are 503.
    models : int
        Bytes of memory for all models, where there are many.
    """

    body: int = 100 << 20
    body_seconds: float = 30.0
    small: int = 1 << 15
    threads: int = 2
    waiting: int = 64
    held: int = 512 << 20
    models: int = 1 << 30


class App:
    """An ASGI application that answers requests by a handler, or by those of many models.

    Parameters
    ----------
    counters : Counters
    limits : Limits, optional
    models : Models, optional
        Then `/models` loads, lists and removes them, and `/models/NAME/invoke` asks one.
    capture : Capture, optional
        Keeps what was predicted.

    Attributes
    ----------
    handler : Handler or None
        None until the model is loaded: `/ping` is 503 until then.
    draining : bool
        Whether connections are to close after their answers.
    """

    def __init__(
        self,
        counters: Counters,
        limits: Limits | None = None,
        models: Models | None = None,
        capture: Capture | None = None,
    ) -> None:
        self.handler: Handler | None = None
        self._models, self._capture = models, capture
        self.draining = False
        self._counters = counters
        self._limits = limits or Limits()
        self._pool = ThreadPoolExecutor(self._limits.threads, thread_name_prefix="fastml-serve")
        self._waiting = self._held = 0
        self._routes: dict[str, tuple[str, Callable[[], Answered]]] = {
            "/ping": ("GET", self._ping),
            "/metrics": ("GET", self._metrics),
            "/schema": ("GET", self._schema),
            "/execution-parameters": ("GET", self._execution_parameters),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        path, method = scope["path"], scope["method"]
        if path == "/invocations" or (path.startswith("/models/") and path.endswith("/invoke")):
            await self._invoked(scope, receive, send)
            return
        try:
            if self._models is not None and (path == "/models" or path.startswith("/models/")):
                answered = await self._managed(self._models, path, method, receive)
                await self._send(send, 200, answered.body, answered.content_type)
                return
            if path not in self._routes:
                raise RefusedError(
                    HTTPStatus.NOT_FOUND,
                    f"there is no {path}; there are /invocations, {', '.join(self._routes)}",
                )
            allowed, answer = self._routes[path]
            if method not in (allowed, "HEAD"):
                raise RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, f"{path} takes {allowed}")
            answered = answer()
        except RefusedError as error:
            await self._send(send, error.status, _told(error), _JSON, _retry(error))
            return
        await self._send(send, 200, answered.body, answered.content_type)

    # -- predictions ----------------------------------------------------------------------------

    async def _invoked(self, scope: Scope, receive: Receive, send: Send) -> None:
        # A prediction takes 2 microseconds: each layer less, and each look at a header, counts.
        content_type = accept = identity = attributes = b""
        length = -1
        for name, value in scope["headers"]:
            if name == b"content-type":
                content_type = value
            elif name == b"accept":
                accept = value
            elif name == b"content-length":
                length = int(value)
            elif name == b"x-amzn-sagemaker-inference-id" or name == b"x-request-id":
                identity = value
            elif name == b"x-amzn-sagemaker-custom-attributes":
                attributes = value
        began, body, more = time.perf_counter(), b"", _NOTHING
        try:
            if scope["method"] != "POST":
                raise RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, "/invocations takes POST")
            handler = await self._asked(scope["path"])
            whole = await self._body(receive, length)
            if whole is None:  # whoever asked has gone: nothing of it is predicted
                return
            body, began = whole, time.perf_counter()
            asked = scope["query_string"] or attributes
            explain = bool(asked) and (_asks(scope["query_string"]) or _asks(attributes))
            text = content_type.startswith(_SMALL)  # what others hold is known when it is read
            if explain or len(body) > self._limits.small or not text:
                answered = await self._in_pool(handler, body, content_type, accept, explain)
            else:
                answered = handler.handle(body, content_type, accept)
            status = 200
            if self._capture is not None:
                self._capture.take(body, content_type, *answered, identity)
            sent, content_type = answered
        except RefusedError as error:
            status, sent, content_type, more = error.status, _told(error), _JSON, _retry(error)
            say(
                "refused",
                status=int(status),
                request=_identity(identity),
                bytes=len(body),
                seconds=round(time.perf_counter() - began, 6),
            )
        except Exception as error:  # whatever it is, the worker lives, and its client hears of it
            identity = identity or secrets.token_hex(8).encode()
            status, sent, content_type = 500, _fault(identity), _JSON
            say(
                "fault",
                request=_identity(identity),
                kind=type(error).__name__,
                at=[f"{f.filename}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)],
            )
        if identity:
            more = (*more, (b"x-request-id", identity))
        await self._send(send, status, sent, content_type, more)
        self._counters.answered(status, time.perf_counter() - began, len(body), len(sent))

    async def _body(self, receive: Receive, length: int) -> bytes | None:
        """Return the whole body; None where the connection ended before it."""
        limits = self._limits
        if length > limits.body:
            raise _too_large(limits.body)
        if length == 0:
            return b""
        began = time.perf_counter()
        try:
            message = await within(limits.body_seconds, receive())
            if message["type"] == "http.disconnect":
                return None
            body: bytes = message.get("body", b"")
            if not message.get("more_body", False) and len(body) <= limits.body:
                return body
            left = began + limits.body_seconds - time.perf_counter()
            async with asyncio.timeout(left):
                return await self._more_body(receive, message)
        except TimeoutError:
            raise RefusedError(
                HTTPStatus.REQUEST_TIMEOUT,
                f"the body did not arrive within {limits.body_seconds:g} s",
            ) from None

    async def _more_body(self, receive: Receive, message: dict[str, Any]) -> bytes | None:
        """Return a body that comes in parts, of which the first is here."""
        parts: list[bytes] = []
        size = 0
        try:
            while True:
                part = message.get("body", b"")
                parts.append(part)
                size += len(part)
                self._held += len(part)
                if size > self._limits.body:
                    raise _too_large(self._limits.body)
                if self._held > self._limits.held:
                    raise _busy()
                if not message.get("more_body", False):
                    return b"".join(parts)
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
        finally:
            self._held -= size

    async def _asked(self, path: str) -> Handler:
        """Return what answers for the model that is asked."""
        if path == "/invocations":
            return self._loaded()
        if self._models is None:
            raise RefusedError(HTTPStatus.NOT_FOUND, "this server has one model: /invocations")
        models, name = self._models, path.split("/")[2]
        found = models.held(name)
        if found is not None:
            return found
        return await asyncio.get_running_loop().run_in_executor(self._pool, models.get, name)

    async def _managed(self, models: Models, path: str, method: str, receive: Receive) -> Answered:
        """Load, list, describe or remove models, as SageMaker's multi-model endpoints ask."""
        name = path.removeprefix("/models").removeprefix("/")
        if method == "POST" and not name:
            body = await self._body(receive, -1)
            try:
                wanted = json.loads(body or b"")
                place = str(wanted["model_name"]), str(wanted["url"])
            except (ValueError, KeyError, TypeError) as error:
                raise RefusedError(
                    HTTPStatus.BAD_REQUEST, "expected {'model_name': NAME, 'url': FOLDER}"
                ) from error
            await asyncio.get_running_loop().run_in_executor(self._pool, models.add, *place)
            return _json_answer(models.described(place[0]))
        if method == "GET":
            return _json_answer(models.described(name) if name else {"models": models.listed()})
        if method == "DELETE" and name:
            models.remove(name)
            return _json_answer({})
        raise RefusedError(
            HTTPStatus.METHOD_NOT_ALLOWED, "/models takes GET and POST, /models/NAME GET and DELETE"
        )

    async def _in_pool(
        self, handler: Handler, body: bytes, content_type: bytes, accept: bytes, explain: bool
    ) -> Answered:
        """Answer on a thread, so that small requests do not wait."""
        if self._waiting >= self._limits.waiting + self._limits.threads:
            raise _busy()
        if self._held + len(body) > self._limits.held:
            raise _busy()
        self._waiting += 1
        self._held += len(body)
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._pool, lambda: handler.handle(body, content_type, accept, explain=explain)
            )
        finally:
            self._waiting -= 1
            self._held -= len(body)

    # -- what is known of the model ---------------------------------------------------------------

    def _loaded(self) -> Handler:
        if self.handler is None:
            raise RefusedError(
                HTTPStatus.SERVICE_UNAVAILABLE, "the model is being loaded", retry_after=1
            )
        return self.handler

    def _ping(self) -> Answered:
        if self._models is None:
            self._loaded()
        return Answered(b"", _JSON)

    def _metrics(self) -> Answered:
        return Answered(self._counters.text().encode(), _TEXT)

    def _schema(self) -> Answered:
        facts = self._loaded().predictor.facts
        found = {
            **{name: facts[name] for name in ("input", "output", "task", "target", "classes")},
            "content_types": list(READ),
            "accept": list(ACCEPTED),
        }
        return _json_answer(found)

    def _execution_parameters(self) -> Answered:
        megabytes = max(1, min(self._limits.body >> 20, 100))
        found = {
            "MaxConcurrentTransforms": self._limits.threads,
            "BatchStrategy": "MULTI_RECORD",
            "MaxPayloadInMB": min(megabytes, 6),
        }
        return _json_answer(found)

    async def _send(
        self,
        send: Send,
        status: int,
        body: bytes,
        content_type: bytes,
        more: Headers = _NOTHING,
    ) -> None:
        headers = [
            (b"content-type", content_type),
            (b"content-length", b"%d" % len(body)),
            *more,
        ]
        if self.draining:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": int(status), "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _asks(words: bytes) -> bool:
    """Say whether a query or custom attributes ask for explanations."""
    return b"explain=1" in words or b"explain=true" in words


def _json_answer(found: object) -> Answered:
    return Answered(json.dumps(found, ensure_ascii=False).encode(), _JSON)


def _fault(identity: bytes) -> bytes:
    told = "a fault of the server's own; its log says more under this request"
    return json.dumps({"error": told, "request": _identity(identity)}).encode()


def _told(error: RefusedError) -> bytes:
    return json.dumps({"error": str(error)}, ensure_ascii=False).encode()


def _retry(error: RefusedError) -> Headers:
    if error.status in _UNREAD:  # the rest of the body must not be waited for
        return ((b"connection", b"close"),)
    after = error.retry_after
    return () if after is None else ((b"retry-after", b"%d" % after),)


def _identity(identity: bytes) -> str:
    return identity[:128].decode("latin-1")


def _too_large(most: int) -> RefusedError:
    return RefusedError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"the body has more than {most:,} bytes; send fewer rows at a time",
    )


def _busy() -> RefusedError:
    return RefusedError(
        HTTPStatus.SERVICE_UNAVAILABLE, "too many requests are waiting", retry_after=1
    )
