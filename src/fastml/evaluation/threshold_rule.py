"""How a threshold is to be chosen, as a user says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal, TypeAlias

from fastml.errors import ConfigError, did_you_mean

__all__ = ["Stated", "ThresholdRule", "parse_threshold_rule"]

Stated: TypeAlias = str | float | Mapping[str, float]
Kind: TypeAlias = Literal["profit", "f_beta", "accuracy", "recall", "precision", "fixed"]

_WORDS: dict[str, tuple[Kind, float]] = {
    "profit": ("profit", 0.0),
    "f1": ("f_beta", 1.0),
    "accuracy": ("accuracy", 0.0),
}
_LEVELS: tuple[Kind, ...] = ("recall", "precision", "f_beta")
_EXPECTED = (
    '"profit", "f1", "accuracy", { recall = 0.8 }, { precision = 0.9 }, { f_beta = 2 } '
    "or a probability"
)


@dataclass(frozen=True, slots=True)
class ThresholdRule:
    """What a threshold is chosen for.

    Attributes
    ----------
    kind : {"profit", "f_beta", "accuracy", "recall", "precision", "fixed"}
    level : float
        The beta, the recall or precision to reach, or the threshold itself.
    """

    kind: Kind
    level: float = 0.0

    def __str__(self) -> str:
        if self.kind == "fixed":
            return "as stated"
        if self.kind == "f_beta":
            return f"for the greatest F{self.level:g}"
        if self.kind in ("recall", "precision"):
            other = "precision" if self.kind == "recall" else "recall"
            return f"for the greatest {other} with a {self.kind} of at least {self.level:g}"
        return f"for the greatest {self.kind}"


def parse_threshold_rule(stated: Any) -> ThresholdRule:
    """Read how a threshold is to be chosen.

    Parameters
    ----------
    stated : str, float or mapping
        "profit", "f1" or "accuracy": where that is greatest. `{"recall": 0.8}`: the greatest
        precision with at least this recall, and `{"precision": 0.9}` the other way round.
        `{"f_beta": 2}`: the greatest F-beta, in which recall counts for beta times as much as
        precision. A number: that probability.

    Raises
    ------
    ConfigError
        If it is none of these.
    """
    if isinstance(stated, str) and stated in _WORDS:
        return ThresholdRule(*_WORDS[stated])
    if isinstance(stated, Mapping) and len(stated) == 1:
        [(kind, level)] = stated.items()
        if kind in _LEVELS:
            return ThresholdRule(kind, _level(kind, level))
    if _is_number(stated):
        return ThresholdRule("fixed", _level("fixed", stated))
    known = [*_WORDS, *_LEVELS]
    hint = did_you_mean(stated, known) if isinstance(stated, str) else ""
    raise ConfigError(f"the threshold is {stated!r}; expected {_EXPECTED}{hint}")


def _level(kind: Kind, level: Any) -> float:
    most = {"fixed": 1.0, "recall": 1.0, "precision": 1.0}.get(kind)
    sound = _is_number(level) and (level > 0.0 or (kind == "fixed" and level == 0.0))
    if not sound or (most is not None and level > most):
        what = "a probability" if kind == "fixed" else kind
        bounds = "a number above 0" if most is None else f"a number between 0 and {most:g}"
        percent = most is not None and _is_number(level) and most < level <= 100
        hint = f"; {level:g}% is {level / 100:g}" if percent else ""
        raise ConfigError(f"the threshold asks for {what} of {level!r}; expected {bounds}{hint}")
    return float(level)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
