"""A run leaves behind everything it found, or nothing."""

from __future__ import annotations

import json
import re
import resource
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

import fastml
from fastml.artifact import read_artifact, write_artifact
from fastml.errors import ArtifactError, ConfigError, DataError, SchemaError
from fastml.reporting.summary import summary
from fastml.workflow.evaluate import evaluate_model
from fastml.workflow.history import history
from fastml.workflow.journal import Journal
from fastml.workflow.models import Mandate, open_model, save_model
from fastml.workflow.project import read_project
from fastml.workflow.run import run
from fastml.workflow.standard import Standard

MakeProject = Callable[..., Path]
CONTENT = [
    "metrics.json",
    "model",
    "profile.json",
    "project.toml",
    "report.html",
    "run.log",
    "settings.toml",
]
VALUE = "[problem.value]\ntrue_positive = 50\nfalse_positive = -10\n"


def left_behind(folder: Path) -> list[str]:
    """Return what is in a folder beside the project and its table."""
    return sorted(p.name for p in folder.iterdir() if p.suffix not in (".toml", ".parquet"))


def test_a_run_writes_everything_it_found(project: MakeProject, tmp_path: Path) -> None:
    file = project('problem.question = "Who leaves?"\nsuccess.roc_auc = { min = 0.7 }')
    outcome, folder = run(read_project(file))
    assert outcome.passed
    assert folder.parent == Path("runs")
    assert sorted(p.name for p in folder.iterdir()) == CONTENT
    assert (folder / "project.toml").read_bytes() == file.read_bytes()
    assert "Who leaves?" in (folder / "report.html").read_text()
    assert json.loads((folder / "metrics.json").read_text()) == outcome.to_dict()
    assert "roc_auc is" in (folder / "run.log").read_text()
    assert [c["name"] for c in json.loads((folder / "profile.json").read_text())["columns"]]


def test_metrics_json(project: MakeProject) -> None:
    file = project(VALUE + "[success]\nroc_auc = { min = 0.7 }\nbeats_baseline = true")
    _, folder = run(read_project(file))
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics.keys() == {
        "passed",
        "judged_on",
        "criteria",
        "splits",
        "intervals",
        "baseline",
    }
    assert metrics["passed"] is True
    assert metrics["judged_on"] == "test"
    assert [c.keys() for c in metrics["criteria"]] == 2 * [
        {"name", "bound", "value", "passed", "words"}
    ]
    assert metrics["splits"].keys() == metrics["intervals"].keys()
    assert list(metrics["splits"]) == ["train", "validation", "test"]
    for split, found in metrics["splits"].items():
        assert {"roc_auc", "average_precision", "log_loss", "brier", "accuracy", "f1"} <= set(found)
        assert all(isinstance(value, float) for value in found.values())
        for name, (low, high) in metrics["intervals"][split].items():
            assert low <= found[name] <= high
    assert {"words", "column", "metrics", "constant", "comparisons"} == set(metrics["baseline"])
    assert [each["metric"] for each in metrics["baseline"]["comparisons"]] == ["roc_auc", "profit"]


def test_three_lines_are_a_project(tmp_path: Path, project: MakeProject) -> None:
    file = project()
    file.write_text('task = "binary"\ntarget = "churn"\nsource = "customers.parquet"\n')
    outcome, _ = run(read_project(file))
    assert [verdict.name for verdict in outcome.verdicts] == ["beats_baseline"]
    assert outcome.passed
    assert [each.rows for each in outcome.splits.values()] == [1050, 300, 150]


def test_a_regression(project: MakeProject) -> None:
    file = project(
        "success.r2 = { min = 0.8 }\nsuccess.within_25pct = { min = 0.5 }", target="spend"
    )
    outcome, folder = run(read_project(file))
    assert outcome.task == "regression"
    assert outcome.passed
    assert {"rmse", "mae", "mape", "r2", "within_5pct", "within_25pct"} <= set(
        outcome.judged.metrics
    )
    assert "What the prediction misses" in (folder / "report.html").read_text()


@pytest.mark.parametrize(("values", "task"), [(40, "regression"), (2, "binary")])
def test_the_task_of_a_decimal_target_is_found(
    values: int, task: str, project: MakeProject
) -> None:
    table = pq.read_table("customers.parquet")
    rounded = np.floor(np.arange(table.num_rows) * 7 % 40 * values / 40).astype(str)
    decimal = pa.array(rounded).cast(pa.float64()).cast(pa.decimal128(9, 2))
    pq.write_table(table.append_column("amount", decimal), "customers.parquet")
    outcome, _ = run(read_project(project(target="amount")))
    assert outcome.task == task


def test_several_classes(project: MakeProject) -> None:
    file = project("success.accuracy = { min = 0.3 }", target="plan")
    outcome, folder = run(read_project(file))
    assert (outcome.task, outcome.positive) == ("multiclass", None)
    assert outcome.passed
    assert "predicted basic" in (folder / "report.html").read_text()


def test_the_same_project_gives_the_same_bytes_on_any_number_of_threads(
    project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = read_project(project(VALUE))
    run(settings, out="first")
    monkeypatch.setenv("FASTML_THREADS", "1")
    run(settings, out="second")
    for file in [
        "metrics.json",
        "profile.json",
        *(f"model/{p.name}" for p in Path("first/model").iterdir()),
    ]:
        assert Path("first", file).read_bytes() == Path("second", file).read_bytes()


def test_another_seed_is_another_split(project: MakeProject) -> None:
    settings = read_project(project())
    first, _ = run(settings)
    second, _ = run(settings.with_seed(8))
    assert first.judged.metrics != second.judged.metrics


def test_a_gate_that_is_not_passed_still_leaves_the_run(project: MakeProject) -> None:
    outcome, folder = run(read_project(project("success.roc_auc = { min = 0.999 }")))
    assert not outcome.passed
    assert json.loads((folder / "metrics.json").read_text())["passed"] is False
    assert "Did not pass: 0 of 1" in (folder / "report.html").read_text()


def test_a_draft_leaves_the_test_rows_alone(project: MakeProject) -> None:
    outcome, folder = run(read_project(project()), draft=True)
    assert list(outcome.splits) == ["train", "validation"]
    assert outcome.judged_on == "validation"
    assert "A draft" in (folder / "report.html").read_text()
    assert history("runs").looks == {}


def test_looks_at_the_test_rows_are_counted(project: MakeProject) -> None:
    settings = read_project(project())
    run(settings)
    journal = Journal()
    run(settings, journal=journal)
    run(settings.with_seed(8))
    assert sorted(history("runs").looks.values()) == [1, 2]
    assert "this is look 2 at the same test split" in journal.text()
    assert "looked at 2 times" in str(history("runs"))


def test_a_decision_of_value_sets_the_threshold(project: MakeProject) -> None:
    outcome, folder = run(read_project(project(VALUE + "[success]\nprofit = { min = 0 }")))
    pipeline, mandate = open_model(folder)
    assert outcome.threshold is not None
    assert pipeline.threshold == outcome.threshold.threshold < 0.5
    assert {each.threshold for each in outcome.splits.values()} == {pipeline.threshold}
    assert mandate.value is not None
    assert mandate.judged_on == "test"
    assert mandate.metrics["profit"] == outcome.judged.metrics["profit"]


def test_class_weights_are_those_of_the_labels(project: MakeProject) -> None:
    plain, _ = run(read_project(project()))
    weighted, _ = run(read_project(project("learner.class_weight = { yes = 5, no = 1 }")))
    assert weighted.judged.metrics["recall"] > plain.judged.metrics["recall"]


def test_latency_is_measured_where_it_is_asked_for(project: MakeProject) -> None:
    outcome, _ = run(read_project(project("success.latency_ms = { max = 1000 }")))
    assert 0 < outcome.judged.metrics["latency_ms"] < 1000


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


def test_the_majority_is_what_it_says(project: MakeProject) -> None:
    """Where acting pays seldom enough, the rule says yes below one half; the majority does not."""
    outcome, _ = run(read_project(project(VALUE)))
    share = outcome.judged.confusion.sum(axis=1) / outcome.judged.confusion.sum()
    constant = outcome.baseline.constant
    assert constant.metrics["accuracy"] == pytest.approx(share.max())
    assert constant.metrics["profit"] == pytest.approx(max(50 * share[1] - 10 * share[0], 0))
    low, high = constant.intervals["profit"]
    assert low <= constant.metrics["profit"] <= high


def test_a_model_without_a_mandate_opens_too(project: MakeProject, tmp_path: Path) -> None:
    _, folder = run(read_project(project()))
    pipeline, _ = open_model(folder)
    pipeline.save("plain")
    again, mandate = open_model("plain")
    assert mandate.success == {}
    rows = pq.read_table("customers.parquet").slice(0, 9)
    assert (again.predict_proba(rows) == pipeline.predict_proba(rows)).all()


@pytest.mark.parametrize(
    ("lines", "error", "message"),
    [
        ("problem.target = 'chrun'", SchemaError, "does not have; did you mean 'churn'"),
        ("features.drop = ['phone']", SchemaError, r"\[features\] drop names the column 'phone'"),
        ("data.source = 'nowhere.csv'", DataError, "nowhere.csv"),
        ("success.roc_ac = { min = 1 }", ConfigError, "unknown success criterion 'roc_ac'"),
        ("problem.task = 'binary'\nsuccess.r2 = { min = 0 }", ConfigError, "'r2' measures regress"),
        ("problem.positive = 'perhaps'", ConfigError, "'perhaps' is not a value of the target"),
        ("problem.target = 'country'", DataError, "single class"),
        ("learner.class_weight = { ye = 2 }", ConfigError, "names 'ye', .* did you mean 'yes'"),
        ("learner.loss = 'huber'", ConfigError, "loss is for numbers; the target holds classes"),
        ("problem.task = 'regression'", SchemaError, "a regression needs numbers"),
        ("problem.task = 'binary'\nproblem.target = 'plan'", DataError, "has 3 different values"),
    ],
)
def test_mistakes_leave_nothing_behind(
    lines: str, error: type[Exception], message: str, project: MakeProject, tmp_path: Path
) -> None:
    file = project()
    keys = {
        line.split(" = ")[0]: line for line in [*file.read_text().splitlines(), *lines.split("\n")]
    }
    file.write_text("\n".join(keys.values()))
    with pytest.raises(error, match=message):
        run(read_project(file))
    assert left_behind(tmp_path) == []


def test_an_interrupt_leaves_nothing_behind(
    project: MakeProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("fastml.workflow.folder.run_report", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(read_project(project()), out="out")
    assert left_behind(tmp_path) == ["test-looks.jsonl"]


def test_a_full_disk_leaves_nothing_behind(project: MakeProject, tmp_path: Path) -> None:
    settings = read_project(project())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000, hard))
    try:
        with pytest.raises(DataError, match="disk is full"):
            run(settings, out="out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert left_behind(tmp_path) == ["test-looks.jsonl"]


def test_a_run_replaces_a_run_but_nothing_else(project: MakeProject, tmp_path: Path) -> None:
    settings = read_project(project())
    run(settings, out="out")
    run(settings, out="out")
    (tmp_path / "out/thesis.txt").write_text("years")
    with pytest.raises(ConfigError, match=r"holds 'thesis\.txt', which is not of a run"):
        run(settings, out="out")
    with pytest.raises(ConfigError, match="is a file"):
        run(settings, out="customers.parquet")


@pytest.mark.parametrize("names", [["project.toml"], ["model", "run.log"], ["metrics.json"]])
def test_names_of_a_run_do_not_make_a_run(
    names: list[str], project: MakeProject, tmp_path: Path
) -> None:
    settings = read_project(project())
    (tmp_path / "mine").mkdir()
    for name in names:
        (tmp_path / "mine" / name).write_text('{"splits": {}, "judged_on": "test"}')
    with pytest.raises(ConfigError, match=r"but no metrics\.json of a run beside it"):
        run(settings, out="mine")
    assert sorted(p.name for p in (tmp_path / "mine").iterdir()) == names


@pytest.mark.parametrize("out", [".", "..", "sub/.."])
def test_the_working_folder_is_no_place_for_a_run(
    out: str, project: MakeProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = read_project(project())
    (tmp_path / "empty" / "sub").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(ConfigError, match="is where you work; name a folder in it"):
        run(settings, out=out)


def test_runs_that_end_in_one_second_have_names_of_their_own(
    project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Stopped:
            return cls(2026, 1, 2, 3, 4, 5, tzinfo=tz)

    monkeypatch.setattr("fastml.workflow.folder.datetime", Stopped)
    settings = read_project(project())
    with ThreadPoolExecutor(4) as pool:
        folders = list(pool.map(lambda _: run(settings)[1], range(4)))
    assert sorted(folder.name for folder in folders) == [
        f"2026-01-02_03-04-05{n}" for n in ("", "_2", "_3", "_4")
    ]
    for folder in folders:
        assert sorted(p.name for p in folder.iterdir()) == CONTENT
    assert len(list(Path("runs").iterdir())) == 4


def test_a_run_can_be_repeated_from_its_own_folder(project: MakeProject) -> None:
    lines = VALUE + (
        'problem.positive = "yes"\nsuccess.roc_auc = { min = 0.7 }\n'
        'features.drop = ["customer"]\nlearner.l2 = 1e-05\nlearner.class_weight = { yes = 2 }'
    )
    lines = "\n".join(sorted(lines.splitlines()[3:])) + "\n" + VALUE
    outcome, folder = run(read_project(project(lines)).with_seed(11))
    again, elsewhere = run(read_project(folder / "settings.toml"), out="else/where")
    assert again.to_dict() == outcome.to_dict()
    for file in ("metrics.json", "settings.toml", "model/manifest.json"):
        assert (elsewhere / file).read_bytes() == (folder / file).read_bytes()
    assert list(history("runs").looks.values()) == [2]


def test_looks_are_one_count_wherever_runs_are_written(
    project: MakeProject, tmp_path: Path
) -> None:
    run(read_project(project()))
    run(read_project(project()), out="else/x")
    journal = Journal()
    run(read_project(project('split.method = "stratified"')), out="else/y", journal=journal)
    assert "this is look 3 at the same test split" in journal.text()
    assert history("else").looks == history("runs").looks
    assert [p.name for p in tmp_path.rglob("test-looks.jsonl")] == ["test-looks.jsonl"]


def test_a_look_names_the_run_that_looked(project: MakeProject) -> None:
    folders = [run(read_project(project()))[1] for _ in range(2)]
    _, named = run(read_project(project()), out="named")
    lines = Path("test-looks.jsonl").read_text().splitlines()
    assert [json.loads(line)["run"] for line in lines] == [str(each) for each in [*folders, named]]


@pytest.mark.parametrize("name", ["roc_aucc", "rmsee", "latency"])
def test_an_unknown_criterion_is_refused_before_anything_is_read(
    name: str, project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("fastml.workflow.run.scan")
    with pytest.raises(ConfigError, match=f"unknown success criterion '{name}'; did you mean"):
        run(read_project(project(f"success.{name} = {{ min = 0.5 }}")))


def test_a_binary_task_of_many_values_is_told_so(project: MakeProject) -> None:
    with pytest.raises(DataError, match="'spend' has 1,500 different values; a binary task needs"):
        run(read_project(project('problem.task = "binary"', target="spend")))


def test_the_seed_does_not_tell_splits_by_time_apart(project: MakeProject) -> None:
    settings = read_project(project('split.method = "time"\nsplit.column = "calls"'))
    run(settings)
    run(settings.with_seed(8))
    assert list(history("runs").looks.values()) == [2]


@pytest.mark.parametrize("target", ["spend", "plan"])
@pytest.mark.parametrize("key", ["problem.positive = 'free'", VALUE])
def test_keys_of_a_binary_task_are_refused_before_training(
    target: str, key: str, project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("fastml.workflow.run.Pipeline")
    with pytest.raises(ConfigError, match="is for a binary task; the target"):
        run(read_project(project(key, target=target)))


def test_runs_side_by_side(project: MakeProject) -> None:
    with pytest.raises(ConfigError, match="there are no runs in 'runs'"):
        history("runs")
    run(read_project(project()))
    run(read_project(project("success.roc_auc = { min = 0.999 }")), draft=True)
    Path("runs/other").mkdir()
    Path("runs/other/metrics.json").write_text("[]")
    found = history("runs")
    assert [(each["passed"], each["judged_on"]) for each in found.runs] == [
        (True, "test"),
        (False, "validation"),
    ]
    assert "did not pass" in str(found)
    assert [each["draft"] for each in found.runs] == [False, True]
    assert {(each["target"], Path(each["source"]).name) for each in found.runs} == {
        ("churn", "customers.parquet")
    }
    assert re.search(r"churn +customers.parquet +did not pass +validation \(draft\)", str(found))
    json.dumps(found.to_dict(), allow_nan=False)


def test_row_weights_are_told_wherever_metrics_are(project: MakeProject) -> None:
    table = pq.read_table("customers.parquet")
    pq.write_table(table.append_column("w", pa.array([1.0, 3.0] * 750)), "customers.parquet")
    outcome, folder = run(read_project(project('problem.weight = "w"')))
    assert "On 150 test rows, each counted by 'w', 95% intervals:" in summary(outcome)
    report = (folder / "report.html").read_text()
    for words in (
        "Each row is counted by &#x27;w&#x27;.",
        "each row is counted by &#x27;w&#x27;",
        "Weight (&#x27;w&#x27;) of the rows by true and predicted class",
    ):
        assert words in report
    found = evaluate_model(folder, "customers.parquet")
    assert "1,500 rows of customers.parquet, each counted by 'w':" in str(found)
    assert found.to_dict()["counted_by"] == "w"
    with pytest.raises(SchemaError, match="no column 'w', which says how much each row counts"):
        evaluate_model(folder, table)


def test_rows_without_a_target_are_told(project: MakeProject) -> None:
    table = pq.read_table("customers.parquet")
    spend = pa.array([None if i % 10 == 0 else v for i, v in enumerate(table["spend"].to_pylist())])
    pq.write_table(table.set_column(5, "spend", spend), "customers.parquet")
    outcome, folder = run(read_project(project(target="spend")))
    told = outcome.facts["left out"]
    assert told.endswith("rows to train on without a value in the target 'spend'")
    assert f"left out {told}" in (folder / "run.log").read_text()
    assert "without a value in the target" in (folder / "report.html").read_text()


def test_the_comparison_with_no_ml_is_printed_once(project: MakeProject) -> None:
    outcome, _ = run(read_project(project(VALUE)))
    said = summary(outcome)
    assert len(outcome.baseline.comparisons) == 2
    assert all(said.count(each.words) == 1 for each in outcome.baseline.comparisons)
    assert said.count("Without ML: ") == 1


def test_only_a_chosen_threshold_is_told(project: MakeProject) -> None:
    chosen = "the threshold was chosen on validation"
    _, folder = run(read_project(project(VALUE)))
    assert chosen in (folder / "report.html").read_text()
    _, folder = run(read_project(project(target="spend")))
    assert chosen not in (folder / "report.html").read_text()


def test_coefficients_of_several_classes_are_told_with_their_names(project: MakeProject) -> None:
    outcome, folder = run(read_project(project(target="plan")))
    assert outcome.task == "multiclass"
    told = str(open_model(folder)[0].explain())
    line = next(line for line in told.splitlines() if line.strip().startswith("spend"))
    assert all(f"{name} " in line for name in ("free", "basic", "pro"))
    assert re.search(r"pro \+\d\S*, .* a unit", line)
    assert re.search(r"<td>pro \+\d\S*, .* a unit</td>", (folder / "report.html").read_text())


def test_an_explanation_counts_and_weighs_as_people_do(project: MakeProject) -> None:
    table = pq.read_table("customers.parquet").drop_columns(["customer"])
    thousands = pa.array(1000 * table["spend"].to_numpy())
    pq.write_table(table.set_column(4, "spend", thousands), "customers.parquet")
    _, folder = run(read_project(project(target="spend")))
    told = str(open_model(folder)[0].explain()).splitlines()
    assert told[1] == "4 columns, the most telling first:"
    assert re.match(r"  plan +1\d,\d{3}  3 values, from '(basic|free)' -", told[2])
    assert told[-2] == "1 column was left out:"


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


def test_the_steps_are_as_the_project_says(project: MakeProject) -> None:
    lines = """[features]
keep = ["age"]
impute = "median"
missing_indicator = true
scale = "robust"
max_categories = 2
most_correlated = 0.2
"""
    _, folder = run(read_project(project(lines)))
    model, _ = open_model(folder / "model")
    plan = model.plan_
    ages = next(each for each in plan.numeric if each.column == "age")
    assert ages.indicator
    assert abs(ages.imputed - ages.center) < 1e-6  # the median, which a robust scale is about
    (plans,) = (each for each in plan.categorical if each.column == "plan")
    assert plans.n_codes == 2
    assert "age" in model.dropped_["spend"]
    _, folder = run(read_project(project("features.drop_missing_rows = true")))
    assert open_model(folder / "model")[0].n_rows_ < 0.98 * model.n_rows_


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
