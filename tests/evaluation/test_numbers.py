"""Numbers in sentences have the digits that count, and no exponents that people must work out."""

from __future__ import annotations

import numpy as np
import pytest

from fastml.evaluation import evaluate
from fastml.evaluation.criteria import check, parse_criteria
from fastml.evaluation.numbers import amount, how_many, signed


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (82_630.4, "82,630"),
        (-1_234_567.0, "-1,234,567"),
        (999.96, "1,000"),
        (0.84215, "0.8421"),
        (0.0, "0"),
        (float("inf"), "not defined"),
    ],
)
def test_amounts(value: float, words: str) -> None:
    assert amount(value) == words


def test_signs_and_digits() -> None:
    assert (signed(0.5), signed(-0.5), signed(12_000.0)) == ("+0.5", "-0.5", "+12,000")
    assert (amount(1_234.567, 6), amount(2.5, 6)) == ("1,234.57", "2.5")


def test_counts() -> None:
    assert [how_many(n, "row") for n in (0, 1, 2_000)] == ["0 rows", "1 row", "2,000 rows"]


def test_an_evaluation_is_printed_with_thousands_apart() -> None:
    truth = np.linspace(1e5, 9e5, 50)
    told = str(evaluate("regression", truth, truth + 8e4 * (-1.0) ** np.arange(50)))
    assert "80,000" in told
    assert "e+0" not in told


def test_criteria_are_told_with_thousands_apart() -> None:
    criteria = parse_criteria({"rmse": {"max": 82_630.0}}, "regression")
    (near,) = check(criteria, {"rmse": 82_630.25})
    assert near.words == "rmse is 82,630.2, not at most 82,630"
    (interval,) = check(criteria, {"rmse": 80_000.0}, intervals={"rmse": (70_000.0, 90_000.0)})
    assert interval.words.endswith("(interval 70,000 to 90,000)")
