"""The same program serves the model that it trained."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fastml.errors import ConfigError
from fastml.sagemaker.layout import Layout
from fastml.sagemaker.serve import serve
from fastml.sagemaker.train import train
from tests.sagemaker.conftest import MakeJob


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def pinged(address: str, process: subprocess.Popen[str]) -> int:
    """Wait until the model is loaded."""
    for _ in range(600):
        assert process.poll() is None
        try:
            with urllib.request.urlopen(f"{address}/ping", timeout=5) as answer:
                return int(answer.status)
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
    raise AssertionError("it never was ready")


@contextmanager
def serving(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve in a process of its own; yield the address."""
    monkeypatch.setenv("SAGEMAKER_BIND_TO_PORT", str(free_port()))
    monkeypatch.setenv("SAGEMAKER_MODEL_SERVER_WORKERS", "1")
    code = (
        "from pathlib import Path; from fastml.sagemaker.layout import Layout;"
        f"from fastml.sagemaker.serve import serve; serve(Layout(Path({str(layout.root)!r})))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    address = f"http://127.0.0.1:{os.environ['SAGEMAKER_BIND_TO_PORT']}"
    try:
        assert pinged(address, process) == 200
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 0


def read(url: str, body: bytes | None = None) -> Any:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def test_the_model_of_a_job_answers_on_the_port_of_the_platform(
    cloud: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = cloud()
    assert train(layout) == 0
    with serving(layout, monkeypatch) as address:
        assert read(f"{address}/schema")["task"] == "binary"


def test_many_models_where_the_platform_says_so(
    cloud: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = cloud()
    assert train(layout) == 0
    monkeypatch.setenv("SAGEMAKER_MULTI_MODEL", "true")
    with serving(layout, monkeypatch) as address:
        assert read(f"{address}/models") == {"models": []}
        load = json.dumps({"model_name": "churn", "url": str(layout.model)}).encode()
        assert read(f"{address}/models", load)["modelName"] == "churn"
        assert read(f"{address}/models/churn")["modelUrl"] == str(layout.model)


@pytest.mark.parametrize("port", ["http", "0", "-1", "80.5"])
def test_a_port_that_is_none_is_told(
    port: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAGEMAKER_BIND_TO_PORT", port)
    with pytest.raises(ConfigError, match="SAGEMAKER_BIND_TO_PORT is"):
        serve(Layout(tmp_path))
