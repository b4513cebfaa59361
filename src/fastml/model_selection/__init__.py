"""Parts of a table to train, choose and judge on, and the search for the best settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastml.model_selection.lane_search import LaneSearch
from fastml.model_selection.search_space import LogUniform, Uniform
from fastml.model_selection.split import Method, Splits, assign_splits, split

if TYPE_CHECKING:
    from fastml.model_selection.optuna_search import OptunaSearch

__all__ = [
    "LaneSearch",
    "LogUniform",
    "Method",
    "OptunaSearch",
    "Splits",
    "Uniform",
    "assign_splits",
    "split",
]


def __getattr__(name: str) -> Any:
    """Import what stands on the pipeline when it is first used: the pipeline stands on the rest."""
    if name != "OptunaSearch":
        raise AttributeError(f"module 'fastml.model_selection' has no attribute {name!r}")
    from fastml.model_selection.optuna_search import OptunaSearch

    return OptunaSearch
