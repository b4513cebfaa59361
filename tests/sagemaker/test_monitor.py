"""The monitoring job, as Model Monitor starts it: from a training to what is wrong."""

from __future__ import annotations

import asyncio
import base64
import datetime
import io
import json
import math
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import fastml
from fastml.errors import ArtifactError, ConfigError, DataError
from fastml.monitoring.statistics import TableStatistics
from fastml.sagemaker import unpacked
from fastml.sagemaker.cloudwatch import cloudwatch_lines
from fastml.sagemaker.launch.repeating import monitor_request
from fastml.sagemaker.layout import Layout
from fastml.sagemaker.monitor import monitor
from fastml.sagemaker.monitor_settings import MonitorSettings
from fastml.sagemaker.train import train
from fastml.serving.app import App
from fastml.serving.capture import Capture, CaptureSettings
from fastml.serving.counters import Counters
from fastml.serving.handler import Handler
from fastml.serving.predictor import Predictor
from tests.monitoring.schemas import (
    fits_constraints,
    fits_metric,
    fits_statistics,
    fits_violations,
)
from tests.sagemaker.conftest import MakeJob, put_churn, write
from tests.sagemaker.launch.conftest import a_place
from tests.serving.test_app import ask

Row = dict[str, Any]
Job = Callable[..., "Found"]
JSON = (b"content-type", b"application/json")
CAPTURED = json.dumps({"sagemakerCaptureJson": {"captureIndexNames": ["endpointInput"]}})


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a saved model of churn."""
    folder = tmp_path_factory.mktemp("model")
    table = pq.read_table(put_churn(folder / "data"))
    fastml.Pipeline(target="churn").fit(table).save(folder / "churn")
    return folder / "churn"


@pytest.fixture(scope="module")
def rows(model: Path) -> list[Row]:
    """Return rows of the churn table, as an application sends them."""
    names = Predictor.open(model).batches.schema.names
    table: list[Row] = pq.read_table(model.parent / "data").select(names).slice(0, 600).to_pylist()
    return table


@pytest.fixture(scope="module")
def baseline(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a baseline of the rows that the model was trained on."""
    layout = Layout(tmp_path_factory.mktemp("baseline"))
    place(layout, model)
    variables = {
        "dataset_format": json.dumps({"parquet": {}}),
        "dataset_source": str(model.parent / "data"),
        "output_path": str(layout.root / "results"),
    }
    monitor(layout, variables)
    assert layout.message.read_text().startswith("Completed: a baseline was made of 5,000 rows")
    return layout.root / "results"


def place(layout: Layout, model: Path) -> None:
    folder = layout.processing_model
    folder.parent.mkdir(parents=True, exist_ok=True)
    if not folder.exists():
        folder.symlink_to(model)


class Found:
    """What a job left."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.message = layout.message.read_text("utf-8")
        output = layout.processing / "output"
        self.statistics = json.loads((output / "statistics.json").read_text("utf-8"))
        listed = json.loads((output / "constraint_violations.json").read_text("utf-8"))
        fits_statistics(self.statistics)
        fits_violations(listed)
        self.violations = {
            (each["feature_name"], each["constraint_check_type"]) for each in listed["violations"]
        }
        self.features = {each["name"]: each for each in self.statistics["features"]}
        assert self.message.startswith(
            "CompletedWithViolations:" if listed["violations"] else "Completed:"
        )
        assert len(self.message.encode()) <= 1_024


@pytest.fixture
def job(tmp_path: Path, model: Path, baseline: Path) -> Job:
    """Return what runs a job on what lies where captured requests do."""

    def run(*, with_model: bool = True, **variables: str) -> Found:
        layout = Layout(tmp_path / "ml")
        if with_model:
            place(layout, model)
        source(tmp_path).mkdir(parents=True, exist_ok=True)
        own = {
            "baseline_statistics": str(baseline / "statistics.json"),
            "baseline_constraints": str(baseline / "constraints.json"),
        }
        monitor(layout, own | variables)
        return Found(layout)

    return run


def source(tmp_path: Path) -> Path:
    return Layout(tmp_path / "ml").processing_endpoint


def served(
    model: Path, bodies: Iterable[bytes], folder: Path, kind: bytes = JSON[1], **how: Any
) -> None:
    """Send requests to the server's application, which captures them."""
    capture = Capture(CaptureSettings(folder, **how))
    app = App(Counters(1), capture=capture)
    app.handler = Handler(Predictor.open(model))

    async def send() -> None:
        for body in bodies:
            found = await ask(app, body=body, headers=[(b"content-type", kind)])
            assert found is not None
            assert found.status == 200, found.body

    asyncio.run(send())
    capture.close()


def line(body: str | bytes, kind: str = "application/json", **event: Any) -> str:
    """Return a line as SageMaker captures a request of any container."""
    encoding = {"application/json": "JSON", "text/csv": "CSV"}.get(kind, "BASE64")
    if isinstance(body, bytes):
        body, encoding = base64.b64encode(body).decode(), "BASE64"
    side = {"observedContentType": kind, "mode": "INPUT", "data": body, "encoding": encoding}
    at = {"eventId": "1", "inferenceTime": "2026-11-24T15:30:00Z", **event}
    return json.dumps(
        {"captureData": {"endpointInput": side}, "eventMetadata": at, "eventVersion": "0"}
    )


def put(tmp_path: Path, lines: Iterable[str]) -> None:
    file = source(tmp_path) / "churn" / "AllTraffic" / "2026" / "11" / "24" / "15" / "30-00.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{each}\n" for each in lines), "utf-8")


def documents(rows: Iterable[Row]) -> list[str]:
    return [line(json.dumps(row)) for row in rows]


# -- the whole loop -------------------------------------------------------------------------------


def test_a_baseline_is_of_what_the_model_reads_and_answers(baseline: Path, model: Path) -> None:
    statistics = json.loads((baseline / "statistics.json").read_text())
    constraints = json.loads((baseline / "constraints.json").read_text())
    fits_statistics(statistics)
    fits_constraints(constraints)
    names = [each["name"] for each in statistics["features"]]
    answers = ["prediction", "probability_no", "probability_yes"]
    assert names == [*answers, *Predictor.open(model).batches.schema.names]
    assert names == [each["name"] for each in constraints["features"]]
    assert statistics["dataset"]["item_count"] == 5_000
    assert not (baseline / "constraint_violations.json").exists()


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_the_same_rows_violate_nothing(
    job: Job, model: Path, rows: list[Row], tmp_path: Path, form: str
) -> None:
    bodies = (json.dumps(row).encode() for row in rows)
    served(model, bodies, source(tmp_path), form=form)
    found = job()
    assert found.violations == set()
    assert found.statistics["dataset"]["item_count"] == len(rows)
    assert "600 rows" in found.message
    assert found.features["probability_yes"]["numerical_statistics"]["common"]["num_present"] == 600


def test_rows_without_names_are_those_of_the_model(
    job: Job, model: Path, rows: list[Row], tmp_path: Path
) -> None:
    text = "".join(",".join(map(str, row.values())) + "\n" for row in rows)
    served(model, [text.encode()], source(tmp_path), kind=b"text/csv")
    found = job()
    assert found.violations == set()
    states = found.features["state"]["string_statistics"]
    assert states["distinct_count"] == len({row["state"] for row in rows})


def test_a_column_that_drifts(job: Job, model: Path, rows: list[Row], tmp_path: Path) -> None:
    sent = ({**row, "total_day_minutes": row["total_day_minutes"] + 80.0} for row in rows)
    served(model, (json.dumps(row).encode() for row in sent), source(tmp_path))
    found = job()
    drifted = {name for name, check in found.violations if check == "baseline_drift_check"}
    assert "total_day_minutes" in drifted
    assert "probability_yes" in drifted  # so that the answers are other ones, too
    assert not drifted & set(rows[0]) - {"total_day_minutes"}


def test_a_column_that_gains_nulls(job: Job, model: Path, rows: list[Row], tmp_path: Path) -> None:
    sent = [{**row, "state": None if i % 10 == 0 else row["state"]} for i, row in enumerate(rows)]
    served(model, (json.dumps(row).encode() for row in sent), source(tmp_path))
    found = job()
    assert ("state", "completeness_check") in found.violations
    common = found.features["state"]["string_statistics"]["common"]
    assert common == {"num_present": 540, "num_missing": 60}


def test_new_categories(job: Job, model: Path, rows: list[Row], tmp_path: Path) -> None:
    sent = [
        {**row, "area_code": "area_code_999"} if i % 3 == 0 else row for i, row in enumerate(rows)
    ]
    served(model, (json.dumps(row).encode() for row in sent), source(tmp_path))
    found = job()
    assert ("area_code", "categorical_values_check") in found.violations
    assert ("area_code", "baseline_drift_check") in found.violations


def test_a_type_that_changes_and_a_column_that_is_missing(
    job: Job, rows: list[Row], tmp_path: Path
) -> None:
    sent = [
        {**row, "total_day_calls": "many"} if i % 2 else dict(row) for i, row in enumerate(rows)
    ]
    for row in sent:
        del row["total_intl_calls"]
        row["account_length"] += 0.5
    put(tmp_path, documents(sent))
    found = job(dataset_format=CAPTURED)
    types = {name for name, check in found.violations if check == "data_type_check"}
    assert types == {"total_day_calls", "account_length"}
    assert ("total_intl_calls", "missing_column_check") in found.violations
    assert not any(check == "extra_column_check" for _, check in found.violations)


def test_without_a_model_every_column_is_looked_at(
    job: Job, rows: list[Row], tmp_path: Path
) -> None:
    put(tmp_path, documents({**row, "colour": "red"} for row in rows))
    found = job(with_model=False, dataset_format=CAPTURED)
    assert ("colour", "extra_column_check") in found.violations
    missing = {name for name, check in found.violations if check == "missing_column_check"}
    assert missing == {"prediction", "probability_no", "probability_yes"}
    assert len(found.violations) == 4


def test_without_a_model_rows_without_names_have_those_of_the_baseline(
    job: Job, model: Path, rows: list[Row], tmp_path: Path
) -> None:
    text = ["".join(f"{v}," for v in row.values())[:-1] + "\n" for row in rows]
    served(model, (each.encode() for each in text), source(tmp_path), kind=b"text/csv")
    found = job(with_model=False)
    assert found.violations == set()
    assert len(found.features) == len(rows[0]) + 3


# -- what is damaged, left out, or not there ------------------------------------------------------


def test_damaged_lines_are_counted_and_told(job: Job, rows: list[Row], tmp_path: Path) -> None:
    wrong = ['{"captureData": {"endpoi', "[]", '{"captureData": {}}', "\x00", "null", "[" * 100_000]
    unread = [
        line("{"),
        line("1,2", "text/csv"),
        line(b"x", "text/html"),
        line('{"a": [1], "b": []}'),
    ]
    put(tmp_path, [*wrong, *unread, *documents(rows)])
    (source(tmp_path) / "broken.parquet").write_bytes(b"PAR1")
    found = job(dataset_format=CAPTURED)
    assert found.statistics["dataset"]["item_count"] == len(rows)
    assert "7 captured lines or files are damaged" in found.message
    assert "4 payloads could not be read" in found.message
    assert found.violations == set()


def test_base64(job: Job, rows: list[Row], tmp_path: Path) -> None:
    put(tmp_path, [line(json.dumps(row).encode()) for row in rows])
    assert job(dataset_format=CAPTURED).statistics["dataset"]["item_count"] == len(rows)


def test_a_period(job: Job, rows: list[Row], tmp_path: Path) -> None:
    hours = [
        line(json.dumps(row), inferenceTime=f"2026-11-24T{i:02}:00:00Z")
        for i, row in enumerate(rows[:24])
    ]
    put(tmp_path, [*hours, line(json.dumps(rows[0]), inferenceTime=None)])
    period = {"start_time": "2026-11-24T05: 00: 00Z", "end_time": "2026-11-24T08:00:00Z"}
    found = job(dataset_format=CAPTURED, **period)
    assert found.statistics["dataset"]["item_count"] == 3
    assert "1 captured lines or files are damaged" in found.message


def test_nothing_was_captured(job: Job) -> None:
    found = job()
    assert found.message.startswith("Completed: there were 0 rows")
    assert found.statistics["dataset"]["item_count"] == 0


def test_huge_values(job: Job, rows: list[Row], tmp_path: Path) -> None:
    big = [1.7e308, -1.7e308, 10**400, 2**63, 5e-324]
    sent = [{**row, "total_day_minutes": value} for row, value in zip(rows, big * 120, strict=True)]
    put(tmp_path, documents(sent))
    layout = job(publish_cloudwatch_metrics="Enabled", dataset_format=CAPTURED).layout
    metrics = (layout.cloudwatch / "cloudwatch_metrics.jsonl").read_text()
    assert "feature_data_total_day_minutes" not in metrics  # beyond what CloudWatch takes
    assert "feature_data_total_day_calls" in metrics


# -- what the job is told, and tells ---------------------------------------------------------------


def test_metrics(job: Job, rows: list[Row], tmp_path: Path) -> None:
    put(tmp_path, documents(rows))
    found = job(
        publish_cloudwatch_metrics="Enabled",
        sagemaker_endpoint_name="churn",
        sagemaker_monitoring_schedule_name="hourly",
        end_time="2026-11-24T16:00:00Z",
    )
    text = (found.layout.cloudwatch / "cloudwatch_metrics.jsonl").read_text()
    metrics = {each["MetricName"]: each for each in map(json.loads, text.splitlines())}
    for each in metrics.values():
        fits_metric(each)
    assert metrics["feature_data_account_length"]["StatisticValues"]["SampleCount"] == len(rows)
    dimensions = [
        {"Name": "Endpoint", "Value": "churn"},
        {"Name": "MonitoringSchedule", "Value": "hourly"},
    ]
    numbers = metrics["feature_data_account_length"]
    assert numbers["Dimensions"] == dimensions
    assert numbers["Timestamp"] == "2026-11-24T16:00:00Z"
    assert numbers["StatisticValues"]["Sum"] == sum(row["account_length"] for row in rows)
    assert metrics["feature_non_null_state"]["Value"] == 1.0
    assert metrics["feature_baseline_drift_state"]["Value"] == 0.0


def test_a_baseline_of_what_was_captured(
    model: Path, rows: list[Row], tmp_path: Path, job: Job
) -> None:
    layout = Layout(tmp_path / "ml")
    served(model, (json.dumps(row).encode() for row in rows), source(tmp_path))
    monitor(layout, {"publish_cloudwatch_metrics": "Enabled"})
    output = layout.processing / "output"
    fits_constraints(json.loads((output / "constraints.json").read_text()))
    own = {
        f"baseline_{name}": str(output / f"{name}.json") for name in ("statistics", "constraints")
    }
    for with_model in (True, False):
        found = job(with_model=with_model, **own)
        assert found.violations == set()
        assert len(found.features) == len(rows[0]) + 3
    with pytest.raises(DataError, match="no rows to make a baseline of"):
        monitor(layout, {"end_time": "2020-01-01T00:00:00Z"})


def test_statistics_alone_or_constraints_alone(
    rows: list[Row], tmp_path: Path, baseline: Path, job: Job
) -> None:
    put(tmp_path, documents({**row, "state": "XX", "total_day_calls": 200} for row in rows))
    drift = ("total_day_calls", "baseline_drift_check")
    new = ("state", "categorical_values_check")
    assert {drift, new} < job(baseline_constraints="").violations
    assert job(baseline_statistics="", dataset_format=CAPTURED).violations == {new}


def test_what_is_not_to_be_told(
    rows: list[Row], tmp_path: Path, baseline: Path, job: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path, [*documents({**row, "state": "XX"} for row in rows), "{"])
    constraints = json.loads((baseline / "constraints.json").read_text())
    for each in constraints["features"]:
        if each["name"] == "area_code":
            each["monitoringConfigOverrides"] = {"emit_metrics": "Disabled"}
    write(tmp_path / "constraints.json", constraints)
    found = job(
        baseline_constraints=str(tmp_path / "constraints.json"),
        publish_cloudwatch_metrics="Enabled",
        dataset_format=CAPTURED,
    )
    text = (found.layout.cloudwatch / "cloudwatch_metrics.jsonl").read_text()
    assert "feature_non_null_state" in text
    assert "area_code" not in text
    told = capsys.readouterr().out
    assert "categorical_values_check of 'state': 0% of the values are known" in told
    assert "30-00.jsonl, line 601" in told


def test_a_trained_model_brings_its_baseline(
    cloud: MakeJob, rows: list[Row], tmp_path: Path
) -> None:
    layout = cloud({"epochs": "3"})
    assert train(layout) == 0
    archive(layout.model, layout.processing_model / "model.tar.gz")
    put(tmp_path, documents(rows))
    variables = {"dataset_format": CAPTURED}
    monitor(layout, variables)
    assert Found(layout).violations == set()
    put(tmp_path, documents({**row, "state": "XX"} for row in rows))
    monitor(layout, variables)
    assert ("state", "categorical_values_check") in Found(layout).violations


def test_metrics_of_infinities_are_of_the_numbers_beside_them() -> None:
    state = TableStatistics({"x": "Fractional"})
    state.update(pa.record_batch({"x": [1.0, math.inf, 3.0, -math.inf, math.nan]}))
    now = datetime.datetime(2026, 11, 24, tzinfo=datetime.UTC)
    told, _ = map(json.loads, cloudwatch_lines(state.finish(), {}, at=now, dimensions={}))
    wanted = {"SampleCount": 2.0, "Sum": 4.0, "Minimum": 1.0, "Maximum": 3.0}
    assert told["StatisticValues"] == wanted


def test_the_launcher_says_where_all_is() -> None:
    request = monitor_request(a_place(), "image", "s3://bucket/model.tar.gz")
    layout = Layout()
    places = {
        each["InputName"]: Path(each["S3Input"]["LocalPath"])
        for each in request["ProcessingInputs"]
    }
    assert places == {"endpoint": layout.processing_endpoint, "model": layout.processing_model}
    settings = MonitorSettings.read(layout, request["Environment"])
    (output,) = request["ProcessingOutputConfig"]["Outputs"]
    assert settings.source == places["endpoint"]
    assert str(settings.output) == output["S3Output"]["LocalPath"]
    assert (settings.table, settings.publish) == (None, True)


def test_no_metrics_unless_they_are_asked_for(job: Job, rows: list[Row], tmp_path: Path) -> None:
    put(tmp_path, documents(rows))
    assert not job().layout.cloudwatch.exists()


def test_the_configuration_file_stands_in_for_variables(
    job: Job, rows: list[Row], tmp_path: Path
) -> None:
    put(tmp_path, documents(rows))
    stated = {"Environment": {"publish_cloudwatch_metrics": "Enabled"}}
    write(Layout(tmp_path / "ml").processing_config / "processingjobconfig.json", stated)
    assert job().layout.cloudwatch.exists()


@pytest.mark.parametrize("name", ["record_preprocessor_script", "post_analytics_processor_script"])
def test_scripts_are_refused(job: Job, tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="no scripts are run"):
        job(**{name: "/opt/ml/processing/code/script.py"})
    assert Layout(tmp_path / "ml").message.read_text().startswith(f"{name} is '/opt/ml")


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"dataset_format": "csv"}, "expected JSON"),
        ({"dataset_format": '{"cvs": {}}'}, "did you mean 'csv'"),
        ({"dataset_format": CAPTURED.replace("Input", "In")}, "captureIndexNames has 'endpointIn'"),
        ({"start_time": "yesterday"}, "start_time is 'yesterday'"),
        ({"end_time": "2026-11-24 1 5:00"}, "end_time is '2026-11-24 1 5:00'"),
    ],
)
def test_variables_that_are_wrong(job: Job, variables: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        job(**variables)


def test_a_part_of_the_data_is_refused_and_other_machines_do_nothing(
    job: Job, tmp_path: Path, model: Path
) -> None:
    layout = Layout(tmp_path / "ml")
    resources = {"current_host": "algo-1", "hosts": ["algo-2", "algo-1"]}
    write(layout.processing_config / "resourceconfig.json", resources)
    stated = {"InputName": "in", "S3Input": {"S3DataDistributionType": "ShardedByS3Key"}}
    write(layout.processing_config / "processingjobconfig.json", {"ProcessingInputs": [stated]})
    with pytest.raises(ConfigError, match="dealt out to 2 machines"):
        job()
    write(layout.processing_config / "processingjobconfig.json", {})
    resources["current_host"] = "algo-2"
    write(layout.processing_config / "resourceconfig.json", resources)
    layout.message.unlink()
    monitor(layout, {})
    assert not layout.message.exists()


def test_a_baseline_that_is_none(job: Job, tmp_path: Path) -> None:
    (tmp_path / "none.json").write_text('{"features": [{}]}')
    for name in ("baseline_statistics", "baseline_constraints"):
        with pytest.raises(DataError, match="has not the schema of Model Monitor"):
            job(with_model=False, **{name: str(tmp_path / "none.json")})


# -- tables ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("header", [True, False])
def test_a_table_of_csv_is_watched_as_what_was_captured(
    rows: list[Row], tmp_path: Path, header: bool
) -> None:
    layout = Layout(tmp_path / "ml")
    text = [",".join(map(str, row.values())) + "\n" for row in rows]
    data = source(tmp_path) / "data.csv"
    data.parent.mkdir(parents=True)
    data.write_text((",".join(rows[0]) + "\n") * header + "".join(text))
    (data.parent / "_SUCCESS").touch()  # as Spark leaves it, before all others
    form = json.dumps({"csv": {"header": [str(header).lower()]}})
    monitor(layout, {"dataset_format": form})
    output = layout.processing / "output"
    constraints = json.loads((output / "constraints.json").read_text())
    fits_constraints(constraints)
    names = list(rows[0]) if header else [f"_c{i}" for i in range(len(rows[0]))]
    assert [each["name"] for each in constraints["features"]] == names
    for name in ("statistics", "constraints"):
        (output / f"{name}.json").rename(tmp_path / f"{name}.json")
    data.write_text((",".join(rows[0]) + "\n") * header + "x" + "".join(text))
    baseline = {
        "baseline_statistics": str(tmp_path / "statistics.json"),
        "baseline_constraints": str(tmp_path / "constraints.json"),
    }
    monitor(layout, {"dataset_format": form, **baseline})
    assert Found(layout).violations == {(names[0], "categorical_values_check")}


# -- the program, and the model it is given --------------------------------------------------------


def archive(folder: Path, target: Path, *more: tarfile.TarInfo) -> None:
    target.parent.mkdir(parents=True)
    with tarfile.open(target, "w:gz") as packed:
        packed.add(folder, ".")
        for each in more:
            packed.addfile(each, io.BytesIO(b"x" * each.size))


def test_a_packed_model_in_a_process_of_its_own(
    model: Path, baseline: Path, rows: list[Row], tmp_path: Path
) -> None:
    layout = Layout(tmp_path / "ml")
    archive(model, layout.processing_model / "model.tar.gz")
    put(tmp_path, documents(rows))
    code = (
        "import sys; from pathlib import Path; from fastml.sagemaker import layout, __main__ as m;"
        f"layout.Layout.__init__.__defaults__ = (Path({str(layout.root)!r}),);"
        "sys.exit(m.main(['monitor']))"
    )
    variables = {
        **os.environ,
        "baseline_constraints": str(baseline),
        "baseline_statistics": str(baseline),
        "dataset_format": CAPTURED,
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=variables, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert Found(layout).violations == set()
    assert done.stdout.startswith("Completed: ")
    variables["dataset_source"] = str(tmp_path / "nowhere")
    done = subprocess.run(
        [sys.executable, "-c", code], env=variables, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert layout.message.read_text().startswith("dataset_source is ")


@pytest.mark.parametrize("name", ["../out", "/tmp/out", "link", "out\0"])
def test_a_path_that_leads_out_of_an_archive(model: Path, tmp_path: Path, name: str) -> None:
    layout = Layout(tmp_path / "ml")
    member = tarfile.TarInfo(name)
    member.size, member.pax_headers = 1, {"path": name}
    if name == "link":
        member.type, member.linkname, member.size = tarfile.SYMTYPE, "/etc/passwd", 0
    archive(model, layout.processing_model / "model.tar.gz", member)
    with pytest.raises(ArtifactError, match="no plain file within it"):
        monitor(layout, {})


def test_an_archive_of_more_than_there_is_room_for(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few thousand bytes may unpack to any number of them, or of files."""
    layout = Layout(tmp_path / "ml")
    archive(model, layout.processing_model / "model.tar.gz")
    monkeypatch.setattr(unpacked.shutil, "disk_usage", lambda _: SimpleNamespace(free=10_000))
    with pytest.raises(ArtifactError, match=r"than the disk of .* has room for"):
        monitor(layout, {})
    monkeypatch.undo()
    monkeypatch.setattr(unpacked, "_MOST", 3)
    with pytest.raises(ArtifactError, match="holds more than 3 files"):
        monitor(layout, {})


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_an_archive_that_is_cut_off(model: Path, tmp_path: Path, share: float) -> None:
    layout = Layout(tmp_path / "ml")
    file = layout.processing_model / "model.tar.gz"
    archive(model, file)
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ArtifactError, match=r"model\.tar\.gz cannot be unpacked: "):
        monitor(layout, {})


def test_a_moment_may_be_written_in_two_words(tmp_path: Path) -> None:
    found = MonitorSettings.read(Layout(tmp_path), {"start_time": " 2026-11-24 05:00:00+02:00"})
    assert found.period.start == datetime.datetime(2026, 11, 24, 3, tzinfo=datetime.UTC)
