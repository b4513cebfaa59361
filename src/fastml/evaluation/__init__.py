"""How good a model is, how sure that is, and whether it is good enough."""

from __future__ import annotations

from fastml.evaluation.baselines import BaselineSearch, Rule
from fastml.evaluation.comparison import Comparison, model_beats_baseline
from fastml.evaluation.criteria import Criterion, Verdict, check, parse_criteria, within_percents
from fastml.evaluation.decision_value import DecisionValue
from fastml.evaluation.summary import Evaluation, evaluate
from fastml.evaluation.threshold import Threshold, choose_threshold
from fastml.evaluation.threshold_rule import ThresholdRule, parse_threshold_rule

__all__ = [
    "BaselineSearch",
    "Comparison",
    "Criterion",
    "DecisionValue",
    "Evaluation",
    "Rule",
    "Threshold",
    "ThresholdRule",
    "Verdict",
    "check",
    "choose_threshold",
    "evaluate",
    "model_beats_baseline",
    "parse_criteria",
    "parse_threshold_rule",
    "within_percents",
]
