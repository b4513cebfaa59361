"""Requests and answers, kept for whoever watches the model: sampled, bounded, off the path.

Files are written whole, under ``FOLDER/YYYY/MM/DD/HH/``: lines of JSON as SageMaker's data capture
has them, or Parquet.
"""

from __future__ import annotations

import base64
import json
import os
import random
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from fastml.atomic import atomic_path
from fastml.errors import DataError
from fastml.serving.log import say

__all__ = ["Capture", "CaptureForm", "CaptureSettings"]

CaptureForm: TypeAlias = Literal["jsonl", "parquet"]
_TEXT: Final = {b"text/csv": "CSV", b"application/json": "JSON"}


_PART: Final = 3 << 14
"""Bytes or characters that are written at once: three bytes are four characters of base64."""


@dataclass(frozen=True, slots=True)
class CaptureSettings:
    """What is kept, and where.

    Parameters
    ----------
    folder : Path
    sample : float
        The share of the requests, at random.
    form : {"jsonl", "parquet"}
    every : float
        Seconds between files.
    most : int
        Bytes that wait to be written; what comes beyond is dropped, and counted.
    largest : int
        Bytes of a request and its answer that are kept: larger ones are dropped, and counted, as
        half of one would be read as rows that nobody sent. The default is SageMaker's largest
        payload.
    """

    folder: Path
    sample: float = 1.0
    form: CaptureForm = "jsonl"
    every: float = 10.0
    most: int = 64 << 20
    largest: int = 25 << 20


@dataclass(frozen=True, slots=True)
class _Event:
    identity: str
    at: float
    content_type: bytes
    body: bytes
    answer_type: bytes
    answer: bytes

    @property
    def size(self) -> int:
        return len(self.body) + len(self.answer) + 200


class Capture:
    """Keeps a sample of requests with their answers; a thread of its own writes them.

    Parameters
    ----------
    settings : CaptureSettings

    Attributes
    ----------
    dropped : int
        Requests of the sample that there was no room for, or whose file could not be written.
    """

    def __init__(self, settings: CaptureSettings) -> None:
        self.dropped = 0
        self._settings = settings
        self._waiting: deque[_Event] = deque()
        self._bytes = 0
        self._counting = threading.Lock()
        self._random = random.Random(os.getpid() ^ time.time_ns())
        self._end = threading.Event()
        self._writer = threading.Thread(target=self._run, name="fastml-capture", daemon=True)
        self._writer.start()

    def take(
        self, body: bytes, content_type: bytes, answer: bytes, answer_type: bytes, identity: bytes
    ) -> None:
        """Keep a request and its answer, if the sample has it and there is room."""
        if self._random.random() >= self._settings.sample:
            return
        name = identity[:128].decode("latin-1") or str(uuid.uuid4())
        event = _Event(name, time.time(), content_type, body, answer_type, answer)
        with self._counting:
            room = min(self._settings.most - self._bytes, self._settings.largest)
            if event.size > room:
                self.dropped += 1
                return
            self._bytes += event.size
        self._waiting.append(event)

    def close(self) -> None:
        """Write what waits, and end."""
        self._end.set()
        self._writer.join()

    def _run(self) -> None:
        ended = False
        while not ended:
            ended = self._end.wait(self._settings.every)
            self._write()

    def _write(self) -> None:
        events = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if not events:
            return
        with self._counting:
            self._bytes -= sum(event.size for event in events)
        first = time.gmtime(events[0].at)
        folder = self._settings.folder / time.strftime("%Y/%m/%d/%H", first)
        name = f"{time.strftime('%M-%S', first)}-{uuid.uuid4()}.{self._settings.form}"
        try:
            with atomic_path(folder / name) as temporary:
                if self._settings.form == "jsonl":
                    with temporary.open("w", encoding="utf-8") as file:
                        for event in events:
                            file.writelines(_line(event))
                else:
                    _write_parquet(events, temporary)
        except (DataError, OSError) as error:
            self.dropped += len(events)
            say("requests were not captured", requests=len(events), cause=str(error))


def _line(event: _Event) -> Iterator[str]:
    """Yield the parts of a line of SageMaker's data capture.

    One call that wrote a megabyte of JSON would keep the interpreter, and so all small requests,
    for ten milliseconds: between parts others have their turn.
    """
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(event.at))
    metadata = {"eventId": event.identity, "inferenceTime": at}
    yield '{"captureData": {"endpointInput": '
    yield from _side("INPUT", event.content_type, event.body)
    yield ', "endpointOutput": '
    yield from _side("OUTPUT", event.answer_type, event.answer)
    yield f'}}, "eventMetadata": {_json(metadata)}, "eventVersion": "0"}}\n'


def _side(mode: str, content_type: bytes, content: bytes) -> Iterator[str]:
    encoding = _TEXT.get(content_type.split(b";")[0].strip().lower(), "BASE64")
    text = ""
    if encoding != "BASE64":
        try:
            text = content.decode()
        except UnicodeDecodeError:  # text that was refused need not be any
            encoding = "BASE64"
    facts = {
        "observedContentType": content_type.decode("latin-1"),
        "mode": mode,
        "encoding": encoding,
    }
    yield _json(facts)[:-1] + ', "data": "'
    if encoding == "BASE64":
        for first in range(0, len(content), _PART):
            yield base64.b64encode(content[first : first + _PART]).decode()
    else:
        for first in range(0, len(text), _PART):
            yield _json(text[first : first + _PART])[1:-1]
    yield '"}'


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _write_parquet(events: list[_Event], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {
        "event_id": pa.array([each.identity for each in events], pa.string()),
        "time": pa.array([int(each.at * 1e6) for each in events], pa.timestamp("us", "UTC")),
        "content_type": pa.array([each.content_type.decode("latin-1") for each in events]),
        "body": pa.array([each.body for each in events], pa.large_binary()),
        "answer_type": pa.array([each.answer_type.decode("latin-1") for each in events]),
        "answer": pa.array([each.answer for each in events], pa.large_binary()),
    }
    pq.write_table(pa.table(columns), path, compression="zstd")
