"""Small symmetric systems: the solution, what is left out, and the same bits every time."""

from __future__ import annotations

import numpy as np
import pytest

from fastml._native.linear import cholesky, cholesky_solve


def symmetric(n: int) -> np.ndarray:
    root = np.random.default_rng(n).normal(size=(n, n))
    return root @ root.T + np.eye(n)


def solve(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    columns = 1 if right.ndim == 1 else right.shape[1]
    factor, solution = matrix.copy(), right.reshape(len(right), columns).copy()
    cholesky(factor)
    cholesky_solve(factor, solution)
    return solution.reshape(right.shape)


@pytest.mark.parametrize("n", [0, 1, 2, 7, 257])
def test_solves_what_lapack_solves(n: int) -> None:
    matrix, right = symmetric(n), np.arange(float(n))
    np.testing.assert_allclose(solve(matrix, right), np.linalg.solve(matrix, right), atol=1e-8)


def test_right_sides_together_have_the_bits_of_each_alone() -> None:
    matrix, right = symmetric(40), np.random.default_rng(1).normal(size=(40, 21))
    together = solve(matrix, right)
    for column in range(21):
        np.testing.assert_array_equal(together[:, column], solve(matrix, right[:, column]))


def test_reads_the_upper_triangle_alone() -> None:
    matrix, right = symmetric(9), np.ones(9)
    lower = np.tril_indices(9, -1)
    spoilt = matrix.copy()
    spoilt[lower] = np.nan
    np.testing.assert_array_equal(solve(spoilt, right), solve(matrix, right))


def test_unknowns_without_a_pivot_are_zero() -> None:
    matrix, right = symmetric(5), np.ones(5)
    free = np.array([True, False, True, True, False])
    solution = solve(np.where(free[:, None] & free, matrix, 0.0), right)
    np.testing.assert_array_equal(solution[~free], 0.0)
    np.testing.assert_allclose(
        solution[free], np.linalg.solve(matrix[np.ix_(free, free)], right[free])
    )


def test_shapes_are_checked() -> None:
    with pytest.raises(TypeError, match="2 rows and 3 columns"):
        cholesky(np.zeros((2, 3)))
    with pytest.raises(TypeError, match="a factor of 2 and right sides of 3"):
        cholesky_solve(np.zeros((2, 2)), np.zeros((3, 1)))
