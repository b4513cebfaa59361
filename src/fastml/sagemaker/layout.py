"""Where SageMaker puts what a job is given, and looks for what it leaves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Layout"]


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders of a job.

    Parameters
    ----------
    root : Path
        Elsewhere than /opt/ml in tests.
    """

    root: Path = Path("/opt/ml")

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
