"""Where SageMaker puts what a job is given, and looks for what it leaves."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["BASE_DIR", "Layout"]

BASE_DIR = "SAGEMAKER_BASE_DIR"
"""The variable by which SageMaker's own toolkits are told of another folder than /opt/ml."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders of a job.

    Parameters
    ----------
    root : Path, optional
        Default what `SAGEMAKER_BASE_DIR` says, else /opt/ml.
    """

    root: Path = field(default_factory=lambda: Path(os.environ.get(BASE_DIR) or "/opt/ml"))

    @property
    def config(self) -> Path:
        """The job's settings, as JSON."""
        return self.root / "input" / "config"

    @property
    def channels(self) -> Path:
        """The data: a folder for each channel, or, of Pipe mode, pipes."""
        return self.root / "input" / "data"

    @property
    def model(self) -> Path:
        """What is packed and kept as the model."""
        return self.root / "model"

    @property
    def output(self) -> Path:
        """Holds `output_data` and `failure`."""
        return self.root / "output"

    @property
    def output_data(self) -> Path:
        """What else is packed and kept."""
        return self.output / "data"

    @property
    def failure(self) -> Path:
        """Why the job failed."""
        return self.output / "failure"

    @property
    def scratch(self) -> Path:
        """For what is needed while the job goes on: on the volume of the job, and not packed."""
        return self.output / ".scratch"

    @property
    def checkpoints(self) -> Path:
        """What is kept while the job goes on, and is there again when it is started again."""
        return self.root / "checkpoints"

    @property
    def processing(self) -> Path:
        """What a processing job is given, and where its outputs are."""
        return self.root / "processing"

    @property
    def processing_endpoint(self) -> Path:
        """What an endpoint was asked and answered."""
        return self.processing / "input" / "endpoint"

    @property
    def processing_model(self) -> Path:
        """A model, as a folder or packed."""
        return self.processing / "input" / "model"

    @property
    def processing_config(self) -> Path:
        """The settings of a processing job, as JSON."""
        return self.root / "config"

    @property
    def message(self) -> Path:
        """What a processing job has to say at its end, or why it failed."""
        return self.output / "message"

    @property
    def cloudwatch(self) -> Path:
        """Metrics that a processing job leaves, as lines of JSON."""
        return self.output / "metrics" / "cloudwatch"
