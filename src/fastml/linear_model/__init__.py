"""Linear learners over design blocks."""

from __future__ import annotations

from fastml.linear_model.design import Design, DesignBlock
from fastml.linear_model.logistic import LogisticRegression
from fastml.linear_model.path import Path, regularization_path
from fastml.linear_model.regression import LinearRegression

__all__ = [
    "Design",
    "DesignBlock",
    "LinearRegression",
    "LogisticRegression",
    "Path",
    "regularization_path",
]
