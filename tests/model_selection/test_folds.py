"""Folds: even, stratified, reproducible."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastml.errors import ConfigError, DataError
from fastml.model_selection.folds import assign_folds


@given(st.integers(2, 300), st.integers(2, 12), st.integers(1, 5), st.integers(0, 9))
def test_folds_and_the_classes_in_them_are_of_equal_size(
    n_rows: int, folds: int, n_classes: int, seed: int
) -> None:
    folds = min(folds, n_rows)
    codes = np.random.default_rng(seed).integers(0, n_classes, n_rows)
    for classes in (None, codes):
        assigned = assign_folds(n_rows, folds, seed=seed, codes=classes)
        sizes = np.bincount(assigned, minlength=folds)
        assert np.ptp(sizes) <= 1
        np.testing.assert_array_equal(
            assigned, assign_folds(n_rows, folds, seed=seed, codes=classes)
        )
    for code in range(n_classes):
        assert np.ptp(np.bincount(assigned[codes == code], minlength=folds)) <= 1


def test_seeds_differ() -> None:
    assert (assign_folds(100, 5, seed=0) != assign_folds(100, 5, seed=1)).any()


def test_what_cannot_be_dealt_is_refused() -> None:
    with pytest.raises(ConfigError, match="folds is 1; expected a whole number from 2 to 1,000"):
        assign_folds(10, 1)
    with pytest.raises(ConfigError, match=r"folds is 2\.5; expected a whole number"):
        assign_folds(10, 2.5)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="one row each; found n_samples = 3"):
        assign_folds(3, 5)
