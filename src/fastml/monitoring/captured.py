"""Requests and answers as they were captured: SageMaker's lines of JSON, or our server's Parquet.

A file is read a line, or a few rows, at a time. What cannot be read is counted, and the rest is
read: whoever sends the requests must not be able to stop whoever watches them.
"""

from __future__ import annotations

import base64
import datetime
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from fastml.serving.media import READ

__all__ = ["Event", "Payload", "Period", "Tally", "captured_events"]

_MOST: Final = 64 << 20
"""Bytes of a line. SageMaker captures requests of 25 MB at most."""
_ROWS: Final = 64  # of Parquet at a time: each may be as large
_COLUMNS: Final = {  # of Parquet, as `fastml.serving.capture` writes it
    "time": pa.timestamp("us", "UTC"),
    "content_type": pa.string(),
    "body": pa.large_binary(),
    "answer_type": pa.string(),
    "answer": pa.large_binary(),
}
_TYPES: Final = {"CSV": "text/csv", "JSON": "application/json"}


class Payload(NamedTuple):
    """What was sent, and its Content-Type."""

    body: bytes
    content_type: str


class Event(NamedTuple):
    """A request and its answer, when that was; None where it was not captured."""

    at: datetime.datetime | None
    asked: Payload | None
    answered: Payload | None


@dataclass(slots=True)
class Tally:
    """What was met while captured requests were read.

    Parameters
    ----------
    events : int
        Requests that could be read, and were within the period.
    outside : int
        Requests that were not within it.
    damaged : int
        Lines and files that are no captured requests, or whose time is not told while only those
        of a period are asked for.
    unread : int
        Requests and answers that are not what their Content-Type says.
    faults : list of str
        The first few of both, told.
    """

    events: int = 0
    outside: int = 0
    damaged: int = 0
    unread: int = 0
    faults: list[str] = field(default_factory=list)

    def told(self, fault: str) -> None:
        """Keep what was wrong, if it is among the first."""
        if len(self.faults) < 5:
            self.faults.append(fault[:300])


class Period(NamedTuple):
    """From a moment on, up to another; None is without end."""

    start: datetime.datetime | None = None
    end: datetime.datetime | None = None

    @property
    def stated(self) -> bool:
        """Whether there is any bound."""
        return self.start is not None or self.end is not None

    def has(self, at: datetime.datetime) -> bool:
        """Say whether a moment is within the period."""
        after = self.start is None or at >= self.start
        return after and (self.end is None or at < self.end)


def captured_events(folder: Path, tally: Tally, period: Period | None = None) -> Iterator[Event]:
    """Yield what was captured in a period, file by file in the order of their paths.

    Parameters
    ----------
    folder : Path
        Files `.jsonl` and `.parquet` at any depth; others are not looked at.
    tally : Tally
        Is told what was met.
    period : Period, optional
        Default: all.
    """
    asked = period or Period()
    for file in sorted(folder.rglob("*")):
        read = _READERS.get(file.suffix)
        if read is None or not file.is_file():
            continue
        for event in read(file, tally):
            if not asked.stated:
                pass
            elif event.at is None:
                tally.damaged += 1
                tally.told(f"{file.name}: a request does not tell its time")
                continue
            elif not asked.has(event.at):
                tally.outside += 1
                continue
            tally.events += 1
            yield event


def _of_lines(file: Path, tally: Tally) -> Iterator[Event]:
    try:
        with file.open("rb") as lines:
            number = 0
            while line := lines.readline(_MOST):
                number += 1
                if not line.strip():
                    continue
                try:
                    yield _event(line)
                except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                    tally.damaged += 1
                    tally.told(f"{file.name}, line {number:,}: {error!r}")
                while len(line) == _MOST and not line.endswith(b"\n"):  # the rest of one too long
                    line = lines.readline(_MOST)
    except OSError as error:
        tally.damaged += 1
        tally.told(f"{file.name}: {error}")


def _event(line: bytes) -> Event:
    whole = json.loads(line)
    captured = whole["captureData"]
    asked, answered = captured.get("endpointInput"), captured.get("endpointOutput")
    if asked is None and answered is None:
        raise ValueError("neither endpointInput nor endpointOutput")
    at = (whole.get("eventMetadata") or {}).get("inferenceTime")
    return Event(_moment(at), _payload(asked), _payload(answered))


def _moment(text: str | None) -> datetime.datetime | None:
    if text is None:
        return None
    found = datetime.datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=datetime.UTC)


def _payload(side: Mapping[str, Any] | None) -> Payload | None:
    if side is None:
        return None
    data, encoding = side["data"], side.get("encoding", "CSV")
    content_type = side.get("observedContentType") or ""
    if content_type.split(";")[0].strip().lower() not in READ:
        content_type = _TYPES.get(encoding, content_type)  # an endpoint may have types of its own
    if encoding in _TYPES:
        return Payload(data.encode(), content_type)
    if encoding == "BASE64":
        return Payload(base64.b64decode(data, validate=True), content_type)
    raise ValueError(f"the encoding {encoding!r}; expected CSV, JSON or BASE64")


def _of_parquet(file: Path, tally: Tally) -> Iterator[Event]:
    try:
        with pq.ParquetFile(file) as table:
            for batch in table.iter_batches(batch_size=_ROWS, columns=list(_COLUMNS)):
                columns = [batch.column(name).cast(type_) for name, type_ in _COLUMNS.items()]
                if any(column.null_count for column in columns):
                    raise ValueError("a request lacks a part")
                for at, kind, body, answer_type, answer in zip(*columns, strict=True):
                    yield Event(
                        at.as_py(),
                        Payload(body.as_py(), kind.as_py()),
                        Payload(answer.as_py(), answer_type.as_py()),
                    )
    except (OSError, ValueError, KeyError, OverflowError, pa.ArrowException) as error:
        tally.damaged += 1
        tally.told(f"{file.name}: {error}")


_READERS = {".jsonl": _of_lines, ".parquet": _of_parquet}
