"""A search over the settings of the whole pipeline, as a project file asks for one."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fastml.errors import ConfigError
from fastml.model_selection import OptunaSearch
from fastml.model_selection.trials import Trial
from fastml.reporting.summary import summary
from fastml.workflow.history import history
from fastml.workflow.journal import Journal
from fastml.workflow.models import open_model
from fastml.workflow.project import parse_project, read_project
from fastml.workflow.run import run

MakeProject = Callable[..., Path]
TUNED = """
[tune]
trials = 6
[tune.space]
imputer.strategy = ["mean", "median"]
encoder.max_categories = [2, false]
bins = [4, 8, false]
learner.l2 = { low = 1e-5, high = 1.0, log = true }
"""


def test_a_run_tunes_and_tells(project: MakeProject) -> None:
    journal = Journal()
    outcome, folder = run(read_project(project(TUNED)), journal=journal)
    tuning = outcome.tuning
    assert tuning is not None
    assert (tuning.scoring, len(tuning.trials), tuning.resumed) == ("roc_auc", 6, 0)
    assert tuning.best.score >= tuning.given.score
    assert outcome.splits["validation"].metrics["roc_auc"] == pytest.approx(tuning.best.score)
    assert outcome.judged_on == "test"
    assert json.loads((folder / "metrics.json").read_text())["tuning"] == tuning.to_dict()
    log = (folder / "run.log").read_text()
    assert "as given: roc_auc" in log
    assert f"6 trials in {tuning.seconds:.1f} s; the rows were read once" in log
    report = (folder / "report.html").read_text()
    assert "Tuning</h2>" in report
    assert "learner.l2 = " in report
    assert "Tuned:" in summary(outcome)
    model, _ = open_model(folder)
    if tuning.best.params:
        assert model.learner_.l2 == tuning.best.params["learner.l2"]


def test_a_run_goes_on_from_the_journal_beside_the_project(
    project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = project(TUNED)
    fit, seen = OptunaSearch.fit, []

    def interrupted(self: OptunaSearch, *args: object, **given: object) -> OptunaSearch:
        tell = given.pop("callback")

        def callback(trial: Trial) -> None:
            tell(trial)  # type: ignore[operator]
            seen.append(trial.number)
            if len(seen) == 4:
                raise KeyboardInterrupt

        return fit(self, *args, callback=callback, **given)

    journal = Journal()
    monkeypatch.setattr(OptunaSearch, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(read_project(file), journal=journal)
    monkeypatch.setattr(OptunaSearch, "fit", fit)
    assert seen == [-1, 0, 1, 2]
    assert "interrupted; 3 trials are kept in" in journal.text()
    assert (file.parent / "tuning.journal").exists()
    outcome, folder = run(read_project(file))
    assert outcome.tuning is not None
    assert outcome.tuning.resumed == 3
    assert "going on from 3 trials" in (folder / "run.log").read_text()
    again, _ = run(read_project(folder / "settings.toml"))
    assert again.tuning is not None
    assert again.tuning.resumed == 6
    assert again.tuning.best.params == outcome.tuning.best.params


def test_what_is_idle_and_what_fails_is_told(project: MakeProject) -> None:
    idle = "[tune]\ntrials = 2\nspace = { pruner.threshold = [0.98, 0.99] }\n"
    outcome, folder = run(read_project(project(idle)), draft=True)
    assert outcome.tuning is not None
    assert outcome.tuning.best.params == {}
    assert "what was tried makes no difference" in (folder / "run.log").read_text()
    worse = "[tune]\ntrials = 3\nspace = { learner.l2 = [-1.0, 1e6] }\n"
    outcome, folder = run(read_project(project(worse)), draft=True)
    log = (folder / "run.log").read_text()
    assert "no trial beats the settings as given" in log
    assert "failed: l2 is -1.0" in log
    assert "failed: l2 is -1.0" in (folder / "report.html").read_text()


def test_the_runs_side_by_side_tell_the_kind_that_was_chosen(project: MakeProject) -> None:
    trees = "{ learner.kind = ['xgboost'], learner.rounds = [20] }"
    lines = f"[learner]\nl2 = 1e3\n[tune]\ntrials = 1\nscoring = 'log_loss'\nspace = {trees}\n"
    run(read_project(project(lines)))
    assert [each["learner"] for each in history("runs").runs] == ["xgboost"]


def test_false_stands_for_none_where_there_is_no_true() -> None:
    lines = "space = { bins = [4, false], imputer.add_indicator = [true, false] }"
    tune = parse_project(f"target = 'y'\nsource = 'a.csv'\n[tune]\n{lines}").tune
    assert tune is not None
    assert tune.tried == {"bins": [4, None], "imputer": {"add_indicator": [True, False]}}


def test_without_optuna_nothing_is_read(
    project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = project(TUNED)
    (file.parent / "customers.parquet").unlink()
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ConfigError, match=r"pip install 'fastml\[tune\]'"):
        run(read_project(file))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("trials = 3", r"\[tune\] space is missing"),
        ("space = 3", "space: expected what to try"),
        ("space = {}", r"\[tune\] space: there is nothing to search"),
        ("space = { imputer.stratgy = ['mean'] }", "did you mean 'imputer.strategy'"),
        ("space = { learner.max_depth = [3] }", "with a xgboost learner alone"),
        (
            "space = { bins = [4] }\ntrails = 3",
            "'trails' is not a known key; did you mean 'trials'",
        ),
        ("space = { bins = [4] }\nscoring = 'auc'", "scoring is 'auc', which is no metric"),
        ("space = { bins = [4] }\njobs = 0", "jobs: expected a whole number of at least 1"),
        ("l2 = [0.1]", "'l2' is not a known key"),
    ],
)
def test_what_cannot_be_tuned_is_refused(lines: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_project(f"target = 'y'\nsource = 'a.csv'\n[tune]\n{lines}")


def test_the_key_of_the_learner_needs_no_section() -> None:
    assert parse_project("target = 'y'\nsource = 'a.csv'\ntune = true").learner.tune is True
