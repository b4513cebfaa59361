"""Numbers at the bounds of float32, more text than is kept, and fits that fail half-way."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from fastml import Pipeline
from fastml._native.categories import CategoryCounts
from fastml._native.moments import NumericMoments
from fastml.errors import DataError, NotFittedError
from fastml.preprocessing import staging

N = 300
RNG = np.random.default_rng(11)
X = RNG.normal(size=N)
Y = X + RNG.normal(size=N)


def table(**columns: Any) -> pa.Table:
    return pa.table({"x": X, "z": RNG.normal(size=N), "y": Y} | columns)


def with_value(value: float, row: int = 17) -> np.ndarray[Any, Any]:
    x = X.copy()
    x[row] = value
    return x


@pytest.mark.parametrize("infinite", ["error", "missing"])
def test_numbers_beyond_float32_are_refused_in_training_and_serving(infinite: Any) -> None:
    huge = table(x=with_value(1e39))
    model = Pipeline(target="y", infinite=infinite)
    with pytest.raises(DataError, match=r"'x' of .* has the value 1e\+39 at row 18 .* too large"):
        model.fit(huge)
    model.fit(table())
    with pytest.raises(DataError, match=r"'x' of .* has the value 1e\+39 at row 18 .* too large"):
        model.predict(huge)


@pytest.mark.parametrize("infinity", [np.inf, -np.inf])
def test_infinities_taken_as_missing_are_so_in_serving(infinity: float) -> None:
    model = Pipeline(target="y", infinite="missing").fit(table(x=with_value(infinity)))
    missing = pa.array(with_value(0.0), mask=np.arange(N) == 17)
    z = RNG.normal(size=N)
    np.testing.assert_array_equal(
        model.predict(table(x=with_value(infinity), z=z)), model.predict(table(x=missing, z=z))
    )


def test_infinity_in_a_stream_has_no_row() -> None:
    rows = table(x=with_value(np.inf))
    stream = pa.RecordBatchReader.from_batches(rows.schema, rows.to_batches())
    with pytest.raises(DataError, match="has an infinite value; replace it"):
        Pipeline(target="y").fit(stream)


def test_text_without_room_in_its_block_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "CategoryCounts", partial(CategoryCounts, max_bytes=2))
    c = RNG.choice(["a", "b", "c", "d"], N)
    model = Pipeline(target="y", keep=["c"]).fit(table(c=c))
    kept = model.plan_.categorical[0].values.to_pylist()
    assert kept == list(dict.fromkeys(c.tolist()))[:2]
    other = table(c=np.where(np.isin(c, kept), c, "never seen"))
    codes = model.plan_.encode(table(c=c).to_batches()[0]).codes
    np.testing.assert_array_equal(codes, model.plan_.encode(other.to_batches()[0]).codes)
    assert set(codes[~np.isin(c, kept)].ravel()) == {-1}
    seen: list[Any] = []
    finish = type(model.plan_).finish

    def spy(*args: Any) -> Any:
        seen.append(finish(*args).codes.copy())
        return finish(*args)

    monkeypatch.setattr(type(model.plan_), "finish", spy)
    Pipeline(target="y", keep=["c"]).fit(table(c=c))
    np.testing.assert_array_equal(seen[0], codes)


def test_a_fit_that_fails_leaves_no_mixture_of_two_models() -> None:
    model = Pipeline(target="y").fit(table())
    with pytest.raises(DataError):
        model.fit(table(q=X * X, y=np.where(X > 9, 1.0, np.inf)))
    with pytest.raises(NotFittedError):
        model.predict(table(q=X * X))


def test_explained_coefficients_sum_to_the_prediction() -> None:
    c = RNG.choice(["a", "b"], N, p=[0.9, 0.1])
    rows = table(c=c, y=Y + 3.0 * (c == "b"))
    model = Pipeline(target="y").fit(rows)
    explained = model.explain()
    total = np.full(N, explained.intercept[0])
    for each in explained.features:
        if "coefficient" in each:
            total += each["coefficient"] * rows[each["column"]].to_numpy()
        else:
            total += np.array([each["coefficients"][value] for value in c])
    np.testing.assert_allclose(total, model.predict(rows), atol=1e-5)


def test_null_rows_of_a_struct_array_are_refused() -> None:
    rows = pa.StructArray.from_arrays(
        [pa.array([1.0, 2.0, 3.0])], names=["a"], mask=pa.array([False, False, True])
    )
    state = NumericMoments(1)
    with pytest.raises(ValueError, match="row 3 of the struct array is null"):
        state.update(rows, [0])
    state.update(rows[:2], [0])
    assert state.count.tolist() == [2]


def test_a_spread_too_small_for_float32_is_none() -> None:
    rng = np.random.default_rng(8)
    x, y = rng.normal(size=400), rng.normal(size=400)
    table = pa.table({"tiny": rng.normal(size=400) * 1e-39, "x": x, "y": 2 * x + y})
    model = Pipeline(target="y").fit(table)
    assert np.isfinite(model.predict(table)).all()
