"""Which hyperparameters a search tries: grids, and values drawn from distributions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from numbers import Integral
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from fastml._typing import Float64
from fastml.errors import ConfigError, did_you_mean

__all__ = ["LANE_PARAMETERS", "Distribution", "LogUniform", "Space", "Uniform", "candidates_of"]

LANE_PARAMETERS = ("l2", "l1", "learning_rate", "class_weight")
"""What may differ between the lanes of one training."""


@runtime_checkable
class Distribution(Protocol):
    """What values are drawn from: those of this module, or of `scipy.stats`."""

    def rvs(self, size: int, random_state: np.random.Generator) -> Float64:
        """Draw `size` values."""


Space: TypeAlias = Mapping[str, Sequence[Any] | Distribution]
"""The values of each parameter that is searched, or what they are drawn from."""


@dataclass(frozen=True, slots=True)
class Uniform:
    """Numbers between two bounds, all alike likely."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not -math.inf < self.low < self.high < math.inf:
            raise ConfigError(f"{self!r}: expected finite bounds, low below high")

    def rvs(self, size: int, random_state: np.random.Generator) -> Float64:
        """Draw `size` values."""
        return random_state.uniform(self.low, self.high, size)


@dataclass(frozen=True, slots=True)
class LogUniform:
    """Numbers between two bounds, all orders of magnitude alike likely."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0.0 < self.low < self.high < math.inf:
            raise ConfigError(f"{self!r}: expected finite bounds above 0, low below high")

    def rvs(self, size: int, random_state: np.random.Generator) -> Float64:
        """Draw `size` values."""
        return np.exp(random_state.uniform(math.log(self.low), math.log(self.high), size))


def candidates_of(space: Space, n_candidates: int | None, seed: int) -> list[dict[str, Any]]:
    """Return the settings to try.

    Parameters
    ----------
    space : mapping of parameter to values or a distribution
    n_candidates : int, optional
        How many to draw. Default: all combinations, or 32 where there is a distribution.
    seed : int

    Raises
    ------
    ConfigError
        If a parameter cannot be searched in lanes, has no values, or there are none.
    """
    for name, values in space.items():
        _check(name, values)
    whole = isinstance(n_candidates, Integral) and not isinstance(n_candidates, bool)
    if n_candidates is not None and not (whole and n_candidates >= 1):
        raise ConfigError(f"n_candidates is {n_candidates!r}; expected a whole number above 0")
    if not space:
        raise ConfigError("there is nothing to search: give values of l2, l1, learning_rate, ...")
    drawn = [name for name, values in space.items() if isinstance(values, Distribution)]
    if not drawn and n_candidates is None:
        grid: list[Any] = list(space.values())
        return [dict(zip(space, values, strict=True)) for values in product(*grid)]
    rng = np.random.default_rng(seed)
    n = 32 if n_candidates is None else n_candidates
    columns: dict[str, list[Any]] = {}
    for name, values in space.items():
        if isinstance(values, Distribution):
            columns[name] = np.asarray(values.rvs(size=n, random_state=rng)).tolist()
        else:
            columns[name] = [values[i] for i in rng.integers(0, len(values), n).tolist()]
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _check(name: str, values: Any) -> None:
    if name not in LANE_PARAMETERS:
        known = did_you_mean(name, LANE_PARAMETERS, listed=True)
        raise ConfigError(f"{name!r} cannot differ between lanes{known}")
    if isinstance(values, Distribution):
        return
    if isinstance(values, str | Mapping) or not hasattr(values, "__len__"):
        raise ConfigError(
            f"{name} is {values!r}; expected a list of values, or a distribution such as "
            "LogUniform(1e-8, 1e-2)"
        )
    if len(values) == 0:
        raise ConfigError(f"{name} has no values to try")
