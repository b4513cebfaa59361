"""Items of a multi-model endpoint: models are loaded, listed, asked and removed by name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fastml.sagemaker.conformance.asking import Answer, ask, wait_for_ping
from fastml.sagemaker.conformance.contract import Collected, expect, shown
from fastml.sagemaker.conformance.running import Conditions

if TYPE_CHECKING:
    from fastml.sagemaker.conformance.running import Running
    from fastml.sagemaker.conformance.workbench import Workbench

__all__ = ["MANY_MODELS"]

MANY_MODELS = Collected("mms-container-apis")

_MANY = {"SAGEMAKER_MULTI_MODEL": "true"}


@MANY_MODELS.item("many.life", "load, list, describe, ask and remove models by name")
def _life(bench: Workbench) -> None:
    # All of `/models`, for one model.
    with _serving(bench, {}) as (running, place):
        _load(running, "a", place).expect(200)
        named = _listed(running)
        expect(named == ["a"], f"GET /models lists {named}; expected ['a']")
        described = ask(running, "GET", "/models/a").expect(200).json()
        expect(described.get("modelName") == "a", f"GET /models/a is {described}")
        expect(described.get("modelUrl") == place, f"GET /models/a is {described}")
        _invoke(bench, running, "a").expect(200)
        ask(running, "DELETE", "/models/a").expect(200)
        _invoke(bench, running, "a").expect(404)
        named = _listed(running)
        expect(not named, f"after it was removed, GET /models lists {named}")


@MANY_MODELS.item("many.conflict", "refuse with 409 to load a model twice")
def _conflict(bench: Workbench) -> None:
    # The name is taken.
    with _serving(bench, {}) as (running, place):
        _load(running, "a", place).expect(200)
        _load(running, "a", place).expect(409)


@MANY_MODELS.item("many.unknown", "answer 404 for a model that is not loaded")
def _unknown(bench: Workbench) -> None:
    # Described, removed and asked.
    with _serving(bench, {}) as (running, _):
        ask(running, "GET", "/models/none").expect(404)
        ask(running, "DELETE", "/models/none").expect(404)
        _invoke(bench, running, "none").expect(404)


@MANY_MODELS.item("many.no-room", "refuse with 507 what there is no memory for", "churn")
def _no_room(bench: Workbench) -> str:
    # Memory for less than a model.
    with _serving(bench, {"FASTML_MEMORY": "1MB"}) as (running, place):
        return shown(_load(running, "a", place).expect(507).body, 80)


@contextmanager
def _serving(bench: Workbench, more: dict[str, str]) -> Iterator[tuple[Running, str]]:
    """Serve many models; yield the server, and where a model lies for it."""
    layout = bench.holding_model()
    folder = layout.root / "models" / "a1b2"
    folder.parent.mkdir()
    layout.model.rename(folder)
    layout.model.mkdir()
    root = "/opt/ml" if bench.runner.is_image else str(layout.root)
    with bench.serving(layout, Conditions(_MANY | more)) as running:
        wait_for_ping(running)
        yield running, f"{root}/models/a1b2"


def _listed(running: Running) -> list[str]:
    """Return the names of the models that are loaded."""
    answer = ask(running, "GET", "/models").expect(200)
    models = answer.json().get("models") or []
    told = isinstance(models, list) and all(isinstance(each, dict) for each in models)
    expect(told, f"GET /models is {shown(answer.body)}; expected an object with a list of models")
    return [str(each.get("modelName")) for each in models]


def _load(running: Running, name: str, place: str) -> Answer:
    body = json.dumps({"model_name": name, "url": place}).encode()
    return ask(running, "POST", "/models", body, {"Content-Type": "application/json"})


def _invoke(bench: Workbench, running: Running, name: str) -> Answer:
    kind = {"Content-Type": bench.sample.content_type}
    return ask(running, "POST", f"/models/{name}/invoke", bench.sample.body, kind)
