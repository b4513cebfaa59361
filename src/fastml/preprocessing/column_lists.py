"""The lists of columns that a user may give, and what must not be in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fastml.errors import ConfigError

__all__ = ["COLUMN_LISTS", "check_column_lists"]

COLUMN_LISTS = ("drop", "keep", "categorical", "numeric")
_EXCLUSIVE = (("drop", "keep"), ("categorical", "numeric"))


def check_column_lists(lists: Mapping[str, Sequence[str]], apart: Mapping[str, str | None]) -> None:
    """Check lists of columns against one another.

    Parameters
    ----------
    lists : mapping
        Those of `COLUMN_LISTS`, by name.
    apart : mapping of str to str or None
        The columns that are no features, such as the target, by what they are.

    Raises
    ------
    ConfigError
        If a list is a text, has a column that is no feature, or one that its opposite has.
    """
    for setting, columns in lists.items():
        if isinstance(columns, str):
            raise ConfigError(f"{setting} is the text {columns!r}; expected [{columns!r}]")
        for what, column in apart.items():
            if column in columns:
                raise ConfigError(
                    f"the {what} {column!r} is in {setting}, but is never a feature; take it out"
                )
    for one, other in _EXCLUSIVE:
        both = set(lists[one]) & set(lists[other])
        if both:
            raise ConfigError(f"column {min(both)!r} is both in {one} and in {other}; choose one")
