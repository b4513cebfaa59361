"""Items of the image itself, and of what a container of it may do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fastml.sagemaker.conformance.asking import ask, wait_for_ping
from fastml.sagemaker.conformance.container import Container
from fastml.sagemaker.conformance.contract import Collected, expect
from fastml.sagemaker.conformance.running import Conditions

if TYPE_CHECKING:
    from fastml.sagemaker.conformance.workbench import Workbench

__all__ = ["IMAGE"]

IMAGE = Collected("your-algorithms-training-algo-dockerfile")

_CAPABILITIES = "com.amazonaws.sagemaker.capabilities."
_SHELLS = ("sh", "bash", "dash", "ash")
SBOM = "/opt/fastml/sbom.json"
_COMPARE = f"""
import importlib.metadata, json
listed = {{(each["name"], each["version"]) for each in json.load(open({SBOM!r}))["components"]}}
found = {{(each.name, each.version) for each in importlib.metadata.distributions()}}
print(json.dumps([len(listed), sorted(name for name, _ in found - listed)]))
"""
_NOBODY = "12345:12345"


def _config(bench: Workbench, *names: str) -> dict[str, object]:
    assert isinstance(bench.runner, Container)
    config = bench.runner.inspected.get("Config") or bench.runner.inspected
    return {name: config.get(name) for name in names}


@IMAGE.item(
    "image.labels",
    "say that SageMaker may choose the port and load many models",
    "image",
    source="your-algorithms-inference-code, build-multi-model-build-container",
)
def _labels(bench: Workbench) -> None:
    # Both capability labels are true.
    found = _config(bench, "Labels")["Labels"]
    for each in ("accept-bind-to-port", "multi-models"):
        name = f"{_CAPABILITIES}{each}"
        value = found.get(name) if isinstance(found, dict) else None
        expect(value == "true", f"the label {name} is {value!r}; expected 'true'")


@IMAGE.item("image.entrypoint", "ENTRYPOINT in exec form, and no shell: it hears SIGTERM", "image")
def _entrypoint(bench: Workbench) -> str:
    # The program is process 1.
    found = _config(bench, "Entrypoint")["Entrypoint"]
    expect(isinstance(found, list) and found, f"ENTRYPOINT is {found!r}; expected a list")
    assert isinstance(found, list)
    shell = str(found[0]).rpartition("/")[2]
    expect(shell not in _SHELLS, f"ENTRYPOINT begins with a shell: {found}")
    return json.dumps(found)


@IMAGE.item("image.command", "CMD is train: SDK v3's local mode says nothing", "image")
def _command(bench: Workbench) -> None:
    # What runs where nothing is said.
    found = _config(bench, "Cmd")["Cmd"]
    expect(found == ["train"], f"CMD is {found!r}; expected ['train']")


@IMAGE.item(
    "image.sbom", "list what is installed, as CycloneDX", "image", "churn", source="sagemaker.md"
)
def _sbom(bench: Workbench) -> str:
    # Every installed distribution is in the list.
    count, missing = json.loads(bench.runner.python(bench.empty().root, _COMPARE))
    expect(not missing, f"{SBOM} lacks {', '.join(missing)}")
    return f"{count} components"


@IMAGE.item(
    "image.train-locked",
    "train without network and rights, on a read-only root, as anyone",
    "image",
    source="your-algorithms-training-algo-running-container, mkt-algo-model-internet-free",
)
def _train_locked(bench: Workbench) -> str:
    # A training in a container that may do next to nothing.
    conditions = Conditions(root_read_only=True, user=_NOBODY)
    done = bench.train(bench.job(), conditions=conditions).expect_done()
    return f"{done.seconds:.1f} s"


@IMAGE.item(
    "image.serve-locked",
    "serve without network and rights, on a read-only root and model, as anyone",
    "image",
    source="your-algorithms-inference-code, mkt-algo-model-internet-free",
)
def _serve_locked(bench: Workbench) -> str:
    # An endpoint in a container that may do next to nothing.
    return _serves(bench, Conditions(root_read_only=True, user=_NOBODY, unwritable=("",)))


@IMAGE.item(
    "image.serverless",
    "serve where nothing but /tmp can be written, with one worker",
    "image",
    source="serverless-endpoints",
)
def _serverless(bench: Workbench) -> str:
    # A serverless endpoint.
    worker = {"SAGEMAKER_MODEL_SERVER_WORKERS": "1"}
    return _serves(bench, Conditions(worker, root_read_only=True, unwritable=("",)))


@IMAGE.item(
    "image.port",
    "serve on SAGEMAKER_BIND_TO_PORT",
    "image",
    source="your-algorithms-inference-code",
)
def _port(bench: Workbench) -> str:
    # Another port than 8080, which all other items use.
    return _serves(bench, Conditions({"SAGEMAKER_BIND_TO_PORT": "9351"}))


def _serves(bench: Workbench, conditions: Conditions) -> str:
    sample = bench.sample
    with bench.serving(conditions=conditions) as running:
        seconds = wait_for_ping(running)
        kind = {"Content-Type": sample.content_type}
        ask(running, "POST", "/invocations", sample.body, kind).expect(200)
    return f"ready after {seconds:.1f} s"
