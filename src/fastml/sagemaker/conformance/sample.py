"""What a program that is tested is given to train on, and is asked."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastml.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["CHURN", "Churn", "Given", "Sample"]

CHURN = {"target": "churn", "task": "binary"}
_TABLE = "telco_churn_mlc.parquet"
_LONG = {"solver": "sgd", "epochs": "1200", "patience": "1200"}
_TIMES = 3
"""Times the rows with which that takes some seconds."""


@dataclass(frozen=True)
class Given:
    """What a user of the test gives, for an image that knows no churn.

    Parameters
    ----------
    data : Path
        A folder: the channel `train`.
    hyperparameters : mapping
        With which a training takes some seconds, so that it can be stopped half-way.
    request : Path
        The body of a request.
    content_type : str
    """

    data: Path
    hyperparameters: Mapping[str, Any]
    request: Path
    content_type: str

    is_churn = False

    @property
    def long(self) -> Mapping[str, Any]:
        """Hyperparameters of a training that takes some seconds."""
        return self.hyperparameters

    @property
    def body(self) -> bytes:
        """The body of a request."""
        return self.request.read_bytes()

    def put(self, folder: Path, *, much: bool = False) -> None:
        """Make the channel: more rows where a training must take some seconds."""
        shutil.copytree(self.data, folder, dirs_exist_ok=True)

    @classmethod
    def read(cls, data: Path, hyperparameters: Path, request: Path, content_type: str) -> Given:
        """Read what was given.

        Raises
        ------
        ConfigError
            If it is not there, or the hyperparameters are no object of JSON.
        """
        if not data.is_dir():
            raise ConfigError(f"--train-data {data} is no folder")
        if not request.is_file():
            raise ConfigError(f"--request {request} is no file")
        try:
            stated = json.loads(hyperparameters.read_bytes())
        except (OSError, ValueError) as error:
            raise ConfigError(f"--hyperparameters {hyperparameters}: {error}") from error
        if not isinstance(stated, dict):
            raise ConfigError(f"--hyperparameters {hyperparameters}: expected an object of JSON")
        return cls(data, stated, request, content_type)


class Churn:
    """The table of churn that comes with fastml."""

    is_churn = True
    hyperparameters: Mapping[str, Any] = CHURN
    long: Mapping[str, Any] = CHURN | _LONG
    content_type = "application/json"

    @cached_property
    def table(self) -> pa.Table:
        """Its rows."""
        import pyarrow.parquet as pq

        with as_file(files("fastml.workflow.demo") / _TABLE) as file:
            return pq.read_table(file)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """All rows without their answer, as JSON has them."""
        found: list[dict[str, Any]] = self.table.drop_columns([CHURN["target"]]).to_pylist()
        return found

    @property
    def body(self) -> bytes:
        """The body of a request for one row."""
        return json.dumps(self.rows[:1]).encode()

    def put(self, folder: Path, *, much: bool = False) -> None:
        """Make the channel: more rows where a training must take some seconds."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        folder.mkdir(parents=True, exist_ok=True)
        table = pa.concat_tables([self.table] * _TIMES) if much else self.table
        pq.write_table(table, folder / "churn.parquet")


Sample = Churn | Given
