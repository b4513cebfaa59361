"""The test of the contract: fastml passes it, and what breaks the contract does not."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fastml.cli import app
from fastml.errors import ConfigError
from fastml.sagemaker.conformance import ending, workbench
from fastml.sagemaker.conformance.asking import Answer
from fastml.sagemaker.conformance.contract import BrokenError
from fastml.sagemaker.conformance.local import Local
from fastml.sagemaker.conformance.sample import Churn, Given
from fastml.sagemaker.conformance.table import ITEMS, chosen, conformance, lines
from fastml.sagemaker.conformance.workbench import Workbench

BROKEN = Path(__file__).with_name("broken.py")
KEPT_BY_CHANCE = {
    "train.cloud", "train.local-mode", "train.hyperparameters-only", "train.project",
    "train.fast-file", "train.pipe", "train.platform-hyperparameters", "train.variables",
    "serve.invocation", "serve.chunked", "serve.content-type-parameters", "serve.headers",
    "serve.ready",
}  # fmt: skip


def verdicts(
    folder: Path, patterns: Sequence[str], program: Sequence[str] | None = None
) -> dict[str, tuple[str, str]]:
    """Return what was found of each item, by its name."""
    runner = Local(folder) if program is None else Local(folder, program)
    with Workbench(runner, Churn(), folder) as bench:
        found = list(conformance(bench, chosen(patterns)))
    return {each.item.name: (each.verdict, each.words) for each in found}


def test_fastml_keeps_the_contract(tmp_path: Path) -> None:
    found = verdicts(tmp_path, ())
    failed = {name: words for name, (verdict, words) in found.items() if verdict == "failed"}
    assert not failed
    left_out = {name for name, (verdict, _) in found.items() if verdict == "left out"}
    assert left_out == {"serve.keep-alive"} | {name for name in found if name[:6] == "image."}


def test_what_breaks_the_contract_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "NOTICE", 2.0)
    monkeypatch.setattr(ending, "REPLACED", 1.0)
    found = verdicts(tmp_path, (), (sys.executable, str(BROKEN)))
    passed = {name for name, (verdict, _) in found.items() if verdict == "passed"}
    assert passed <= KEPT_BY_CHANCE
    told = {name: words for name, (verdict, words) in found.items() if verdict == "failed"}
    assert "there are input/spoilt, litter, too" in told["train.leaves"]
    assert "as if nothing had failed" in told["train.missing-channel"]
    assert "as if nothing had failed" in told["train.bad-hyperparameter"]
    assert "no line of the log holds train:loss" in told["train.metrics"]
    assert "wrote model to model" in told["train.two-machines"]
    assert "as if it had trained" in told["train.sigterm"]
    assert "nothing is saved" in told["train.sigkill"]
    assert "expected none" in told["serve.ping"]
    assert "/ping is answered with 200" in told["serve.broken-model"]
    assert "it had not ended" in told["serve.drains"]
    assert "are answered, by 1 of 2 processes" in told["serve.worker-replaced"]
    assert "expected 415, found 200" in told["serve.unknown-type"]
    assert "GET /models lists" in told["many.life"] or "expected JSON" in told["many.life"]


def test_what_never_starts_is_told_of_every_item_that_needs_it(tmp_path: Path) -> None:
    found = verdicts(tmp_path, ("train.cloud", "serve.*"), (sys.executable, "-c", "exit(7)"))
    assert {verdict for verdict, _ in found.values()} == {"failed", "left out"}
    assert "it ended with 7" in found["train.cloud"][1]
    assert found["serve.formats"][1].startswith("nothing serves: nothing was trained: ")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("", "is empty"),
        ("Traceback (most recent call last):\nValueError: no", "begins with a traceback"),
        ("x" * 1025, "1,025 characters"),
        (None, "wrote no /opt/ml/output/failure"),
    ],
)
def test_a_failure_file_that_says_little_fails(words: str | None, why: str, tmp_path: Path) -> None:
    code = "" if words is None else f"open('output/failure', 'w').write({words!r}); "
    found = verdicts(tmp_path, ("train.missing-channel",), (sys.executable, "-c", f"{code}exit(1)"))
    verdict, told = found["train.missing-channel"]
    assert verdict == "failed"
    assert why in told


def test_a_training_that_was_not_resumed_fails(tmp_path: Path) -> None:
    """The model is the same, but what was saved was of no use."""
    code = (
        "import time; open('checkpoints/state', 'w').write('of no use'); time.sleep(1.0);"
        "open('model/model', 'w').write('the same')"
    )
    found = verdicts(tmp_path, ("train.sigkill",), (sys.executable, "-c", code))
    assert found["train.sigkill"] == (
        "failed",
        "the model is the same, but nothing of it was resumed",
    )


@pytest.mark.parametrize("body", [b"fine", b"[]", b'"a"', b"[" * 100_000])
def test_an_answer_of_another_kind_breaks_the_contract(body: bytes) -> None:
    with pytest.raises(BrokenError, match=r"expected (an object of )?JSON, found"):
        Answer(200, {}, body).json()


def test_items_have_names_of_their_own_and_say_where_they_are_from() -> None:
    names = [each.name for each in ITEMS]
    assert len(set(names)) == len(names)
    assert all(each.asks and each.source for each in ITEMS)
    with pytest.raises(ConfigError, match="'tran' fits no item; there are train"):
        chosen(("tran",))


def test_a_failed_item_says_what_is_asked_and_where(tmp_path: Path) -> None:
    with Workbench(Local(tmp_path, (sys.executable, "-c", "exit(7)")), Churn(), tmp_path) as bench:
        (found,) = conformance(bench, chosen(("train.cloud",)))
    first, second = lines(found)
    assert first.startswith("failed    train.cloud")
    assert "asked: train from the configuration files of the cloud (your-algo" in second


def test_the_command_prints_a_table_and_ends_with_three_where_an_item_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = CliRunner().invoke(
        app, ["sagemaker", "test", "--local", "--only", "train.missing-channel"]
    )
    assert kept.exit_code == 0, kept.output
    assert "1 passed, 0 failed, 0 left out" in kept.output
    monkeypatch.setattr(workbench, "TRAINING", 0.0)
    broken = CliRunner().invoke(
        app, ["sagemaker", "test", "--local", "--json", "--only", "train.missing-channel"]
    )
    assert broken.exit_code == 3
    told = json.loads(broken.output)
    assert told["failed"] == 1
    assert told["items"][0]["found"] == "it had not ended after 0 s"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "name an image to test, or say --local"),
        (["fastml", "--local"], "name an image to test, or say --local"),
        (["fastml", "--engine", "no-such-engine"], "the engine 'no-such-engine' cannot be run"),
        (["fastml", "--engine", "false"], "false has no image fastml"),
        (["--local", "--train-data", "."], "belong together"),
        (["--local", "--only", "x"], "fits no item"),
    ],
)
def test_what_is_asked_wrongly_is_told(arguments: list[str], why: str) -> None:
    command = [sys.executable, "-m", "fastml", "sagemaker", "test", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert why in done.stderr


def test_another_image_is_given_its_own_table(tmp_path: Path) -> None:
    data = tmp_path / "data"
    Churn().put(data)
    settings, request = tmp_path / "h.json", tmp_path / "r.json"
    settings.write_text(json.dumps({"target": "churn", "epochs": 3, "solver": "sgd"}))
    request.write_bytes(Churn().body)
    given = Given.read(data, settings, request, "application/json")
    with Workbench(Local(tmp_path), given, tmp_path) as bench:
        found = {
            each.item.name: each.verdict
            for each in conformance(
                bench, chosen(("train.local-mode", "serve.*ed", "serve.formats"))
            )
        }
    assert found == {
        "train.local-mode": "passed",
        "serve.chunked": "passed",
        "serve.worker-replaced": "passed",
        "serve.formats": "left out",
    }
    settings.write_text("[1]")
    with pytest.raises(ConfigError, match="expected an object of JSON"):
        Given.read(data, settings, request, "application/json")
