"""The settings of a pipeline that a search tries: their names, choices and ranges."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastml.ensemble import BoostedTrees
from fastml.errors import ConfigError, did_you_mean
from fastml.linear_model import LinearRegression, LogisticRegression
from fastml.model_selection.search_space import LogUniform, Uniform
from fastml.preprocessing.scalers import SCALERS

__all__ = ["KINDS", "Choices", "PipelineSpace", "Range", "Setting"]

KINDS = ("linear", "xgboost")
_PARAMETERS: dict[str, Mapping[str, Any]] = {
    "linear": LogisticRegression().get_params() | LinearRegression().get_params(),
    "xgboost": BoostedTrees().get_params(),
}
_NOT_SEARCHED = ("bootstrap", "threads", "warm_start", "seed")
_STEPS = {
    "imputer": ("strategy", "fill_value", "add_indicator"),
    "encoder": ("max_categories", "min_frequency", "null"),
    "pruner": ("threshold",),
}
_LINEAR = ("scaler", "bins")  # a tree cuts numbers into bins of its own, whatever their scale
_STRATEGIES = ("mean", "median", "most_frequent", "constant")
_RANGE = ("low", "high", "log", "step")


@dataclass(frozen=True, slots=True)
class Choices:
    """Values of any kind, without order."""

    values: tuple[Any, ...]

    def suggest(self, trial: Any, name: str) -> Any:
        """Ask a trial of Optuna for a value."""
        by_label = {_label(value): value for value in self.values}
        return by_label[trial.suggest_categorical(name, list(by_label))]

    def told(self, suggested: Any) -> Any:
        """Return the value that Optuna has under a label."""
        return next(value for value in self.values if _label(value) == suggested)

    def sample(self) -> tuple[Any, ...]:
        """Return values that stand for all."""
        return self.values


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from `low` to `high`, both included; whole ones where the bounds are."""

    low: float
    high: float
    log: bool = False
    step: float | None = None

    @property
    def whole(self) -> bool:
        """Whether the numbers are whole."""
        given = (self.low, self.high) if self.step is None else (self.low, self.high, self.step)
        return all(isinstance(each, int) for each in given)

    def suggest(self, trial: Any, name: str) -> Any:
        """Ask a trial of Optuna for a number."""
        if self.whole:
            step = 1 if self.step is None else self.step
            return trial.suggest_int(name, self.low, self.high, step=step, log=self.log)
        return trial.suggest_float(name, self.low, self.high, step=self.step, log=self.log)

    def told(self, suggested: Any) -> Any:
        """Return the number as Optuna has it."""
        return suggested

    def sample(self) -> tuple[Any, ...]:
        """Return numbers that stand for all."""
        return (self.low, self.high)


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that is searched.

    Parameters
    ----------
    name : str
        As it was given, such as ``"learner.l2"``.
    part : str
        ``"imputer"``, ``"encoder"``, ``"pruner"``, ``"scaler"``, ``"bins"`` or ``"learner"``.
    parameter : str
        Of the part; empty where the part itself is chosen.
    values : Choices or Range
    kind : str, optional
        The kind of learner that it is asked for with; default any.
    """

    name: str
    part: str
    parameter: str
    values: Choices | Range
    kind: str | None = None


class PipelineSpace:
    """What a search over the settings of a pipeline tries.

    Parameters
    ----------
    space : mapping
        By the name of a setting, or nested at its dots: a list of choices, or a range
        ``{"low": ..., "high": ..., "log": ..., "step": ...}``. Names are ``imputer.strategy``,
        ``encoder.max_categories``, ``pruner.threshold`` and the like, ``scaler``, ``bins``,
        ``learner.kind``, and any parameter of a learner: ``learner.l2``. A parameter of one kind is
        asked for with that kind alone; one that both kinds searched have, by a longer name:
        ``learner.linear.l2``.
    kind : {"linear", "xgboost"}
        Of the learner, where `space` does not have it.

    Raises
    ------
    ConfigError
        If there is nothing to search, or a name or a value is not known.
    """

    def __init__(self, space: Mapping[str, Any], kind: str) -> None:
        given = dict(_flat(space))
        if not given:
            raise ConfigError(
                "there is nothing to search: give choices or ranges of settings, such as "
                '{"learner.l2": {"low": 1e-8, "high": 1e-2, "log": True}}'
            )
        self.kinds: tuple[str, ...] = (kind,)
        if "learner.kind" in given:
            self.kinds = tuple(_known_choices("learner.kind", given["learner.kind"], KINDS).values)
        self.settings = tuple(
            sorted((self._setting(name, values) for name, values in given.items()), key=_first)
        )

    def _setting(self, name: str, values: Any) -> Setting:
        part, _, parameter = name.partition(".")
        if name == "learner.kind":
            return Setting(name, part, parameter, Choices(self.kinds))
        if name == "scaler":
            return self._of(
                "linear", Setting(name, part, "", _known_choices(name, values, SCALERS))
            )
        if name == "bins":
            return self._of("linear", Setting(name, part, "", _values(name, values)))
        if name == "imputer.strategy":
            return Setting(name, part, parameter, _known_choices(name, values, _STRATEGIES))
        if parameter in _STEPS.get(part, ()):
            return Setting(name, part, parameter, _values(name, values))
        if part == "learner":
            return self._of_learner(name, values)
        raise _unknown(name)

    def _of_learner(self, name: str, values: Any) -> Setting:
        stated, _, parameter = name.removeprefix("learner.").rpartition(".")
        if stated not in ("", *KINDS) or parameter in _NOT_SEARCHED:
            raise _unknown(name)
        having = [kind for kind in KINDS if parameter in _PARAMETERS[kind]]
        if not having or (stated and stated not in having):
            raise _unknown(name)
        searched = [kind for kind in having if kind in self.kinds]
        if not stated and len(searched) > 1:
            raise ConfigError(
                f"{name} is another thing to each kind of learner; say whose: "
                + " or ".join(f"learner.{kind}.{parameter}" for kind in searched)
            )
        setting = Setting(name, "learner", parameter, _values(name, values))
        return self._of(stated or (searched or having)[0], setting)

    def _of(self, kind: str, setting: Setting) -> Setting:
        if kind not in self.kinds:
            raise ConfigError(
                f"{setting.name} is asked for with a {kind} learner alone, and no trial has one; "
                f'leave it out, or search both: "learner.kind" = {list(KINDS)}'
            )
        return Setting(setting.name, setting.part, setting.parameter, setting.values, kind)

    def ask(self, trial: Any) -> dict[str, Any]:
        """Return the value of each setting that a trial of Optuna tries, by name."""
        kind, asked = self.kinds[0], {}
        for setting in self.settings:
            if setting.kind in (None, kind) or setting.name == "learner.kind":
                asked[setting.name] = setting.values.suggest(trial, setting.name)
            if setting.name == "learner.kind":
                kind = asked[setting.name]
        return asked

    def told(self, suggested: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values that a finished trial of Optuna had, as `ask` gave them."""
        return {
            setting.name: setting.values.told(suggested[setting.name])
            for setting in self.settings
            if setting.name in suggested
        }

    def samples(self) -> Iterator[dict[str, Any]]:
        """Yield each setting alone, at the values that stand for all."""
        for setting in self.settings:
            kind = {} if len(self.kinds) == 1 else {"learner.kind": setting.kind or self.kinds[0]}
            for value in setting.values.sample():
                yield kind | {setting.name: value}

    def words(self) -> dict[str, str]:
        """Return what is searched, in words that tell one space from another."""
        return {setting.name: repr(setting.values) for setting in self.settings}


def _first(setting: Setting) -> bool:
    return setting.name != "learner.kind"


def _flat(space: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, values in space.items():
        if isinstance(values, Mapping) and not set(values) & set(_RANGE):
            if not values:
                raise ConfigError(f"{prefix}{name} has no values to try")
            yield from _flat(values, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", values


def _unknown(name: str) -> ConfigError:
    known = ["scaler", "bins", "learner.kind"]
    known += [f"{part}.{parameter}" for part, names in _STEPS.items() for parameter in names]
    known += [
        f"learner.{each}"
        for kind in KINDS
        for parameter in _PARAMETERS[kind]
        if parameter not in _NOT_SEARCHED
        for each in (parameter, f"{kind}.{parameter}")
    ]
    hint = did_you_mean(name, known) or (
        f"; known are {', '.join(known[: 3 + sum(map(len, _STEPS.values()))])} and the parameters "
        "of the learner, such as learner.l2"
    )
    return ConfigError(f"{name!r} is not a setting that can be searched{hint}")


def _known_choices(name: str, values: Any, known: Sequence[str] | Mapping[str, Any]) -> Choices:
    found = _values(name, values)
    if isinstance(found, Range):
        raise ConfigError(f"{name} is a range; expected a list of {', '.join(known)}")
    for value in found.values:
        if value not in known:
            hint = did_you_mean(str(value), known, listed=True)
            raise ConfigError(f"{name} has the choice {value!r}, which is none{hint}")
    return found


def _values(name: str, values: Any) -> Choices | Range:
    if isinstance(values, Uniform | LogUniform):
        return Range(values.low, values.high, log=isinstance(values, LogUniform))
    if isinstance(values, Mapping):
        return _range(name, values)
    if isinstance(values, str) or not isinstance(values, Sequence | np.ndarray):
        raise ConfigError(
            f"{name} is {values!r}; expected a list of choices, or a range such as "
            '{"low": 1, "high": 10}'
        )
    plain = tuple(v.item() if isinstance(v, np.generic) else v for v in values)
    if not plain:
        raise ConfigError(f"{name} has no values to try")
    return Choices(plain)


def _range(name: str, given: Mapping[str, Any]) -> Range:
    for key in given:
        if key not in _RANGE:
            raise ConfigError(
                f"{name} has the unknown key {key!r}{did_you_mean(key, _RANGE, listed=True)}"
            )
    for key in ("low", "high"):
        if key not in given:
            raise ConfigError(f"{name} has no {key}; a range has both bounds: low and high")
    for key in ("low", "high", "step"):
        value = given.get(key, 1)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value):
            raise ConfigError(f"{name} has {key} = {value!r}; expected a number")
    found = Range(given["low"], given["high"], bool(given.get("log", False)), given.get("step"))
    if not found.low < found.high:
        raise ConfigError(f"{name} has low = {found.low:g}, which is not below high")
    if found.log and found.low <= 0:
        raise ConfigError(f"{name} has low = {found.low:g}; a range by log begins above 0")
    if found.log and found.step is not None:
        raise ConfigError(f"{name} has log and step; choose one")
    if found.step is not None and found.step <= 0:
        raise ConfigError(f"{name} has step = {found.step:g}; expected a number above 0")
    return found


def _label(value: Any) -> Any:
    """Return what Optuna knows a choice by: what JSON has, as it is, else text."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return json.dumps(value, default=repr, sort_keys=True)
