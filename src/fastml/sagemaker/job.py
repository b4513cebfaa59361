"""What a job is told in its configuration files.

In the cloud they are complete. The local mode of SageMaker's SDK writes the least, and a test may
write none: what is absent takes the value that a job on one machine has.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from fastml.errors import ConfigError
from fastml.sagemaker.layout import Layout

__all__ = ["Job"]


@dataclass(frozen=True, slots=True)
class Job:
    """A training job.

    Parameters
    ----------
    layout : Layout
    hyperparameters : mapping of str to str
        As given, those of the platform among them.
    channels : mapping of str to mapping
        What is said of each channel.
    resources : mapping
        Of the machines.
    checkpoints : Path
        What is kept there comes back when the job is started again.
    """

    layout: Layout
    hyperparameters: Mapping[str, str] = field(default_factory=dict)
    channels: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    resources: Mapping[str, Any] = field(default_factory=dict)
    checkpoints: Path = Path()

    @classmethod
    def read(cls, layout: Layout) -> Self:
        """Read the configuration of a job.

        Raises
        ------
        ConfigError
            If a file that is there holds something else than an object of JSON.
        """
        given = _object(layout.config / "hyperparameters.json")
        stated = _object(layout.config / "inputdataconfig.json")
        place = _object(layout.config / "checkpointconfig.json").get("LocalPath")
        return cls(
            layout,
            {k: v if isinstance(v, str) else json.dumps(v) for k, v in given.items()},
            {k: v if isinstance(v, dict) else {} for k, v in stated.items()}
            | _folders(layout, stated),
            _object(layout.config / "resourceconfig.json"),
            Path(place) if isinstance(place, str) and place else layout.checkpoints,
        )

    @property
    def host(self) -> str:
        """The name of this machine in the job."""
        return str(self.resources.get("current_host") or "algo-1")

    @property
    def hosts(self) -> list[str]:
        """The names of all machines of the job, the leader first."""
        hosts = self.resources.get("hosts")
        return sorted(map(str, hosts)) if isinstance(hosts, list) and hosts else [self.host]

    @property
    def leads(self) -> bool:
        """Whether this machine is the one that trains."""
        return self.host == self.hosts[0]


def _folders(layout: Layout, stated: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the channels that nothing is said of, but whose folder is there."""
    if not layout.channels.is_dir():
        return {}
    found = (each.name for each in sorted(layout.channels.iterdir()) if each.is_dir())
    return {name: {} for name in found if name not in stated}


def _object(file: Path) -> dict[str, Any]:
    """Return the object in a file of JSON; an empty one where there is no file."""
    try:
        content = json.loads(file.read_bytes() or b"{}")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{file} cannot be read as JSON: {error}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(f"{file}: expected an object of JSON, found {str(content)[:60]!r}")
    return content
