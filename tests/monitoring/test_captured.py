"""Captured requests, line by line: whatever they hold, the others are read."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastml.monitoring import captured
from fastml.monitoring.captured import Payload, Tally, captured_events

EVENT: dict[str, Any] = {
    "captureData": {
        "endpointInput": {
            "observedContentType": "text/csv",
            "mode": "INPUT",
            "data": "1,2",
            "encoding": "CSV",
        },
        "endpointOutput": {"mode": "OUTPUT", "data": "MC41", "encoding": "BASE64"},
    },
    "eventMetadata": {"eventId": "1", "inferenceTime": "2026-11-24T15:30:00Z"},
    "eventVersion": "0",
}


def read(folder: Path, *lines: str | bytes) -> tuple[list[captured.Event], Tally]:
    written = [line.encode() if isinstance(line, str) else line for line in lines]
    (folder / "a.jsonl").write_bytes(b"\n".join(written))
    tally = Tally()
    return list(captured_events(folder, tally)), tally


def test_an_event(tmp_path: Path) -> None:
    (event,), tally = read(tmp_path, json.dumps(EVENT))
    assert event.asked == Payload(b"1,2", "text/csv")
    assert event.answered == Payload(b"0.5", "")
    assert event.at is not None
    assert event.at.isoformat() == "2026-11-24T15:30:00+00:00"
    assert (tally.events, tally.damaged) == (1, 0)


@pytest.mark.parametrize(
    ("observed", "encoding", "wanted"),
    [
        ("application/x-mine", "JSON", "application/json"),
        (None, "CSV", "text/csv"),
        ("text/csv; header=absent", "CSV", "text/csv; header=absent"),
        ("application/jsonlines", "JSON", "application/jsonlines"),
    ],
)
def test_what_a_payload_is(
    observed: str | None, encoding: str, wanted: str, tmp_path: Path
) -> None:
    side = {"observedContentType": observed, "data": "1", "encoding": encoding}
    (event,), _ = read(tmp_path, json.dumps({"captureData": {"endpointInput": side}}))
    assert event == (None, Payload(b"1", wanted), None)


def test_a_line_that_is_too_long_is_one_that_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = json.dumps(EVENT)
    monkeypatch.setattr(captured, "_MOST", len(good) + 10)
    events, tally = read(tmp_path, good, "{" * 10 * len(good), good, " " * 50, good)
    assert len(events) == 3
    assert tally.damaged == 1


@pytest.mark.parametrize(
    "changed",
    [{"body": [None]}, {"body": [[1]]}, {"time": ["soon"]}, {"answer_type": [None]}, {"at": [1]}],
)
def test_parquet_of_others(changed: dict[str, Any], tmp_path: Path) -> None:
    own: dict[str, Any] = {
        "time": [datetime.datetime.now(datetime.UTC)],
        "content_type": ["text/csv"],
        "body": [b"1"],
        "answer_type": ["text/csv"],
        "answer": ["2"],  # text is bytes, too
    }
    if "at" in changed:
        del own["time"]
    pq.write_table(pa.table(own), tmp_path / "good.parquet")
    pq.write_table(pa.table(own | changed), tmp_path / "other.parquet")
    tally = Tally()
    events = list(captured_events(tmp_path, tally))
    assert (len(events), tally.damaged) == ((0, 2) if "at" in changed else (1, 1))


@given(data=st.data())
def test_whatever_stands_in_a_line(data: st.DataObject, tmp_path_factory: Any) -> None:
    anything = st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.just({})
    event = json.loads(json.dumps(EVENT))
    for path in data.draw(st.lists(st.sampled_from(_paths(EVENT)), min_size=1, max_size=2)):
        part = event
        for key in path[:-1]:
            part = part[key] if isinstance(part, dict) and key in part else {}
        if isinstance(part, dict):
            part[path[-1]] = data.draw(anything)
    folder = tmp_path_factory.mktemp("any")
    events, tally = read(
        folder, json.dumps(event), data.draw(st.binary(max_size=20)), b"{", json.dumps(EVENT)
    )
    assert events
    assert 1 <= tally.damaged <= 3 + 20


def _paths(document: dict[str, Any]) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for key, value in document.items():
        found.append((key,))
        if isinstance(value, dict):
            found += [(key, *path) for path in _paths(value)]
    return found
