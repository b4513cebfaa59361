"""The batch solver's kernels against NumPy over the one-hot matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastml._native.linear import MOST_DENSE, MOST_LANES, DesignKernels
from fastml.testing import linear

pytestmark = pytest.mark.kernel
LOSSES = ("logistic", "squared", "huber", "quantile", "softmax")
PARAMETERS = {"huber": (0.7, 0.0), "quantile": (0.3, 0.25)}


@st.composite
def problems(draw: st.DrawFn) -> dict[str, Any]:
    loss = draw(st.sampled_from(LOSSES))
    lanes = draw(st.sampled_from([1, 3, 8, 16, 37] if loss != "softmax" else [2, 3, 16, 37]))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    blocks, n_codes = linear.random_design(
        rng,
        draw(st.lists(st.sampled_from([0, 1, 5, 40, 300]), min_size=1, max_size=3)),
        dense=draw(st.sampled_from([0, 1, 3, 4, 9, 20])),
        cardinalities=draw(st.lists(st.sampled_from([1, 3, 50]), max_size=3)),
        dtype=dtype,
        lanes=lanes,
        loss=loss,
        weighted=draw(st.booleans()),
        own=draw(st.booleans()),
    )
    parameter, width = PARAMETERS.get(loss, (1.0, 0.0))
    groups: dict[str, Any] = {}
    weighted = blocks
    if loss != "softmax" and draw(st.booleans()):
        groups, weighted = linear.grouped(rng, blocks, lanes, dtype)
    kernels = DesignKernels(blocks, n_codes, lanes, loss, parameter, width, **groups)
    shape = (kernels.rows, lanes)
    weights, direction = rng.normal(size=shape) / 2, rng.normal(size=shape) / 2
    weights[-2] = direction[-2] = 0.0
    return {
        "blocks": weighted,
        "kernels": kernels,
        "n_codes": n_codes,
        "loss": loss,
        "parameter": parameter,
        "width": width,
        "weights": weights.astype(dtype),
        "direction": direction.astype(dtype),
        "step": rng.uniform(-0.5, 1.0, lanes),
        "chosen": rng.random(n_codes) < 0.5,
        "close": {"rtol": 2e-4, "atol": 2e-4} if dtype == np.float32 else {"rtol": 1e-9},
    }


def margins_of(problem: dict[str, Any], block: int, weights: Any) -> Any:
    kernels = problem["kernels"]
    out = np.empty((kernels.block_rows(block), kernels.lanes), kernels.dtype)
    return kernels.margins(block, weights, out)


def assert_close(actual: Any, expected: Any, problem: dict[str, Any]) -> None:
    tolerance = {"atol": 1e-9} | problem["close"]
    np.testing.assert_allclose(actual, expected, **tolerance)


@given(problems())
def test_margins(problem: dict[str, Any]) -> None:
    for block, (x, codes, _, _) in enumerate(problem["blocks"]):
        X = linear.matrix(x, codes, problem["n_codes"])
        expected = X @ problem["weights"].astype(np.float64)
        assert_close(margins_of(problem, block, problem["weights"]), expected, problem)


@given(problems(), st.booleans())
def test_gradient_of_a_step(problem: dict[str, Any], moving: bool) -> None:
    kernels = problem["kernels"]
    step = problem["step"] * moving
    sums, loss = np.zeros((kernels.rows, kernels.lanes)), np.zeros(kernels.lanes)
    expected, expected_loss = np.zeros_like(sums), np.zeros_like(loss)
    for block, (x, codes, y, w) in enumerate(problem["blocks"]):
        margins = margins_of(problem, block, problem["weights"])
        direction = margins_of(problem, block, problem["direction"])
        moved = margins + step.astype(kernels.dtype) * direction
        kernels.gradient(block, margins, direction if moving else None, step, sums, loss)
        np.testing.assert_array_equal(margins, moved)
        value, slope, _ = linear.evaluate(
            problem["loss"], moved, y, problem["parameter"], problem["width"]
        )
        X = linear.matrix(x, codes, problem["n_codes"])
        expected += linear.gradient(X, slope, w)
        expected_loss += (linear.row_weights(w, len(y)) * value).sum(axis=0)
    sums[-2] = 0.0  # the unknown code's row collects what must not count
    assert_close(sums, expected, problem)
    assert_close(loss, expected_loss, problem)


@given(problems())
def test_one_pass_for_margins_and_gradient_is_as_two(problem: dict[str, Any]) -> None:
    kernels, weights = problem["kernels"], problem["weights"]
    once, twice = (np.zeros((kernels.rows + 1, kernels.lanes)) for _ in range(2))
    for block in range(kernels.n_blocks):
        margins = margins_of(problem, block, weights)
        kernels.gradient(block, margins, None, np.zeros(kernels.lanes), twice[:-1], twice[-1])
        filled = np.empty_like(margins)
        kernels.gradient_at(block, weights, filled, once[:-1], once[-1])
        np.testing.assert_array_equal(filled, margins)
    np.testing.assert_array_equal(once, twice)


@given(problems())
def test_code_ranges(problem: dict[str, Any]) -> None:
    kernels, n_codes = problem["kernels"], problem["n_codes"]
    first = np.full(kernels.n_columns, n_codes, np.int32)
    last = np.full(kernels.n_columns, -1, np.int32)
    for block in range(kernels.n_blocks):
        kernels.widen_code_ranges(block, first, last)
    for column in range(kernels.n_columns):
        codes = np.concatenate([block[1][:, column] for block in problem["blocks"]])
        known = codes[(codes >= 0) & (codes < n_codes)]
        assert first[column] == known.min(initial=n_codes)
        assert last[column] == known.max(initial=-1)


@given(problems(), st.sampled_from([0.0, 0.25]))
def test_curvature(problem: dict[str, Any], floor: float) -> None:
    kernels = problem["kernels"]
    diagonal = np.zeros((kernels.rows, kernels.lanes))
    expected = np.zeros_like(diagonal)
    d, n_codes = problem["blocks"][0][0].shape[1], problem["n_codes"]
    chosen = np.flatnonzero(problem["chosen"][:n_codes])
    places = np.full(n_codes + 1, -1, np.int32)
    places[chosen] = d + 1 + np.arange(len(chosen))
    hessian = np.zeros((kernels.lanes, d + 1 + len(chosen), d + 1 + len(chosen)))
    expected_hessian = np.zeros_like(hessian)
    for block, (x, codes, y, w) in enumerate(problem["blocks"]):
        margins = margins_of(problem, block, problem["weights"])
        kernels.curvature(block, margins, floor, diagonal)
        kernels.hessian(block, margins, floor, places, hessian)
        _, _, second = linear.evaluate(
            problem["loss"], margins, y, problem["parameter"], problem["width"]
        )
        X = linear.matrix(x, codes, problem["n_codes"])
        expected += linear.curvature(X, second, w, floor)
        some = X[:, [*range(d), X.shape[1] - 1, *(d + chosen)]]
        weighted = np.broadcast_to(linear.row_weights(w, len(y)) * (second + floor), second.shape)
        expected_hessian += np.stack([some.T @ (k[:, None] * some) for k in weighted.T])
    diagonal[-2] = 0.0
    assert_close(diagonal, expected, problem)
    assert_close(hessian, np.tril(expected_hessian), problem)


@given(problems())
def test_along_a_direction(problem: dict[str, Any]) -> None:
    kernels, step = problem["kernels"], problem["step"]
    sums = np.zeros((kernels.lanes, 3))
    expected = np.zeros_like(sums)
    for block, (_, _, y, w) in enumerate(problem["blocks"]):
        margins = margins_of(problem, block, problem["weights"])
        direction = margins_of(problem, block, problem["direction"])
        kernels.along(block, margins, direction, step, sums)
        expected += linear.along(
            problem["loss"],
            margins.astype(np.float64),
            direction.astype(np.float64),
            step,
            y,
            w,
            problem["parameter"],
            problem["width"],
        )
    tolerance = {"rtol": 1e-3, "atol": 2e-3} if kernels.dtype == np.float32 else {"rtol": 1e-8}
    np.testing.assert_allclose(sums, expected, **({"atol": 1e-9} | tolerance))


@pytest.mark.parametrize("loss", LOSSES)
def test_slopes_are_those_of_finite_differences(loss: str) -> None:
    rng = np.random.default_rng(3)
    lanes = 3 if loss == "softmax" else 1
    blocks, n_codes = linear.random_design(
        rng, [200], dense=3, cardinalities=[4], lanes=lanes, loss=loss, weighted=True
    )
    parameter, width = PARAMETERS.get(loss, (1.0, 0.0))
    kernels = DesignKernels(blocks, n_codes, lanes, loss, parameter, width)
    weights = rng.normal(size=(kernels.rows, lanes)) / 3
    weights[-2] = 0.0

    def value(at: Any) -> tuple[float, Any]:
        margins = kernels.margins(0, at, np.empty((200, lanes)))
        sums, total = np.zeros(at.shape), np.zeros(lanes)
        kernels.gradient(0, margins, None, np.zeros(lanes), sums, total)
        return float(total.sum()), sums

    _, gradient = value(weights)
    for row in (0, 2, 4, kernels.rows - 1):
        for lane in range(lanes):
            shift = np.zeros_like(weights)
            shift[row, lane] = 1e-5
            change = (value(weights + shift)[0] - value(weights - shift)[0]) / 2e-5
            assert gradient[row, lane] == pytest.approx(change, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [0.0, 1e-8, 1.0, 30.0, 100.0, 1e4, 1e30])
def test_logistic_at_extreme_margins(dtype: Any, size: float) -> None:
    m = np.array([[size], [-size], [size], [-size]], dtype)
    y = np.array([0, 0, 1, 1], dtype)
    dense = np.zeros((4, 0), dtype)
    kernels = DesignKernels([(dense, np.empty((4, 0), np.int32), y, None)], 0, 1, "logistic")
    loss, sums = np.zeros(1), np.zeros((2, 1))
    kernels.gradient(0, m, None, np.zeros(1), sums, loss)
    expected = np.logaddexp(0, m[:, 0].astype(float)) - y * m[:, 0].astype(float)
    assert loss[0] == pytest.approx(expected.sum(), rel=1e-6)
    assert np.isfinite(sums).all()


def test_codes_out_of_range_are_unknown() -> None:
    codes = np.array([[-1], [2], [3], [np.iinfo(np.int32).min], [np.iinfo(np.int32).max]], np.int32)
    block = (np.zeros((5, 0)), codes, np.ones(5), None)
    kernels = DesignKernels([block], 3, 1, "squared")
    weights = np.array([[1.0], [2.0], [4.0], [0.0], [0.5]])
    out = kernels.margins(0, weights, np.empty((5, 1)))
    np.testing.assert_array_equal(out[:, 0], [0.5, 4.5, 0.5, 0.5, 0.5])


def test_classes_against_the_rest() -> None:
    rng = np.random.default_rng(0)
    x, codes = rng.normal(size=(40, 2)), np.empty((40, 0), np.int32)
    y, w = rng.integers(0, 6, 40).astype(np.float64), rng.random(40)
    some = DesignKernels(
        [(x, codes, y, w)], 0, 3, "logistic", model_class=np.array([2.0, 3.0, 4.0])
    )
    own = (y[:, None] == [2, 3, 4]).astype(np.float64)
    stated = DesignKernels([(x, codes, own, w)], 0, 3, "logistic")
    margins = rng.normal(size=(40, 3))
    found = []
    for kernels in (some, stated):
        sums, loss = np.zeros((4, 3)), np.zeros(3)
        kernels.gradient(0, margins, None, np.zeros(3), sums, loss)
        state = np.zeros((4, 3, 3))
        each = np.ones(3)
        kernels.stochastic(
            state,
            np.zeros(4, np.int32),
            np.array([[0, 0, 40]]),
            8,
            True,
            True,
            each,
            each,
            each,
            each,
            loss,
        )
        found.append((sums, loss, state))
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


def test_wide_designs_take_their_features_in_tiles() -> None:
    rng = np.random.default_rng(1)
    blocks, n_codes = linear.random_design(
        rng, [7], dense=700, cardinalities=[5], lanes=16, loss="squared"
    )
    kernels = DesignKernels(blocks, n_codes, 16, "squared")
    weights = rng.normal(size=(kernels.rows, 16))
    weights[-2] = 0.0
    margins = kernels.margins(0, weights, np.empty((7, 16)))
    sums = np.zeros(weights.shape)
    kernels.gradient(0, margins, None, np.zeros(16), sums, np.zeros(16))
    X = linear.matrix(blocks[0][0], blocks[0][1], n_codes)
    sums[-2] = 0.0
    np.testing.assert_allclose(sums, X.T @ (X @ weights - blocks[0][2][:, None]), atol=1e-9)
    with pytest.raises(ValueError, match="at most 256"):
        kernels.hessian(0, margins, 0.0, np.full(6, -1, np.int32), np.zeros((16, 701, 701)))
    assert MOST_DENSE == 256


def test_what_does_not_fit_is_refused() -> None:
    block = (np.zeros((4, 2)), np.zeros((4, 1), np.int32), np.zeros(4), None)
    kernels = DesignKernels([block], 3)
    good = np.empty((4, 1))
    with pytest.raises(TypeError, match="expected float64"):
        kernels.margins(0, np.zeros((kernels.rows, 1), np.float32), good)
    with pytest.raises(TypeError, match="in C order"):
        kernels.margins(0, np.zeros((kernels.rows, 1)), np.empty((8, 1))[::2])
    with pytest.raises(TypeError, match="sums of shape"):
        kernels.gradient(0, good, None, np.zeros(1), np.zeros((2, 1)), np.zeros(1))
    with pytest.raises(TypeError, match="1 losses, got 2"):
        kernels.gradient_at(
            0, np.zeros((kernels.rows, 1)), good, np.zeros((kernels.rows, 1)), np.zeros(2)
        )
    with pytest.raises(TypeError, match="ends of 1 columns"):
        kernels.widen_code_ranges(0, np.zeros(2, np.int32), np.zeros(1, np.int32))
    with pytest.raises(TypeError, match="1 steps, got 2"):
        kernels.gradient(0, good, None, np.zeros(2), np.zeros((kernels.rows, 1)), np.zeros(1))
    with pytest.raises(TypeError, match="1 steps"):
        kernels.along(0, good, good, np.zeros(2), np.zeros((1, 3)))
    places = np.array([-1, 3, -1, -1], np.int32)
    with pytest.raises(TypeError, match="n > 2"):
        kernels.hessian(0, good, 0.0, places, np.zeros((1, 2, 2)))
    with pytest.raises(TypeError, match="expected 4 places, got 3"):
        kernels.hessian(0, good, 0.0, places[:3], np.zeros((1, 4, 4)))
    with pytest.raises(ValueError, match=r"place 3 is not in \(2, 3\)"):
        kernels.hessian(0, good, 0.0, places, np.zeros((1, 3, 3)))
    with pytest.raises(IndexError):
        kernels.margins(1, np.zeros((kernels.rows, 1)), good)
    with pytest.raises(TypeError, match="int32"):
        DesignKernels([(block[0], block[1].astype(np.int64), None, None)], 3)
    unlabelled = DesignKernels([(block[0], block[1], None, None)], 3)
    with pytest.raises(TypeError, match="has no target"):
        unlabelled.gradient(0, good, None, np.zeros(1), np.zeros((kernels.rows, 1)), np.zeros(1))
    with pytest.raises(ValueError, match="lanes"):
        DesignKernels([block], 3, MOST_LANES + 1)
    pair = [np.array([0, 1, 2, 0], np.uint16)]
    with pytest.raises(ValueError, match="got the group 2 of 2"):
        DesignKernels([block], 3, groups=pair, group_weight=np.ones((2, 1)))
    with pytest.raises(TypeError, match="groups of 0 blocks"):
        DesignKernels([block], 3, groups=[], group_weight=np.ones((2, 1)))
    with pytest.raises(TypeError, match="got targets of 2 columns for 3 models"):
        DesignKernels([(*block[:2], np.zeros((4, 2)), None)], 3, 3)
    with pytest.raises(ValueError, match="class indices"):
        DesignKernels([(block[0], block[1], np.full(4, 3.0), None)], 3, 3, "softmax")
