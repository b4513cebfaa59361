"""Successive halving: candidates train part by part, and after each most of them are out.

Jamieson & Talwalkar, Non-stochastic Best Arm Identification and Hyperparameter Optimization (2016).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastml._typing import Bool, Float64
from fastml.linear_model.problem import Problem
from fastml.linear_model.settings import Settings

__all__ = ["Racers", "of_candidates", "part_ends"]


class Racers(ABC):
    """Candidates that are trained part by part.

    Parameters
    ----------
    problem : Problem
        Of the models of all candidates side by side.
    settings : Settings
    n_candidates, n_folds : int

    Attributes
    ----------
    factor : int
        One in so many stays in after a part, and goes on to so many times as much.
    ends : list of float
        Of the parts, in times the rows of the table.
    strayed : bool ndarray of shape (lanes,)
        Which lanes of those that are in went astray.
    """

    factor: int
    ends: list[float]

    def __init__(
        self, problem: Problem, settings: Settings, n_candidates: int, n_folds: int
    ) -> None:
        self.strayed: Bool = np.zeros(len(problem.lanes), np.bool_)
        self._whole, self._settings = problem, settings
        self._n_candidates, self._n_folds = n_candidates, n_folds
        self._running = list(range(n_candidates))

    @property
    @abstractmethod
    def weights(self) -> Float64:
        """Of those that are in, side by side, once they have run: (rows, lanes)."""

    @abstractmethod
    def run(self, end: float) -> None:
        """Train those that are in up to an end."""

    def keep(self, places: list[int]) -> None:
        """Let the others of those that are in go."""
        self.strayed = of_candidates(self.strayed, len(self._running), places)
        self._running = [self._running[place] for place in places]


def part_ends(last: float, least: float, factor: int, n_candidates: int) -> list[float]:
    """Return ends that grow by a factor, of as many parts as it takes to leave one candidate."""
    ends, left = [last], -(-n_candidates // factor)
    while left > 1:
        ends.append(max(ends[-1] / factor, least))
        left = -(-left // factor)
    return sorted(set(ends))


def of_candidates(lanes: NDArray[Any], n_candidates: int, places: list[int]) -> NDArray[Any]:
    """Return what some of the candidates have of (..., lanes), in which all lie side by side."""
    shape = lanes.shape[:-1]
    return lanes.reshape(*shape, n_candidates, -1)[..., places, :].reshape(*shape, -1)
