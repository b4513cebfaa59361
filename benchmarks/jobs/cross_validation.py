"""Three penalties by five folds, against training one model: rows that are already encoded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.job import Job, Work
from benchmarks.jobs.encoded import encoded_design
from benchmarks.jobs.sixteen_candidates import one_fit
from benchmarks.tables import Layout


def fastml(path: Path, layout: Layout) -> Work:
    from fastml.linear_model import LogisticRegression
    from fastml.model_selection import LaneSearch

    design = encoded_design(path, layout)

    def work() -> Mapping[str, float]:
        search = LaneSearch(LogisticRegression(), {"l2": [1e-6, 1e-5, 1e-4]}, folds=5)
        search.fit_design(design, classes=[0, 1])
        return {"log_loss": search.best_score_, "l2": search.best_params_["l2"]}

    return work


JOB = Job(
    title="Five folds of three candidates and the best trained, encoded, against one model",
    table="D1",
    sides={"fastml": fastml, "one model": one_fit},
    faster={"one model": 1 / 3},
    repeats=3,
)
