"""Trees over design blocks, by XGBoost (extra `xgboost`), which is imported where it is used."""

from __future__ import annotations

from fastml.ensemble.boosted_trees import BoostedTrees

__all__ = ["BoostedTrees"]
