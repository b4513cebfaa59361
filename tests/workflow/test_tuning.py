"""A search for the settings of the learner, as a project file asks for one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fastml.errors import ConfigError
from fastml.workflow.models import open_model
from fastml.workflow.project import parse_project, read_project
from fastml.workflow.run import run

MakeProject = Callable[..., Path]


def test_a_run_tunes_and_tells(project: MakeProject) -> None:
    tuned = "[learner]\ntune = { l2 = [1e-4, 1e-2, 10.0], l1 = { low = 1e-5, high = 1e-3 } }\n"
    outcome, folder = run(read_project(project(tuned + "candidates = 7\nfolds = 3")))
    tried = outcome.tried
    assert tried is not None
    assert len(tried.params) == 7
    assert tried.judged_on == "3 folds"
    assert json.loads((folder / "metrics.json").read_text())["tried"] == tried.to_dict()
    assert f"tuned: {tried}" in (folder / "run.log").read_text()
    report = (folder / "report.html").read_text()
    assert "Settings tried" in report
    model, _ = open_model(folder)
    assert model.tried_ == tried
    chosen = tried.params[tried.best]
    assert (model.learner_.l2, model.learner_.l1) == (chosen["l2"], chosen["l1"])
    again, _ = run(read_project(folder / "settings.toml"))
    assert again.tried == tried


def test_the_validation_rows_judge_by_default(project: MakeProject) -> None:
    outcome, _ = run(read_project(project("[learner]\ntune = true\nscoring = 'roc_auc'")))
    assert outcome.tried is not None
    assert outcome.tried.judged_on == "the validation rows"
    assert outcome.tried.scoring == "roc_auc"
    assert len(outcome.tried.params) == 16


@pytest.mark.parametrize(
    ("learner", "message"),
    [
        ("tune = 'yes'", "expected true, or what to try"),
        ("tune = { l3 = [1.0] }", "'l3' cannot differ between lanes"),
        ("tune = { l2 = 1.0 }", "expected a list of values, or bounds"),
        ("tune = { l2 = { low = 1.0, hi = 2.0 } }", "'hi' is not a known key"),
        ("tune = { l2 = { low = 1.0 } }", r"tune.l2.high: expected a number above 0"),
        ("tune = { l2 = { low = 1.0, high = 0.5 } }", "low below high"),
        ("tune = true\nl2 = 0.1", "l2 is both stated and tuned"),
        ("folds = 5", "folds is for a search; ask for one: tune = true"),
        ("tune = true\nscoring = 'auc'", "scoring: scoring is 'auc', which is no metric"),
        ("tune = true\nscoring = 'profit'", "scoring is 'profit', which needs a threshold"),
        ("kind = 'xgboost'\ntune = true", "tune is for kind = 'linear'"),
    ],
)
def test_what_cannot_be_tuned_is_refused(learner: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_project(f"target = 'y'\nsource = 'a.csv'\n[learner]\n{learner}")
