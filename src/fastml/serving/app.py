"""The routes, as an ASGI application: requests are read whole, judged, answered or refused."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from http import HTTPStatus
from typing import Any, TypeAlias

from fastml.serving.answers import (
    JSON,
    NO_HEADERS,
    Send,
    as_json,
    fault_told,
    refusal_headers,
    refusal_told,
    request_name,
    send_answer,
)
from fastml.serving.bodies import Bodies, Receive, busy
from fastml.serving.capture import Capture
from fastml.serving.counters import Counters
from fastml.serving.handler import Answered, Handler
from fastml.serving.limits import Limits
from fastml.serving.log import say
from fastml.serving.media import ACCEPTED, READ
from fastml.serving.models import Models
from fastml.serving.refused import RefusedError

__all__ = ["App"]

Scope: TypeAlias = dict[str, Any]

_SMALL = (b"text/", b"application/json", b"application/x-ndjson")
_TEXT = b"text/plain; version=0.0.4; charset=utf-8"


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
        self._bodies = Bodies(self._limits)
        self._waiting = 0
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
        status, more = 200, NO_HEADERS
        try:
            if self._models is not None and (path == "/models" or path.startswith("/models/")):
                answered = await self._managed(self._models, path, method, receive)
            else:
                answered = self._told(path, method)
        except RefusedError as error:
            status, answered, more = error.status, refusal_told(error), refusal_headers(error)
        except Exception as error:  # a folder may hold anything
            status, answered = 500, _fault_of(error, secrets.token_hex(8).encode())
        await send_answer(send, status, answered, more, close=self.draining)

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
        began, body, more = time.perf_counter(), b"", NO_HEADERS
        try:
            if scope["method"] != "POST":
                raise _not_allowed("/invocations takes POST", "POST")
            handler = await self._asked(scope["path"])
            whole = await self._bodies.read(receive, length)
            if whole is None:  # whoever asked has gone: nothing of it is predicted
                return
            body, began = whole, time.perf_counter()
            asked = scope["query_string"] or attributes
            explain = bool(asked) and (_asks(scope["query_string"]) or _asks(attributes))
            text = content_type.startswith(_SMALL)  # what others hold is known when it is read
            if explain or len(body) > self._limits.small or not text:
                answered = await self._in_pool(handler, body, content_type, accept, explain)
            else:
                answered = handler.handle(body, content_type, accept, most_rows=self._limits.rows)
            status = 200
            if self._capture is not None:
                self._capture.take(body, content_type, *answered, identity)
        except RefusedError as error:
            status, answered, more = error.status, refusal_told(error), refusal_headers(error)
            say(
                "refused",
                status=int(status),
                request=request_name(identity),
                bytes=len(body),
                seconds=round(time.perf_counter() - began, 6),
            )
        except Exception as error:  # whatever it is, the worker lives, and its client hears of it
            identity = identity or secrets.token_hex(8).encode()
            status, answered = 500, _fault_of(error, identity)
        if identity:
            more = (*more, (b"x-request-id", identity))
        await send_answer(send, status, answered, more, close=self.draining)
        seconds = time.perf_counter() - began
        self._counters.answered(status, seconds, len(body), len(answered.body))

    async def _asked(self, path: str) -> Handler:
        """Return what answers for the model that is asked."""
        if path == "/invocations":
            return self._loaded()
        if self._models is None:
            raise RefusedError(HTTPStatus.NOT_FOUND, "this server has one model: /invocations")
        models, name = self._models, path.removeprefix("/models/").removesuffix("/invoke")
        found = models.held(name)
        if found is not None:
            return found
        return await _joined(models.get(name))

    async def _managed(self, models: Models, path: str, method: str, receive: Receive) -> Answered:
        """Load, list, describe or remove models, as SageMaker's multi-model endpoints ask."""
        name = path.removeprefix("/models").removeprefix("/")
        if method == "POST" and not name:
            body = await self._bodies.read(receive, -1)
            try:
                wanted = json.loads(body or b"")
                place = str(wanted["model_name"]), str(wanted["url"])
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise RefusedError(
                    HTTPStatus.BAD_REQUEST, "expected {'model_name': NAME, 'url': FOLDER}"
                ) from error
            await _joined(models.add(*place))
            return as_json(models.described(place[0]))
        if method == "GET":
            return as_json(models.described(name) if name else {"models": models.listed()})
        if method == "DELETE" and name:
            models.remove(name)
            return as_json({})
        raise _not_allowed(
            "/models takes GET and POST, /models/NAME GET and DELETE",
            "GET, DELETE" if name else "GET, POST",
        )

    async def _in_pool(
        self, handler: Handler, body: bytes, content_type: bytes, accept: bytes, explain: bool
    ) -> Answered:
        """Answer on a thread, so that small requests do not wait."""
        if self._waiting >= self._limits.waiting + self._limits.threads:
            raise busy()
        with self._bodies.holding(len(body)):
            self._waiting += 1
            try:
                return await asyncio.get_running_loop().run_in_executor(
                    self._pool,
                    lambda: handler.handle(
                        body,
                        content_type,
                        accept,
                        explain=explain,
                        most_rows=self._limits.rows,
                    ),
                )
            finally:
                self._waiting -= 1

    # -- what is known of the model ---------------------------------------------------------------

    def _told(self, path: str, method: str) -> Answered:
        if path not in self._routes:
            raise RefusedError(
                HTTPStatus.NOT_FOUND,
                f"there is no {path}; there are /invocations, {', '.join(self._routes)}",
            )
        allowed, answer = self._routes[path]
        if method not in (allowed, "HEAD"):
            raise _not_allowed(f"{path} takes {allowed}", f"{allowed}, HEAD")
        return answer()

    def _loaded(self) -> Handler:
        if self._models is not None:
            raise RefusedError(
                HTTPStatus.NOT_FOUND, "this server has many models: /models/NAME/invoke"
            )
        if self.handler is None:
            raise RefusedError(
                HTTPStatus.SERVICE_UNAVAILABLE, "the model is being loaded", retry_after=1
            )
        return self.handler

    def _ping(self) -> Answered:
        if self._models is None:
            self._loaded()
        return Answered(b"", JSON)

    def _metrics(self) -> Answered:
        return Answered(self._counters.text().encode(), _TEXT)

    def _schema(self) -> Answered:
        facts = self._loaded().predictor.facts
        found = {
            **{name: facts[name] for name in ("input", "output", "task", "target", "classes")},
            "content_types": list(READ),
            "accept": list(ACCEPTED),
        }
        return as_json(found)

    def _execution_parameters(self) -> Answered:
        megabytes = max(1, min(self._limits.body >> 20, 100))
        found = {
            "MaxConcurrentTransforms": self._limits.threads,
            "BatchStrategy": "MULTI_RECORD",
            "MaxPayloadInMB": min(megabytes, 6),
        }
        return as_json(found)


def _not_allowed(told: str, methods: str) -> RefusedError:
    return RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, told, allow=methods)


def _fault_of(error: Exception, identity: bytes) -> Answered:
    """Log what failed, and where, but no value of a row; return what the client reads."""
    say(
        "fault",
        request=request_name(identity),
        kind=type(error).__name__,
        at=[f"{f.filename}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)],
    )
    return fault_told(identity)


def _asks(words: bytes) -> bool:
    """Say whether a query or custom attributes ask for explanations."""
    return b"explain=1" in words or b"explain=true" in words


async def _joined(loading: Future[Handler]) -> Handler:
    """Wait for a load that others may wait for too: it goes on where one of them goes."""
    return await asyncio.shield(asyncio.wrap_future(loading))
