"""Runs of rows: a table in pieces, some of them, and the problem over these."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastml.linear_model import LogisticRegression
from fastml.linear_model.lanes import Lanes
from fastml.linear_model.objective import Objective
from fastml.linear_model.precondition import Preconditioner
from fastml.linear_model.problem import RowGroups
from fastml.linear_model.runs import draw_runs
from tests.linear_model.problems import coded_design


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=6), st.integers(1, 300))
def test_runs_are_the_rows_each_once(block_rows: list[int], many: int) -> None:
    if not sum(block_rows):
        return
    runs = draw_runs(block_rows, 3, many=many)
    of_block: list[list[int]] = [[] for _ in block_rows]
    for block, first, end in runs.tolist():
        assert first < end
        of_block[block] += range(first, end)
    assert [sorted(rows) for rows in of_block] == [list(range(n)) for n in block_rows]


def test_a_larger_part_has_the_runs_of_a_smaller() -> None:
    some, more = (draw_runs([40_000, 9_000], 1, (0.0, share)).tolist() for share in (0.25, 0.5))
    assert more[: len(some)] == some
    assert len(more) == 2 * len(some)
    assert len(draw_runs([40_000], 1, (0.0, 0.0))) == 1


def test_a_problem_over_runs_is_the_same_objective_without_the_other_rows() -> None:
    design = coded_design(4_000, weighted=True)
    variants = [LogisticRegression(l2=l2) for l2 in (1e-3, 1.0)]
    folds = [np.arange(block.n_rows, dtype=np.uint16) % 2 for block in design.blocks]
    groups = RowGroups(folds, 1.0 - np.eye(2))
    problem = LogisticRegression().problem(design, np.array([0, 1]), variants, groups)
    runs = draw_runs([block.n_rows for block in design.blocks], 0)
    weights = np.random.default_rng(0).normal(size=problem.shape) / 10
    weights[-2] = 0.0

    def objective(part: np.ndarray) -> Objective:
        some = problem.of_runs(part)
        found = Objective(some.kernels(slice(0, 2)), replace(some.lanes, l2=0 * some.lanes.l2))
        found.move_to(weights)
        return found

    whole, *halves = (objective(part) for part in (runs, runs[:400], runs[400:]))
    for whole_part, *parts in zip(*(each.gradient() for each in (whole, *halves)), strict=True):
        np.testing.assert_allclose(sum(parts), whole_part, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("l2", [1e-6, 3e-3, 5.0])
def test_a_shared_preconditioner_has_the_penalties_of_its_lanes(l2: float) -> None:
    design = coded_design(3_000, sizes=(3, 40, 500), dtype=np.float64)
    weights = np.zeros((design.n_features + 2, 1))

    def taken(penalty: float) -> Preconditioner:
        problem = LogisticRegression(l2=penalty).problem(design, np.array([0, 1]))
        objective = Objective(problem.kernels(slice(0, 1)), problem.lanes)
        objective.move_to(weights)
        return Preconditioner(objective, 0.0)

    gradient = np.random.default_rng(1).normal(size=weights.shape)
    gradient[-2] = 0.0
    shared = taken(1e-3).shared(Lanes.of(2, total_weight=3_000, l2=[l2, 1e-3]))
    found = shared(np.tile(gradient, 2))
    np.testing.assert_allclose(found[:, 1:], taken(1e-3)(gradient), rtol=1e-9)
    np.testing.assert_allclose(found[:, :1], taken(l2)(gradient), rtol=1e-4)
