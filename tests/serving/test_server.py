"""The whole server, as a process: it starts, answers, takes up models, heals, and drains."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from .conftest import model, table
from .running import ROW, started


def test_it_answers_and_ends(folder: Path) -> None:
    with started(folder) as running:
        assert running.ask() == (200, b"")
        status, body = running.ask("/invocations", ROW)
        assert (status, body.count(b",")) == (200, 2)
        assert running.ask("/invocations", b"x")[0] == 400
        assert b'status="200"} 1' in running.ask("/metrics")[1]
    assert running.process.returncode == 0
    assert running.events("draining")


def test_requests_in_chunks_and_on_one_connection(folder: Path) -> None:
    with started(folder) as running:
        connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=20)
        for _ in range(3):
            connection.request(
                "POST",
                "/invocations",
                iter([ROW[:4], ROW[4:]]),
                {"Content-Type": "text/csv"},
                encode_chunked=True,
            )
            answer = connection.getresponse()
            assert (answer.status, answer.read().count(b",")) == (200, 2)
        connection.close()


def test_a_body_that_ends_early_is_not_answered(folder: Path) -> None:
    with started(folder) as running:
        with socket.create_connection(("127.0.0.1", running.port)) as plain:
            head = b"POST /invocations HTTP/1.1\r\nhost: x\r\ncontent-type: text/csv\r\n"
            plain.sendall(head + b"content-length: 99\r\n\r\n" + ROW)
            plain.shutdown(socket.SHUT_WR)
            assert plain.recv(100) == b""
        assert running.ask("/invocations", ROW)[0] == 200
        assert b'status="200"} 1' in running.ask("/metrics")[1]


def test_a_model_that_cannot_be_loaded_ends_it(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fastml", "serve", str(tmp_path / "none"), "--port", "0"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "the model was not loaded" in done.stderr
    assert "none" in done.stderr


def test_a_port_that_is_taken(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "fastml", "serve", str(folder), "--port", str(port)],
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 2
    assert f"127.0.0.1:{port} is in use; choose another --port" in done.stderr


def test_another_model_is_taken_up_without_a_dropped_request(folder: Path) -> None:
    with started(folder) as running:
        before = running.ask("/invocations", ROW)[1]
        statuses: set[int] = set()
        stop = threading.Event()

        def keep_asking() -> None:
            while not stop.is_set():
                statuses.add(running.ask("/invocations", ROW)[0])

        asking = threading.Thread(target=keep_asking)
        asking.start()
        rows = table().select(["size", "count", "small", "left"]).slice(0, 300)
        model("numbers").clone().fit(rows).save(folder)
        running.wait_until(lambda: bool(running.events("took up a new model")))
        after = running.ask("/invocations", ROW)[1]
        stop.set()
        asking.join()
        assert statuses == {200}
        assert after != before
        manifest = (folder / "manifest.json").read_text()
        (folder / "manifest.json").write_text(manifest[:-20])
        running.wait_until(lambda: bool(running.events("the new model was not taken up")))
        assert running.ask("/invocations", ROW) == (200, after)


def test_a_worker_that_is_killed_is_replaced(folder: Path) -> None:
    with started(folder, "--workers", "2") as running:
        killed = running.workers()[0]
        os.kill(killed, signal.SIGKILL)
        running.wait_until(lambda: len(running.events("a worker is ready")) == 3)
        assert len(running.workers()) == 2
        assert killed not in running.workers()
        assert running.ask("/invocations", ROW)[0] == 200
        assert b"fastml_restarts_total 1" in running.ask("/metrics")[1]


def test_requests_that_were_taken_are_answered_before_it_ends(folder: Path) -> None:
    with started(folder) as running:
        with socket.create_connection(("127.0.0.1", running.port)) as plain:
            head = b"POST /invocations HTTP/1.1\r\nhost: x\r\ncontent-type: text/csv\r\n"
            plain.sendall(head + b"content-length: %d\r\n\r\n" % len(ROW) + ROW[:5])
            time.sleep(0.2)
            running.process.send_signal(signal.SIGTERM)
            time.sleep(1.0)
            plain.sendall(ROW[5:])
            answer = plain.recv(4096)
            assert answer.startswith(b"HTTP/1.1 200")
            assert b"connection: close" in answer
        assert running.process.wait(20) == 0


def test_clients_that_come_while_it_ends_are_refused(folder: Path) -> None:
    with (
        started(folder, "--workers", "2") as running,
        socket.create_connection(("127.0.0.1", running.port)) as plain,
    ):
        head = b"POST /invocations HTTP/1.1\r\nhost: x\r\ncontent-type: text/csv\r\n"
        plain.sendall(head + b"content-length: %d\r\n\r\n" % len(ROW) + ROW[:5])
        time.sleep(0.2)
        running.process.send_signal(signal.SIGTERM)
        time.sleep(2.0)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", running.port))
        plain.sendall(ROW[5:])
        assert plain.recv(4096).startswith(b"HTTP/1.1 200")


def test_what_is_no_http_is_told_in_a_line_of_the_log(folder: Path) -> None:
    with started(folder) as running:
        with socket.create_connection(("127.0.0.1", running.port)) as plain:
            plain.sendall(b"\x16\x03\x01 secret\r\n\r\n")
            assert plain.recv(4096).startswith(b"HTTP/1.1 400")
        running.wait_until(lambda: bool(running.events("http")))
        assert "secret" not in str(running.events("http"))


def test_workers_end_when_their_supervisor_is_killed(folder: Path) -> None:
    with started(folder, "--workers", "2") as running:
        workers = running.workers()
        running.process.kill()
        running.process.wait()
        deadline = time.monotonic() + 20.0
        while any(alive(pid) for pid in workers) and time.monotonic() < deadline:
            time.sleep(0.05)
        left = [pid for pid in workers if alive(pid)]
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        assert not left


def alive(pid: int) -> bool:
    """Say whether a process runs: one that nobody waits for stays as a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_many_models(folder: Path) -> None:
    with started(folder, "--multi-model") as running:
        assert running.ask() == (200, b"")
        load = json.dumps({"model_name": "churn", "url": str(folder)}).encode()
        assert running.ask("/models", load, "application/json")[0] == 200
        status, body = running.ask("/models/churn/invoke", ROW)
        assert (status, body.count(b",")) == (200, 2)
        assert b"churn" in running.ask("/models")[1]


def test_what_is_served_has_to_be_said(folder: Path) -> None:
    for options in ([], [str(folder), "--multi-model"], ["--multi-model", "--workers", "2"]):
        done = subprocess.run(
            [sys.executable, "-m", "fastml", "serve", *options, "--port", "0"],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 2
        assert "--multi-model" in done.stderr or "served by one" in done.stderr


def test_capture_is_written_before_it_ends(folder: Path) -> None:
    kept = folder.parent / "kept"
    with started(folder, "--capture", str(kept)) as running:
        body = running.ask("/invocations", ROW)[1]
    (file,) = kept.rglob("*.jsonl")
    captured = json.loads(file.read_text())["captureData"]
    assert captured["endpointOutput"]["data"] == body.decode()
