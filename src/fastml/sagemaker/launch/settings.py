"""The section [sagemaker] of a project file: where and on what a project is launched."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastml.errors import ConfigError
from fastml.workflow.settings import (
    Check,
    choice,
    flag,
    found,
    number,
    read_settings,
    text,
    texts,
    whole,
)

__all__ = [
    "MOST_NAME",
    "MOST_SECONDS",
    "Endpoint",
    "Monitor",
    "Settings",
    "Tuning",
    "read_launch_settings",
]

_NAME = re.compile(r"[a-z0-9](-*[a-z0-9])*")
_SCHEDULE = re.compile(r"(rate|cron)\(.+\)")
MOST_NAME = 20
"""Characters of a project's name: with what is added, a tuning job's name has 32 at most."""
_TAKEN = ("-monitor", "-retrain")  # what pipelines of a project are called
_DAY = 24 * 60 * 60
MOST_SECONDS = 28 * _DAY
"""For a training job, SageMaker's bound."""
_INSTANCE = "ml.m5.large"
_LEAST_STEP = 10
_MOST_TAGS = 48  # of 50; two are ours
_MOST_PARENTS = 5
_RESERVED = ("aws:", "fastml:")


def _name(value: Any, where: str) -> str:
    """Check for a name that jobs and endpoints can begin with."""
    name = text(value, where)
    if len(name) > MOST_NAME or not _NAME.fullmatch(name):
        raise ConfigError(
            f"{where}: expected at most {MOST_NAME} small letters, digits and hyphens, "
            f"found {found(value)}"
        )
    if name.endswith(_TAKEN):
        raise ConfigError(f"{where}: {name!r} would be taken for a part of another project")
    return name


def _table(value: Any, where: str) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ConfigError(f'{where}: expected texts such as {{ team = "growth" }}, {found(value)}')
    return {name: text(each, f"{where}.{name}") for name, each in value.items()}


def _tags(value: Any, where: str) -> dict[str, str]:
    tags = _table(value, where)
    if len(tags) > _MOST_TAGS:
        raise ConfigError(f"{where}: expected at most {_MOST_TAGS}, found {len(tags)}")
    if reserved := sorted(name for name in tags if name.lower().startswith(_RESERVED)):
        raise ConfigError(f"{where}: {reserved[0]!r} is a name that only AWS or fastml gives")
    return tags


def _parents(value: Any, where: str) -> tuple[str, ...]:
    names = texts(value, where)
    if len(names) > _MOST_PARENTS:
        raise ConfigError(f"{where}: expected at most {_MOST_PARENTS} jobs, found {len(names)}")
    return names


def _ranges(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not value:
        raise ConfigError(
            f"{where}: expected what to try, such as "
            f"{{ learner.l2 = {{ low = 1e-8, high = 1e-2, log = true }} }}, found {found(value)}"
        )
    return value


def _schedule(value: Any, where: str) -> str:
    words = text(value, where)
    if not _SCHEDULE.fullmatch(words):
        raise ConfigError(
            f'{where}: expected "rate(1 day)" or "cron(0 6 * * ? *)", found {found(value)}'
        )
    return words


def _instance(value: Any, where: str) -> str:
    words = text(value, where)
    if not words.startswith("ml."):
        raise ConfigError(
            f'{where}: expected an instance type such as "ml.m5.large", found {words!r}'
        )
    return words


def _key(value: Any, where: str) -> str:
    words = text(value, where)
    if "alias/" in words:  # neither a volume nor a policy takes one
        raise ConfigError(f"{where}: expected the id or the ARN of a key, found {words!r}")
    return words


def _section(cls: type) -> Check:
    def check(value: Any, where: str) -> Any:
        return read_settings(cls, value, where.replace("] ", ".") + "]")

    return check


@dataclass(frozen=True, slots=True)
class Endpoint:
    """[sagemaker.endpoint]: how a model is served, guarded and grown."""

    kind: Annotated[str, choice("real-time", "serverless", "async")] = "real-time"
    instance: Annotated[str, _instance] = _INSTANCE
    count: Annotated[int, whole(at_least=1)] = 1
    max_count: Annotated[int | None, whole(at_least=1)] = None
    invocations: Annotated[float, number(above=0)] = 1000.0
    backlog: Annotated[float, number(above=0)] = 5.0
    memory: Annotated[int, whole(at_least=1024, at_most=6144)] = 2048
    concurrency: Annotated[int, whole(at_least=1, at_most=200)] = 10
    provisioned: Annotated[int | None, whole(at_least=1)] = None
    topics: Annotated[dict[str, str] | None, _table] = None
    capture: Annotated[int, whole(at_most=100)] = 0
    shift: Annotated[str, choice("all_at_once", "canary", "linear")] = "all_at_once"
    shift_percent: Annotated[int, whole(at_least=1, at_most=50)] = 10
    shift_wait: Annotated[int, whole(at_most=3600)] = 300
    errors: Annotated[int, whole(at_least=1)] = 5
    latency_ms: Annotated[float, number(above=0)] = 1000.0
    alarm_topic: Annotated[str | None, text] = None


@dataclass(frozen=True, slots=True)
class Tuning:
    """[sagemaker.tune]: what a tuning job tries."""

    ranges: Annotated[dict[str, Any], _ranges]
    jobs: Annotated[int, whole(at_least=1, at_most=750)] = 20
    parallel: Annotated[int, whole(at_least=1, at_most=100)] = 2
    strategy: Annotated[str, choice("Bayesian", "Random", "Grid")] = "Bayesian"
    metric: Annotated[str | None, text] = None
    early_stopping: Annotated[bool, flag] = False
    warm_start: Annotated[tuple[str, ...], _parents] = ()
    seed: Annotated[int | None, whole(at_most=2**31 - 1)] = None


@dataclass(frozen=True, slots=True)
class Monitor:
    """[sagemaker.monitor]: when what an endpoint was asked is compared to the training."""

    schedule: Annotated[str, _schedule] = "rate(1 day)"
    instance: Annotated[str, _instance] = _INSTANCE
    volume: Annotated[int, whole(at_least=1)] = 30


@dataclass(frozen=True, slots=True)
class Settings:
    """[sagemaker]: where and on what a project is launched."""

    role: Annotated[str, text]
    name: Annotated[str | None, _name] = None
    region: Annotated[str | None, text] = None
    bucket: Annotated[str | None, text] = None
    prefix: Annotated[str | None, text] = None
    repository: Annotated[str, text] = "fastml"
    image: Annotated[str | None, text] = None
    instance: Annotated[str, _instance] = "ml.m5.xlarge"
    volume: Annotated[int, whole(at_least=1)] = 30
    input_mode: Annotated[str, choice("File", "FastFile", "Pipe")] = "File"
    max_runtime: Annotated[int, whole(at_least=60, at_most=MOST_SECONDS)] = _DAY
    spot: Annotated[bool, flag] = False
    max_wait: Annotated[int | None, whole(at_least=60, at_most=MOST_SECONDS)] = None
    keep_alive: Annotated[int, whole(at_most=3600)] = 0
    kms_key: Annotated[str | None, _key] = None
    subnets: Annotated[tuple[str, ...], texts] = ()
    security_groups: Annotated[tuple[str, ...], texts] = ()
    isolated: Annotated[bool, flag] = False
    environment: Annotated[dict[str, str] | None, _table] = None
    tags: Annotated[dict[str, str] | None, _tags] = None
    registry: Annotated[bool, flag] = True
    endpoint: Annotated[Endpoint, _section(Endpoint)] = Endpoint()
    tune: Annotated[Tuning | None, _section(Tuning)] = None
    monitor: Annotated[Monitor, _section(Monitor)] = Monitor()


def read_launch_settings(table: Mapping[str, Any]) -> Settings:
    """Read and check the section [sagemaker].

    Raises
    ------
    ConfigError
        If it is not there, a key or a value is wrong, or two contradict one another.
    """
    if not table:
        raise ConfigError(
            "the project file has no section [sagemaker]; `fastml sagemaker init` adds one"
        )
    settings = read_settings(Settings, table, "[sagemaker]")
    _check_training(settings)
    _check_endpoint(settings.endpoint)
    if settings.endpoint.kind == "serverless":
        _check_serverless(settings)
    return settings


def _check_training(settings: Settings) -> None:
    if settings.spot and settings.keep_alive:
        raise ConfigError("[sagemaker] keep_alive: a warm pool is not kept of spot instances")
    if settings.max_wait is not None and not settings.spot:
        raise ConfigError("[sagemaker] max_wait is for spot instances; say spot = true")
    if settings.max_wait is not None and settings.max_wait < settings.max_runtime:
        raise ConfigError("[sagemaker] max_wait counts max_runtime in: it must not be less")
    if bool(settings.subnets) != bool(settings.security_groups):
        raise ConfigError("[sagemaker] subnets and security_groups go together; give both")


def _check_endpoint(endpoint: Endpoint) -> None:
    if endpoint.provisioned is not None and endpoint.kind != "serverless":
        raise ConfigError('[sagemaker.endpoint] provisioned is for kind = "serverless"')
    if endpoint.topics is not None and (
        endpoint.kind != "async" or not set(endpoint.topics) <= {"success", "error"}
    ):
        raise ConfigError(
            "[sagemaker.endpoint] topics are of an async endpoint, for success and for error"
        )
    if endpoint.max_count is not None and endpoint.max_count < endpoint.count:
        raise ConfigError("[sagemaker.endpoint] max_count must not be less than count")
    if endpoint.shift == "linear" and endpoint.shift_percent < _LEAST_STEP:
        raise ConfigError(
            f"[sagemaker.endpoint] shift_percent: a step of a linear shift is {_LEAST_STEP} to 50 "
            f"percent, found {endpoint.shift_percent}"
        )


def _check_serverless(settings: Settings) -> None:
    endpoint = settings.endpoint
    for stated, name in (
        (endpoint.capture, "capture"),
        (endpoint.max_count, "max_count"),
        (endpoint.shift != "all_at_once", "shift"),
    ):
        if stated:
            raise ConfigError(f"[sagemaker.endpoint] {name}: a serverless endpoint has none")
    if settings.subnets or settings.isolated:
        raise ConfigError(
            '[sagemaker.endpoint] kind = "serverless" can neither be in a VPC (subnets) nor '
            "without a network (isolated)"
        )
    if endpoint.memory % 1024:
        raise ConfigError("[sagemaker.endpoint] memory: expected a multiple of 1024, in MB")
    if (endpoint.provisioned or 0) > endpoint.concurrency:
        raise ConfigError("[sagemaker.endpoint] provisioned must not be more than concurrency")
