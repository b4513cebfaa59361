"""Where the checks work: it makes folders as /opt/ml, and trains and serves once for many."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from fastml.sagemaker.conformance.asking import wait_for_ping
from fastml.sagemaker.conformance.contract import BrokenError, expect, shown
from fastml.sagemaker.conformance.running import Conditions, Runner, Running
from fastml.sagemaker.conformance.sample import Sample
from fastml.sagemaker.layout import Layout

__all__ = ["Trained", "Workbench", "cloud_files", "ended", "model_of"]

T = TypeVar("T")

_PLAIN = Conditions()
TRAINING = 600.0
"""Seconds that one training may take."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A training that has ended."""

    layout: Layout
    code: int
    said: str
    seconds: float

    def expect_done(self) -> Trained:
        """Return this; raise `BrokenError` unless it ended well and left a model."""
        failure = self.layout.failure
        why = failure.read_text("utf-8", "replace") if failure.is_file() else self.said[-400:]
        expect(self.code == 0, f"it ended with {self.code}: {shown(why, 300)}")
        expect(not failure.exists(), f"it ended with 0, but wrote a failure: {shown(why)}")
        expect(model_of(self.layout), "it ended with 0, but /opt/ml/model is empty")
        return self

    def expect_failure(self) -> str:
        """Return the first line of the failure file; raise `BrokenError` if there is none."""
        expect(self.code != 0, "it ended with 0, as if nothing had failed")
        failure = self.layout.failure
        expect(failure.is_file(), f"it ended with {self.code}, but wrote no /opt/ml/output/failure")
        line = failure.read_text("utf-8", "replace").partition("\n")[0]
        expect(line.strip(), "the first line of the failure file is empty")
        expect(len(line) <= 1024, f"its first line has {len(line):,} characters; 1,024 are shown")
        expect(not line.startswith("Traceback"), "it begins with a traceback, not with the cause")
        return line


class _Once(Generic[T]):
    """What is made when it is first asked for; a failure is remembered, too."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._found: list[T] = []
        self._broken = ""

    def get(self, what: str) -> T:
        if self._broken:
            raise BrokenError(f"{what}: {self._broken}")
        if not self._found:
            try:
                self._found.append(self._make())
            except BrokenError as error:
                self._broken = str(error)
                raise
        return self._found[0]


class Workbench:
    """What the checks share.

    Parameters
    ----------
    runner : Runner
    sample : Churn or Given
    folder : Path
        For all that is made.
    """

    def __init__(self, runner: Runner, sample: Sample, folder: Path) -> None:
        self.runner, self.sample = runner, sample
        self._folder, self._made = folder, 0
        self._stack = ExitStack()
        self._trained = _Once(lambda: self.train(self.job()).expect_done())
        self._long = _Once(self._train_long)
        self._server = _Once(self._serve)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with ExitStack() as last:
            last.callback(self.runner.clear, self._folder)
            self._stack.close()

    # -- folders ----------------------------------------------------------------------------------

    def job(
        self,
        hyperparameters: Mapping[str, Any] | None = None,
        *,
        much: bool = False,
        files: Mapping[str, Any] | None = None,
        channel: str | None = "train",
    ) -> Layout:
        """Make the /opt/ml of a training job.

        Parameters
        ----------
        hyperparameters : mapping, optional
            Default the sample's; empty: no file.
        much : bool
            Whether the training is to take some seconds.
        files : mapping, optional
            The other configuration files by name; default those of the cloud.
        channel : str, optional
            The folder of the rows; None makes none.
        """
        layout = self.empty()
        sample = self.sample
        given = (
            (sample.long if much else sample.hyperparameters)
            if (hyperparameters is None)
            else hyperparameters
        )
        if channel:
            sample.put(layout.channels / channel, much=much)
        stated = dict(cloud_files() if files is None else files)
        if not self.runner.is_image and "checkpointconfig" in stated:
            stated["checkpointconfig"] = {"LocalPath": str(layout.checkpoints)}
        if given:
            stated["hyperparameters"] = {k: _words(v) for k, v in given.items()}
        for name, content in stated.items():
            (layout.config / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
        self.let_anyone(layout)
        return layout

    def empty(self) -> Layout:
        """Make an /opt/ml with its folders alone."""
        self._made += 1
        layout = Layout(self._folder / f"ml{self._made}")
        for each in (layout.config, layout.channels, layout.model, layout.output_data):
            each.mkdir(parents=True)
        layout.checkpoints.mkdir()
        return layout

    def let_anyone(self, layout: Layout) -> None:
        """Let any user read and write all that is there: the folders are the platform's."""
        for each in (layout.root, *layout.root.rglob("*")):
            each.chmod(0o777 if each.is_dir() else 0o666)

    def holding_model(self) -> Layout:
        """Make the /opt/ml of an endpoint."""
        layout = self.empty()
        shutil.copytree(self.trained.layout.model, layout.model, dirs_exist_ok=True)
        self.let_anyone(layout)
        return layout

    # -- programs ---------------------------------------------------------------------------------

    def train(
        self, layout: Layout, *, verb: str = "train", conditions: Conditions = _PLAIN
    ) -> Trained:
        """Train, and wait until it has ended; an empty verb says nothing to the program."""
        with self.runner.start(layout.root, verb, conditions) as running:
            return ended(running, layout, TRAINING)

    @contextmanager
    def serving(
        self, layout: Layout | None = None, conditions: Conditions = _PLAIN
    ) -> Iterator[Running]:
        """Serve in a program of its own, until the context is left."""
        place = layout or self.holding_model()
        with self.runner.start(place.root, "serve", conditions) as running:
            yield running

    @property
    def trained(self) -> Trained:
        """A training of the sample, made once."""
        return self._trained.get("nothing was trained")

    @property
    def long(self) -> Trained:
        """A training of some seconds that nothing interrupted, made once."""
        return self._long.get("the training that takes longer failed")

    @property
    def server(self) -> Running:
        """A server of the trained model, started once."""
        running = self._server.get("nothing serves")
        running.expect_alive("before this was asked")
        return running

    def _train_long(self) -> Trained:
        return self.train(self.job(much=True)).expect_done()

    def _serve(self) -> Running:
        running = self._stack.enter_context(self.serving())
        wait_for_ping(running)
        return running


def ended(running: Running, layout: Layout, seconds: float) -> Trained:
    """Wait until a training has ended, and return what it left."""
    code = running.wait(seconds)
    return Trained(layout, code, running.said(), time.monotonic() - running.began)


def cloud_files() -> dict[str, Any]:
    """Return the configuration files of a job as the cloud writes them, by name."""
    return {
        "inputdataconfig": {
            "train": {
                "TrainingInputMode": "File",
                "S3DistributionType": "FullyReplicated",
                "RecordWrapperType": "None",
            }
        },
        "resourceconfig": {
            "current_host": "algo-1",
            "current_instance_type": "ml.m5.large",
            "current_group_name": "homogeneousCluster",
            "hosts": ["algo-1"],
            "instance_groups": [
                {
                    "instance_group_name": "homogeneousCluster",
                    "instance_type": "ml.m5.large",
                    "hosts": ["algo-1"],
                }
            ],
            "network_interface_name": "eth0",
        },
        "checkpointconfig": {"LocalPath": "/opt/ml/checkpoints", "S3Uri": "s3://bucket/state"},
    }


def model_of(layout: Layout) -> dict[str, bytes]:
    """Return the files of the model by name."""
    files = (each for each in sorted(layout.model.rglob("*")) if each.is_file())
    return {str(each.relative_to(layout.model)): each.read_bytes() for each in files}


def _words(value: Any) -> str:
    """Return a hyperparameter as SageMaker hands it on: as text."""
    return value if isinstance(value, str) else json.dumps(value)
