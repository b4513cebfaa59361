"""The section [tune] of a project file: a search over the settings of the whole pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from fastml.errors import ConfigError
from fastml.model_selection.optuna_search import OptunaSearch
from fastml.model_selection.pipeline_space import PipelineSpace
from fastml.pipeline import Pipeline
from fastml.workflow.learner import scoring_name
from fastml.workflow.settings import flag, found, number, text, whole

__all__ = ["JOURNAL", "Tune", "check_tune"]

JOURNAL = "tuning.journal"


def _space(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(
            f"{where}: expected what to try, such as {{ imputer.strategy = "
            f'["mean", "median"] }}, found {found(value)}'
        )
    return value


@dataclass(frozen=True, slots=True)
class Tune:
    """What is tried, and for how long. A key left out takes the default of `OptunaSearch`."""

    space: Annotated[dict[str, Any], _space]
    trials: Annotated[int | None, whole(at_least=1)] = None
    time_budget: Annotated[float | None, number(above=0)] = None
    jobs: Annotated[int | None, whole(at_least=1)] = None
    scoring: Annotated[str | None, scoring_name] = None
    prune: Annotated[bool | None, flag] = None
    seed: Annotated[int | None, whole()] = None
    journal: Annotated[str | None, text] = None

    @property
    def tried(self) -> dict[str, Any]:
        """The space as `OptunaSearch` takes it: TOML has no null, so false stands for none."""
        return {name: _with_none(values) for name, values in self.space.items()}

    def search(self, pipeline: Pipeline, journal: Path) -> OptunaSearch:
        """Return the search that the section asks for."""
        names = ("trials", "time_budget", "jobs", "scoring", "prune", "seed")
        stated = {name: v for name in names if (v := getattr(self, name)) is not None}
        return OptunaSearch(pipeline, self.tried, journal=journal, **stated)


def _with_none(values: Any) -> Any:
    """Return values with none for a false that is not beside a true."""
    if isinstance(values, Mapping):
        return {name: _with_none(each) for name, each in values.items()}
    if isinstance(values, list) and not any(each is True for each in values):
        return [None if each is False else each for each in values]
    return values


def check_tune(tune: Tune, kind: str) -> None:
    """Check the space for a learner of this kind.

    Raises
    ------
    ConfigError
        If there is nothing to search, or a name or a value is not known.
    """
    try:
        PipelineSpace(tune.tried, kind)
    except ConfigError as fault:
        raise ConfigError(f"[tune] space: {fault}") from fault
