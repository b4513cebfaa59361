"""A training job, from what SageMaker gives to what it takes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from fastml.checkpoint import Checkpoint
from fastml.errors import ConfigError, FastMLError, StoppedError
from fastml.monitoring.collect import model_statistics
from fastml.progress import heard_by
from fastml.sagemaker.baseline import OWN, write_baseline
from fastml.sagemaker.channels import tables
from fastml.sagemaker.environment import environment
from fastml.sagemaker.failure import FailureFile
from fastml.sagemaker.hyperparameters import job_project
from fastml.sagemaker.job import Job
from fastml.sagemaker.layout import Layout
from fastml.sagemaker.metrics import LossLines, metric_lines
from fastml.sagemaker.stopping import TERMINATED, end_on_sigterm
from fastml.serving.predictor import Predictor
from fastml.workflow.journal import Journal, Lines
from fastml.workflow.project import Project
from fastml.workflow.run import run

__all__ = ["train"]

_NAME = "fastml"
_SAVE_EVERY = "FASTML_CHECKPOINT_SECONDS"


def train(layout: Layout | None = None) -> int:
    """Run a training job; return the exit code.

    A model that does not meet its success criteria is a result, and no failure: the job ends with
    0, and its metric `passed` is 0.

    Parameters
    ----------
    layout : Layout, optional
        Default /opt/ml.

    Raises
    ------
    FastMLError
        If the job does not allow it; the file `failure` says why.
    """
    layout = layout or Layout()
    try:
        with FailureFile(layout.failure):
            job = Job.read(layout)
            os.environ.update(environment(job))
            if job.leads:
                _train(job)
            else:
                print(f"{job.host} has nothing to do: fastml trains on one machine, {job.hosts[0]}")
    except StoppedError as stopped:
        print(f"{stopped}; a job that is started again with it goes on")
        return TERMINATED
    return 0


def _train(job: Job) -> None:
    place = job.checkpoints / _NAME
    checkpoint = Checkpoint(place, every=_seconds(), resume=place.is_dir())
    end_on_sigterm(checkpoint.stop)
    with _scratch(job.layout.scratch) as kept:
        project = job_project(job, tables(job, kept))
        out = job.layout.output_data / f".{_NAME}"
        shutil.rmtree(out, ignore_errors=True)  # of a start that was cut off
        with heard_by(LossLines()):
            journal = Journal(Lines())
            outcome, folder = run(project, out=out, checkpoint=checkpoint, journal=journal)
        _deliver(folder, job.layout)
        for line in metric_lines(outcome):
            print(line, flush=True)
        _add_baseline(project, job.layout.model)


def _seconds() -> float:
    """Return the seconds between one saving and the next."""
    words = os.environ.get(_SAVE_EVERY) or "60"
    try:
        found = float(words)
    except ValueError:
        found = -1.0
    if not found >= 0.0:
        raise ConfigError(f"{_SAVE_EVERY} is {words!r}; expected seconds, such as 60 or 0.5")
    return found


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """Yield an empty folder for temporary files, those of the training among them.

    The root of the container may be small or read-only.
    """
    shutil.rmtree(folder, ignore_errors=True)  # of a start that was cut off
    folder.mkdir(parents=True)
    os.environ.setdefault("TMPDIR", str(folder))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _add_baseline(project: Project, model: Path) -> None:
    """Put beside a model what its rows were like, for whoever watches it.

    The job has done its work: neither SIGTERM nor an error makes it one that has not.
    """
    end_on_sigterm(_stop)
    try:
        predictor = Predictor.open(model)
        rows = predictor.pipeline.scan(project.source, **project.data.options())
        write_baseline(model, model_statistics(rows, predictor), OWN)
    except (FastMLError, OSError, MemoryError, pa.ArrowException) as error:
        print(f"no baseline was made: {error}", flush=True)


def _stop() -> bool:
    raise StoppedError("stopped as asked")


def _deliver(folder: Path, layout: Layout) -> None:
    """Put the model where SageMaker looks for one, and all else of a run beside."""
    # Files alone: the folder is the platform's, which may be another user.
    for file in filter(Path.is_file, (folder / "model").rglob("*")):
        place = layout.model / file.relative_to(folder / "model")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)
    shutil.rmtree(folder / "model")
    for each in folder.iterdir():
        each.replace(layout.output_data / each.name)
    folder.rmdir()
