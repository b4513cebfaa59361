"""The line search on convex functions of one variable."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastml.linear_model.line_search import line_search
from fastml.linear_model.objective import Along


def quadratic(best: float, bend: float) -> object:
    return lambda t: Along(bend / 2 * (t - best) ** 2, bend * (t - best), bend)


@given(st.floats(1e-3, 1e3), st.floats(1e-6, 1e6))
def test_finds_the_minimum_of_a_parabola(best: float, bend: float) -> None:
    at = quadratic(best, bend)
    start = at(0.0)
    step = line_search(at, start.value, start.slope)
    assert abs(at(step).slope) <= 0.1 * abs(start.slope)


@given(st.floats(0.1, 50.0), st.floats(0.1, 20.0))
def test_meets_the_wolfe_conditions_on_curves_that_flatten(best: float, sharp: float) -> None:
    def at(t: float) -> Along:
        e = sharp * (t - best)
        p = 1 / (1 + math.exp(-min(max(e, -700.0), 700.0)))
        value = max(e, 0.0) + math.log1p(math.exp(-abs(e))) - e / 2
        return Along(value, sharp * (p - 0.5), sharp**2 * p * (1 - p))

    start = at(0.0)
    step = line_search(at, start.value, start.slope)
    end = at(step)
    assert end.value < start.value
    assert abs(end.slope) <= 0.1 * abs(start.slope)


def test_stops_at_the_longest_step() -> None:
    at = quadratic(5.0, 1.0)
    assert line_search(at, 12.5, -5.0, most=1.0) == 1.0
    assert line_search(quadratic(0.25, 1.0), 0.03125, -0.25, most=1.0) == pytest.approx(0.25)


def test_returns_from_where_the_function_ends() -> None:
    def at(t: float) -> Along:
        if t > 0.1:
            return Along(math.inf, math.nan, math.nan)
        return Along((t - 1.0) ** 2, 2 * (t - 1.0), 2.0)

    step = line_search(at, 1.0, -2.0)
    assert 0.05 < step <= 0.1


def test_says_so_where_there_is_no_step() -> None:
    assert line_search(lambda t: Along(1.0 + t, 1.0, 0.0), 1.0, -1.0) == 0.0
