"""What a column of categories shares with the intercept is solved for at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fastml.linear_model import Design, DesignBlock, LogisticRegression
from fastml.linear_model.lanes import Lanes
from fastml.linear_model.levels import Levels
from fastml.linear_model.objective import Objective

from .problems import coded_design


def whole_design(n: int = 60_000, sizes: tuple[int, ...] = (3, 50, 2_000)) -> Design:
    """Return a design in which every row has a category of each column."""
    design = coded_design(n, sizes=sizes)
    starts = np.cumsum([0, *sizes[:-1]]).astype(np.int32)
    for block in design.blocks:
        block.codes = np.where(block.codes < 0, starts, block.codes)
    return design


def objective_of(design: Design, l2: float = 1e-6, l1: Any = 0.0, **options: Any) -> Objective:
    learner = LogisticRegression(l2=l2)
    problem = learner.problem(design, np.arange(2))
    lanes = Lanes.of(1, total_weight=design.n_rows, l2=l2, l1=l1)
    objective = Objective(problem.kernels(slice(0, 1)), lanes, **options)
    objective.move_to(np.zeros(objective.shape))
    return objective


def product(objective: Objective, gradient: Any) -> Any:
    added = np.zeros(objective.shape)
    Levels(objective, objective.curvature(0.0)).add(gradient, added)
    return added


def test_the_last_iterations_are_not_spent_on_shifts() -> None:
    design = whole_design()
    exact = LogisticRegression(tolerance=1e-12).fit_design(design)
    model = LogisticRegression().fit_design(design)
    assert model.objective_ / exact.objective_ - 1.0 < 2e-6
    for first, stop in ((0, 3), (3, 53), (53, 2_053)):
        of_column = exact.weights_[4 + first : 4 + stop]
        assert abs(of_column.sum()) < 1e-3 * np.abs(of_column).sum()


def test_a_shift_undoes_what_only_the_penalty_sees() -> None:
    objective = objective_of(whole_design(5_000, (3, 40)))
    _, at_zero = objective.gradient()
    codes = slice(4, 7)
    shifted = np.zeros(objective.shape)
    shifted[codes], shifted[-1] = 0.25, -0.25
    objective.move_to(shifted)
    _, gradient = objective.gradient()
    back = product(objective, gradient - at_zero)
    np.testing.assert_allclose(back[codes], 0.25, rtol=1e-3)
    np.testing.assert_allclose(back[-1], -0.25, rtol=1e-3)


@pytest.mark.parametrize("without", ["intercept", "penalty", "smoothness", "columns", "codes"])
def test_there_is_no_shift(without: str) -> None:
    design = whole_design(3_000, (3, 40))
    if without == "columns":  # of their own: these two share codes
        blocks = [DesignBlock(b.dense, b.codes % 5, b.target) for b in design.blocks]
        design = Design(blocks, 4, 5)
    if without == "codes":
        blocks = [DesignBlock(b.dense, b.codes[:, :0], b.target) for b in design.blocks]
        design = Design(blocks, 4, 0)
    objective = objective_of(
        design,
        l2=0.0 if without == "penalty" else 1e-6,
        l1=1e-4 if without == "smoothness" else 0.0,
        fit_intercept=without != "intercept",
    )
    assert not product(objective, np.ones(objective.shape)).any()


def test_unknown_categories_hold_a_shift() -> None:
    """Rows without a category are moved by a shift, as the intercept moves them."""
    design = coded_design(5_000, sizes=(3, 40))
    objective = objective_of(design)
    unknown = np.concatenate([block.codes[:, 0] for block in design.blocks]) < 0
    shift = np.zeros(objective.shape)
    shift[-1] = 1.0
    added = product(objective, shift)
    # A quarter is the curvature of a row at weights of zero.
    assert added[4, 0] == pytest.approx(-1.0 / (0.25 * unknown.mean() + 3e-6), rel=1e-3)
    assert added[-1, 0] == pytest.approx(-added[4, 0] - added[7, 0])
