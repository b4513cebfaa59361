"""Whoever listens hears how a training goes; the model is none the other."""

from __future__ import annotations

import numpy as np
import pytest

from fastml.linear_model import LogisticRegression
from fastml.progress import heard_by, tell


@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
def test_each_round_is_heard_and_changes_nothing(solver: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2_000, 3)).astype(np.float32)
    y = (x[:, 0] + rng.normal(size=2_000) > 0).astype(np.int64)
    heard: list[tuple[str, float]] = []
    alone = LogisticRegression(solver=solver).fit(x, y)
    with heard_by(lambda part, loss: heard.append((part, loss))):
        model = LogisticRegression(solver=solver).fit(x, y)
    assert np.array_equal(model.coef_, alone.coef_)
    losses = [loss for part, loss in heard if part == "train"]
    assert len(losses) == model.n_iter_
    assert losses[-1] < losses[0]


def test_models_that_train_together_have_no_one_curve() -> None:
    heard: list[float] = []
    with heard_by(lambda _, loss: heard.append(loss)):
        tell("train", np.array([1.0, 2.0]))
        tell("train", np.array([3.0]))
    tell("train", np.array([4.0]))
    assert heard == [3.0]
