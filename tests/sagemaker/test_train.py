"""A job trains on what SageMaker gives, and leaves what SageMaker takes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import fastml
from fastml.data import convert
from fastml.errors import ConfigError, DataError
from fastml.sagemaker.__main__ import main
from fastml.sagemaker.failure import FailureFile
from fastml.sagemaker.layout import Layout
from fastml.sagemaker.metrics import metric_definitions
from fastml.sagemaker.train import train
from tests.sagemaker.conftest import (
    CHURN,
    CLOUD_CHANNEL,
    CLOUD_RESOURCES,
    MakeJob,
    put_churn,
    write,
)

WRITTEN = [
    "metrics.json",
    "profile.json",
    "project.toml",
    "report.html",
    "run.log",
    "settings.toml",
    "test-looks.jsonl",
]


def left(layout: Layout) -> list[str]:
    assert sorted(each.name for each in layout.output.iterdir()) == ["data"]
    return sorted(each.name for each in layout.output_data.iterdir())


def model_of(layout: Layout) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in layout.model.iterdir()}


def test_a_job_of_the_cloud(cloud: MakeJob, capsys: pytest.CaptureFixture[str]) -> None:
    layout = cloud({"_tuning_objective_metric": "validation:roc_auc", "sagemaker_job_name": "j"})
    assert train(layout) == 0
    assert left(layout) == WRITTEN
    assert not layout.checkpoints.exists() or not any(layout.checkpoints.iterdir())
    metrics = json.loads((layout.output_data / "metrics.json").read_text())
    model = fastml.Pipeline.load(layout.model)
    rows = pq.read_table(layout.channels / "train" / "churn.parquet").slice(0, 5)
    assert model.predict_proba(rows).shape == (5, 2)
    said = capsys.readouterr().out
    for definition in metric_definitions("binary"):
        found = re.findall(definition["Regex"], said)
        split, _, name = definition["Name"].partition(":")
        if name == "profit":  # there is no [problem.value]
            assert not found
        elif name == "loss":  # while it went on
            assert 1 <= len(found) < 10
        elif name:
            assert [float(each) for each in found] == [metrics["splits"][split][name]]
        else:
            assert found == ["1"]


def test_the_least_that_a_local_mode_writes(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    put_churn(layout.channels / "training")
    write(layout.config / "hyperparameters.json", CHURN | {"l2": 0.001, "seed": 3})
    write(layout.config / "resourceconfig.json", {"current_host": "algo-1", "hosts": ["algo-1"]})
    assert train(layout) == 0
    assert left(layout) == WRITTEN
    settings = (layout.output_data / "settings.toml").read_text()
    assert "l2 = 0.001" in settings
    assert "seed = 3" in settings


def test_a_project_file_that_hyperparameters_change(cloud: MakeJob) -> None:
    layout = cloud()
    write(layout.config / "hyperparameters.json", {"l2": "0.25", "success.f1.min": "1"})
    project = layout.channels / "config" / "project.toml"
    project.parent.mkdir()
    project.write_text(
        '[problem]\ntarget = "churn"\n[data]\nsource = "elsewhere.csv"\n'
        "[learner]\nl2 = 0.5\nl1 = 1e-4\n[success]\nroc_auc = { min = 0.6 }\n"
    )
    assert train(layout) == 0
    written = (layout.output_data / "project.toml").read_text()
    assert "l2 = 0.25\nl1 = 0.0001" in written
    metrics = json.loads((layout.output_data / "metrics.json").read_text())
    assert [(each["name"], each["passed"]) for each in metrics["criteria"]] == [
        ("roc_auc", True),
        ("f1", False),
    ]
    assert metrics["passed"] is False  # and yet the job has done its work


def test_a_model_that_fails_its_gate_is_a_result(
    cloud: MakeJob, capsys: pytest.CaptureFixture[str]
) -> None:
    layout = cloud({"success.roc_auc.min": "0.999"})
    assert train(layout) == 0
    assert "[fastml] passed=0" in capsys.readouterr().out
    assert not layout.failure.exists()


def test_given_splits_are_taken_whole(cloud: MakeJob) -> None:
    layout = cloud(validation=CLOUD_CHANNEL, test=CLOUD_CHANNEL, code={})
    table = pq.read_table(layout.channels / "train" / "churn.parquet")
    for name, rows in (("validation", 700), ("test", 300)):
        folder = layout.channels / name
        folder.mkdir()
        for part in range(2):  # a channel is a folder of files
            pq.write_table(table.slice(part * 1000, rows // 2), folder / f"{part}.parquet")
    assert train(layout) == 0
    log = (layout.output_data / "run.log").read_text()
    assert re.search(r"as given: [\d,]+ rows to train on, 700 to choose on .* 300 to test on", log)


@pytest.mark.parametrize("mode", ["FastFile", "Pipe"])
def test_other_modes_train_the_same_model(cloud: MakeJob, mode: str) -> None:
    layout = cloud()
    folder = layout.channels / "train"
    convert(folder / "churn.parquet", folder / "churn.csv")
    (folder / "churn.parquet").unlink()
    assert train(layout) == 0
    expected = model_of(layout)
    content = (folder / "churn.csv").read_bytes()
    write(
        layout.config / "inputdataconfig.json",
        {"train": CLOUD_CHANNEL | {"TrainingInputMode": mode}},
    )
    if mode == "FastFile":
        (folder / "churn.csv").chmod(0o444)
        folder.chmod(0o555)
        assert train(layout) == 0
        folder.chmod(0o755)
    else:
        (folder / "churn.csv").unlink()
        folder.rmdir()
        os.mkfifo(layout.channels / "train_0")
        writer = threading.Thread(
            target=lambda: (layout.channels / "train_0").write_bytes(content), daemon=True
        )
        writer.start()
        assert train(layout) == 0
        writer.join(5)
        assert not layout.scratch.exists()
    assert model_of(layout).keys() == expected.keys()
    assert model_of(layout) == expected


@pytest.mark.parametrize(
    ("hyperparameters", "cause"),
    [
        ({"epohcs": "3"}, "'epohcs' is not a known key; did you mean 'epochs'?"),
        ({"learner.epoch": "3"}, "did you mean 'epochs'?"),
        ({"epochs": "three"}, "epochs: expected a whole number of at least 1, found 'three'"),
        ({"solver": "sdg"}, "found 'sdg' (text); did you mean 'sgd'?"),
        ({"target": "churned"}, "[problem] target names the column 'churned'"),
        ({"a=b\0": "1"}, "'a=b\\x00' is not a known key"),
    ],
)
def test_the_failure_file_begins_with_the_cause(
    cloud: MakeJob,
    hyperparameters: dict[str, str],
    cause: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    layout = cloud(hyperparameters)
    with pytest.raises((ConfigError, fastml.errors.SchemaError)):
        train(layout)
    first = layout.failure.read_text().splitlines()[0]
    assert cause in first[:1024]
    assert first in capsys.readouterr().err
    assert not any(layout.model.iterdir())
    assert left_after_failure(layout) == []


def left_after_failure(layout: Layout) -> list[str]:
    assert sorted(each.name for each in layout.output.iterdir()) == ["data", "failure"]
    return sorted(each.name for each in layout.output_data.iterdir())


def test_a_fault_of_our_own_is_told_as_one(cloud: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*_args: object, **_options: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("fastml.sagemaker.train.run", fault)
    layout = cloud()
    with pytest.raises(ZeroDivisionError):
        train(layout)
    lines = layout.failure.read_text().splitlines()
    assert lines[0] == "internal error: ZeroDivisionError: by zero"
    assert "in fault" in "\n".join(lines[1:])
    assert "" not in lines[2:]  # where it arose reads as Python prints it


def test_a_name_that_is_no_unicode_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError), FailureFile(tmp_path / "failure"):
        raise DataError(f"{os.fsdecode(bytes([255]))}.csv is empty")
    assert (tmp_path / "failure").read_text().startswith(r"\udcff.csv is empty")


def test_a_process_fails_with_a_code(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; import fastml.sagemaker.layout as layout;"
        f"layout.Layout.__init__.__defaults__ = (Path({str(tmp_path)!r}),);"
        "from fastml.sagemaker.__main__ import main; sys.exit(main(['train']))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.returncode == 1
    first = (tmp_path / "output" / "failure").read_text().splitlines()[0]
    assert first.startswith("[problem] target is missing; it must be given (in no hyperparameters")
    assert found.stderr.count("Traceback") == first.count("Traceback") + 2  # its cause, and itself


def test_an_unknown_verb_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trian"]) == 2
    assert capsys.readouterr().err == "'trian' is not known; did you mean 'train'?\n"


def test_one_machine_of_many_trains(cloud: MakeJob, capsys: pytest.CaptureFixture[str]) -> None:
    layout = cloud()
    hosts = {"current_host": "algo-2", "hosts": ["algo-2", "algo-1"]}
    write(layout.config / "resourceconfig.json", CLOUD_RESOURCES | hosts)
    assert train(layout) == 0
    assert "algo-2 has nothing to do" in capsys.readouterr().out
    assert not any(layout.model.iterdir())


def test_a_share_of_the_rows_is_not_taken_for_all(cloud: MakeJob) -> None:
    layout = cloud(train=CLOUD_CHANNEL | {"S3DistributionType": "ShardedByS3Key"})
    hosts = {"current_host": "algo-1", "hosts": ["algo-1", "algo-2"]}
    write(layout.config / "resourceconfig.json", CLOUD_RESOURCES | hosts)
    with pytest.raises(ConfigError, match="say FullyReplicated"):
        train(layout)


def test_a_pipe_that_is_not_there(cloud: MakeJob) -> None:
    layout = cloud(train=CLOUD_CHANNEL | {"TrainingInputMode": "Pipe"})
    with pytest.raises(DataError, match=r"'train' could not be read from .*train_0"):
        train(layout)


def _full(*_args: object) -> None:
    raise OSError("no space left on device")


def _stopped(*_args: object) -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    raise AssertionError("SIGTERM was not heard")


@pytest.mark.parametrize(("end", "why"), [(_full, "no space left"), (_stopped, "stopped as asked")])
def test_a_model_without_a_baseline_is_one(
    cloud: MakeJob,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    end: Callable[..., None],
    why: str,
) -> None:
    monkeypatch.setattr("fastml.sagemaker.train.model_statistics", end)
    layout = cloud({"epochs": "3"})
    assert train(layout) == 0
    said = capsys.readouterr().out
    assert f"no baseline was made: {why}" in said
    assert "[fastml] passed=1" in said
    assert not layout.failure.exists()
    assert not any("baseline" in each for each in model_of(layout))
    fastml.Pipeline.load(layout.model)
