"""Small projects that the workflow and the command line are tried on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest


def customers(rows: int = 1_500) -> pa.Table:
    """Return customers whose leaving follows from their plan, age and calls, and some noise."""
    rng = np.random.default_rng(5)
    plan = rng.choice(["free", "basic", "pro"], rows)
    age = rng.normal(45, 12, rows)
    calls = rng.poisson(2, rows)
    margin = 1.2 * (plan == "free") - 0.08 * (age - 45) + 0.6 * (calls - 2) - 0.5
    leaves = rng.random(rows) < 1 / (1 + np.exp(-margin))
    spend = 20 + 30 * (plan == "pro") + 0.5 * age + rng.normal(0, 3, rows)
    return pa.table(
        {
            "customer": [f"c{i:06}" for i in range(rows)],
            "plan": plan,
            "age": np.where(rng.random(rows) < 0.05, np.nan, age),
            "calls": calls,
            "country": ["NL"] * rows,
            "spend": spend,
            "churn": np.where(leaves, "yes", "no"),
        }
    )


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Return what writes a project file and its table into an empty working folder."""
    monkeypatch.chdir(tmp_path)
    pq.write_table(customers(), "customers.parquet")

    def write(lines: str = "", *, target: str = "churn") -> Path:
        file = tmp_path / "project.toml"
        problem = f'problem.target = "{target}"\ndata.source = "customers.parquet"\n'
        file.write_text(problem + lines, encoding="utf-8")
        return file

    return write
