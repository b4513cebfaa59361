"""Each job: peers and fastml in turn, a process for each run."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.compare import Comparison
from benchmarks.job import JOBS, load_job
from benchmarks.tables import QUICK_ROWS, TABLES, table_path

QUICK_ROUNDS = 1


@pytest.mark.parametrize("name", JOBS)
def test_job(
    name: str,
    benchmark: BenchmarkFixture,
    found: list[dict[str, Any]],
    request: pytest.FixtureRequest,
) -> None:
    """Time fastml's whole process with pytest-benchmark; the peers run before each round.

    The ratios are those of the work alone, without starting Python and importing packages, as the
    processes report it.
    """
    job = load_job(name)
    quick = request.config.getoption("quick")
    rows = QUICK_ROWS if quick else TABLES[job.table].rows
    path = table_path(job.table, QUICK_ROWS if quick else None)
    too_slow = dict.fromkeys(job.slow, "too slow for the quick table") if quick else {}
    comparison = Comparison(name, job, path, rows, absent=too_slow)
    rounds = QUICK_ROUNDS if quick else job.rounds
    benchmark.pedantic(comparison.run_fastml, setup=comparison.run_peers, rounds=rounds)
    result = comparison.to_dict()
    benchmark.extra_info.update(result)
    found.append(result)
    assert all(side["wall_s"] > 0 for side in result["sides"].values())
