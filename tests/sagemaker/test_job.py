"""What a job is told: its configuration, channels, settings and variables."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

from fastml.errors import ConfigError, DataError
from fastml.sagemaker.channels import tables
from fastml.sagemaker.environment import environment
from fastml.sagemaker.hyperparameters import job_project
from fastml.sagemaker.job import Job
from fastml.sagemaker.layout import Layout
from fastml.sagemaker.metrics import metric_definitions, objective
from fastml.workflow.learner import Learner
from tests.sagemaker.conftest import CLOUD_CHANNEL, CLOUD_RESOURCES, write

MakeJob = Callable[..., Job]


def test_a_job_without_any_file(tmp_path: Path) -> None:
    job = Job.read(Layout(tmp_path))
    assert (job.host, job.hosts, job.leads) == ("algo-1", ["algo-1"], True)
    assert job.hyperparameters == job.channels == {}
    assert job.checkpoints == tmp_path / "checkpoints"


@pytest.mark.parametrize("content", ["", "null", "{}"])
def test_empty_files_say_nothing(tmp_path: Path, content: str) -> None:
    layout = Layout(tmp_path)
    layout.config.mkdir(parents=True)
    for name in ("hyperparameters", "inputdataconfig", "resourceconfig", "checkpointconfig"):
        (layout.config / f"{name}.json").write_text(content)
    assert Job.read(layout).hosts == ["algo-1"]


@pytest.mark.parametrize("content", ["[1]", "{", '"text"'])
def test_a_file_of_something_else_is_told(tmp_path: Path, content: str) -> None:
    layout = Layout(tmp_path)
    layout.config.mkdir(parents=True)
    (layout.config / "hyperparameters.json").write_text(content)
    with pytest.raises(ConfigError, match=r"hyperparameters\.json"):
        Job.read(layout)


def test_values_may_be_no_text(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    write(layout.config / "hyperparameters.json", {"epochs": 3, "drop": ["a"], "target": "t"})
    job = Job.read(layout)
    assert job.hyperparameters == {"epochs": "3", "drop": '["a"]', "target": "t"}
    project = job_project(job, {"source": "x.csv"})
    assert project.learner.epochs == 3
    assert project.features.drop == ("a",)


def test_every_setting_of_the_learner_is_a_hyperparameter(job: MakeJob) -> None:
    """There is no second list of them: what a project file takes, a job takes."""
    for each in fields(Learner):
        with pytest.raises(ConfigError, match=rf"^\[learner\] {each.name}"):
            job_project(
                Job(Layout(), {"target": "t", each.name: '[{"no": "setting"}]'}), {"source": "x"}
            )


@pytest.mark.parametrize(
    ("hyperparameters", "section", "key", "value"),
    [
        ({"l2": "1E-4"}, "learner", "l2", 1e-4),  # as a tuning job writes it
        ({"learner.l2": "0.5"}, "learner", "l2", 0.5),
        ({"target": '"churn"'}, "problem", "target", "churn"),  # as the SDK encodes text
        ({"target": "2024"}, "problem", "target", "2024"),
        ({"missing_indicator": "True"}, "features", "missing_indicator", True),
        ({"class_weight": '{"yes": 5}'}, "learner", "class_weight", {"yes": 5.0}),
        ({"class_weight": "{ yes = 5 }"}, "learner", "class_weight", {"yes": 5.0}),
        ({"drop": '["a", "b"]'}, "features", "drop", ("a", "b")),
        ({"threshold": "f1"}, "problem", "threshold", "f1"),
        ({"threshold": "0.3"}, "problem", "threshold", 0.3),
        ({"question": 'Who "leaves"\n?'}, "problem", "question", 'Who "leaves"\n?'),
        ({"_tuning_objective_metric": "x", "sagemaker_program": "y"}, "learner", "l2", None),
    ],
)
def test_values_in_words(
    hyperparameters: dict[str, str], section: str, key: str, value: object
) -> None:
    job = Job(Layout(Path("/none")), {"target": "t", **hyperparameters})
    project = job_project(job, {"source": 'a "table".csv'})
    assert getattr(getattr(project, section), key) == value
    assert project.data.source == 'a "table".csv'


def test_tables_of_settings_in_words() -> None:
    given = {"target": "t", "success.roc_auc.min": "0.7", "tune.space": '{"learner.l2": [0.1, 1]}'}
    value = {"problem.value": '{"true_positive": 5, "false_positive": -1}'}
    project = job_project(Job(Layout(Path("/none")), given | value), {"source": "t.csv"})
    assert project.criteria == {"roc_auc": {"min": 0.7}}
    assert project.problem.value is not None
    assert project.problem.value.true_positive == 5.0
    assert project.tuning_journal.name == "tuning.journal"


def test_the_search_journal_comes_back_with_the_checkpoints(tmp_path: Path) -> None:
    given = {"target": "t", "tune.space": '{"learner.l2": [0.1, 1]}'}
    job = Job(Layout(tmp_path), given, checkpoints=tmp_path / "kept")
    assert job_project(job, {"source": "t.csv"}).tuning_journal == tmp_path / "kept/tuning.journal"


@pytest.mark.parametrize("files", [[], ["a.toml", "b.toml"]])
def test_a_config_channel_without_one_project_file(tmp_path: Path, files: list[str]) -> None:
    layout = Layout(tmp_path)
    folder = layout.channels / "config"
    folder.mkdir(parents=True)
    for name in files:
        (folder / name).touch()
    with pytest.raises(ConfigError, match=r"one project file, project\.toml; found (none|a.toml)"):
        job_project(Job.read(layout), {})


def test_a_mistake_in_the_project_file_names_it(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    folder = layout.channels / "config"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text("target = 't'\n[learner]\nepohcs = 3")
    with pytest.raises(ConfigError, match=r"did you mean 'epochs'.*\(in .*config/mine\.toml"):
        job_project(Job.read(layout), {"source": "x"})


@pytest.mark.parametrize(
    ("name", "meant"), [("trian", "train"), ("Test", "test"), ("validate", "validation")]
)
def test_a_mistyped_channel_is_refused(job: MakeJob, tmp_path: Path, name: str, meant: str) -> None:
    with pytest.raises(ConfigError, match=f"{name!r} is not known; did you mean '{meant}'"):
        tables(job(**{name: CLOUD_CHANNEL}), tmp_path)


def test_channels_of_the_platform_are_left_alone(job: MakeJob, tmp_path: Path) -> None:
    found = tables(job(code=CLOUD_CHANNEL, sm_drivers=CLOUD_CHANNEL), tmp_path)
    assert list(found) == ["source"]


def test_what_cannot_be_read_is_told(job: MakeJob, tmp_path: Path) -> None:
    given = job(test=CLOUD_CHANNEL)
    with pytest.raises(DataError, match="'test' is stated, but there is no folder"):
        tables(given, tmp_path)


def test_wrapped_records_are_refused(job: MakeJob, tmp_path: Path) -> None:
    given = job(train=CLOUD_CHANNEL | {"RecordWrapperType": "RecordIO"})
    with pytest.raises(ConfigError, match="wrapped as RecordIO"):
        tables(given, tmp_path)


def test_two_channels_of_training_rows_are_refused(job: MakeJob, tmp_path: Path) -> None:
    given = job(training=CLOUD_CHANNEL)
    (given.layout.channels / "training").mkdir()
    with pytest.raises(ConfigError, match="'train' and a channel 'training'"):
        tables(given, tmp_path)


def test_the_variables_of_the_toolkit(job: MakeJob) -> None:
    given = job({"learner.l2": "0.5"})
    found = environment(given)
    layout = given.layout
    assert found["SM_MODEL_DIR"] == str(layout.model)
    assert found["SM_CHANNEL_TRAIN"] == str(layout.channels / "train")
    assert found["SM_OUTPUT_DATA_DIR"] == str(layout.output_data)
    assert found["SM_HP_TARGET"] == "churn"
    assert found["SM_HP_LEARNER_L2"] == "0.5"
    assert json.loads(found["SM_HPS"])["task"] == "binary"
    assert json.loads(found["SM_CHANNELS"]) == ["train"]
    assert json.loads(found["SM_HOSTS"]) == ["algo-1"]
    assert json.loads(found["SM_RESOURCE_CONFIG"]) == CLOUD_RESOURCES
    assert found["SM_CURRENT_INSTANCE_TYPE"] == "ml.m5.large"
    assert found["SM_NETWORK_INTERFACE_NAME"] == "eth0"
    assert int(found["SM_NUM_CPUS"]) > 0
    assert found["SM_NUM_GPUS"] == "0"


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_definitions_are_what_the_platform_takes(task: str) -> None:
    found = metric_definitions(task)  # type: ignore[arg-type]
    names = [each["Name"] for each in found]
    assert len(set(names)) == len(names) <= 40
    assert all(len(each["Regex"]) <= 500 for each in found)
    assert objective(task)["MetricName"] in names  # type: ignore[arg-type]


def test_objectives() -> None:
    assert objective("binary") == {"Type": "Maximize", "MetricName": "validation:roc_auc"}
    assert objective("binary", "log_loss")["Type"] == "Minimize"
    with pytest.raises(ConfigError, match="did you mean 'roc_auc'"):
        objective("binary", "rocauc")
