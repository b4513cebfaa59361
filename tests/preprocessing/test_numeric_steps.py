"""The imputer and the scalers beside scikit-learn's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import sklearn.impute
import sklearn.preprocessing
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fastml.errors import ConfigError, SchemaError
from fastml.preprocessing import MinMaxScaler, RobustScaler, SimpleImputer, StandardScaler
from fastml.preprocessing.statistics import matrix_statistics

values = st.one_of(
    st.just(np.nan),
    st.integers(-3, 3).map(float),
    st.floats(-1e6, 1e6, allow_subnormal=False).map(lambda x: round(x, 3)),
)


@st.composite
def matrices(draw: st.DrawFn) -> np.ndarray[Any, Any]:
    """Numbers with missing ones, constants and ties; no column is missing altogether."""
    shape = draw(st.integers(1, 40)), draw(st.integers(1, 4))
    matrix = draw(arrays(np.float64, shape, elements=values))
    matrix[0] = np.nan_to_num(matrix[0])
    return matrix


@given(matrices(), st.sampled_from(["mean", "median", "most_frequent", "constant"]), st.booleans())
def test_imputer_beside_scikit_learn(
    X: np.ndarray[Any, Any], strategy: Any, add_indicator: bool
) -> None:
    options = {"strategy": strategy, "add_indicator": add_indicator, "fill_value": None}
    ours, theirs = SimpleImputer(**options), sklearn.impute.SimpleImputer(**options)
    expected = theirs.fit_transform(X)
    np.testing.assert_allclose(ours.fit_transform(X), expected, rtol=1e-12, atol=1e-9)
    np.testing.assert_array_equal(ours.get_feature_names_out(), theirs.get_feature_names_out())


@given(matrices(), st.booleans(), st.booleans())
def test_standard_scaler_beside_scikit_learn(
    X: np.ndarray[Any, Any], with_mean: bool, with_std: bool
) -> None:
    options = {"with_mean": with_mean, "with_std": with_std}
    ours = StandardScaler(**options)
    theirs = sklearn.preprocessing.StandardScaler(**options)
    np.testing.assert_allclose(ours.fit_transform(X), theirs.fit_transform(X), rtol=1e-9, atol=1e-9)


@given(matrices(), st.sampled_from([(0, 1), (-1.0, 1.0), (2.0, 10.0)]))
def test_min_max_scaler_beside_scikit_learn(
    X: np.ndarray[Any, Any], feature_range: tuple[float, float]
) -> None:
    ours = MinMaxScaler(feature_range)
    theirs = sklearn.preprocessing.MinMaxScaler(feature_range)
    np.testing.assert_allclose(ours.fit_transform(X), theirs.fit_transform(X), rtol=1e-9, atol=1e-7)


@given(matrices(), st.booleans(), st.booleans(), st.sampled_from([(25.0, 75.0), (5.0, 95.0)]))
def test_robust_scaler_beside_scikit_learn(
    X: np.ndarray[Any, Any], centering: bool, scaling: bool, quantile_range: tuple[float, float]
) -> None:
    options = {
        "with_centering": centering,
        "with_scaling": scaling,
        "quantile_range": quantile_range,
    }
    ours, theirs = RobustScaler(**options), sklearn.preprocessing.RobustScaler(**options)
    expected = theirs.fit_transform(X)
    if scaling:  # both call rounding a spread of 1e-12, but not the same rounding
        same = (ours.fit(X).scale_ > 1e-9) & (theirs.scale_ > 1e-9)
        X, expected = X[:, same], expected[:, same]
    if X.shape[1]:
        np.testing.assert_allclose(ours.fit_transform(X), expected, rtol=1e-9, atol=1e-7)


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler((-1, 1)), RobustScaler()])
@given(X=matrices())
def test_scaling_can_be_undone(scaler: Any, X: np.ndarray[Any, Any]) -> None:
    np.testing.assert_allclose(
        scaler.inverse_transform(scaler.fit_transform(X)), X, rtol=1e-9, atol=1e-6
    )


@pytest.mark.parametrize("value", [0.0, 0.1, 1e300, -1e-300, 123456789.123])
@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(), RobustScaler()])
def test_a_constant_is_scaled_to_zero(scaler: Any, value: float) -> None:
    X = np.full((1000, 1), value)
    np.testing.assert_allclose(scaler.fit_transform(X), 0.0, atol=abs(value) * 1e-12)
    assert scaler.scale_ == 1.0


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(), RobustScaler()])
def test_a_column_without_values(scaler: Any) -> None:
    scaler.fit(np.full((3, 1), np.nan))
    assert (scaler.center_, scaler.scale_) == (0.0, 1.0)


def test_an_imputed_column_without_values_stays() -> None:
    X = np.column_stack([np.full(3, np.nan), np.arange(3.0)])
    for strategy in ("mean", "median", "most_frequent", "constant"):
        assert SimpleImputer(strategy).fit_transform(X)[:, 0].tolist() == [0.0, 0.0, 0.0]
    assert SimpleImputer("constant", fill_value=-1).fit_transform(X)[0].tolist() == [-1.0, 0.0]


def test_a_mean_far_from_zero_keeps_its_spread() -> None:
    X = (1e12 + np.arange(5.0)).reshape(-1, 1)
    np.testing.assert_allclose(
        StandardScaler().fit_transform(X)[:, 0], np.arange(-2, 3) / np.sqrt(2), rtol=1e-12
    )


def test_statistics_over_several_blocks() -> None:
    X = np.random.default_rng(1).normal(3.0, 2.0, size=(150_000, 2))
    X[::5, 1] = np.nan
    for j, column in enumerate(matrix_statistics(X)):
        assert column.count == np.count_nonzero(~np.isnan(X[:, j]))
        assert column.count + column.nulls == len(X)
        np.testing.assert_allclose(column.mean, np.nanmean(X[:, j]), rtol=1e-12)
        np.testing.assert_allclose(column.std, np.nanstd(X[:, j]), rtol=1e-12)
        assert (column.min, column.max) == (np.nanmin(X[:, j]), np.nanmax(X[:, j]))
        assert column.quantile(0.3) == np.nanquantile(X[:, j], 0.3)


@dataclass
class Stats:
    """Statistics as a pipeline's first pass knows them."""

    count: int = 10
    nulls: int = 2
    mean: float = 4.0
    std: float = 2.0
    min: float = 1.0
    max: float = 9.0

    def quantile(self, q: float) -> float:
        return {0.25: 2.0, 0.5: 3.0, 0.75: 6.0}[q]

    def top(self, k: int) -> list[tuple[float, int]]:
        return [(7.0, 5), (1.0, 2)][:k]


def test_hooks_decide_from_statistics_alone() -> None:
    stats = Stats()
    assert SimpleImputer().fill_value_of(stats) == 4.0
    assert SimpleImputer("median").fill_value_of(stats) == 3.0
    assert SimpleImputer("most_frequent").fill_value_of(stats) == 7.0
    assert SimpleImputer("constant", fill_value=5).fill_value_of(stats) == 5.0
    assert StandardScaler().center_and_scale(stats) == (4.0, 2.0)
    assert StandardScaler(with_mean=False).center_and_scale(stats) == (0.0, 2.0)
    assert MinMaxScaler().center_and_scale(stats) == (1.0, 8.0)
    assert RobustScaler().center_and_scale(stats) == (3.0, 4.0)
    assert [s.needs_quantiles for s in (SimpleImputer(), SimpleImputer("median"))] == [False, True]


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (SimpleImputer("average"), "strategy is 'average'; expected one of mean, median"),  # type: ignore[arg-type]
        (MinMaxScaler((1.0, 0.0)), r"feature_range is \(1.0, 0.0\); expected the lower end first"),
        (RobustScaler(quantile_range=(75, 25)), "quantile_range is .*; expected two percentages"),
        (RobustScaler(quantile_range=(0, 101)), "expected two percentages"),
    ],
)
def test_settings_are_checked_in_fit(step: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        step.fit([[1.0], [2.0]])


def test_undoing_another_width_is_refused() -> None:
    scaler = StandardScaler().fit([[1.0], [2.0]])
    with pytest.raises(SchemaError, match="X has 2 columns; StandardScaler was fitted on 1"):
        scaler.inverse_transform([[1.0, 2.0]])
