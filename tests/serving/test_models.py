"""Many models in one server: loaded, listed, asked, let go under a memory budget, and removed."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from fastml.errors import ArtifactError
from fastml.serving import models as models_module
from fastml.serving import worker as worker_module
from fastml.serving.app import App
from fastml.serving.counters import Counters
from fastml.serving.handler import Handler
from fastml.serving.limits import Limits
from fastml.serving.models import LEAST, Models
from fastml.serving.predictor import Predictor
from fastml.serving.refused import RefusedError

from .conftest import model
from .test_app import CSV, ROW, Response, ask


class Loading:
    """Opens folders that hold the name of a pipeline, and remembers which."""

    def __init__(self) -> None:
        self.opened: list[str] = []

    def __call__(self, folder: Path) -> Handler:
        self.opened.append(folder.name)
        if not (folder / "kind").exists():
            raise ArtifactError(f"{folder} holds no model")
        return Handler(Predictor.of(model((folder / "kind").read_text())))


def folders(tmp_path: Path, *names: str) -> list[str]:
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "kind").write_text("numbers")
    return [str(tmp_path / name) for name in names]


def refused(call: Any, *given: Any) -> tuple[int, str]:
    with pytest.raises(RefusedError) as found:
        call(*given).result()
    return int(found.value.status), str(found.value)


def test_models_come_and_go(tmp_path: Path) -> None:
    loading = Loading()
    held = Models(loading, 10 * LEAST)
    a, b = folders(tmp_path, "a", "b")
    held.add("one", a).result()
    held.add("two", b).result()
    assert held.listed() == [
        {"modelName": "one", "modelUrl": a},
        {"modelName": "two", "modelUrl": b},
    ]
    assert held.get("one").result() is held.get("one").result() is held.held("one")
    assert refused(held.add, "one", b) == (409, "the model 'one' is loaded already")
    held.remove("one")
    for call in (held.get, held.held, held.remove, held.described):
        assert refused(call, "one") == (404, "there is no model 'one'")
    held.add("one", b).result()
    assert held.described("one") == {"modelName": "one", "modelUrl": b}
    assert loading.opened == ["a", "b", "b"]


def test_what_is_no_model_is_not_remembered(tmp_path: Path) -> None:
    held = Models(Loading(), 10 * LEAST)
    (tmp_path / "empty").mkdir()
    status, told = refused(held.add, "one", str(tmp_path / "empty"))
    assert (status, "holds no model" in told) == (404, True)
    for name, url in (("", "x"), ("a/b", "x"), ("a", "")):
        assert refused(held.add, name, url)[0] == 400
    assert held.listed() == []


def test_those_asked_for_longest_ago_are_let_go_and_come_back(tmp_path: Path) -> None:
    loading = Loading()
    held = Models(loading, 2 * LEAST)
    for name, folder in zip("abc", folders(tmp_path, "a", "b", "c"), strict=True):
        held.add(name, folder).result()
    assert (held.held("a"), held.held("b") is None) == (None, False)
    held.get("a").result()  # b is asked for longest ago but one
    assert held.held("c") is None
    assert held.held("b") is not None
    assert loading.opened == ["a", "b", "c", "a"]
    assert len(held.listed()) == 3


def test_a_model_that_is_larger_than_all_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Models(Loading(), LEAST)
    (small, large) = folders(tmp_path, "small", "large")
    (Path(large) / "weights").write_bytes(b"x" * 1000)
    monkeypatch.setattr(models_module, "GROWTH", LEAST)
    monkeypatch.setattr(models_module, "LEAST", 1)
    status, told = refused(held.add, "large", large)
    assert (status, "takes about" in told) == (507, True)
    monkeypatch.setattr(models_module, "GROWTH", 1)
    held.add("small", small).result()
    assert [each["modelName"] for each in held.listed()] == ["small"]


def test_one_load_for_all_who_ask_at_once(tmp_path: Path) -> None:
    loading = Loading()
    held = Models(loading, LEAST)
    for name, folder in zip("ab", folders(tmp_path, "a", "b"), strict=True):
        held.add(name, folder).result()
    found: list[Future[Handler]] = []
    asking = [threading.Thread(target=lambda: found.append(held.get("a"))) for _ in range(8)]
    for each in asking:
        each.start()
    for each in asking:
        each.join()
    assert len(found) == 8
    assert len({each.result() for each in found}) == 1
    assert loading.opened == ["a", "b", "a"]


class Slow(Loading):
    """Opens a folder when it is told to, and counts how many are being opened."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()
        self.at_once = self.most = 0
        self._lock = threading.Lock()

    def __call__(self, folder: Path) -> Handler:
        with self._lock:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        if folder.name.startswith("slow"):
            assert self.go.wait(10)
        with self._lock:
            self.at_once -= 1
        return super().__call__(folder)


def test_models_that_are_loaded_at_once_share_the_memory(tmp_path: Path) -> None:
    slow = Slow()
    held = Models(slow, LEAST)
    begun = [
        held.add(name, folder)
        for name, folder in zip(
            ("one", "two"), folders(tmp_path, "slow one", "slow two"), strict=True
        )
    ]
    time.sleep(0.1)
    assert slow.most == 1  # there is room for one: the other waits for it, and has it let go
    slow.go.set()
    for each in begun:
        each.result(10)
    assert slow.most == 1
    assert sorted(held.held(name) is None for name in ("one", "two")) == [False, True]


def test_memory_comes_back_from_what_could_not_be_loaded_or_was_removed(tmp_path: Path) -> None:
    slow = Slow()
    held = Models(slow, LEAST)
    (tmp_path / "empty").mkdir()
    assert refused(held.add, "none", str(tmp_path / "empty"))[0] == 404
    first, second = folders(tmp_path, "slow one", "two")
    removed = held.add("one", first)
    time.sleep(0.05)
    held.remove("one")
    slow.go.set()
    assert removed.result(10)
    held.add("two", second).result(10)
    assert held.held("two") is not None


def test_a_slow_load_delays_no_prediction(tmp_path: Path) -> None:
    slow = Slow()
    app = App(Counters(1), Limits(small=1, threads=1), models=Models(slow, 10 * LEAST))
    quick, first, second = folders(tmp_path, "quick", "slow one", "slow two")

    async def together() -> list[int]:
        async def send(path: str, body: bytes) -> int:
            found = await ask(app, path, body=body)
            assert found is not None
            return found.status

        def load(name: str, folder: str) -> bytes:
            return json.dumps({"model_name": name, "url": folder}).encode()

        statuses = [await send("/models", load("quick", quick))]
        loads = [
            asyncio.create_task(send("/models", load(name, folder)))
            for name, folder in (("one", first), ("two", second))
        ]
        await asyncio.sleep(0.05)
        async with asyncio.timeout(5):
            statuses.append(await send("/models/quick/invoke", ROW))
        slow.go.set()
        return [*statuses, *await asyncio.gather(*loads)]

    assert asyncio.run(together()) == [200, 200, 200, 200]


def test_the_routes_of_sagemaker(tmp_path: Path) -> None:
    (folder,) = folders(tmp_path, "a")
    app = App(Counters(1), models=Models(Loading(), 10 * LEAST))

    def send(path: str, method: str, body: bytes = b"") -> Response:
        found = asyncio.run(ask(app, path, method=method, body=body, headers=[CSV]))
        assert found is not None
        return found

    assert send("/ping", "GET").status == 200
    load = json.dumps({"model_name": "one", "url": folder}).encode()
    assert send("/models", "POST", load).status == 200
    assert send("/models", "POST", load).status == 409
    for wrong in (b"", b"[]", b"{}", b"x"):
        assert send("/models", "POST", wrong).status == 400
    assert json.loads(send("/models", "GET").body) == {
        "models": [{"modelName": "one", "modelUrl": folder}]
    }
    assert json.loads(send("/models/one", "GET").body)["modelUrl"] == folder
    found = send("/models/one/invoke", "POST", ROW)
    assert (found.status, found.body.count(b",")) == (200, 2)
    assert send("/models/two/invoke", "POST", ROW).status == 404
    assert send("/models/one/invoke", "GET").status == 405
    assert send("/invocations", "POST", ROW).status == 404
    assert send("/models/one", "PUT").status == 405
    assert send("/models/one", "PUT").headers[b"allow"] == b"GET, DELETE"
    assert send("/models", "PUT").headers[b"allow"] == b"GET, POST"
    assert send("/models/one", "DELETE").status == 200
    assert send("/models/one", "GET").status == 404


def test_a_server_of_one_model_has_no_others() -> None:
    app = App(Counters(1))
    app.handler = Handler(Predictor.of(model("numbers")))
    for path in ("/models", "/models/one", "/models/one/invoke"):
        found = asyncio.run(ask(app, path))
        assert found is not None
        assert found.status == 404


def test_places_that_are_no_folder_of_a_model(tmp_path: Path) -> None:
    """Whoever names a folder may name any: none is walked through, and none is a fault."""
    held = Models(worker_module._load, 10 * LEAST)
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "large").write_bytes(bytes(4 * LEAST))
    for url in (str(tmp_path / "deep"), "/", "a\0b", "\ud800", "x" * 5000, "/etc/passwd"):
        status, told = refused(held.add, "one", url)
        assert (status, bool(told.encode())) == (404, True)


def test_whatever_a_load_raises_is_a_fault_that_is_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def load(folder: Path) -> Handler:
        raise KeyError("strange")

    app = App(Counters(1), models=Models(load, 10 * LEAST))
    (folder,) = folders(tmp_path, "a")
    body = json.dumps({"model_name": "one", "url": folder}).encode()
    for sent, expected in ((body, 500), (b"[" * 200_000, 400)):
        found = asyncio.run(ask(app, "/models", body=sent))
        assert found is not None
        assert (found.status, b"error" in found.body) == (expected, True)
    assert json.loads(capfd.readouterr().err)["kind"] == "KeyError"


def test_a_longer_path_is_no_model(tmp_path: Path) -> None:
    app = App(Counters(1), models=Models(Loading(), 10 * LEAST))
    (folder,) = folders(tmp_path, "a")
    body = json.dumps({"model_name": "one", "url": folder}).encode()
    for path, sent, expected in (
        ("/models", body, 200),
        ("/models/one/two/invoke", ROW, 404),
        ("/models/one/invoke", ROW, 200),
    ):
        found = asyncio.run(ask(app, path, body=sent))
        assert found is not None
        assert found.status == expected


def test_what_one_model_answers_says_that_there_are_many() -> None:
    app = App(Counters(1), models=Models(Loading(), LEAST))
    for path, method in (("/invocations", "POST"), ("/schema", "GET")):
        found = asyncio.run(ask(app, path, method=method, body=ROW, headers=[CSV]))
        assert found is not None
        assert (found.status, b"/models/NAME/invoke" in found.body) == (404, True)
