"""The stochastic pass against a NumPy pass that lets no weight wait for its penalties."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastml._native.linear import DesignKernels
from fastml.engine import BlockMemory
from fastml.testing import linear
from fastml.testing.linear import Penalty
from tests.linear_model.problems import coded_design

pytestmark = pytest.mark.kernel


def inverse_roots(squares: Any) -> Any:
    """Return one over the root, and 0 of 0: as the kernels' state has sums of squares."""
    some = squares > 0.0
    return np.where(some, 1.0 / np.sqrt(np.where(some, squares, 1.0)), 0.0)


def a_pass(
    kernels: DesignKernels, state: Any, runs: Any, penalties: list[Penalty], **settings: Any
) -> tuple[int, Any]:
    loss = np.zeros(kernels.lanes)
    last = np.zeros(kernels.rows, np.int32)
    defaults = {"batch_size": 16, "adaptive": True, "fit_intercept": True}
    of_lanes = {"rate": np.full(kernels.lanes, 0.1), "weight_scale": np.ones(kernels.lanes)}
    chosen = defaults | of_lanes | settings
    seen = kernels.stochastic(
        state,
        last,
        np.asarray(runs, np.int64).reshape(-1, 3),
        l2=np.array([p.l2 for p in penalties]),
        l1=np.array([p.l1 for p in penalties]),
        loss=loss,
        **chosen,
    )
    assert not last.any()
    assert not state[:, 2].any()
    assert not state[-2].any()
    return seen, loss


@given(
    st.sampled_from(["logistic", "squared", "huber", "softmax"]),
    st.sampled_from([1, 3, 8, 16, 21]),
    st.sampled_from([np.float32, np.float64]),
    st.sampled_from([1, 7, 16, 100]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2**32),
)
def test_pass(
    loss: str,
    lanes: int,
    dtype: Any,
    batch_size: int,
    adaptive: bool,
    weighted: bool,
    own: bool,
    fit_intercept: bool,
    seed: int,
) -> None:
    lanes = max(lanes, 2) if loss == "softmax" else lanes
    rng = np.random.default_rng(seed)
    blocks, n_codes = linear.random_design(
        rng,
        [int(n) for n in rng.integers(0, 60, 3)],
        dense=int(rng.integers(0, 6)),
        cardinalities=[30, 3][: rng.integers(0, 3)],
        dtype=dtype,
        lanes=lanes,
        loss=loss,
        weighted=weighted,
        own=own,
    )
    groups, weighted_blocks = {}, blocks
    if loss != "softmax" and own:
        groups, weighted_blocks = linear.grouped(rng, blocks, lanes, dtype)
    kernels = DesignKernels(blocks, n_codes, lanes, loss, **groups)
    runs = [
        (block, low, min(low + 7, len(rows[2])))
        for block, rows in enumerate(blocks)
        for low in range(0, len(rows[2]), 7)
    ]
    runs = np.array(runs, np.int64).reshape(-1, 3)[rng.permutation(len(runs))]
    state = np.zeros((kernels.rows, 3, lanes), dtype)
    state[:, 0] = rng.normal(size=(kernels.rows, lanes)) / 5
    state[:, 1] = rng.random((kernels.rows, lanes)) * (rng.random() < 0.5)
    state[-2] = 0.0
    penalties = [
        Penalty(float(rng.choice([0.0, 1e-3, 0.3])), float(rng.choice([0.0, 1e-3, 0.05])))
        for _ in range(lanes)
    ]
    settings = {
        "batch_size": batch_size,
        "adaptive": adaptive,
        "fit_intercept": fit_intercept,
        "weight_scale": rng.uniform(0.3, 1.0, lanes),
        "rate": rng.uniform(0.01, 0.1, lanes),
    }
    start, sums = state[:, 0].astype(np.float64), state[:, 1].astype(np.float64)
    state[:, 1] = inverse_roots(sums)
    seen, total = a_pass(kernels, state, runs, penalties, **settings)
    weights, squares, expected = linear.stochastic(
        weighted_blocks, n_codes, start, sums, runs, loss=loss, penalties=penalties, **settings
    )
    assert seen == sum(len(rows[2]) for rows in blocks)
    # AdaGrad's first steps are signs of gradients: float32 cannot decide those that are all but 0.
    tolerance = 5e-3 if dtype == np.float32 else 1e-8
    np.testing.assert_allclose(state[:, 0], weights, rtol=tolerance, atol=tolerance)
    if adaptive:
        expected_roots = inverse_roots(squares)
        np.testing.assert_allclose(state[:-2, 1], expected_roots[:-2], rtol=tolerance)
    assert total.sum() == pytest.approx(expected, rel=tolerance, abs=tolerance)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=40))
def test_every_row_is_seen_once_and_from_all_over_the_table(lengths: list[int]) -> None:
    order = linear.visiting_order(
        np.array([(block, 0, n) for block, n in enumerate(lengths)], np.int64)
    )
    assert sorted(order) == [(block, row) for block, n in enumerate(lengths) for row in range(n)]
    if min(lengths) > 0:
        first = {block for block, _ in order[: linear.STREAMS]}
        assert len(first) == min(len(lengths), linear.STREAMS)


def test_passes_add_up_to_a_good_model() -> None:
    rng = np.random.default_rng(0)
    n, k = 20_000, 50
    x, codes = rng.normal(size=(n, 3)), rng.integers(0, k, (n, 1), np.int32)
    effects = rng.normal(size=k)
    p = 1 / (1 + np.exp(-(x @ [1.0, -0.5, 0.0] + effects[codes[:, 0]])))
    y = (rng.random(n) < p).astype(np.float32)
    kernels = DesignKernels([(x.astype(np.float32), codes, y, None)], k, 1, "logistic")
    state = np.zeros((kernels.rows, 3, 1), np.float32)
    runs = [(0, start, start + 100) for start in range(0, n, 100)]
    losses = [a_pass(kernels, state, runs, [Penalty(0.0, 0.0)])[1][0] / n for _ in range(3)]
    best = -np.mean(np.where(y > 0, np.log(p), np.log(1 - p)))
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < best + 0.01
    assert np.corrcoef(state[3:-2, 0, 0], effects)[0, 1] > 0.95


def test_a_penalty_waits_for_codes_that_are_not_touched() -> None:
    # Code 1 is touched by the first batch alone; the others' batches shrink it all the same.
    codes = np.array([[1]] + [[0]] * 9, np.int32)
    kernels = DesignKernels([(np.zeros((10, 0)), codes, np.ones(10), None)], 2, 1, "squared")
    state = np.zeros((kernels.rows, 3, 1))
    a_pass(
        kernels,
        state,
        [(0, 0, 10)],
        [Penalty(0.5, 0.0)],
        batch_size=1,
        adaptive=False,
        fit_intercept=False,
    )
    assert state[1, 0, 0] == pytest.approx(0.1 * np.exp(-0.5 * 0.1 * 10))


def test_what_no_gradient_reached_is_kept() -> None:
    codes = np.zeros((5, 1), np.int32)
    kernels = DesignKernels([(np.zeros((5, 0)), codes, np.ones(5), None)], 2, 1, "squared")
    state = np.zeros((kernels.rows, 3, 1))
    state[1, 0] = 3.0
    a_pass(kernels, state, [(0, 0, 5)], [Penalty(0.5, 0.1)])
    assert state[1, 0, 0] == 3.0
    assert np.isfinite(state).all()


def test_what_does_not_fit_is_refused() -> None:
    block = (np.zeros((4, 1)), np.zeros((4, 0), np.int32), np.zeros(4), None)
    kernels = DesignKernels([block], 0, 1, "squared")
    state = np.zeros((kernels.rows, 3, 1))
    free = [Penalty(0.0, 0.0)]
    with pytest.raises(IndexError, match="no rows 0 to 5"):
        a_pass(kernels, state, [(0, 0, 5)], free)
    with pytest.raises(IndexError, match="no block 1"):
        a_pass(kernels, state, [(1, 0, 1)], free)
    with pytest.raises(TypeError, match="batch_size"):
        a_pass(kernels, state, [(0, 0, 4)], free, batch_size=0)
    assert a_pass(kernels, state, np.empty((0, 3)), free)[0] == 0


def test_pages_of_a_file_go_and_come_back() -> None:
    """A pass over rows in a mapped file is that over rows in memory, to the bit."""
    design = coded_design(60_000, block_rows=20_000)
    runs = [(b, low, low + 500) for low in range(0, 20_000, 500) for b in (2, 0, 1)]
    found = []
    for room in (None, 0):
        memory = BlockMemory(room)
        blocks, mapped = [], []
        for block in design.blocks:
            parts = block.dense, block.codes
            region, lent = memory.arrays(*((part.shape, part.dtype) for part in parts))
            for to, part in zip(lent, parts, strict=True):
                to[:] = part
            region.rest()
            blocks.append((*lent, block.target, None))
            mapped.append(region.mapped)
        kernels = DesignKernels(blocks, design.n_codes, 1, "logistic", mapped=mapped)
        state = np.zeros((kernels.rows, 3, 1), np.float32)
        seen, loss = a_pass(kernels, state, runs, [Penalty(1e-4, 1e-5)])
        assert seen == 60_000
        found.append((state.tobytes(), loss.tobytes()))
    assert found[0] == found[1]
