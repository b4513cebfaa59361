"""A model for each of many penalties: how coefficients come and go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastml._typing import Float64
from fastml.errors import ConfigError, DataError
from fastml.linear_model.logistic import LogisticRegression
from fastml.linear_model.objective import Objective
from fastml.linear_model.problem import Problem
from fastml.linear_model.regression import LinearRegression
from fastml.linear_model.settings import Settings, is_number
from fastml.linear_model.trained import ENDS, Trained
from fastml.linear_model.training import train

__all__ = ["Path", "regularization_path"]

Learner: TypeAlias = LogisticRegression | LinearRegression

HUGE = 1e12
"""An l1 penalty, in training's units, under which no coefficient is anything but zero."""
WEAKEST = {"l1": 1e-3, "l2": 1e-6}
"""The weakest penalty of a path as a share of its strongest."""


@dataclass(frozen=True, slots=True)
class Path:
    """The models of a path, from the strongest penalty to the weakest.

    Parameters
    ----------
    penalties : float64 ndarray of shape (n_penalties,)
    coef : float64 ndarray of shape (n_penalties, n_lanes, n_features)
    intercept : float64 ndarray of shape (n_penalties, n_lanes)
    n_iter : int64 ndarray of shape (n_penalties,)
    gap : float64 ndarray of shape (n_penalties,)
        Estimate of how far, relatively, each objective is above its minimum.
    reason : tuple of str
        Why each training ended; of the classes against the rest, that which ended worst.
    """

    penalties: Float64
    coef: Float64
    intercept: Float64
    n_iter: NDArray[np.int64]
    gap: Float64
    reason: tuple[str, ...]

    @property
    def n_nonzero(self) -> NDArray[np.int64]:
        """How many features each model uses, (n_penalties,)."""
        return np.asarray((self.coef != 0.0).any(axis=1).sum(axis=1))


def regularization_path(
    learner: Learner,
    X: Any,
    y: Any,
    penalty: Literal["l1", "l2"] = "l1",
    values: ArrayLike | int = 16,
    sample_weight: Any = None,
) -> Path:
    """Train a model for each of many penalties, to the learner's tolerance.

    Sixteen are trained side by side, each a lane with its own L-BFGS (OWL-QN with an l1 penalty);
    where there are more, the next ones start from the weakest of those before.

    Parameters
    ----------
    learner : LogisticRegression or LinearRegression
        Its other penalty holds for all of them.
    X : array-like or table of shape (n_rows, n_features)
    y : array-like of shape (n_rows,)
    penalty : {"l1", "l2"}
    values : array-like of float, or int
        The penalties; or how many, evenly in their logarithm from the least l1 at which every
        coefficient is zero, down to a thousandth of it (of l2: from a thousand times the default
        of one over the sum of the weights, down to a millionth of that).
    sample_weight : array-like of shape (n_rows,), optional

    Raises
    ------
    ConfigError
        If the penalty is unknown, or a value is negative or not finite.
    DataError
        If the rows cannot be learned from, or no feature tells anything of y, so that there is no
        l1 penalty to begin at.
    """
    if penalty not in WEAKEST:
        raise ConfigError(f"penalty is {penalty!r}; expected 'l1' or 'l2'")
    learner = learner.clone()
    settings = replace(learner._settings(), solver="lbfgs")
    design, labels = learner.read(X, y, sample_weight)

    def problem(chosen: Sequence[float]) -> Problem:
        variants: list[Any] = [learner.clone().set_params(**{penalty: each}) for each in chosen]
        if isinstance(learner, LogisticRegression):
            assert labels is not None
            return learner.problem(design, labels, variants)
        return learner.problem(design, variants)

    if isinstance(values, Integral) and not isinstance(values, bool):
        strongest = _strongest(problem, settings) if penalty == "l1" else 1e3 * _default_l2(problem)
        chosen = np.geomspace(strongest, WEAKEST[penalty] * strongest, _count(int(values)))
    else:
        chosen = _penalties(values)
    whole = problem(chosen.tolist())
    width = whole.shape[1] // len(chosen)
    trained: list[Trained] = []
    start = np.zeros((whole.shape[0], width))
    for part in whole.parts():
        each = whole.lanes.n_models // len(chosen)
        variants = range(part.start // each, part.stop // each)
        some = whole.of_variants(variants, len(chosen))
        trained.append(train(some, settings, start=np.tile(start, len(variants))))
        start = trained[-1].weights[:, -width:]
    together = Trained.together(trained)
    outward = whole.outward(together.weights)
    by_penalty = outward.reshape(len(outward), len(chosen), width).transpose(1, 2, 0)
    models = len(together.n_iter) // len(chosen)
    return Path(
        penalties=chosen,
        coef=np.ascontiguousarray(by_penalty[:, :, :-2]),
        intercept=np.ascontiguousarray(by_penalty[:, :, -1]),
        n_iter=together.n_iter.reshape(-1, models).max(axis=1),
        gap=together.gap.reshape(-1, models).max(axis=1),
        reason=tuple(
            max(together.reason[first : first + models], key=ENDS.index)
            for first in range(0, len(together.reason), models)
        ),
    )


def _penalties(values: Any) -> Float64:
    """Return penalties from the strongest to the weakest."""
    found = list(values) if isinstance(values, Iterable) else []
    if not found:
        raise ConfigError(f"values is {values!r}; expected penalties, or how many of them")
    for value in found:
        if not is_number(value) or value < 0.0:
            raise ConfigError(f"a penalty is {value!r}; expected a finite number of at least 0")
    return np.sort(np.array(found, np.float64))[::-1]


def _count(values: int) -> int:
    if values < 1:
        raise ConfigError(f"values is {values!r}; expected penalties, or how many of them")
    return values


def _default_l2(problem: Callable[[Sequence[float]], Problem]) -> float:
    return float(1.0 / problem([0.0]).lanes.total_weight[0])


def _strongest(problem: Callable[[Sequence[float]], Problem], settings: Settings) -> float:
    """Return the least l1 penalty at which every coefficient is zero.

    It is the size of the largest slope there, where the intercept has its best value.
    """
    unit = problem([1.0])
    nothing = replace(unit, lanes=replace(unit.lanes, l1=np.full(len(unit.lanes), HUGE)))
    at = train(nothing, settings).weights
    whole = slice(0, nothing.lanes.n_models)
    objective = Objective(nothing.kernels(whole), nothing.lanes)
    objective.move_to(at)
    slopes = np.abs(objective.gradient()[1][:-2]).max(axis=0)
    strongest = float((slopes / unit.lanes.l1).max())
    if strongest == 0.0:
        raise DataError(
            "no feature tells anything of y: without any penalty every coefficient is zero; state "
            "the penalties, or look at X and y for constant columns"
        )
    return strongest
