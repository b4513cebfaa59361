"""Encoded rows that are kept in a file, for the next training on the same table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastml import __version__
from fastml._base import Estimator
from fastml._native import simd
from fastml.data import Source
from fastml.data.checked_file import UnusableError
from fastml.errors import ArtifactError, ConfigError
from fastml.linear_model.design import Design
from fastml.pipeline.fitted import trained_kind
from fastml.pipeline.target import Target
from fastml.preprocessing.encode_plan import EncodePlan
from fastml.preprocessing.encode_plan_state import plan_from_state, plan_state
from fastml.preprocessing.encoded_file import Kept, read_encoded, write_encoded

if TYPE_CHECKING:
    from fastml.pipeline import Pipeline

__all__ = ["Encoded", "KeptRows"]

_SETTINGS = (
    "target", "task", "positive", "weight", "drop", "keep", "categorical", "numeric", "imputer",
    "scaler", "encoder", "pruner", "bins", "crosses", "rows", "infinite",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Encoded:
    """A training table as a learner reads it, and what was found out about it on the way.

    Parameters
    ----------
    design : Design
    plan : EncodePlan
    target : Target
    dropped : mapping of str to str
        The columns that were left out, and why.
    n_rows, missing_targets : int
        The rows in the design, and those that were left out.
    """

    design: Design
    plan: EncodePlan
    target: Target
    dropped: Mapping[str, str]
    n_rows: int
    missing_targets: int


class KeptRows:
    """The file in which a pipeline's encoded rows are kept.

    Parameters
    ----------
    path : Path
    pipeline : Pipeline
    source : Source
        In canonical types; of files, whose sizes and times tell whether they have changed.

    Raises
    ------
    ConfigError
        If it is of anything else.
    """

    def __init__(self, path: Path, pipeline: Pipeline, source: Source) -> None:
        self._path, self._pipeline, self._source = path, pipeline, source
        self._fingerprint = self._of_now()

    def read(self, budget: int | None, threads: int) -> Encoded | str:
        """Return the rows, or why there are none that are of this table, prepared in this way."""
        try:
            kept = read_encoded(self._path, self._fingerprint, budget, threads)
            facts = kept.facts
            return Encoded(
                kept.design,
                plan_from_state(facts["plan"], kept.tables),
                Target.from_state(facts["target"]),
                facts["dropped"],
                facts["n_rows"],
                facts["missing_targets"],
            )
        except UnusableError as reason:
            return str(reason)
        except (ArtifactError, KeyError, TypeError, ValueError) as error:
            return f"it is not whole ({error})"

    def write(self, encoded: Encoded) -> bool:
        """Keep rows, unless the table has changed since they were read; say whether they are kept.

        Raises
        ------
        DataError
            If the disk is full or the place cannot be written to; nothing is left behind.
        """
        if self._of_now() != self._fingerprint:
            return False
        plan, tables = plan_state(encoded.plan)
        facts = {
            "plan": plan,
            "target": encoded.target.state(),
            "dropped": dict(encoded.dropped),
            "n_rows": encoded.n_rows,
            "missing_targets": encoded.missing_targets,
        }
        write_encoded(self._path, self._fingerprint, Kept(encoded.design, facts, tables))
        return True

    def _of_now(self) -> str:
        """Return what tells the table as it is now, its preparation and who does it."""
        source = self._source.fingerprint()
        if source is None:
            raise ConfigError(
                f"cache={str(self._path)!r}: only of files can it be told whether they have "
                f"changed, and {self._source.name} is none; leave cache out, or write it to a file"
            )
        pipeline = self._pipeline
        settings = {name: _plain(getattr(pipeline, name)) for name in _SETTINGS}
        learner = type(
            trained_kind(pipeline.learner)
        ).__name__  # it may decide the task, and how to impute
        return repr((__version__, simd.level(), source, learner, settings))


def _plain(value: Any) -> Any:
    """Return a setting as what two settings that are the same have in common."""
    if isinstance(value, Estimator):
        return type(value).__name__, {k: _plain(v) for k, v in value.get_params().items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(each) for each in value]
    return value
