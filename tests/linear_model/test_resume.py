"""A training that is cut off goes on to the same model, to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate, count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastml.checkpoint import Checkpoint, State
from fastml.errors import StoppedError
from fastml.linear_model import Design, LinearRegression, LogisticRegression
from fastml.model_selection import LaneSearch

from .problems import coded_design

ROWS = 21_000  # in several blocks, and enough of them for training to save in the midst of it


class CutOff(Checkpoint):
    """Is asked to stop when it has saved so many times."""

    def __init__(self, folder: Path, after: int) -> None:
        super().__init__(folder, every=0.0)
        self.left = after

    @property
    def due(self) -> bool:
        return True

    def _write(self, path: Path, arrays: State) -> None:
        super()._write(path, arrays)
        self.left -= 1
        if self.left == 0:
            raise StoppedError("cut off")


def table(classes: int = 2, seed: int = 0) -> Design:
    """Return a design whose target is one of so many classes, or a number (0)."""
    design = coded_design(ROWS, seed=seed)
    rng = np.random.default_rng(seed)
    for block in design.blocks:
        margin = 2.0 * block.dense[:, 0] - block.dense[:, 1] + 0.3 * (block.codes[:, 0] % 3)
        noise = rng.normal(size=block.n_rows)
        target = margin + noise
        if classes:
            cuts = np.quantile(target, np.arange(1, classes) / classes)
            target = np.searchsorted(cuts, target)
        block.target = target.astype(np.float32)
    return design


def weights_of(model: Any) -> list[Any]:
    model = getattr(model, "best_estimator_", model)
    found = [model.weights_, model.intercept_, model.n_iter_]
    return [*found, model.replicates_.weights] if model.replicates_ is not None else found


def assert_resumes(fit: Callable[[], Any], folder: Path) -> None:
    """Cut a fit off after one saving or another; hold what it ends with to what it else does."""
    whole = weights_of(fit())
    for after in accumulate(count(1), lambda n, _: n + max(1, n // 2)):
        place = folder / str(after)
        try:
            with CutOff(place, after):
                fit()
        except StoppedError:
            with Checkpoint(place) as checkpoint:
                model = fit()
            assert checkpoint.found + checkpoint.resumed > 0
            for found, expected in zip(weights_of(model), whole, strict=True):
                np.testing.assert_array_equal(found, expected)
            assert not place.exists()
        else:
            break
    assert after > 2


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    ("learner", "classes"),
    [
        (LogisticRegression(), 2),
        (LogisticRegression(l1=1e-3), 2),
        (LogisticRegression(l1=1e-3, l2=1e-3), 2),
        (LogisticRegression(l2=1e-2), 4),
        (LogisticRegression(multi_class="one_vs_rest"), 4),
        (LogisticRegression(solver="sgd", epochs=4, tolerance=0.0), 2),
        (LogisticRegression(solver="sgd", schedule="invscaling", epochs=3, tolerance=0.0), 3),
        (LinearRegression(), 0),
        (LinearRegression(loss="huber"), 0),
        (LinearRegression(loss="quantile", tolerance=1e-3), 0),
        (LogisticRegression(bootstrap=20), 2),
    ],
    ids=repr,
)
def test_every_saving(learner: Any, classes: int, threads: int, tmp_path: Path) -> None:
    design = table(classes)
    assert_resumes(lambda: learner.clone().fit_design(design, threads=threads), tmp_path)


def test_with_rows_to_watch(tmp_path: Path) -> None:
    design, held_out = table(), table(seed=1)
    for learner in (
        LogisticRegression(l2=0.0, patience=2),
        LogisticRegression(solver="sgd", epochs=5, patience=2),
    ):
        place = tmp_path / learner.solver
        assert_resumes(lambda: learner.clone().fit_design(design, validation=held_out), place)  # noqa: B023


def test_several_targets(tmp_path: Path) -> None:
    design = table(0)
    for block in design.blocks:
        block.target = np.column_stack([block.target, block.dense[:, 2] + block.target])
    assert_resumes(lambda: LinearRegression().fit_design(design), tmp_path)


@pytest.mark.parametrize("halving", [False, True])
def test_a_search(halving: bool, tmp_path: Path) -> None:
    design = table()
    learner = LogisticRegression(solver="sgd" if halving else "auto", epochs=3)
    space = {"l2": [1e-6, 1e-4, 1e-2], "learning_rate": [0.05, 0.2]}

    def search() -> Any:
        return LaneSearch(learner, space, folds=3, halving=halving).fit_design(
            design, classes=[0, 1]
        )

    assert_resumes(search, tmp_path)
