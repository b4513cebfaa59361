"""The section [sagemaker] is checked as all others are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fastml.errors import ConfigError
from fastml.sagemaker.launch.beginning import add_section
from fastml.sagemaker.launch.settings import read_launch_settings
from fastml.workflow.project import parse_project, read_project
from tests.sagemaker.launch.conftest import PROJECT


def read(**settings: Any) -> Any:
    return read_launch_settings({"role": "fastml", **settings})


def test_little_must_be_said() -> None:
    settings = read()
    assert (settings.instance, settings.spot, settings.endpoint.kind) == (
        "ml.m5.xlarge",
        False,
        "real-time",
    )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"rol": "x"}, r"\[sagemaker\] 'rol' is not a known key; did you mean 'role'"),
        ({"endpoint": {"memry": 1}}, r"\[sagemaker.endpoint\] 'memry'.*did you mean 'memory'"),
        ({"endpoint": {"kind": "serverles"}}, r"\[sagemaker.endpoint\] kind.*'serverless'"),
        ({"instance": "m5.large"}, "ml.m5.large"),
        ({"name": "Churn model"}, "small letters"),
        ({"name": "a" * 21}, "at most 20"),
        ({"kms_key": "alias/ours"}, "the id or the ARN"),
        ({"name": "churn-monitor"}, "another project"),
        ({"spot": True, "keep_alive": 60}, "warm pool"),
        ({"max_wait": 100_000}, "spot = true"),
        ({"spot": True, "max_wait": 3600}, "must not be less"),
        ({"subnets": ["subnet-1"]}, "security_groups"),
        ({"endpoint": {"kind": "serverless", "capture": 100}}, "capture: a serverless"),
        ({"endpoint": {"kind": "serverless", "memory": 1500}}, "multiple of 1024"),
        ({"endpoint": {"kind": "serverless"}, "isolated": True}, "without a network"),
        ({"endpoint": {"kind": "serverless", "provisioned": 11}}, "concurrency"),
        ({"endpoint": {"shift": "linear", "shift_percent": 5}}, "10 to 50 percent, found 5"),
        ({"endpoint": {"provisioned": 2}}, "serverless"),
        ({"endpoint": {"topics": {"success": "arn"}}}, "async"),
        ({"endpoint": {"count": 3, "max_count": 2}}, "max_count"),
        ({"monitor": {"schedule": "daily"}}, "rate"),
        ({"tune": {"ranges": {}}}, "what to try"),
        ({"tags": {"team": 1}}, "tags.team"),
        ({"tags": {"aws:team": "a"}}, "only AWS"),
        ({"tags": {f"t{i}": "x" for i in range(49)}}, "at most 48"),
        ({"tune": {"ranges": {"l2": [1]}, "warm_start": list("abcdef")}}, "at most 5"),
    ],
)
def test_what_does_not_fit_is_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read(**settings)


def test_without_a_section_one_is_told_of_init() -> None:
    with pytest.raises(ConfigError, match="fastml sagemaker init"):
        read_launch_settings({})


def test_a_run_does_not_depend_on_the_section() -> None:
    assert "sagemaker" not in parse_project(PROJECT).settings


def test_init_adds_a_section_that_can_be_read(tmp_path: Path) -> None:
    file = tmp_path / "project.toml"
    file.write_text('target = "y"\nsource = "t.csv"\n', encoding="utf-8")
    assert add_section(file)
    assert read_launch_settings(read_project(file).sagemaker).role == "fastml"
    written = file.read_text(encoding="utf-8")
    assert not add_section(file)
    assert file.read_text(encoding="utf-8") == written


def test_the_keys_that_init_shows_are_known(tmp_path: Path) -> None:
    file = tmp_path / "project.toml"
    ahead = 'target = "y"\nsource = "t.csv"\n'
    file.write_text(ahead, encoding="utf-8")
    add_section(file)
    shown = file.read_text(encoding="utf-8").replace("\n# ", "\n").replace("spot = true", "")
    settings = read_launch_settings(parse_project(shown).sagemaker)
    assert settings.tune is not None
    assert settings.endpoint.capture == 100
