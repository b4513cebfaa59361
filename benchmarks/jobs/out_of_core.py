"""Ten million rows of 1.2 GB once encoded, within a gigabyte and in as much memory as they take."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.child import peak_bytes
from benchmarks.job import Job, Side, Work
from benchmarks.jobs.whole import decode, fastml
from benchmarks.tables import Layout


def within(memory: str) -> Side:
    def prepare(path: Path, layout: Layout) -> Work:
        work = fastml(path, layout, memory)

        def measured() -> Mapping[str, float]:
            return {**work(), "peak_mb": peak_bytes() / 1e6}

        return measured

    return prepare


JOB = Job(
    title="Ten million rows within 1 GB, Parquet file to held-out log loss",
    table="D4",
    sides={"fastml": within("1GB"), "in memory": within("1TB"), "decode alone": decode},
    faster={"in memory": 0.5},  # that is, at most twice as slow
    most={"peak_mb": 1_200, "log_loss": 0.3667},
)
