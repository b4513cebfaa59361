"""Parts of a table to train, choose and judge on."""

from __future__ import annotations

from fastml.model_selection.split import Method, Splits, assign_splits, split

__all__ = ["Method", "Splits", "assign_splits", "split"]
