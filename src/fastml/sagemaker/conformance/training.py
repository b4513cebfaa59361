"""Items of a training job: what it is told, and what it leaves."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastml.sagemaker.conformance.contract import Collected, expect, shown
from fastml.sagemaker.conformance.running import Conditions
from fastml.sagemaker.conformance.sample import CHURN
from fastml.sagemaker.metrics import metric_definitions

if TYPE_CHECKING:
    from fastml.sagemaker.conformance.workbench import Workbench
    from fastml.sagemaker.layout import Layout

__all__ = ["TRAINING"]

TRAINING = Collected("your-algorithms-training-algo-running-container")

_LEFT = {"input", "model", "output", "checkpoints"}
_VARIABLES = """
import json
from fastml.sagemaker.environment import environment
from fastml.sagemaker.job import Job
from fastml.sagemaker.layout import Layout
print(json.dumps(environment(Job.read(Layout()))))
"""


@TRAINING.item("train.cloud", "train from the configuration files of the cloud")
def _cloud(bench: Workbench) -> str:
    # The job that other items build on.
    return f"{bench.trained.seconds:.1f} s"


@TRAINING.item("train.leaves", "write to model, output and checkpoints, and nowhere else")
def _leaves(bench: Workbench) -> str:
    # No file beside those that SageMaker takes, and none but the model in the model.
    layout = bench.trained.layout
    others = {each.name for each in layout.root.iterdir()} - _LEFT
    others |= {f"output/{each.name}" for each in layout.output.iterdir()} - {"output/data"}
    others |= _input(layout) - _input(bench.job())
    expect(not others, f"there are {', '.join(sorted(others))}, too")
    files = [each for each in layout.model.rglob("*") if each.is_file()]
    return f"a model of {sum(each.stat().st_size for each in files):,} bytes"


def _input(layout: Layout) -> set[str]:
    return {str(each.relative_to(layout.root)) for each in layout.config.parent.rglob("*")}


@TRAINING.item(
    "train.local-mode", "train from what SDK v3's local mode writes", source="local-mode"
)
def _local_mode(bench: Workbench) -> None:
    # The least of files, and no argument.
    files = {
        "inputdataconfig": {"train": {"TrainingInputMode": "File"}},
        "resourceconfig": {"current_host": "algo-1", "hosts": ["algo-1"]},
    }
    bench.train(bench.job(files=files), verb="").expect_done()


@TRAINING.item("train.hyperparameters-only", "train where there is no other configuration file")
def _hyperparameters_only(bench: Workbench) -> None:
    # Hyperparameters and a channel.
    bench.train(bench.job(files={})).expect_done()


@TRAINING.item(
    "train.project",
    "train from a project file in the channel config",
    "churn",
    source="sagemaker.md",
)
def _project(bench: Workbench) -> None:
    # No hyperparameter at all.
    layout = bench.job({})
    folder = layout.channels / "config"
    folder.mkdir()
    words = '[problem]\ntarget = "churn"\n\n[data]\nsource = "train"\n'
    (folder / "project.toml").write_text(words, encoding="utf-8")
    bench.let_anyone(layout)
    bench.train(layout).expect_done()


@TRAINING.item(
    "train.fast-file",
    "train from a channel that cannot be written",
    source="model-access-training-data",
)
def _fast_file(bench: Workbench) -> None:
    # FastFile mode: a file system that is read-only.
    layout = bench.job(files=_mode("FastFile"))
    folder = layout.channels / "train"
    folder.chmod(0o555)
    try:
        bench.train(layout, conditions=Conditions(unwritable=("input/data/train",))).expect_done()
    finally:
        folder.chmod(0o777)  # so that it can be removed


@TRAINING.item(
    "train.pipe",
    "train from a pipe, train_0, read once",
    "churn",
    source="model-access-training-data",
)
def _pipe(bench: Workbench) -> None:
    # Pipe mode.
    layout = bench.job(files=_mode("Pipe"), channel="elsewhere")
    (source,) = (layout.channels / "elsewhere").iterdir()
    content = source.read_bytes()
    source.unlink()
    source.parent.rmdir()
    place = layout.channels / "train_0"
    os.mkfifo(place)
    place.chmod(0o666)
    over = threading.Event()
    feeder = threading.Thread(target=_feed, args=(place, content, over))
    feeder.start()
    try:
        bench.train(layout).expect_done()
    finally:
        over.set()
        feeder.join()


def _feed(pipe: Path, content: bytes, over: threading.Event) -> None:
    """Write to a pipe once somebody reads it."""
    while not over.is_set():
        try:
            end = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # nobody reads
            time.sleep(0.01)
            continue
        os.set_blocking(end, True)
        with suppress(BrokenPipeError), open(end, "wb") as file:
            file.write(content)
        return


@TRAINING.item(
    "train.platform-hyperparameters",
    "bear hyperparameters of the platform's own",
    source="automatic-model-tuning-how-it-works",
)
def _platform_hyperparameters(bench: Workbench) -> None:
    # What tuning jobs and the SDK add.
    more = {
        "_tuning_objective_metric": "validation:roc_auc",
        "sagemaker_container_log_level": "20",
        "sagemaker_job_name": '"job"',
        "sagemaker_region": '"eu-west-1"',
    }
    bench.train(bench.job({**bench.sample.hyperparameters, **more})).expect_done()


@TRAINING.item(
    "train.bad-hyperparameter", "name a mistake in the first line of the failure file", "churn"
)
def _bad_hyperparameter(bench: Workbench) -> str:
    # A name that is none.
    line = bench.train(bench.job(CHURN | {"epohcs": "3"})).expect_failure()
    expect("epohcs" in line, f"it does not name 'epohcs': {shown(line)}")
    return shown(line, 80)


@TRAINING.item("train.missing-channel", "say in the failure file that there are no rows")
def _missing_channel(bench: Workbench) -> str:
    # A channel that is stated, and no folder.
    return shown(bench.train(bench.job(channel=None)).expect_failure(), 80)


@TRAINING.item(
    "train.variables",
    "set SM_* as the training toolkit does",
    "churn",
    source="the training toolkit's ENVIRONMENT_VARIABLES.md",
)
def _variables(bench: Workbench) -> str:
    # What scripts look for.
    layout = bench.job()
    found = json.loads(bench.runner.python(layout.root, _VARIABLES))
    root = "/opt/ml" if bench.runner.is_image else str(layout.root)
    wanted = {
        "SM_MODEL_DIR": f"{root}/model",
        "SM_OUTPUT_DATA_DIR": f"{root}/output/data",
        "SM_CHANNEL_TRAIN": f"{root}/input/data/train",
        "SM_CURRENT_HOST": "algo-1",
        "SM_HOSTS": '["algo-1"]',
        "SM_HP_TARGET": "churn",
    }
    for name, value in wanted.items():
        expect(found.get(name) == value, f"{name} is {found.get(name)!r}; expected {value!r}")
    return f"{len(found)} of them"


@TRAINING.item(
    "train.metrics",
    "print metrics that the published expressions find",
    "churn",
    source="define-train-metrics",
)
def _metrics(bench: Workbench) -> str:
    # What a tuning job goes by is among them.
    lines = bench.trained.said.splitlines()
    found = [
        each["Name"]
        for each in metric_definitions("binary")
        if any(re.search(each["Regex"], line) for line in lines)
    ]
    for name in ("train:loss", "validation:roc_auc", "test:log_loss", "passed"):
        expect(name in found, f"no line of the log holds {name}")
    return f"{len(found)} of them"


@TRAINING.item("train.two-machines", "write from one of a job's machines alone", "churn")
def _two_machines(bench: Workbench) -> None:
    # The second machine has nothing to do, and leaves nothing.
    hosts = {"current_host": "algo-2", "hosts": ["algo-1", "algo-2"]}
    files = {**_mode("File"), "resourceconfig": hosts}
    done = bench.train(bench.job(files=files))
    expect(done.code == 0, f"the second machine ended with {done.code}")
    for folder in (done.layout.model, done.layout.output):
        written = [each.name for each in folder.rglob("*") if each.is_file()]
        expect(not written, f"the second machine wrote {', '.join(written)} to {folder.name}")


def _mode(mode: str) -> Mapping[str, Any]:
    return {"inputdataconfig": {"train": {"TrainingInputMode": mode}}}
