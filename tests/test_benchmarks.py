"""The benchmarks measure what they say: their tables, comparisons and limits."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.linear_model import LogisticRegression as SkLogisticRegression

from benchmarks import instructions
from benchmarks.job import JOBS, load_job
from benchmarks.jobs.optimum import objective
from benchmarks.jobs.quality import log_loss, roc_auc
from benchmarks.results import markdown, ratio_table, verdicts
from benchmarks.tables import TABLES, World, table_path

ROWS = 5_000


def draw(name: str) -> pa.Table:
    return World(TABLES[name]).rows(ROWS, np.random.default_rng(0))


def test_tables_with_the_same_stream_have_the_same_features() -> None:
    assert draw("D1").drop_columns(["y"]).equals(draw("D2").drop_columns(["y"]))


def test_a_table_is_what_its_page_says() -> None:
    layout, batch = TABLES["D1"], draw("D1")
    assert batch.schema.names == [*layout.numeric_columns, *layout.string_columns, "y"]
    nulls = [batch[name].null_count / ROWS for name in layout.numeric_columns]
    assert nulls[1::2] == [0] * 10
    assert np.abs(np.array(nulls[::2]) - 0.05).max() < 0.02
    numbers = np.array([batch[name].to_numpy(zero_copy_only=False) for name in ("num1", "num18")])
    known = ~np.isnan(numbers).any(axis=0)
    assert np.corrcoef(numbers[:, known])[0, 1] > 0.98


def test_a_table_is_made_once(tmp_path: Path) -> None:
    path = table_path("D3", 1_000, tmp_path)
    made = path.stat().st_mtime_ns
    assert pq.read_metadata(path).num_rows == 1_000
    assert table_path("D3", 1_000, tmp_path).stat().st_mtime_ns == made


@pytest.mark.parametrize("name", JOBS)
def test_what_a_job_wants_is_measured(name: str) -> None:
    job = load_job(name)
    assert next(iter(job.sides)) == "fastml"
    assert len(job.sides) > 1
    assert {*job.faster, *job.smaller} <= set(job.sides)
    assert job.table in TABLES


def test_quality_of_predictions() -> None:
    y = np.array([0, 1, 1, 0])
    assert roc_auc(y, np.array([0.1, 0.9, 0.8, 0.2])) == 1
    assert roc_auc(y, np.zeros(4)) == 0.5
    assert log_loss(y, np.full(4, 0.5)) == pytest.approx(np.log(2))


FOUND = {
    "title": "A job",
    "table": "D1",
    "rows": 10,
    "threads": 1,
    "rounds": 1,
    "sides": {
        "fastml": {"wall_s": 1.0, "cpu_s": 1.0, "peak_bytes": 2e6, "figures": {"auc": 0.9}},
        "a peer": {"wall_s": 3.0, "cpu_s": 5.0, "peak_bytes": 1e6, "figures": {"auc": 0.8}},
    },
    "wanted": {"faster": {"a peer": 4}, "smaller": {}, "least": {"auc": 0.9}, "most": {}},
}


def test_verdicts_compare_with_what_is_wanted() -> None:
    assert list(verdicts(FOUND)) == [
        ("4 times faster than a peer: 3.00 times", False),
        ("auc at least 0.9: 0.9", True),
    ]


def test_absent_peers_are_named_and_not_judged() -> None:
    found = FOUND | {"absent": {"another": "No module named 'another'"}}
    found["wanted"] = FOUND["wanted"] | {"faster": {"a peer": 4, "another": 3}}
    assert len(list(verdicts(found))) == 2
    assert "absent: No module named 'another'" in ratio_table([found])


def test_the_judge_of_a_gap_knows_the_optimum() -> None:
    rng = np.random.default_rng(0)
    n, d, n_codes = 400, 2, 5
    table = (
        rng.normal(size=(n, d)),
        rng.integers(0, n_codes, (n, 1)),
        n_codes,
        rng.integers(0, 2, n),
    )
    X = np.hstack([table[0], np.eye(n_codes)[table[1][:, 0]]])
    model = SkLogisticRegression(solver="newton-cholesky", tol=1e-12).fit(X, table[3])
    best = np.append(model.coef_, model.intercept_)
    value, gradient = objective(table, best)
    assert np.abs(gradient).max() < 1e-10
    assert value == pytest.approx(
        log_loss(table[3], model.predict_proba(X)[:, 1]) + (model.coef_**2).sum() / (2 * n)
    )
    away = rng.normal(size=len(best))
    slope = (
        objective(table, best + 1e-5 * away)[0] - objective(table, best - 1e-5 * away)[0]
    ) / 2e-5
    assert slope == pytest.approx(0.0, abs=1e-8)


def test_results_page() -> None:
    machine = {"processor": "a processor", "cores": 2, "memory_gb": 8, "simd": "avx2"}
    document = {
        "datetime": "2026-01-01T00:00:00",
        "machine_info": machine | {"python": "3.11", "versions": {"numpy": "2"}},
        "benchmarks": [{"extra_info": FOUND}],
    }
    page = markdown(json.loads(json.dumps(document)))
    assert "| a peer | 3.000 | 5.000 | 1 | 3.00 | 5.00 | 0.50 | auc 0.8 |" in page
    assert "**missed**: 4 times faster than a peer: 3.00 times" in page


def test_ten_percent_more_instructions_are_a_regression() -> None:
    figures = {"steady": 1000, "slower": 1000, "gone": 1000}
    found = instructions.regressions({"steady": 1099, "slower": 1101, "new": 1}, figures)
    assert [line.partition(":")[0] for line in found] == ["new", "slower", "gone"]
    assert "10.1% more than 1,000" in found[1]
