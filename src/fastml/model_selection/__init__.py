"""Parts of a table to train, choose and judge on, and the search for the best settings."""

from __future__ import annotations

from fastml.model_selection.lane_search import LaneSearch
from fastml.model_selection.search_space import LogUniform, Uniform
from fastml.model_selection.split import Method, Splits, assign_splits, split

__all__ = ["LaneSearch", "LogUniform", "Method", "Splits", "Uniform", "assign_splits", "split"]
