"""Sixteen penalties to choose from, against training one model: rows that are already encoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.job import Job, Work
from benchmarks.jobs.encoded import encoded_design
from benchmarks.tables import Layout

CANDIDATES = 16


def _parted(design: Any) -> tuple[Any, Any]:
    """Return nine tenths of a design's blocks, and the last tenth."""
    last = max(1, len(design.blocks) // 10)
    parts = design.blocks[:-last], design.blocks[-last:]
    train, held_out = (replace(design, blocks=blocks) for blocks in parts)
    return train, held_out


def fastml(path: Path, layout: Layout) -> Work:
    """Search on nine tenths of the rows, judged on the rest, and train the best to its end."""
    import numpy as np

    from fastml.linear_model import LogisticRegression
    from fastml.model_selection import LaneSearch

    train, held_out = _parted(encoded_design(path, layout))
    space = {"l2": np.geomspace(1e-7, 1e-2, CANDIDATES).tolist()}

    def work() -> Mapping[str, float]:
        search = LaneSearch(LogisticRegression(), space)
        search.fit_design(train, validation=held_out, classes=[0, 1])
        return {"log_loss": search.best_score_, "l2": search.best_params_["l2"]}

    return work


def one_fit(path: Path, layout: Layout) -> Work:
    from fastml.linear_model import LogisticRegression

    train, _ = _parted(encoded_design(path, layout))

    def work() -> Mapping[str, float]:
        model = LogisticRegression().fit_design(train, classes=[0, 1])
        return {"iterations": model.n_iter_}

    return work


JOB = Job(
    title="Sixteen candidates searched and the best trained, encoded, against one model",
    table="D1",
    sides={"fastml": fastml, "one model": one_fit},
    faster={"one model": 1 / 2.5},
    repeats=3,
)
