"""Settings that were given as words: on a command line, or as the hyperparameters of a job."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from fastml.errors import ConfigError
from fastml.workflow.settings import Check

__all__ = ["value_of"]


def value_of(words: str, check: Check | None, where: str) -> Any:
    """Return what words stand for.

    They are read as JSON, else as TOML has values, else as the text that they are; of these the
    first that fits: `7` is a number where one is expected, and elsewhere the name of a column.

    Parameters
    ----------
    words : str
    check : callable or None
        Of the setting; None takes anything.
    where : str
        For messages.

    Raises
    ------
    ConfigError
        If nothing that the words may be read as fits.
    """
    faults = []
    for value in _readings(words):
        try:
            if check is not None:
                check(value, where)
        except ConfigError as fault:
            faults.append(fault)
        else:
            return value
    raise faults[0]


def _readings(words: str) -> Iterator[Any]:
    python = {"True": "true", "False": "false"}
    for read, of in ((json.loads, python.get(words, words)), (_toml, words), (str, words)):
        with suppress(ValueError, RecursionError):
            yield read(of)


def _toml(words: str) -> Any:
    return tomllib.loads(f"value = {words}")["value"]
