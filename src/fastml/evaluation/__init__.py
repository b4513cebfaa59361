"""How good a model is, how sure that is, and whether it is good enough."""

from __future__ import annotations

from fastml.evaluation.baselines import BaselineSearch, Rule
from fastml.evaluation.comparison import Comparison, model_beats_baseline
from fastml.evaluation.criteria import Criterion, Verdict, check, parse_criteria, within_percents
from fastml.evaluation.summary import Evaluation, evaluate
from fastml.evaluation.threshold import (
    DecisionValue,
    Threshold,
    best_f1_threshold,
    best_threshold,
)

__all__ = [
    "BaselineSearch",
    "Comparison",
    "Criterion",
    "DecisionValue",
    "Evaluation",
    "Rule",
    "Threshold",
    "Verdict",
    "best_f1_threshold",
    "best_threshold",
    "check",
    "evaluate",
    "model_beats_baseline",
    "parse_criteria",
    "within_percents",
]
