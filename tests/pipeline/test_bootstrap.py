"""A pipeline whose learner draws a bootstrap."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import fastml
from fastml.errors import ArtifactError, ConfigError, DataError
from fastml.linear_model import LinearRegression, LogisticRegression


def table(n: int = 1500, seed: int = 0) -> pa.Table:
    rng = np.random.default_rng(seed)
    age = rng.normal(40.0, 10.0, n)
    city = np.array(["rome", "oslo", "lima"])[rng.integers(0, 3, n)]
    margin = (age - 40.0) / 10.0 + np.where(city == "oslo", 1.0, 0.0)
    return pa.table(
        {
            "age": age,
            "city": city,
            "left": np.where(rng.random(n) < 1 / (1 + np.exp(-margin)), "yes", "no"),
            "kind": np.array(["a", "b", "c"])[
                (margin + rng.gumbel(size=n) > 0.5).astype(int) + (rng.random(n) < 0.3)
            ],
            "price": 100.0 + 20.0 * margin + rng.normal(size=n),
        }
    )


def fitted(target: str, learner: Any, **settings: Any) -> fastml.Pipeline:
    others = [name for name in ("left", "kind", "price") if name != target]
    return fastml.Pipeline(learner, target=target, drop=others, **settings).fit(table())


def test_coefficients_have_intervals_in_their_own_units() -> None:
    model = fitted("price", LinearRegression(bootstrap=200))
    age, city = sorted(model.explain().features, key=lambda feature: feature["name"])
    assert age["interval"][0] < age["coefficient"] < age["interval"][1]
    assert age["interval"] == pytest.approx([2.0, 2.0], abs=0.02)
    for label, (low, high) in city["intervals"].items():
        assert low < city["coefficients"][label] < high
    assert "a unit (+1.9" in str(model.explain())


@pytest.mark.parametrize(
    ("target", "learner"),
    [
        ("left", LogisticRegression(bootstrap=60)),
        ("kind", LogisticRegression(bootstrap=60)),
        ("price", LinearRegression(bootstrap=60)),
    ],
)
def test_predictions_have_intervals_which_are_saved(
    target: str, learner: Any, tmp_path: Path
) -> None:
    model = fitted(target, learner)
    rows = table(40, seed=1)
    low, high = model.predict_interval(rows)
    scores = np.concatenate(list(model.predict_scores(rows)))
    assert low.shape == scores.shape
    assert ((low <= scores) & (scores <= high)).mean() > 0.9
    wider = model.predict_interval(rows, 0.99)
    assert (wider[0] <= low).all()
    model.save(tmp_path / "model")
    again = fastml.load(tmp_path / "model")
    for bound, saved in zip((low, high), again.predict_interval(rows), strict=True):
        np.testing.assert_array_equal(bound, saved)
    assert again.explain().to_dict() == model.explain().to_dict()
    assert model.predict_interval(rows.slice(0, 0))[0].shape == (0, *low.shape[1:])


def test_intervals_are_of_calibrated_probabilities() -> None:
    model = fitted("left", LogisticRegression(bootstrap=40, class_weight={"yes": 9.0}))
    rows = table(500, seed=2)
    model.calibrate(rows)
    low, high = model.predict_interval(rows)
    chance = model.predict_proba(rows)[:, 1]
    assert ((low < chance) & (chance < high)).mean() > 0.9


def test_without_replicates_there_are_no_intervals() -> None:
    with pytest.raises(ConfigError, match="no replicates"):
        fitted("left", LogisticRegression()).predict_interval(table(3))
    with pytest.raises(ConfigError, match="no replicates"):
        fitted("left", LogisticRegression()).metric_intervals(table(3))


def test_rows_without_a_target_cannot_be_judged() -> None:
    model = fitted("left", LogisticRegression(bootstrap=3))
    rows = table(5).set_column(2, "left", pa.nulls(5, pa.string()))
    with pytest.raises(DataError, match="no row has a value in the target"):
        model.metric_intervals(rows)


def test_replicates_that_do_not_fit_are_refused() -> None:
    manifest, tables = fitted("left", LogisticRegression(bootstrap=3)).state()
    tables["replicates"] = tables["replicates"].slice(1)
    with pytest.raises(ArtifactError, match="replicates of shape"):
        fastml.Pipeline.from_state(manifest, tables)


def test_metrics_have_intervals_over_training_and_test_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = fitted("left", LogisticRegression(bootstrap=80))
    rows = table(600, seed=3)
    found = model.metric_intervals(rows)
    here = model.evaluate(rows)
    for name in ("roc_auc", "accuracy", "log_loss", "recall"):
        low, high = found[name]
        assert low < here.metrics[name] < high
        width = here.intervals[name][1] - here.intervals[name][0]
        assert 0.6 * width < high - low < 1.8 * width
    # With no room for them, the rows are passed over for each replicate.
    monkeypatch.setattr("fastml.pipeline.resampled.HELD", 1)
    assert model.metric_intervals(rows) == found
    numbers = fitted("price", LinearRegression(bootstrap=40)).metric_intervals(rows)
    assert 0.85 < numbers["rmse"][0] < numbers["rmse"][1] < 1.15


def test_draws_that_do_not_define_a_metric_are_left_out() -> None:
    model = fitted("left", LogisticRegression(bootstrap=60))
    rows = table(600, seed=3)
    yes = pc.equal(rows["left"], model.positive_)
    few = pa.concat_tables([rows.filter(yes)[:2], rows.filter(pc.invert(yes))[:20]])
    found = model.metric_intervals(few)
    assert np.isfinite(list(found.values())).all()
    assert 0.0 <= found["roc_auc"][0] < found["roc_auc"][1] <= 1.0
    alone = model.metric_intervals(few[:1])
    assert "roc_auc" not in alone
    assert "log_loss" in alone
