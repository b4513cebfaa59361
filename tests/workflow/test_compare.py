"""Two kinds of learners on the same split, in one report."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fastml.errors import ConfigError
from fastml.reporting.summary import summary
from fastml.workflow.history import history
from fastml.workflow.models import open_model
from fastml.workflow.project import read_project
from fastml.workflow.run import run

MakeProject = Callable[..., Path]
VALUE = "[problem.value]\ntrue_positive = 50\nfalse_positive = -10\n"
COMPARED = "[learner]\nbins = 8\nrounds = 20\ncompare = 'xgboost'"


def test_both_are_judged_on_the_same_rows(project: MakeProject) -> None:
    outcome, folder = run(read_project(project(VALUE + COMPARED)))
    beside = outcome.beside
    assert beside is not None
    assert beside.kind == "xgboost"
    assert "rounds=20" in beside.learner
    assert set(beside.splits) == {"validation", "test"}
    assert beside.splits["test"].rows == outcome.judged.rows
    assert [each.metric for each in beside.comparisons] == ["roc_auc", "profit"]
    assert beside.comparisons[0].model == outcome.judged.metrics["roc_auc"]
    assert beside.comparisons[0].baseline == beside.splits["test"].metrics["roc_auc"]
    found = json.loads((folder / "metrics.json").read_text())["beside"]
    assert found == beside.to_dict()
    report = (folder / "report.html").read_text()
    assert "Beside xgboost" in report
    assert beside.comparisons[0].words in report
    assert "Beside xgboost on the same rows" in summary(outcome)
    model, _ = open_model(folder)
    assert "LogisticRegression" in repr(model.learner_), "the model is the one that is asked for"
    (repeated, _) = run(read_project(folder / "settings.toml"))
    assert repeated.beside is not None
    assert repeated.beside.to_dict()["splits"] == beside.to_dict()["splits"]


def test_the_verdict_is_of_models_and_a_draft_keeps_off_the_test_rows(project: MakeProject) -> None:
    outcome, _ = run(read_project(project(COMPARED)), draft=True)
    assert outcome.beside is not None
    assert set(outcome.beside.splits) == {"validation"}
    (compared,) = outcome.beside.comparisons
    assert "of xgboost" in compared.words
    assert "ML" not in compared.words


def test_trees_alone(project: MakeProject) -> None:
    outcome, folder = run(read_project(project("[learner]\nkind = 'xgboost'\nmax_depth = 3")))
    assert outcome.beside is None
    assert "BoostedTrees(max_depth=3" in outcome.facts["learner"]
    model, _ = open_model(folder)
    assert model.predict_proba(read_project(project()).source).shape[1] == 2
    run(read_project(project()))
    assert sorted(str(each["learner"]) for each in history("runs").runs) == ["linear", "xgboost"]
    assert "xgboost  passed" in str(history("runs"))


@pytest.mark.parametrize("lines", ["kind = 'xgboost'", "compare = 'xgboost'"])
def test_without_xgboost_nothing_is_read(
    project: MakeProject, lines: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "xgboost", None)
    file = project(f"[learner]\n{lines}")
    with pytest.raises(ConfigError, match="pip install 'fastml"):
        run(read_project(file))
