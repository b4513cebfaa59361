"""A model saved by an earlier fastml opens, and predicts what it predicted then.

`python tests/workflow/test_golden.py` adds the models of the present format that are not there yet;
those that are there are never written again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from fastml.artifact import FORMAT_VERSION
from fastml.evaluation.decision_value import DecisionValue
from fastml.pipeline import Pipeline
from fastml.serving import Predictor
from fastml.workflow.models import Mandate, open_model, save_model

GOLDEN = Path(__file__).parent / "golden"
MANDATE = Mandate(
    "Who leaves?", {"roc_auc": {"min": 0.7}}, DecisionValue(120.0, -20.0), {"roc_auc": 0.8}, "test"
)
PIPELINES: dict[str, dict[str, Any]] = {
    "": {},
    "-bends": {"bins": 8, "crosses": [["plan", "calls"], ["age", "since.month"]]},
}
"""By the end of a folder's name."""
NEW_ROWS = [
    {"plan": "free", "age": 30.0, "calls": 5, "since": "2024-02-29"},
    {"plan": "unseen", "age": None, "calls": 0, "since": None},
    {"plan": None, "age": 71.5, "calls": None, "since": "2021-12-31"},
]


def rows() -> pa.Table:
    """Return rows to learn from, made without a generator of random numbers."""
    n = range(400)
    age = [20 + (i * 37) % 60 for i in n]
    plan = [["free", "basic", "pro"][(i * 7) % 3] if i % 11 else None for i in n]
    calls = [(i * 13) % 7 for i in n]
    since = [f"20{20 + i % 5}-{1 + i % 12:02}-{1 + i % 28:02}" for i in n]
    leaves = ["yes" if calls[i] * 10 + (plan[i] == "free") * 30 > age[i] else "no" for i in n]
    table = pa.table({"plan": plan, "age": age, "calls": calls, "since": since, "churn": leaves})
    return table.set_column(3, "since", table["since"].cast(pa.date32()))


def new_rows() -> pa.Table:
    table = pa.Table.from_pylist(NEW_ROWS)
    return table.set_column(3, "since", table["since"].cast(pa.date32()))


@pytest.mark.parametrize("path", sorted(GOLDEN.iterdir()), ids=lambda path: path.name)
def test_models_of_every_format_so_far_predict(path: Path) -> None:
    pipeline, mandate = open_model(path / "model")
    assert mandate == MANDATE
    expected: dict[str, Any] = json.loads((path / "expected.json").read_text())
    probabilities = np.array(expected["probabilities"])
    assert pipeline.predict_proba(new_rows()) == pytest.approx(probabilities, abs=1e-6)
    assert pipeline.predict(new_rows()).tolist() == expected["predictions"]
    assert pipeline.threshold == 0.25
    assert [each["column"] for each in pipeline.explain().to_dict()["features"]] == expected[
        "features"
    ]


@pytest.mark.parametrize("path", sorted(GOLDEN.iterdir()), ids=lambda path: path.name)
def test_models_of_every_format_so_far_serve(path: Path) -> None:
    expected: dict[str, Any] = json.loads((path / "expected.json").read_text())
    answer = Predictor.open(path / "model").answer(json.dumps(NEW_ROWS).encode(), "json")
    found = json.loads(answer)["predictions"]
    assert [each["prediction"] for each in found] == expected["predictions"]
    chances = [[each["probability_no"], each["probability_yes"]] for each in found]
    assert np.array(chances) == pytest.approx(np.array(expected["probabilities"]), abs=1e-6)


def test_the_present_format_is_among_them() -> None:
    for name in PIPELINES:
        assert (GOLDEN / f"format-{FORMAT_VERSION}{name}").is_dir()


def write() -> None:
    """Add the models of the present format."""
    for name, settings in PIPELINES.items():
        folder = GOLDEN / f"format-{FORMAT_VERSION}{name}"
        if not folder.exists():
            write_model(folder, Pipeline(target="churn", positive="yes", **settings).fit(rows()))


def write_model(folder: Path, pipeline: Pipeline) -> None:
    pipeline.threshold = 0.25
    save_model(folder / "model", pipeline, MANDATE)
    expected = {
        "probabilities": pipeline.predict_proba(new_rows()).tolist(),
        "predictions": pipeline.predict(new_rows()).tolist(),
        "features": [each["column"] for each in pipeline.explain().to_dict()["features"]],
    }
    (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    write()
