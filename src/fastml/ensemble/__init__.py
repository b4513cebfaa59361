"""Trees over design blocks, by XGBoost (extra `xgboost`), which is imported where it is used."""

from __future__ import annotations

from fastml.ensemble.boosted_trees import BoostedTrees
from fastml.ensemble.matrices import load_xgboost

__all__ = ["BoostedTrees", "load_xgboost"]
