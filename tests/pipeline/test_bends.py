"""Bins and crosses in a pipeline, from raw tables to explanations and back from a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastml
from fastml import Pipeline
from fastml.engine import BLOCK_ROWS
from fastml.errors import ArtifactError, ConfigError, SchemaError
from fastml.linear_model import LinearRegression
from fastml.linear_model.design import DesignBlock
from fastml.preprocessing import FeatureCrosser
from fastml.preprocessing import encode_plan as plans
from fastml.preprocessing.features import BinFeature, CrossFeature

N = 1_200


def rows(n: int = N, seed: int = 0) -> pa.Table:
    """Return rows whose target bends, and depends on what goes together."""
    rng = np.random.default_rng(seed)
    x, age = rng.normal(size=n), rng.integers(18, 80, n)
    city, kind = rng.integers(0, 4, n), rng.integers(0, 3, n)
    y = np.sin(3 * x) + 0.5 * ((city + kind) % 2) + 0.01 * rng.normal(size=n)
    return pa.table(
        {
            "x": pa.array(x, mask=rng.random(n) < 0.05),
            "age": age,
            "paid": rng.random(n) < 0.4,
            "city": pa.array([f"c{i}" for i in city], mask=rng.random(n) < 0.02),
            "kind": [f"k{i}" for i in kind],
            "bought": pa.array(rng.integers(17_000, 19_000, n), pa.int32()).cast(pa.date32()),
            "zero": np.zeros(n),
            "y": y,
        }
    )


@pytest.fixture(scope="module")
def model() -> Pipeline:
    return bent().fit(rows())


def bent(**given: Any) -> Pipeline:
    chosen: dict[str, Any] = {
        "bins": 12,
        "crosses": [
            ["city", "kind"],
            ["x", "paid", "kind"],
            ["bought.month", "kind"],
            ["age", "city"],
        ],
    }
    return Pipeline(LinearRegression(), target="y", **(chosen | given))


# -- what it learns and says ----------------------------------------------------------------------


def test_a_line_bends(model: Pipeline) -> None:
    new = rows(seed=1)
    scores = [
        each.evaluate(new, intervals=False).metrics["r2"]
        for each in (bent(bins=None, crosses=()).fit(rows()), bent(crosses=()).fit(rows()), model)
    ]
    assert scores[0] < 0.3
    assert scores[1] > scores[0] + 0.3
    assert scores[2] > scores[1] + 0.1


def test_features_are_named_for_readers(model: Pipeline) -> None:
    names = model.plan_.feature_names()
    assert len(names) == model.plan_.n_dense + model.plan_.n_codes == len(model.learner_.weights_)
    assert len(set(names)) == len(names)
    ages = [name for name in names if name.startswith("age") and " x " not in name]
    assert ages[0] == "age"
    assert ages[1].startswith("age < ")
    assert ages[2].startswith("age in [")
    assert ages[-1].startswith("age >= ")
    assert "x=(missing)" in names
    assert "city=c0 x kind=k1" in names
    assert "bought.month=March x kind=k0" in names
    assert any(name.startswith("x in [") and " x paid=true x kind=k0" in name for name in names)
    told = str(model.explain())
    assert "age in bins" in told
    assert "city x kind" in told
    features = {each["name"]: each for each in model.explain().to_dict()["features"]}
    assert features["x in bins"]["kind"] == "binned"
    assert features["x in bins"]["column"] == "x"
    assert features["city x kind"]["kind"] == "crossed"
    assert set(features["city x kind"]["coefficients"]) >= {"c0 x k1", "c3 x k2"}


def test_contributions_sum_to_the_margin_and_a_cross_has_its_own(model: Pipeline) -> None:
    table = rows()
    told = [model.explain_row(row) for row in table.slice(0, 60).to_pylist()]
    sums = np.array([sum(each.contribution for each in row) for row in told])
    np.testing.assert_allclose(np.ptp(sums - model.predict(table)[:60]), 0, atol=1e-5)
    np.testing.assert_allclose(
        sums + model.predict(table).mean(), model.predict(table)[:60], atol=1e-3
    )
    (cross,) = (each for each in told[0] if each.column == "city x kind")
    assert cross.value == [table["city"][0].as_py(), table["kind"][0].as_py()]
    assert sum(each.column == "x" for each in told[0]) == 1, "a number and its bins are one line"


def test_shares_are_those_of_the_rows(model: Pipeline) -> None:
    table = rows()
    encoded = model.plan_.encode(table.combine_chunks().to_batches()[0])
    for j, (feature, start) in enumerate(
        zip(model.plan_.coded, model.plan_.code_starts, strict=True)
    ):
        codes = encoded.codes[:, j]
        counts = np.bincount(codes[codes >= 0] - start, minlength=feature.n_codes)
        np.testing.assert_allclose(feature.share, counts / N)
        assert len(feature.names()) == feature.n_codes


def test_what_is_left_alone(model: Pipeline) -> None:
    binned = [f.column for f in model.plan_.bins if f.alone]
    assert binned == ["x", "age"], "not of truths, dates and constants"
    assert [f.column for f in model.plan_.bins if not f.alone] == ["paid"]
    assert model.plan_.bins[-1].labels == ("false", "true")
    two = pa.table({"flag": [0.0, 1.0] * 50, "y": np.arange(100.0)})
    assert Pipeline(target="y", bins=5).fit(two).plan_.bins == ()
    (named,) = Pipeline(target="y", bins={"flag": 5}).fit(two).plan_.bins
    assert named.labels == ("< 1", ">= 1")


def test_a_date_has_bins_where_it_is_named() -> None:
    named = bent(bins={"bought": 4}, crosses=[["bought", "kind"]]).fit(rows())
    (dates,) = named.plan_.bins
    assert len(dates.edges) == 3
    assert dates.labels[0].startswith("< 201")
    assert named.plan_.crosses[0].column == "bought x kind"


def test_combinations_seen_too_seldom_say_nothing() -> None:
    crosser = FeatureCrosser([["city", "kind"]], min_frequency=10**6)
    assert bent(crosses=crosser).fit(rows()).plan_.crosses[0].n_codes == 0
    few = FeatureCrosser([["city", "kind"]], max_categories=3)
    model = bent(crosses=few).fit(rows())
    assert model.plan_.crosses[0].n_codes == 3
    new = {**rows().slice(0, 1).to_pylist()[0], "city": "never seen"}
    assert np.isfinite(model.predict([new])).all()


# -- the same bits everywhere ---------------------------------------------------------------------


def test_train_equals_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    finished: list[DesignBlock] = []
    finish = plans.EncodePlan.finish

    def kept(self: plans.EncodePlan, *arguments: Any) -> DesignBlock:
        finished.append(finish(self, *arguments))
        return finished[-1]

    monkeypatch.setattr(plans.EncodePlan, "finish", kept)
    table = rows(BLOCK_ROWS + 3_000)
    model = bent(threads=1).fit(table)
    encoded = [model.plan_.encode(table.slice(start, BLOCK_ROWS).combine_chunks().to_batches()[0])
               for start in (0, BLOCK_ROWS)]  # fmt: skip
    assert len(finished) == 2
    for trained, served in zip(finished, encoded, strict=True):
        assert trained.codes.tobytes() == served.codes.tobytes()
        assert trained.dense.tobytes() == served.dense.tobytes()


def test_threads_and_cuts_change_no_bit() -> None:
    table = rows(2 * BLOCK_ROWS + 500)
    one = bent(threads=1).fit(table)
    many = bent(threads=4).fit(pa.Table.from_batches(table.to_batches(max_chunksize=777)))
    assert one.learner_.weights_.tobytes() == many.learner_.weights_.tobytes()
    assert one.plan_.feature_names() == many.plan_.feature_names()


numbers = st.one_of(
    st.none(),
    st.just(float("nan")),
    st.floats(-1e30, 1e30),
    st.sampled_from([0.0, -0.0, 1.0, 2.0, 1e-40]),
)


@settings(max_examples=40)
@given(values=st.lists(numbers, min_size=5, max_size=60), n_bins=st.integers(2, 40))
def test_a_row_falls_where_numpy_says(values: list[float | None], n_bins: int) -> None:
    text = [None if i % 7 == 0 else f"t{i % 3}" for i in range(len(values))]
    table = pa.table(
        {"v": pa.array(values, pa.float64()), "t": text, "y": np.arange(float(len(values)))}
    )
    model = Pipeline(
        LinearRegression(),
        target="y",
        bins={"v": n_bins},
        crosses=FeatureCrosser([["v", "t"]], min_frequency=1),
        keep=["v", "t"],
    ).fit(table)
    (bins,), (cross,) = model.plan_.bins, model.plan_.crosses
    assert isinstance(bins, BinFeature)
    assert isinstance(cross, CrossFeature)
    v = np.array([np.nan if value is None else value for value in values])
    code = np.searchsorted(bins.staged_edges, (v - bins.shift).astype(np.float32), side="right")
    code[np.isnan(v)] = len(bins.edges) + 1
    block = model.plan_.encode(table.to_batches()[0])
    starts = dict(zip([f.name for f in model.plan_.coded], model.plan_.code_starts, strict=True))
    place = [f.name for f in model.plan_.coded]
    np.testing.assert_array_equal(
        block.codes[:, place.index("v in bins")], code + starts["v in bins"]
    )
    whole = block.codes[:, place.index("v x t")] - starts["v x t"]
    t = block.codes[:, place.index("t")] - starts["t"]
    assert cross.keys[whole].tolist() == (code * cross.sizes[1] + t).tolist()


# -- files ----------------------------------------------------------------------------------------


def test_a_saved_model_predicts_the_same_bits(model: Pipeline, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    opened = fastml.load(tmp_path / "model")
    new = rows(seed=2)
    assert opened.predict(new).tobytes() == model.predict(new).tobytes()
    assert opened.explain().to_dict() == model.explain().to_dict()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda plan: plan["bins"][0]["edges"].reverse(),
        lambda plan: plan["bins"][0]["edges"].pop(),
        lambda plan: plan["bins"][0].update(column="city"),
        lambda plan: plan["bins"][0].update(edges=[1e400]),
        lambda plan: plan["crosses"][0].append(99),
        lambda plan: plan["crosses"][0].pop(),
        lambda plan: plan["crosses"].pop(),
        lambda plan: plan["crosses"].reverse(),
        lambda plan: plan.update(bins=[]),
    ],
)
def test_parts_that_do_not_belong_together_are_refused(model: Pipeline, spoil: Any) -> None:
    manifest, tables = model.state()
    manifest = json.loads(json.dumps(manifest))
    spoil(manifest["plan"])
    with pytest.raises(ArtifactError, match=r"do(es)? not (hold|belong) together"):
        Pipeline.from_state(manifest, tables)


# -- what cannot be -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"bins": 1}, ConfigError, "bins is 1; expected a whole number from 2 to 256"),
        ({"bins": {"age": 500}}, ConfigError, "bins of 'age' is 500; expected"),
        ({"bins": {"aeg": 5}}, SchemaError, "'aeg'"),
        ({"bins": {"y": 5}}, ConfigError, "the target 'y' is in bins, but is never a feature"),
        ({"bins": {"city": 5}}, ConfigError, "bins names 'city', which holds categories"),
        ({"bins": {"zero": 5}}, ConfigError, "bins names 'zero', which is left out: "),
        ({"bins": {"age": 5}, "drop": ["age"]}, ConfigError, "is both in drop and in bins"),
        ({"crosses": [["city"]]}, ConfigError, "a cross is of two or three columns"),
        ({"crosses": [["city", "kidn"]]}, SchemaError, "'kidn'"),
        ({"crosses": [["city", "y"]]}, ConfigError, "the target 'y' is in crosses"),
        (
            {"crosses": [["city", "zero"]]},
            ConfigError,
            r"'zero', which is left out: .*keep=\['zero",
        ),
        ({"crosses": [["city", "bought"]]}, ConfigError, "is a date; name a part of it, such as"),
        ({"crosses": [["city", "bought.hour"]]}, ConfigError, "'bought.hour', which is no feature"),
        ({"crosses": FeatureCrosser()}, ConfigError, "the crosses are not named; say which"),
    ],
)
def test_columns_that_cannot_bend(given: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        bent(**given).fit(rows())
