"""How far a model's predictions and metrics would move on other training rows: from a bootstrap."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastml._typing import Float64
from fastml.calibration import Calibrator
from fastml.ensemble import BoostedTrees
from fastml.errors import ConfigError, DataError
from fastml.linear_model import LinearRegression, LogisticRegression
from fastml.linear_model.bootstrap import percentiles, poisson_counts
from fastml.linear_model.design import DesignBlock
from fastml.pipeline.fitted import Learner
from fastml.pipeline.rows import Labelled
from fastml.preprocessing.encode_plan import EncodePlan

__all__ = ["metric_intervals", "replicates_drawn", "score_intervals"]

Measure = Callable[[NDArray[Any], Float64, Float64], Mapping[str, float]]
"""Takes the truth, scores and weights of rows; gives metrics by name."""

FIRST = 16
"""Replicates of the first pass over the rows, which tells how many they are."""
HELD = 2**25
"""Scores that a later pass may hold, 8 bytes each."""


def replicates_drawn(learner: Learner) -> int:
    """Return how many replicates a fitted learner has."""
    if isinstance(learner, BoostedTrees) or learner.replicates_ is None:
        return 0
    return learner.replicates_.n


def score_intervals(
    learner: Learner,
    plan: EncodePlan,
    blocks: Iterable[DesignBlock],
    confidence: float,
    calibrator: Calibrator | None,
) -> tuple[Float64, Float64]:
    """Return percentile intervals of the scores; see `Pipeline.predict_interval`."""
    linear = _linear(learner)
    nothing = DesignBlock(
        np.empty((0, plan.n_dense), np.float32), np.empty((0, len(plan.coded)), np.int32)
    )
    parts = [
        linear.score_intervals(block, confidence, calibrator) for block in chain([nothing], blocks)
    ]
    low, high = zip(*parts, strict=True)
    return np.concatenate(low), np.concatenate(high)


def metric_intervals(
    learner: Learner,
    labelled: Callable[[], Iterable[tuple[Labelled, DesignBlock]]],
    measure: Measure,
    confidence: float,
    calibrator: Calibrator | None,
) -> dict[str, tuple[float, float]]:
    """Return percentile intervals of metrics; see `Pipeline.metric_intervals`.

    Parameters
    ----------
    labelled : callable
        Begins a pass over the rows.
    """
    linear = _linear(learner)
    n = linear.bootstrapped().n
    rng = np.random.default_rng((linear.seed, 1))  # not the draws of the training rows
    measured: dict[str, list[float]] = {}
    some = slice(0, FIRST)
    while some.start < n:
        truth, weight, scores = _scored(linear, labelled(), some, calibrator)
        for each in np.moveaxis(scores, -1, 0):
            drawn = weight * poisson_counts(rng, weight.shape)
            if not drawn.any():
                continue
            for name, value in measure(truth, each, drawn).items():
                if not np.isnan(value):
                    measured.setdefault(name, []).append(value)
        room = max(1, HELD * scores.shape[-1] // scores.size)
        some = slice(some.stop, some.stop + room)
    bounds = {name: percentiles(np.array(each), confidence) for name, each in measured.items()}
    return {name: (float(low), float(high)) for name, (low, high) in bounds.items()}


def _linear(learner: Learner) -> LinearRegression | LogisticRegression:
    if isinstance(learner, BoostedTrees):
        raise ConfigError("boosted trees have no replicates; intervals are of a linear learner")
    return learner


def _scored(
    learner: LinearRegression | LogisticRegression,
    labelled: Iterable[tuple[Labelled, DesignBlock]],
    some: slice,
    calibrator: Calibrator | None,
) -> tuple[NDArray[Any], Float64, Float64]:
    """Return the truth, the weights and some replicates' scores (rows, [k,] n) of all rows."""
    found = [(rows, learner.replicate_scores(block, calibrator, some)) for rows, block in labelled]
    if not any(len(scores) for _, scores in found):
        raise DataError("no row has a value in the target; none can be judged")
    truth = np.concatenate([rows.truth for rows, _ in found])
    given = [rows.weight for rows, _ in found if rows.weight is not None]
    weight = np.concatenate(given) if given else np.ones(len(truth))
    return truth, weight, np.concatenate([scores for _, scores in found])
