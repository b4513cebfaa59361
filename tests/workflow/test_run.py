"""A run leaves behind everything it found, or nothing."""

from __future__ import annotations

import json
import re
import resource
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from fastml.errors import ConfigError, DataError, SchemaError
from fastml.workflow.history import history
from fastml.workflow.journal import Journal
from fastml.workflow.models import open_model
from fastml.workflow.project import read_project
from fastml.workflow.run import run

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


def test_a_bootstrap_tells_how_far_the_metrics_would_move(project: MakeProject) -> None:
    file = project(VALUE + "[learner]\nbootstrap = 40\n[success]\nroc_auc = { min = 0.7 }")
    outcome, folder = run(read_project(file))
    found = json.loads((folder / "metrics.json").read_text())["resampled"]
    assert found.keys() == outcome.judged.metrics.keys()
    for name in ("roc_auc", "log_loss", "profit"):
        low, high = found[name]
        assert low < outcome.judged.metrics[name] < high
    assert "test, all drawn anew" in (folder / "report.html").read_text()


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
        "resampled",
        "baseline",
        "threshold",
        "calibration",
        "tried",
        "tuning",
        "beside",
    }
    assert metrics["threshold"]["rule"] == "for the greatest profit"
    assert metrics["calibration"] is None
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
    monkeypatch.delattr("fastml.workflow.run.open_source")
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
    assert re.search(
        r"churn +customers.parquet +linear +did not pass +validation \(draft\)", str(found)
    )
    json.dumps(found.to_dict(), allow_nan=False)


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
