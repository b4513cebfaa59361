"""Boosted trees behind the pipeline that linear models stand behind."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import fastml
from fastml import Pipeline
from fastml.engine import BLOCK_ROWS
from fastml.ensemble import BoostedTrees
from fastml.errors import ArtifactError, ConfigError, DataError, NotFittedError, SchemaError
from fastml.linear_model.design import DesignBlock

N = 2_000


def rows(n: int = N, seed: int = 0) -> pa.Table:
    """Return rows of which no line tells the target, some with values missing on purpose."""
    rng = np.random.default_rng(seed)
    a, b, city = rng.normal(size=n), rng.normal(size=n), rng.integers(0, 30, n)
    missing = rng.random(n) < 0.3
    y = a * b + (city % 3 == 0) + 2.0 * missing
    return pa.table(
        {
            "a": a,
            "b": b,
            "known": pa.array(rng.normal(size=n), mask=missing),
            "city": pa.array([f"c{i}" for i in city], mask=rng.random(n) < 0.05),
            "y": y,
            "sign": np.where(y > 0.8, "yes", "no"),
            "third": np.where(y > 1.5, "high", np.where(y > 0, "middle", "low")),
        }
    )


def trees(**given: Any) -> BoostedTrees:
    return BoostedTrees(**({"rounds": 60, "threads": 1} | given))


def pipeline(target: str, **given: Any) -> Pipeline:
    others = [name for name in ("y", "sign", "third") if name != target]
    return Pipeline(trees(**given), target=target, drop=others)


@pytest.fixture(scope="module")
def model() -> Pipeline:
    return pipeline("sign").fit(rows())


@pytest.mark.parametrize(
    ("target", "metric", "least"),
    [("y", "r2", 0.8), ("sign", "roc_auc", 0.95), ("third", "accuracy", 0.75)],
)
def test_every_task_is_learned(target: str, metric: str, least: float) -> None:
    model = pipeline(target).fit(rows())
    assert model.evaluate(rows(seed=1), intervals=False).metrics[metric] > least
    assert model.learner_.n_iter_ == 60
    assert model.learner_.stop_reason_ == "rounds"


def test_a_missing_number_stays_missing(model: Pipeline) -> None:
    block = model.plan_.encode(rows().to_batches()[0])
    assert np.isnan(block.dense).mean(axis=0) == pytest.approx([0, 0, 0.3], abs=0.03)
    present = {**rows().to_pylist()[0], "known": 0.0}
    absent = {**present, "known": None}
    assert model.predict_proba([absent])[0, 1] > model.predict_proba([present])[0, 1]


def test_training_ends_where_held_out_rows_gain_no_more() -> None:
    model = pipeline("y", rounds=400, learning_rate=0.5, patience=5)
    model.fit(rows(), validation=rows(seed=1))
    assert model.learner_.stop_reason_ == "patience"
    best = model.learner_.n_iter_
    assert best < 200
    model = pipeline("y", rounds=best + 2, learning_rate=0.5, patience=5)
    model.fit(rows(), validation=rows(seed=1))
    assert (model.learner_.n_iter_, model.learner_.stop_reason_) == (best, "rounds")


def test_the_same_seed_and_threads_give_the_same_bits() -> None:
    table = rows(BLOCK_ROWS + 1_000)
    first, second, other = (
        pipeline("y", rounds=5, subsample=0.5, seed=seed).fit(cut).learner_.trees()
        for seed, cut in ((1, table), (1, pa.Table.from_batches(table.to_batches(777))), (2, table))
    )
    assert first == second
    assert first != other


def test_large_numbers_keep_their_digits() -> None:
    table = rows()
    far = table.set_column(4, "y", pa.array(table["y"].to_numpy() + 1e9))
    near, shifted = (pipeline("y").fit(each).predict(rows(seed=1)) for each in (table, far))
    np.testing.assert_allclose(shifted - 1e9, near, atol=1e-2)


def test_weights_and_classes_count() -> None:
    table = rows()
    plain = pipeline("sign").fit(table).predict_proba(table)[:, 1].mean()
    weighted = pipeline("sign", class_weight={"yes": 20}).fit(table)
    assert weighted.predict_proba(table)[:, 1].mean() > plain + 0.02
    by_row = Pipeline(trees(), target="sign", drop=["y", "third"], weight="w").fit(
        table.append_column("w", pa.array(np.where(table["sign"].to_numpy(False) == "yes", 20, 1)))
    )
    np.testing.assert_allclose(
        by_row.predict_proba(table), weighted.predict_proba(table), atol=1e-4
    )


def test_no_rows_to_predict(model: Pipeline) -> None:
    assert model.predict_proba(rows().slice(0, 0)).shape == (0, 2)


def test_new_categories_are_missing_ones(model: Pipeline) -> None:
    row = rows().to_pylist()[1]
    found = model.predict_proba([{**row, "city": "never seen"}])
    assert np.isfinite(found).all()


# -- explanations and files -----------------------------------------------------------------------


def test_what_columns_add_sums_to_the_margin(model: Pipeline) -> None:
    table = rows().slice(0, 50)
    sums = [sum(each.contribution for each in model.explain_row(row)) for row in table.to_pylist()]
    p = model.predict_proba(table)[:, 1]
    margins = np.log(p / (1 - p))
    np.testing.assert_allclose(np.ptp(sums - margins), 0, atol=1e-4)
    told = model.explain().to_dict()
    assert {each["name"] for each in told["features"]} == {"a", "b", "known", "city"}
    assert told["features"][0]["weight"] > 0.5
    assert told["intercept"] == []
    assert not any(line.endswith(" ") for line in str(model.explain()).splitlines())


@pytest.mark.parametrize("target", ["y", "sign", "third"])
def test_a_saved_model_predicts_the_same_bits(target: str, tmp_path: Path) -> None:
    model = pipeline(target, rounds=5).fit(rows())
    model.save(tmp_path / "model")
    opened = fastml.load(tmp_path / "model")
    new = rows(seed=2)
    expected, found = ([*each.predict_scores(new)] for each in (model, opened))
    assert found[0].tobytes() == expected[0].tobytes()
    assert opened.explain().to_dict() == model.explain().to_dict()
    assert repr(opened.learner_) == repr(model.learner_)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda state, tables: tables.update(trees=pa.table({"ubj": [b"no trees"]})),
        lambda state, tables: tables.pop("trees"),
        lambda state, tables: state.update(n_dense=1),
        lambda state, tables: state.update(spread=[[0.0]]),
    ],
)
def test_trees_that_do_not_fit_are_refused(model: Pipeline, spoil: Any) -> None:
    manifest, tables = model.state()
    manifest = json.loads(json.dumps(manifest))
    spoil(manifest["learner"], tables)
    with pytest.raises(ArtifactError, match="do not belong together"):
        Pipeline.from_state(manifest, tables)


# -- what cannot be -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rounds": 0}, "rounds is 0; expected a whole number >= 1"),
        ({"max_depth": 2.5}, r"max_depth is 2\.5"),
        ({"learning_rate": 0}, "learning_rate is 0; expected a number above 0, at most 1"),
        ({"subsample": 1.5}, r"subsample is 1\.5"),
        ({"l2": -1}, "l2 is -1; expected a number >= 0"),
    ],
)
def test_parameters_out_of_range(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        pipeline("y", **given).fit(rows())


def test_without_xgboost_it_says_what_to_install(
    model: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = model.state()
    monkeypatch.setitem(sys.modules, "xgboost", None)
    with pytest.raises(ConfigError, match=r"not installed: pip install 'fastml\[xgboost\]'"):
        pipeline("y").fit(rows())
    with pytest.raises(ConfigError, match="not installed"):
        Pipeline.from_state(*state)


def test_blocks_of_another_shape_and_no_training(model: Pipeline) -> None:
    block = DesignBlock(np.zeros((1, 2), np.float32), np.zeros((1, 1), np.int32))
    with pytest.raises(SchemaError, match="2 dense features and 1 code columns"):
        model.learner_.predict_design(block)
    with pytest.raises(NotFittedError):
        trees().predict_design(block)
    with pytest.raises(DataError, match="single class"):
        pipeline("sign").fit(rows().filter(pa.array(rows()["sign"].to_numpy(False) == "yes")))


def test_importing_fastml_does_not_import_xgboost() -> None:
    code = "import sys, fastml.ensemble, fastml.pipeline; sys.exit('xgboost' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
