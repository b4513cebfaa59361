"""A pipeline whose probabilities are calibrated: what it says of them, and how it is saved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pyarrow as pa
import pytest

import fastml
from fastml import Pipeline
from fastml.artifact import read_artifact, write_artifact
from fastml.calibration import Method, fit_calibrator
from fastml.errors import ArtifactError, ConfigError, DataError, NotFittedError

METHODS = get_args(Method)


def rows(seed: int, n: int = 3_000, classes: int = 2) -> pa.Table:
    """Return rows whose classes follow from x more weakly than a model is made to think."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, classes))
    y = (x + rng.gumbel(size=(n, classes))).argmax(axis=1)
    weight = rng.integers(0, 3, n).astype(float)
    columns = {f"x{i}": x[:, i] for i in range(classes)}
    return pa.table({**columns, "w": weight, "y": np.array(["a", "b", "c"])[y]})


def overconfident(classes: int = 2, **settings: Any) -> Pipeline:
    model = Pipeline(target="y", **settings).fit(rows(0, classes=classes))
    model.learner_.weights_ *= 3.0
    return model


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("method", METHODS)
def test_calibration_makes_an_overconfident_model_honest(method: Method, classes: int) -> None:
    model, test = overconfident(classes), rows(2, classes=classes)
    before = model.evaluate(test, intervals=False).metrics
    assert model.calibrate(rows(1, classes=classes), method) is model
    after = model.evaluate(test, intervals=False).metrics
    assert after["ece"] < 0.5 * before["ece"]
    assert after["log_loss"] < 0.9 * before["log_loss"]
    assert after["roc_auc"] == pytest.approx(before["roc_auc"], abs=0.01)


@pytest.mark.parametrize("method", METHODS)
def test_every_probability_is_a_calibrated_one(method: Method) -> None:
    model, new = overconfident(), rows(2)
    plain = model.predict_proba(new)[:, 1]
    model.calibrate(rows(1), method)
    assert model.calibrator_ is not None
    expected = model.calibrator_(plain)
    assert (model.predict_proba(new)[:, 1] == expected).all()
    assert (np.concatenate(list(model.predict_scores(new))) == expected).all()
    assert (np.concatenate([s for _, s in model.score_blocks(new)]) == expected).all()
    own = np.concatenate([s for _, s in model.score_blocks(new, calibrated=False)])
    assert (own == plain).all()
    model.threshold = float(np.median(expected))
    assert (model.predict(new) == np.where(expected >= model.threshold, "b", "a")).all()
    one_by_one = np.concatenate([model.predict_proba(new.slice(i, 1)) for i in range(20)])
    assert (one_by_one == model.predict_proba(new)[:20]).all()
    assert "probabilities are calibrated: " + method in str(model.explain())
    assert method in model.explain().to_dict()["calibration"]


def test_calibrating_again_begins_anew_and_fitting_forgets() -> None:
    model = overconfident().calibrate(rows(1), "platt")
    assert model.calibrator_ is not None
    first = model.calibrator_.state()
    assert model.calibrate(rows(1), "platt").calibrator_.state() == first
    model.fit(rows(0))
    assert model.calibrator_ is None
    assert model.explain().to_dict()["calibration"] is None


def test_weights_and_rows_without_a_target_count_as_they_do_in_training() -> None:
    held_out = rows(1)
    model = overconfident(weight="w").calibrate(held_out, "platt")
    lacking = pa.array([None, None, *held_out["y"].to_pylist()[2:]])
    same = overconfident(weight="w").calibrate(
        held_out.set_column(held_out.schema.get_field_index("y"), "y", lacking), "platt"
    )
    kept = held_out.slice(2)
    p = np.concatenate([s for _, s in model.score_blocks(kept, calibrated=False)])
    expected = fit_calibrator("platt", kept["y"].to_numpy() == "b", p, kept["w"].to_numpy())
    assert same.calibrator_ == expected


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("method", METHODS)
def test_it_is_saved_with_the_model(method: Method, classes: int, tmp_path: Path) -> None:
    model = overconfident(classes).calibrate(rows(1, classes=classes), method)
    model.save(tmp_path / "model")
    opened = fastml.load(tmp_path / "model")
    new = rows(2, classes=classes)
    assert (opened.predict_proba(new) == model.predict_proba(new)).all()
    assert str(opened.explain()) == str(model.explain())


def test_a_model_of_before_calibration_opens(tmp_path: Path) -> None:
    model = overconfident()
    manifest, tables = model.state()
    del manifest["calibration"]
    write_artifact(tmp_path / "model", manifest, tables)
    assert fastml.load(tmp_path / "model").calibrator_ is None


@pytest.mark.parametrize(
    "damage",
    [
        {"method": "magic"},
        {"curves": [{"slope": -1.0, "intercept": 0.0}]},
        {"curves": [{"slope": None, "intercept": 0.0}]},
        {"curves": 2 * [{"slope": 1.0, "intercept": 0.0}]},
        {"rows": None},
    ],
)
def test_a_damaged_calibration_is_refused(damage: dict[str, Any], tmp_path: Path) -> None:
    overconfident().calibrate(rows(1)).save(tmp_path / "model")
    manifest, tables = read_artifact(tmp_path / "model")
    calibration = {**manifest["calibration"], **damage}
    json.dumps(calibration)
    write_artifact(tmp_path / "damaged", {**manifest, "calibration": calibration}, tables)
    with pytest.raises(ArtifactError, match="do not belong together"):
        fastml.load(tmp_path / "damaged")


def test_what_cannot_be_calibrated_is_said() -> None:
    with pytest.raises(NotFittedError):
        Pipeline(target="y").calibrate(rows(1))
    with pytest.raises(ConfigError, match="no probabilities to calibrate"):
        Pipeline(target="x0").fit(rows(0)).calibrate(rows(1))
    model = overconfident()
    with pytest.raises(ConfigError, match="unknown calibration 'sigmoid'"):
        model.calibrate(rows(1), "sigmoid")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="all of the class 'a'"):
        model.calibrate(rows(1).filter(pa.compute.equal(rows(1)["y"], "a")))
    with pytest.raises(DataError, match="no row has a value in the target"):
        model.calibrate(rows(1).slice(0, 0))
    assert model.calibrator_ is None
