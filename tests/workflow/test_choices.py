"""What a run chooses on its validation rows: the calibration, and the threshold by any rule."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fastml.errors import ConfigError
from fastml.reporting.summary import summary
from fastml.workflow.evaluate import evaluate_model
from fastml.workflow.models import open_model
from fastml.workflow.project import parse_project, read_project
from fastml.workflow.run import run

MakeProject = Callable[..., Path]
VALUE = "[problem.value]\ntrue_positive = 50\nfalse_positive = -10\n"
SHRUNK = 'learner.l2 = 1.0\nlearner.calibration = "platt"\n'  # probabilities too near the mean


def test_calibration_is_learned_on_validation_and_told(project: MakeProject) -> None:
    outcome, folder = run(read_project(project(SHRUNK)))
    calibration = outcome.calibration
    assert calibration is not None
    before, after = calibration.metrics("test"), outcome.splits["test"].metrics
    assert list(before) == ["log_loss", "brier", "ece"]
    assert after["log_loss"] < before["log_loss"]
    assert after["ece"] < before["ece"]
    found = json.loads((folder / "metrics.json").read_text())["calibration"]
    assert found == {
        "words": calibration.words,
        "before": {split: calibration.metrics(split) for split in ("validation", "test")},
    }
    pipeline, _ = open_model(folder)
    assert str(pipeline.calibrator_) == calibration.words
    assert calibration.words.startswith("platt (log-odds × ")
    assert calibration.words.endswith("learned from 300 rows")
    assert f"calibrated: {calibration.words}" in (folder / "run.log").read_text()
    said = summary(outcome)
    assert f"Probabilities are calibrated: {calibration.words} of validation." in said
    assert "(flattered: learned from these rows)" in said
    page = (folder / "report.html").read_text()
    assert "<h2>Calibration</h2>" in page
    assert "before calibration" in page
    assert "flattered" in page
    assert 'calibration = "platt"' in (folder / "settings.toml").read_text()


def test_a_calibrated_model_is_judged_as_it_predicts(project: MakeProject) -> None:
    outcome, folder = run(read_project(project(SHRUNK + VALUE)))
    pipeline, mandate = open_model(folder)
    assert pipeline.calibrator_ is not None
    assert outcome.scores.max() > 0.8  # which the shrunk model never says
    report = evaluate_model(folder, "customers.parquet")
    own = pipeline.evaluate("customers.parquet", value=mandate.value)
    assert report.evaluation.metrics == own.metrics


def test_without_calibration_none_is_told(project: MakeProject) -> None:
    outcome, folder = run(read_project(project()))
    assert outcome.calibration is None
    assert outcome.threshold is None
    assert "calibrat" not in summary(outcome)
    assert "<h2>Calibration</h2>" not in (folder / "report.html").read_text()
    assert "threshold" not in str(evaluate_model(folder, "customers.parquet"))


def test_several_classes_are_calibrated(project: MakeProject) -> None:
    lines = 'learner.calibration = "isotonic"'
    outcome, folder = run(read_project(project(lines, target="plan")))
    assert outcome.calibration is not None
    assert list(outcome.calibration.metrics("test")) == ["log_loss", "ece"]
    assert "each class against the rest" in outcome.calibration.words
    assert "<h2>Calibration</h2>" in (folder / "report.html").read_text()


def test_a_draft_calls_itself_flattered(project: MakeProject) -> None:
    outcome, _ = run(read_project(project(SHRUNK)), draft=True)
    assert outcome.calibration is not None
    assert list(outcome.calibration.before) == ["validation"]
    assert "validation: log_loss" in summary(outcome)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ('"f1"', "for the greatest F1"),
        ('"accuracy"', "for the greatest accuracy"),
        ("{ recall = 0.8 }", "for the greatest precision with a recall of at least 0.8"),
        ("{ precision = 0.7 }", "for the greatest recall with a precision of at least 0.7"),
        ("{ f_beta = 2 }", "for the greatest F2"),
        ("0.3", "as stated"),
    ],
)
def test_the_threshold_is_chosen_by_the_rule(rule: str, words: str, project: MakeProject) -> None:
    outcome, folder = run(read_project(project(f"problem.threshold = {rule}")))
    assert outcome.threshold is not None
    assert outcome.threshold.rule == words
    pipeline, mandate = open_model(folder)
    assert pipeline.threshold == outcome.threshold.threshold
    assert mandate.threshold is not None
    assert mandate.threshold.to_dict() == outcome.threshold.to_dict()
    validation = outcome.splits["validation"]
    assert validation.threshold == pipeline.threshold
    for name, reached in outcome.threshold.reached.items():
        if name in validation.metrics:
            assert validation.metrics[name] == pytest.approx(reached)
    found = json.loads((folder / "metrics.json").read_text())["threshold"]
    assert found == outcome.threshold.to_dict()
    assert f"threshold {outcome.threshold} on validation" in (folder / "run.log").read_text()
    said = summary(outcome)
    assert f", {'' if rule == '0.3' else 'chosen on the validation rows '}{words}: on vali" in said
    assert "; on test precision " in said
    assert words in (folder / "report.html").read_text()
    assert f"threshold {outcome.threshold} on the" in str(
        evaluate_model(folder, "customers.parquet")
    )
    settings = read_project(folder / "settings.toml").problem
    assert settings.threshold == read_project("project.toml").problem.threshold


def test_the_rule_without_ml_decides_by_the_same_rule(project: MakeProject) -> None:
    outcome, folder = run(read_project(project("problem.threshold = { recall = 0.9 }")))
    assert outcome.baseline.rule.metrics["recall"] > 0.8
    _, mandate = open_model(folder)
    assert mandate.standard is not None
    assert mandate.standard.threshold == outcome.baseline.rule.threshold != 0.5


def test_a_rule_that_is_stated_goes_before_the_profit(project: MakeProject) -> None:
    by_profit, _ = run(read_project(project(VALUE)))
    outcome, folder = run(read_project(project('problem.threshold = "f1"\n' + VALUE)))
    assert by_profit.threshold is not None
    assert outcome.threshold is not None
    assert by_profit.threshold.reached["profit"] > outcome.threshold.reached["profit"]
    assert list(outcome.threshold.reached) == ["precision", "recall", "f1", "profit"]
    assert "profit" in outcome.judged.metrics
    assert "What acting earns" in (folder / "report.html").read_text()
    same, _ = run(read_project(project('problem.threshold = "profit"\n' + VALUE)))
    assert same.threshold == by_profit.threshold


def test_a_precision_out_of_reach_is_told_and_the_run_goes_on(project: MakeProject) -> None:
    lines = 'problem.threshold = { precision = 1.0 }\nfeatures.drop = ["age", "calls", "spend"]'
    outcome, folder = run(read_project(project(lines)))
    assert outcome.threshold is not None
    assert not outcome.threshold.met
    assert "which is out of reach" in summary(outcome)
    assert "out of reach; the most" in (folder / "run.log").read_text()
    assert "out of reach; the most" in str(evaluate_model(folder, "customers.parquet"))


def test_a_calibrated_threshold_is_one_of_calibrated_probabilities(project: MakeProject) -> None:
    lines = SHRUNK + "problem.threshold = { recall = 0.5 }"
    outcome, folder = run(read_project(project(lines)))
    plain, _ = run(read_project(project(lines.replace(SHRUNK, "learner.l2 = 1.0\n"))))
    assert outcome.threshold is not None
    assert plain.threshold is not None
    pipeline, _ = open_model(folder)
    assert pipeline.calibrator_ is not None
    assert outcome.threshold.reached == pytest.approx(plain.threshold.reached)
    assert outcome.threshold.threshold == pytest.approx(
        float(pipeline.calibrator_(np.array([plain.threshold.threshold]))[0]), abs=0.02
    )


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('threshold = "f1"\ntask = "regression"', r"\[problem\] threshold is for a binary task"),
        ('threshold = "profit"', r'threshold = "profit" needs .*; state \[problem.value\]'),
        ('threshold = "best"', r"\[problem\] threshold: the threshold is 'best'; expected"),
        ("threshold = { recall = 80 }", "80% is 0.8"),
        ('calibration = "sigmoid"', r"\[learner\] calibration: expected 'platt' or 'isotonic' or"),
    ],
)
def test_mistakes_are_named(lines: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_project(f'target = "y"\nsource = "x.csv"\n{lines}')


@pytest.mark.parametrize(
    ("lines", "target", "message"),
    [
        ('learner.calibration = "platt"', "spend", "calibration is for classes; the target holds"),
        ('problem.threshold = "f1"', "plan", "threshold is for a binary task; .* has 3 classes"),
    ],
)
def test_what_the_target_does_not_allow(
    lines: str, target: str, message: str, project: MakeProject
) -> None:
    with pytest.raises(ConfigError, match=message):
        run(read_project(project(lines, target=target)))
