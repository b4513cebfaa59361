"""Reads a TOML table into a frozen dataclass: every key known, every value checked.

A dataclass states each key as `name: Annotated[type, check] = default`; a check takes the value and
where it stands, and returns the value or raises a `ConfigError` that says what was found and what
was expected.
"""

from __future__ import annotations

import reprlib
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields
from typing import Any, TypeAlias, TypeVar, get_type_hints

from fastml.errors import ConfigError, did_you_mean

Check: TypeAlias = Callable[[Any, str], Any]
T = TypeVar("T")

_MOST = 2**63 - 1
_KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a table",
}


def read_settings(
    cls: type[T], table: Any, section: str, *, later: Mapping[str, str] | None = None
) -> T:
    """Read the TOML table of `section` into the settings dataclass `cls`.

    Parameters
    ----------
    cls : type
        A dataclass whose fields are annotated with their checks.
    table : object
        What TOML holds at the section.
    section : str
        The section's name, for messages.
    later : mapping of str to str, optional
        Keys that are planned but not available, and what each would do.

    Raises
    ------
    ConfigError
        If a key is unknown, missing, not yet available, or its value does not fit.
    """
    if not isinstance(table, dict):
        raise ConfigError(f"{section}: expected a table, found {found(table)}")
    checks = checks_of(cls)
    refuse_unknown(table, checks, section, later)
    for each in fields(cls):  # type: ignore[arg-type]
        if each.default is MISSING and each.name not in table:
            raise ConfigError(f"{section} {each.name} is missing; it must be given")
    values = {name: checks[name](value, f"{section} {name}") for name, value in table.items()}
    return cls(**values)


def checks_of(cls: type) -> dict[str, Check]:
    """Return the check of each key of a settings dataclass."""
    hints = get_type_hints(cls, include_extras=True)
    return {name: hint.__metadata__[0] for name, hint in hints.items()}


def refuse_unknown(
    given: Iterable[str],
    known: Iterable[str],
    section: str,
    later: Mapping[str, str] | None = None,
) -> None:
    """Raise a `ConfigError` for the first given key that is not known."""
    known = tuple(known)
    for name in given:
        if later and name in later:
            raise ConfigError(
                f"{section} {name} is not yet available ({later[name]}); leave it out"
            )
        if name not in known:
            raise ConfigError(
                f"{section} {name!r} is not a known key{did_you_mean(name, known, listed=True)}"
            )


def found(value: Any) -> str:
    """Describe a value for a message: what it is and what kind it is of."""
    said = reprlib.repr(value) if isinstance(value, int) else repr(value)
    return f"{said} ({_KINDS.get(type(value), type(value).__name__)})"


def text(value: Any, where: str) -> str:
    """Check for text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f"{where}: expected text, found {found(value)}")
    return value


def flag(value: Any, where: str) -> bool:
    """Check for true or false."""
    if not isinstance(value, bool):
        raise ConfigError(f"{where}: expected true or false, found {found(value)}")
    return value


def sign(value: Any, where: str) -> str:
    """Check for one character, white space included."""
    if not isinstance(value, str) or len(value) != 1:
        raise ConfigError(f"{where}: expected one character, found {found(value)}")
    return value


def sign_or_none(value: Any, where: str) -> str | bool:
    """Check for one character, or false where there is none."""
    if value is False:
        return False
    if not isinstance(value, str) or len(value) != 1:
        raise ConfigError(
            f"{where}: expected one character, or false for none, found {found(value)}"
        )
    return value


def texts(value: Any, where: str) -> tuple[str, ...]:
    """Check for a list of texts."""
    if not isinstance(value, list):
        raise ConfigError(f'{where}: expected a list such as ["a", "b"], found {found(value)}')
    return tuple(text(each, f"{where}, item {i}") for i, each in enumerate(value, 1))


def label(value: Any, where: str) -> str | int | float | bool:
    """Check for one value of a column: text, a number, true or false."""
    if not isinstance(value, (str, int, float, bool)):
        raise ConfigError(f"{where}: expected a value of the column, found {found(value)}")
    return value


def choice(*allowed: str, later: Mapping[str, str] | None = None) -> Callable[[Any, str], str]:
    """Return a check for one of the allowed words."""

    def check(value: Any, where: str) -> str:
        if isinstance(value, str) and value in (later or {}):
            raise ConfigError(
                f"{where} = {value!r} is not yet available; expected {_either(allowed)}"
            )
        if value not in allowed:
            hint = did_you_mean(value, allowed) if isinstance(value, str) else ""
            raise ConfigError(f"{where}: expected {_either(allowed)}, found {found(value)}" + hint)
        return str(value)

    return check


def _either(allowed: tuple[str, ...]) -> str:
    return " or ".join(repr(each) for each in allowed)


def number(
    *,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    below: float | None = None,
) -> Callable[[Any, str], float]:
    """Return a check for a finite number within bounds."""
    bounds = _bounds(at_least, above, at_most, below)

    def check(value: Any, where: str) -> float:
        ok = (
            isinstance(value, (int, float))
            and not isinstance(value, bool)
            and abs(value) <= sys.float_info.max  # whole numbers of TOML have no bound
            and (at_least is None or value >= at_least)
            and (above is None or value > above)
            and (at_most is None or value <= at_most)
            and (below is None or value < below)
        )
        if not ok:
            raise ConfigError(f"{where}: expected a number{bounds}, found {found(value)}")
        return float(value)

    return check


def whole(*, at_least: int = 0, at_most: int = _MOST) -> Callable[[Any, str], int]:
    """Return a check for a whole number of at least `at_least`, and of 64 bits at most."""

    def check(value: Any, where: str) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < at_least:
            raise ConfigError(
                f"{where}: expected a whole number of at least {at_least}, found {found(value)}"
            )
        if value > at_most:
            raise ConfigError(f"{where}: expected at most {at_most:,}, found {found(value)}")
        return value

    return check


def _bounds(
    at_least: float | None, above: float | None, at_most: float | None, below: float | None
) -> str:
    said = [
        f"{words} {bound:g}"
        for words, bound in (
            ("of at least", at_least),
            ("above", above),
            ("of at most", at_most),
            ("below", below),
        )
        if bound is not None
    ]
    return " " + " and ".join(said) if said else ""


def given(settings: Any, *apart: str) -> dict[str, Any]:
    """Return the keys of a section that have a value, but for those in `apart`."""
    values = {each.name: getattr(settings, each.name) for each in fields(settings)}
    return {k: v for k, v in values.items() if k not in apart and v is not None}
