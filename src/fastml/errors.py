"""The errors that fastml raises.

Each is a `FastMLError` and also the built-in that fits, so that a caller may catch either. A
message says what was found, where, what was expected and what to do.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "ArtifactError",
    "ConfigError",
    "DataError",
    "FastMLError",
    "LaunchError",
    "NotFittedError",
    "SchemaError",
    "ServingError",
    "StoppedError",
    "did_you_mean",
    "not_fitted",
]


class FastMLError(Exception):
    """Base of every error that fastml raises on purpose."""


class SchemaError(FastMLError, ValueError):
    """A table's columns are not those that were expected: missing, doubled, of another type."""


class DataError(FastMLError, ValueError):
    """A table's values cannot be used: unreadable, infinite, a single class, no rows."""


class ConfigError(FastMLError, ValueError):
    """A setting is unknown, out of range, or contradicts another."""


class NotFittedError(FastMLError, ValueError, AttributeError):
    """An estimator was used before `fit`."""


class ArtifactError(FastMLError, ValueError):
    """A saved model is missing, truncated, altered, foreign or of a newer format."""


class ServingError(FastMLError, RuntimeError):
    """A request cannot be answered."""


class LaunchError(FastMLError, RuntimeError):
    """A service of the cloud refused what was asked, or a job or an endpoint there failed."""


class StoppedError(FastMLError, RuntimeError):
    """A training was asked to stop, and has saved what it had learned."""


def did_you_mean(name: str, known: Iterable[str], *, listed: bool = False) -> str:
    """Return `; did you mean 'X'?` for an unknown name, whatever its case.

    Where no known name is near, return nothing, or if `listed`, all that are known.
    """
    folded = {each.casefold(): each for each in known}
    near = get_close_matches(name.casefold(), folded, n=1)
    if near:
        return f"; did you mean {folded[near[0]]!r}?"
    return f"; known are {', '.join(folded.values())}" if listed else ""


def not_fitted(estimator: object) -> NotFittedError:
    """Return the error for an estimator that was used before `fit`.

    Where scikit-learn is loaded, the error is scikit-learn's `NotFittedError` too, so that its
    tools recognise it; scikit-learn is never imported for that.
    """
    message = (
        f"this {type(estimator).__name__} is not fitted yet; "
        "call fit with training data before using it"
    )
    sklearn = sys.modules.get("sklearn.exceptions")
    if sklearn is None:
        return NotFittedError(message)
    both = type("NotFittedError", (NotFittedError, sklearn.NotFittedError), {})
    error: NotFittedError = both(message)
    return error
