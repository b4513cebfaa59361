"""What is captured: in SageMaker's lines or in Parquet, whole files, sampled and bounded."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from fastml.serving.app import App
from fastml.serving.capture import Capture, CaptureSettings
from fastml.serving.counters import Counters
from fastml.serving.handler import Handler
from fastml.serving.predictor import Predictor

from .conftest import model
from .test_app import CSV, ROW, ask


def written(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def lines(folder: Path) -> list[dict[str, Any]]:
    texts = [file.read_text("utf-8") for file in written(folder)]
    return [json.loads(line) for text in texts for line in text.splitlines()]


def test_what_a_server_predicts_is_captured(tmp_path: Path) -> None:
    capture = Capture(CaptureSettings(tmp_path))
    app = App(Counters(1), capture=capture)
    app.handler = Handler(Predictor.of(model("numbers")))
    headers = [CSV, (b"x-amzn-sagemaker-inference-id", b"abc")]
    found = asyncio.run(ask(app, headers=headers))
    asyncio.run(ask(app, body=b"x", headers=headers))  # refused: nothing was predicted
    capture.close()
    assert found is not None
    (line,) = lines(tmp_path)
    assert line["eventMetadata"]["eventId"] == "abc"
    assert line["eventVersion"] == "0"
    assert line["captureData"]["endpointInput"] == {
        "observedContentType": "text/csv",
        "mode": "INPUT",
        "data": ROW.decode(),
        "encoding": "CSV",
    }
    assert line["captureData"]["endpointOutput"]["data"] == found.body.decode()
    (file,) = written(tmp_path)
    assert len(file.relative_to(tmp_path).parts) == 5  # year, month, day, hour, file
    assert file.suffix == ".jsonl"


def test_bytes_are_captured_as_base64(tmp_path: Path) -> None:
    capture = Capture(CaptureSettings(tmp_path))
    for body, kind in ((b"\x00\xff", b"application/x-npy"), (b"\xff", b"text/csv; header=absent")):
        capture.take(body, kind, b"{}", b"application/json", b"")
    capture.close()
    first, second = (line["captureData"] for line in lines(tmp_path))
    assert first["endpointOutput"]["encoding"] == "JSON"
    for side, body in ((first, b"\x00\xff"), (second, b"\xff")):
        assert side["endpointInput"]["encoding"] == "BASE64"
        assert base64.b64decode(side["endpointInput"]["data"]) == body


def test_what_is_large_is_captured_in_parts(tmp_path: Path) -> None:
    capture = Capture(CaptureSettings(tmp_path))
    text = 'a "b"\n\\ü€😀\x01' * 30_000
    some = bytes(range(256)) * 1_001
    capture.take(text.encode(), b"text/csv", some, b"application/x-npy", b"")
    capture.close()
    (line,) = lines(tmp_path)
    assert line["captureData"]["endpointInput"]["data"] == text
    assert base64.b64decode(line["captureData"]["endpointOutput"]["data"], validate=True) == some


def test_parquet(tmp_path: Path) -> None:
    capture = Capture(CaptureSettings(tmp_path, form="parquet"))
    for i in range(5):
        capture.take(b"%d" % i, b"text/csv", b"yes\n", b"text/csv", b"id %d" % i)
    capture.close()
    table = pq.read_table(written(tmp_path)[0])
    assert table["body"].to_pylist() == [b"0", b"1", b"2", b"3", b"4"]
    assert table["event_id"].to_pylist() == [f"id {i}" for i in range(5)]
    assert table.column_names == [
        "event_id", "time", "content_type", "body", "answer_type", "answer",
    ]  # fmt: skip


def test_a_sample(tmp_path: Path) -> None:
    capture = Capture(CaptureSettings(tmp_path, sample=0.25))
    for _ in range(4_000):
        capture.take(b"1", b"text/csv", b"2", b"text/csv", b"")
    capture.close()
    assert 850 < len(lines(tmp_path)) < 1_150
    assert capture.dropped == 0


def test_what_there_is_no_room_for_is_dropped(tmp_path: Path) -> None:
    capture = Capture(CaptureSettings(tmp_path, every=60.0, most=1_000))
    for _ in range(10):
        capture.take(b"x" * 50, b"text/csv", b"y" * 50, b"text/csv", b"")
    capture.close()
    assert (len(lines(tmp_path)), capture.dropped) == (3, 7)


def test_what_is_too_large_is_dropped_whole(tmp_path: Path) -> None:
    capture = Capture(CaptureSettings(tmp_path, largest=1_000))
    for size in (10, 10_000, 20):
        capture.take(b"x" * size, b"text/csv", b"y", b"text/csv", b"")
    capture.close()
    kept = [line["captureData"]["endpointInput"]["data"] for line in lines(tmp_path)]
    assert (kept, capture.dropped) == (["x" * 10, "x" * 20], 1)


def test_a_folder_that_cannot_be_written_does_no_harm(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    capture = Capture(CaptureSettings(tmp_path / "file" / "below"))
    capture.take(b"1", b"text/csv", b"2", b"text/csv", b"")
    capture.close()
    assert capture.dropped == 1
    assert "requests were not captured" in capsys.readouterr().err
