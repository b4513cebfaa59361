"""Each command does what its line of help says, on the terminal, in files and for machines."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from onnxruntime import InferenceSession
from typer.testing import CliRunner, Result

from fastml import __version__
from fastml.cli import app
from fastml.workflow.models import open_model

COMMANDS = {
    "demo", "run", "profile", "convert", "predict", "evaluate", "explain", "export", "info", "init",
    "runs",
}  # fmt: skip


def fastml(*arguments: str, exit_code: int = 0) -> Result:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == exit_code, (result.stdout, result.stderr, result.exception)
    return result


@pytest.fixture
def model(folder: Path) -> str:
    fastml("run", "project.toml", "--out", "run")
    return "run"


def test_help_names_every_command() -> None:
    lines = fastml("--help").stdout.splitlines()
    named = {line.split()[0] for line in lines if line.startswith("  ") and line.strip()}
    assert named >= COMMANDS
    for command in COMMANDS:
        assert "Usage:" in fastml(command, "--help").stdout


def test_version() -> None:
    assert fastml("--version").stdout.strip() == __version__


def test_info() -> None:
    found = json.loads(fastml("info", "--json").stdout)
    assert found["fastml"] == __version__
    assert found["simd"] in ("baseline", "avx2", "avx512")
    assert found["simd"] in fastml("info").stdout


def test_run_prints_the_verdict_and_where_it_wrote(folder: Path) -> None:
    result = fastml("run", "project.toml", "--out", "run")
    assert "Passed: 1 of 1 criterion holds on the test rows" in result.stdout
    assert "written to run" in result.stdout
    assert "train took" in result.stderr


def test_run_prints_json_alone_for_machines(folder: Path) -> None:
    result = fastml("run", "project.toml", "--json", "--out", "run", "--seed", "3")
    assert json.loads(result.stdout) == json.loads(Path("run/metrics.json").read_text())
    assert "seed 3" in Path("run/run.log").read_text()


def test_run_within_some_memory_keeps_rows_for_the_next(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTML_MEMORY", "1GB")  # and as it was, afterwards
    fastml("run", "project.toml", "--out", "plain", "--seed", "3")
    metrics = Path("plain/metrics.json").read_text()
    more = ["--memory", "1MB", "--cache", "rows.encoded", "--seed", "3", "--draft"]
    for said in (" MB; kept in rows.encoded", "read from rows.encoded"):
        result = fastml("run", "project.toml", "--out", "run", *more)
        assert said in result.stderr
        assert said in Path("run/run.log").read_text()
    found, plain = json.loads(Path("run/metrics.json").read_text()), json.loads(metrics)
    assert found["splits"]["train"] == plain["splits"]["train"]
    file = Path("project.toml")
    file.write_text(file.read_text() + "[learner]\nl2 = 0.1\n")
    assert "read from rows.encoded" in fastml("run", "project.toml", *more).stderr
    file.write_text(file.read_text() + '[features]\ndrop = ["shop"]\n')
    assert "prepared in another way" in fastml("run", "project.toml", *more).stderr


def test_run_exits_3_where_the_gate_is_not_passed(folder: Path) -> None:
    file = Path("project.toml")
    file.write_text(file.read_text().replace("0.8", "0.9999"))
    result = fastml("run", "project.toml", "--draft", exit_code=3)
    assert "FAILS  r2 is" in result.stdout


def test_predict_to_a_file(model: str) -> None:
    fastml("predict", model, "shops.csv", "-o", "predictions.parquet", "--keep", "shop")
    found = pq.read_table("predictions.parquet")
    assert found.column_names == ["shop", "prediction"]
    assert found.num_rows == 900


def test_predict_on_standard_output(model: str) -> None:
    lines = fastml("predict", model, "shops.csv").stdout.splitlines()
    assert lines[0].strip('"') == "prediction"
    assert len(lines) == 901
    records = json.loads(fastml("predict", model, "shops.csv", "--json").stdout)
    assert [record["prediction"] for record in records] == pytest.approx(
        [float(line) for line in lines[1:]]
    )


def test_columns_that_are_kept_are_printed_as_text_holds_them(model: str) -> None:
    table = pyarrow.csv.read_csv("shops.csv").slice(0, 3)
    kept = {
        "num": [1.5, float("nan"), float("inf")],
        "struct": [{"a": 1, "b": "x"}, None, {"a": None, "b": 'q"'}],
        "text": pa.array(["a", None, "a"]).dictionary_encode(),
        "list": [[1], [], None],
    }
    for name, values in kept.items():
        table = table.append_column(name, pa.array(values))
    pq.write_table(table, "kept.parquet")
    keep = ["--keep", "num", "--keep", "struct", "--keep", "text"]
    command = ["predict", model, "kept.parquet", *keep]
    records = json.loads(
        fastml(*command, "--keep", "list", "--json").stdout, parse_constant=pytest.fail
    )
    assert [record["num"] for record in records] == [1.5, None, None]
    assert [record["struct.b"] for record in records] == ["x", None, 'q"']
    assert [record["list"] for record in records] == [[1], [], None]
    lines = fastml(*command).stdout.splitlines()
    assert lines[0] == '"num","struct.a","struct.b","text","prediction"'
    assert lines[1].startswith('1.5,1,"x","a",')
    told = fastml(*command, "--keep", "list", exit_code=2)
    assert "column 'list' is list<" in told.stderr
    assert told.stdout == ""


def test_evaluate_says_where_nothing_was_asked(model: str) -> None:
    open_model(model)[0].save("plain")
    told = fastml("evaluate", "plain", "shops.csv", "--json")
    assert json.loads(told.stdout)["passed"] is None
    assert "no criterion to hold it against: nothing was asked" in told.stderr
    assert "nothing was asked" in fastml("evaluate", "plain", "shops.csv").stdout


def test_evaluate(model: str) -> None:
    report = json.loads(fastml("evaluate", model, "shops.csv", "--json").stdout)
    assert report["passed"] is True
    assert report["metrics"]["r2"] > 0.8
    assert "holds  r2 is" in fastml("evaluate", model, "shops.csv").stdout


def test_explain(model: str) -> None:
    found = json.loads(fastml("explain", model, "--json").stdout)
    assert found["features"][0]["column"] == "size"
    assert {"features", "dropped"} <= found.keys()
    assert "size" in fastml("explain", model).stdout


def test_export(model: str) -> None:
    assert "wrote shops.onnx" in fastml("export", model, "shops.onnx").stderr
    session = InferenceSession("shops.onnx")
    assert [each.name for each in session.get_inputs()] == ["shop", "size", "town"]
    told = fastml("export", model, "again.onnx", "--json")
    assert json.loads(told.stdout) == {"out": "again.onnx"}
    assert Path("again.onnx").read_bytes() == Path("shops.onnx").read_bytes()


def test_runs(folder: Path) -> None:
    fastml("run", "project.toml")
    found = json.loads(fastml("runs", "--json").stdout)
    assert [run["passed"] for run in found["runs"]] == [True]
    assert [look["looks"] for look in found["test_looks"]] == [1]
    assert "passed" in fastml("runs").stdout


def test_profile(folder: Path) -> None:
    found = json.loads(fastml("profile", "shops.csv", "--json").stdout)
    assert [column["name"] for column in found["columns"]] == ["shop", "size", "town", "sales"]
    assert "town" in fastml("profile", "shops.csv").stdout
    fastml("profile", "shops.csv", "--html", "profile.html")
    assert "Zürich" in Path("profile.html").read_text(encoding="utf-8")


def test_a_table_is_read_as_it_is_said_to_be(model: str, folder: Path) -> None:
    table = Path("shops.csv").read_text(encoding="utf-8").replace(",", ";").splitlines()
    dirty = [table[0], *(line.replace('"Aachen"', "n/a") for line in table[1:])]
    Path("dirty.csv").write_text("\n".join(dirty) + "\n", encoding="utf-8")
    read = ["--read", "delimiter=;", "--read", "null_values=['n/a']", "--json"]
    (town,) = (
        column
        for column in json.loads(fastml("profile", "dirty.csv", *read).stdout)["columns"]
        if column["name"] == "town"
    )
    assert town["nulls"] > 200
    assert json.loads(fastml("evaluate", model, "dirty.csv", *read).stdout)["rows"] == 900


def test_a_table_without_rows(model: str) -> None:
    Path("none.csv").write_text("shop,size,town,sales\n")
    assert json.loads(fastml("predict", model, "none.csv", "--json").stdout) == []
    fastml("predict", model, "none.csv", "-o", "none.parquet")
    assert pq.read_table("none.parquet").column_names == ["prediction"]
    assert "nothing to judge" in fastml("evaluate", model, "none.csv", exit_code=2).stderr


def test_convert(folder: Path) -> None:
    fastml("convert", "shops.csv", "shops.parquet")
    fastml("convert", "shops.parquet", "shops.jsonl")
    assert pq.read_metadata("shops.parquet").num_rows == 900
    assert len(Path("shops.jsonl").read_text().splitlines()) == 900


def test_init_writes_a_project_that_runs(folder: Path) -> None:
    fastml("init", "new.toml", "--source", "shops.csv", "--target", "sales")
    fastml("run", "new.toml")


def test_init_writes_a_source_that_counts_from_the_file(folder: Path) -> None:
    fastml("init", "sub/new.toml", "--source", "shops.csv", "--target", "sales")
    assert 'source = "../shops.csv"' in Path("sub/new.toml").read_text(encoding="utf-8")
    fastml("run", "sub/new.toml", "--draft")
    fastml("init", "sub/other.toml", "--source", str(folder / "shops.csv"))
    assert f'source = "{folder}/shops.csv"' in Path("sub/other.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("destination", ["shops.csv", "./shops.csv", "link.csv", "hard.csv"])
def test_what_is_read_is_not_overwritten(destination: str, model: str, folder: Path) -> None:
    Path("link.csv").symlink_to("shops.csv")
    Path("hard.csv").hardlink_to("shops.csv")
    before = Path("shops.csv").read_bytes()
    for command in (
        ["convert", "shops.csv", destination],
        ["convert", "shop?.csv", destination],
        ["predict", model, "shops.csv", "-o", destination],
        ["profile", "shops.csv", "--html", destination],
    ):
        assert "would be overwritten" in fastml(*command, exit_code=2).stderr
    assert Path("shops.csv").read_bytes() == before


def test_nothing_is_written_into_the_folder_that_is_read(folder: Path) -> None:
    Path("tables").mkdir()
    Path("shops.csv").rename("tables/shops.csv")
    told = fastml("convert", "tables", "tables/all.csv", exit_code=2).stderr
    assert "lies in the folder that is read" in told
    fastml("convert", "tables", "all.csv")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "nowhere.toml"], "there is no project file 'nowhere.toml'"),
        (["predict", "nowhere", "shops.csv"], "there is no model at nowhere"),
        (["explain", "shops.csv"], "is a file; a saved model is a directory"),
        (["evaluate", ".", "shops.csv"], "not a saved model: it has no manifest.json"),
        (["profile", "nowhere.csv"], "nowhere.csv"),
        (["convert", "shops.csv", "shops.doc"], "shops.doc"),
        (["init", "project.toml"], "is there already"),
        (["runs", "nowhere"], "there are no runs"),
        (["run", "project.toml", "--out", "shops.csv"], "is a file"),
        (["run", "project.toml", "--memory", "much"], "--memory is 'much'; expected an amount"),
        (["run", "project.toml", "--cache", "shops.csv"], "a file of something else"),
        (["serve"], "name a model to serve, or say --multi-model"),
        (["serve", "run", "--multi-model"], "leave out 'run' and load it by POST /models"),
        (["serve", "run", "--memory", "1GB"], "--memory is for the models of --multi-model"),
        (["serve", "run", "--capture-parquet"], "say where, too: --capture FOLDER"),
        (["serve", "run", "--capture-sample", "0.1"], "say where, too: --capture FOLDER"),
    ],
)
def test_mistakes_are_one_message_and_exit_2(
    arguments: list[str], message: str, folder: Path
) -> None:
    before = sorted(folder.iterdir())
    result = fastml(*arguments, exit_code=2)
    assert message in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert sorted(folder.iterdir()) == before


def test_unknown_options_exit_2(folder: Path) -> None:
    assert "No such option" in fastml("run", "project.toml", "--sede", "3", exit_code=2).stderr
    fastml("run", "project.toml", "--threads", "0", exit_code=2)


def test_a_fault_of_its_own_is_one_message_and_exit_70(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastml.profile.profile", lambda _: 1 // 0)
    said = fastml("profile", "shops.csv", exit_code=70).stderr
    assert said == (
        "fastml: internal error: ZeroDivisionError: integer division or modulo by zero; "
        "--debug shows where\n"
    )
    result = CliRunner().invoke(app, ["profile", "shops.csv", "--debug"])
    assert isinstance(result.exception, ZeroDivisionError)


def test_debug_lets_the_error_through(folder: Path) -> None:
    result = CliRunner().invoke(app, ["run", "nowhere.toml", "--debug"])
    assert type(result.exception).__name__ == "ConfigError"


def test_a_table_that_lacks_a_column(model: str) -> None:
    pq.write_table(pyarrow.csv.read_csv("shops.csv").drop_columns(["size"]), "new.parquet")
    result = fastml("predict", model, "new.parquet", "-o", "out.csv", exit_code=2)
    assert "size" in result.stderr
    assert not Path("out.csv").exists()


def test_the_demo_tells_the_story(folder: Path) -> None:
    Path("project.toml").unlink()
    told = fastml("demo", "--out", "demo").stdout
    for chapter in (
        "The question", "The table", "What is left out", "The split", "Training",
        "On customers it never saw", "Would a simple rule do?", "What it earns", "The gate",
        "One customer", "Yours next",
    ):  # fmt: skip
        assert f"\n{chapter}\n" in told
    assert "total_day_charge: repeats column 'total_day_minutes'" in told
    assert "It passed: every criterion holds." in told
    assert "the odds" in told
    story, _, after = told.partition("Yours next")
    assert max(map(len, story.splitlines())) <= 100
    assert "is right for 85" in " ".join(story.split())
    commands = [line for line in after.splitlines() if line.startswith("  ")]
    assert len(commands) == 2
    for line in commands:
        subprocess.run(line, shell=True, check=True, capture_output=True, cwd=folder)
    assert json.loads(fastml("demo", "--out", "demo", "--json").stdout)["passed"] is True
