"""The line search on convex functions of one variable, several at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastml._typing import Float64
from fastml.linear_model.line_search import FARTHEST, FLATTER, line_search, secant
from fastml.linear_model.objective import Along

Curve = Callable[[Float64], Along]


def search(along: Curve, most: float | list[float] = np.inf) -> Float64:
    start = along(np.zeros(len(along(np.zeros(1)).value)))
    n = len(start.value)
    return line_search(
        along,
        start.value,
        start.slope,
        most=np.broadcast_to(np.asarray(most, np.float64), n).copy(),
        noise=np.zeros(n),
    )


def quadratic(best: list[float], bend: list[float]) -> Curve:
    b, k = np.array(best), np.array(bend)
    return lambda t: Along(k / 2 * (t - b) ** 2, k * (t - b), k + 0.0 * t)


positive = st.floats(1e-3, 1e3)


@given(st.lists(st.tuples(positive, st.floats(1e-6, 1e6)), min_size=1, max_size=5))
def test_finds_the_minima_of_parabolas(curves: list[tuple[float, float]]) -> None:
    best, bend = map(list, zip(*curves, strict=True))
    at = quadratic(best, bend)
    step = search(at)
    assert (np.abs(at(step).slope) <= FLATTER * np.abs(at(0.0 * step).slope)).all()
    alone = [search(quadratic([b], [k]))[0] for b, k in curves]
    np.testing.assert_array_equal(step, alone)


@given(st.floats(0.2, 5.0), st.floats(1e-6, 1e6))
def test_secants_meet_the_minima_of_parabolas(best: float, bend: float) -> None:
    at = quadratic([best], [bend])
    found = secant(at(np.zeros(1)).slope, at(np.ones(1)).slope)
    np.testing.assert_allclose(found, best, rtol=1e-9)


def test_secants_of_lines_and_of_nothing_end_somewhere() -> None:
    slope, end_slope = np.full(4, -1.0), np.array([-1.0, -0.99, np.nan, np.inf])
    np.testing.assert_array_equal(secant(slope, end_slope), [0.5, FARTHEST, 0.5, 0.5])


@given(st.floats(0.1, 50.0), st.floats(0.1, 20.0))
def test_meets_the_wolfe_conditions_on_curves_that_flatten(best: float, sharp: float) -> None:
    def at(t: Float64) -> Along:
        e = sharp * (t - best)
        p = 1 / (1 + np.exp(-np.clip(e, -700.0, 700.0)))
        value = np.maximum(e, 0.0) + np.log1p(np.exp(-np.abs(e))) - e / 2
        return Along(value, sharp * (p - 0.5), sharp**2 * p * (1 - p))

    start, step = at(np.zeros(1)), search(at)
    end = at(step)
    assert end.value < start.value
    assert abs(end.slope) <= FLATTER * abs(start.slope)


def test_stops_at_the_longest_step_of_each() -> None:
    step = search(quadratic([5.0, 0.25, 5.0], [1.0, 1.0, 1.0]), most=[1.0, 1.0, np.inf])
    np.testing.assert_allclose(step[:2], [1.0, 0.25])
    assert 1.0 < step[2] <= 5.0


def test_returns_from_where_the_function_ends() -> None:
    def at(t: Float64) -> Along:
        beyond = t > 0.1
        slope = np.where(beyond, np.nan, 2 * (t - 1.0))
        return Along(np.where(beyond, np.inf, (t - 1.0) ** 2), slope, np.full_like(t, 2.0))

    assert 0.05 < search(at)[0] <= 0.1


def test_stays_where_there_is_no_step() -> None:
    assert search(lambda t: Along(1.0 + t, -1.0 + 2.0 * (t > 0), 0.0 * t))[0] == pytest.approx(0.0)
    # The second is at its minimum, the third would have to go back; neither holds up the first.
    step = search(quadratic([2.0, 0.0, -1.0], [1.0, 1.0, 1.0]))
    assert 0.0 < step[0] <= 2.0
    np.testing.assert_array_equal(step[1:], 0.0)
