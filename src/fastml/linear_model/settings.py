"""The hyperparameters of a linear learner, checked once."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Literal, TypeGuard, get_args

from fastml.errors import ConfigError

__all__ = ["Schedule", "Settings", "Solver", "is_number"]

Solver = Literal["auto", "lbfgs", "sgd"]
Schedule = Literal["adaptive", "constant", "invscaling"]


@dataclass(frozen=True, slots=True)
class Settings:
    """The parameters that `LogisticRegression` and `LinearRegression` share; see there.

    Raises
    ------
    ConfigError
        If one is of the wrong type or out of range.
    """

    l2: float | None
    l1: float
    solver: Solver
    learning_rate: float
    schedule: Schedule
    epochs: int
    batch_size: int
    max_iter: int
    tolerance: float | None
    patience: int | None
    time_budget: float | None
    fit_intercept: bool
    bootstrap: int
    threads: int | None
    seed: int

    def __post_init__(self) -> None:
        for name in ("l2", "tolerance"):
            if getattr(self, name) is not None:
                self._number(name, 0.0)
        self._number("l1", 0.0)
        self._number("learning_rate", 0.0, above=True)
        if self.time_budget is not None:
            self._number("time_budget", 0.0, above=True)
        self._choice("solver", get_args(Solver))
        self._choice("schedule", get_args(Schedule))
        for name in ("epochs", "batch_size", "max_iter"):
            self._whole(name, 1)
        if self.patience is not None:
            self._whole("patience", 1)
        if self.threads is not None:
            self._whole("threads", 1)
        self._whole("bootstrap", 0)
        self._whole("seed", 0)

    @property
    def rounds(self) -> int:
        """Rounds without a gain before training ends: `patience`, or its default."""
        if self.patience is not None:
            return self.patience
        return 3 if self.solver == "sgd" else 10

    def deadline(self) -> float:
        """Return the `time.monotonic()` at which a training that begins now has to end."""
        return math.inf if self.time_budget is None else time.monotonic() + self.time_budget

    def _fail(self, name: str, expected: str) -> None:
        raise ConfigError(f"{name} is {getattr(self, name)!r}; expected {expected}")

    def _number(self, name: str, low: float, *, above: bool = False) -> None:
        value: Any = getattr(self, name)
        if not is_number(value) or value < low or (above and value == low):
            self._fail(name, f"a finite number {'above' if above else 'of at least'} {low:g}")

    def _whole(self, name: str, low: int) -> None:
        value: Any = getattr(self, name)
        if not isinstance(value, Integral) or isinstance(value, bool) or value < low:
            self._fail(name, f"a whole number of at least {low}")

    def _choice(self, name: str, choices: tuple[str, ...]) -> None:
        value: Any = getattr(self, name)
        if not isinstance(value, str) or value not in choices:
            self._fail(name, "one of " + ", ".join(map(repr, choices)))


def is_number(value: Any) -> TypeGuard[float]:
    """Return whether a parameter is a finite number (and not a truth value)."""
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
