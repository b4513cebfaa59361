"""Options of the benchmark suite, and the table of ratios at its end."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.machine import describe
from benchmarks.results import ratio_table

FOUND = pytest.StashKey[list[dict[str, Any]]]()
REMARKS = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="small tables, few rounds")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[FOUND] = []
    config.stash[REMARKS] = []


@pytest.fixture(scope="session")
def found(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    """What the jobs of this run have found so far."""
    return request.config.stash[FOUND]


@pytest.fixture(scope="session")
def remarks(request: pytest.FixtureRequest) -> list[str]:
    """What must be said at the end, loudly."""
    return request.config.stash[REMARKS]


def pytest_benchmark_update_machine_info(machine_info: dict[str, Any]) -> None:
    """Name the machine by what matters to a figure."""
    machine_info.clear()
    machine_info.update(describe())


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if config.stash[FOUND]:
        terminalreporter.section("fastml beside its peers")
        terminalreporter.write_line(ratio_table(config.stash[FOUND]))
    for remark in config.stash[REMARKS]:
        terminalreporter.section("not done", sep="!", red=True, bold=True)
        terminalreporter.write_line(remark, red=True)
