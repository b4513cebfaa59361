"""A model that a run saved: held against its criteria again, opened and measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

import fastml
from fastml.artifact import read_artifact, write_artifact
from fastml.errors import ArtifactError, DataError
from fastml.workflow.evaluate import evaluate_model
from fastml.workflow.models import Mandate, open_model, save_model
from fastml.workflow.project import read_project
from fastml.workflow.run import run
from fastml.workflow.standard import Standard

MakeProject = Callable[..., Path]
VALUE = "[problem.value]\ntrue_positive = 50\nfalse_positive = -10\n"


def test_a_saved_model_is_held_against_its_own_criteria(project: MakeProject) -> None:
    lines = "[success]\nroc_auc = { min = 0.7 }\naccuracy = { min = 0.99 }\nbeats_baseline = true"
    _, folder = run(read_project(project(lines)))
    report = evaluate_model(folder, "customers.parquet")
    assert [verdict.passed for verdict in report.verdicts] == [True, False, True]
    assert report.passed is False
    assert report.evaluation.rows == 1_500
    assert "not at least 0.99" in str(report)
    json.dumps(report.to_dict(), allow_nan=False)


def test_the_default_gate_is_asked_again_on_other_rows(project: MakeProject) -> None:
    _, folder = run(read_project(project(VALUE)))
    table = pq.read_table("customers.parquet")
    good = evaluate_model(folder, table)
    assert (good.passed, [verdict.name for verdict in good.verdicts]) == (True, ["beats_baseline"])
    rng = np.random.default_rng(0)
    noise = pa.array(rng.permutation(table["churn"].to_numpy()))
    bad = evaluate_model(folder, table.drop_columns(["churn"]).append_column("churn", noise))
    assert bad.passed is False
    pyarrow.csv.write_csv(table, "customers.csv")
    assert evaluate_model(folder, "customers.csv").to_dict() == good.to_dict()


def test_without_a_criterion_nothing_has_passed(project: MakeProject) -> None:
    _, folder = run(read_project(project()))
    pipeline, mandate = open_model(folder)
    for asked in (replace(mandate, standard=None), Mandate()):
        save_model("model", pipeline, asked)
        report = evaluate_model("model", "customers.parquet")
        assert report.passed is None
        assert report.to_dict()["passed"] is None
        assert "no criterion to hold it against: nothing was asked" in str(report)


@pytest.mark.parametrize("target", ["churn", "spend", "plan"])
def test_a_rule_is_the_same_when_it_is_opened(target: str, project: MakeProject) -> None:
    outcome, folder = run(read_project(project(target=target)))
    _, mandate = open_model(folder)
    assert mandate.standard is not None
    rows = pq.read_table("customers.parquet")
    found = Standard.from_state(json.loads(json.dumps(mandate.standard.state())))
    assert found.rule.words == outcome.baseline.words
    assert (found.rule.predict(rows) == mandate.standard.rule.predict(rows)).all()


def test_a_model_whose_standard_is_damaged_is_refused(project: MakeProject) -> None:
    _, folder = run(read_project(project()))
    manifest, tables = read_artifact(folder / "model")
    for standard in ({}, {**manifest["mandate"]["standard"], "outcomes": [[0.5]]}, 3):
        mandate = {**manifest["mandate"], "standard": standard or {"threshold": 1}}
        write_artifact("model", {**manifest, "mandate": mandate}, tables)
        with pytest.raises(ArtifactError, match="not understood what it is for"):
            open_model("model")


def test_a_model_without_a_mandate_opens_too(project: MakeProject, tmp_path: Path) -> None:
    _, folder = run(read_project(project()))
    pipeline, _ = open_model(folder)
    pipeline.save("plain")
    again, mandate = open_model("plain")
    assert mandate.success == {}
    rows = pq.read_table("customers.parquet").slice(0, 9)
    assert (again.predict_proba(rows) == pipeline.predict_proba(rows)).all()


def test_rows_without_weight_do_not_count(project: MakeProject) -> None:
    settings = project('problem.weight = "counts"')
    table = pq.read_table("customers.parquet")
    counts = np.arange(table.num_rows) % 3 != 0
    # What does not count has the opposite truth: any metric that looks at it is far off.
    truth = table["churn"].to_numpy()
    wrong = np.where(truth == "yes", "no", "yes")
    table = table.drop_columns(["churn"]).append_column(
        "churn", pa.array(np.where(counts, truth, wrong))
    )
    weighted = table.append_column("counts", pa.array(counts.astype(float)))
    pq.write_table(weighted, "customers.parquet")
    outcome, folder = run(read_project(settings))
    plain, _ = run(read_project(project()))
    assert outcome.judged.metrics["roc_auc"] > 0.7 > plain.judged.metrics["roc_auc"]
    assert outcome.baseline.rule.metrics["roc_auc"] > plain.baseline.rule.metrics["roc_auc"] + 0.05
    found = evaluate_model(folder / "model", "customers.parquet")
    assert found.evaluation.metrics["roc_auc"] > 0.7


def test_in_python_a_run_is_opened_and_measured_as_it_was(project: MakeProject) -> None:
    outcome, folder = run(read_project(project()))
    model = fastml.load(folder)
    found = model.evaluate("customers.parquet", confidence=0.9)
    assert (found.rows, found.confidence) == (1_500, 0.9)
    assert abs(found.metrics["roc_auc"] - outcome.splits["train"].metrics["roc_auc"]) < 0.05
    assert "roc_auc" in str(found)
    unlabelled = pq.read_table("customers.parquet").set_column(
        6, "churn", pa.nulls(1_500, pa.string())
    )
    with pytest.raises(DataError, match="no row has a value in the target 'churn'"):
        model.evaluate(unlabelled)
