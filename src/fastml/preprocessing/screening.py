"""Which columns a model must not learn from, and why; a pure function of a few facts a column."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from fastml.errors import ConfigError, did_you_mean

__all__ = ["LEAK_LIMIT", "ColumnFacts", "Screening", "screen"]

LEAK_LIMIT = 0.99
"""How well a column alone may tell the target (`ColumnFacts.association`) before it is a leak."""

_ROLES = {
    "constant": "always the same",
    "identifier": "an identifier",
    "personal": "personal data",
    "text": "free text",
    "unsupported": "of a type that cannot be a feature",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnFacts:
    """What screening asks about a column.

    Parameters
    ----------
    name : str
    role : str
        From the profile: `constant`, `identifier`, `personal`, `text` and `unsupported` are
        dropped; any other stays.
    reason : str
        The profile's own words for the role, such as "every value occurs once".
    association : float, optional
        How well the column alone tells the target: 0 not at all, 1 completely. NaN or None where
        it is not known.
    association_as : str
        What that number is, such as "the absolute correlation".
    """

    name: str
    role: str
    reason: str = ""
    association: float | None = None
    association_as: str = "the association"


@dataclass(frozen=True, slots=True)
class Screening:
    """The columns that stay, in their order, and the reason in words for each that goes."""

    kept: list[str]
    dropped: dict[str, str]


def screen(
    columns: Sequence[ColumnFacts],
    keep: Collection[str] = (),
    drop: Collection[str] = (),
    leak_limit: float = LEAK_LIMIT,
) -> Screening:
    """Decide which columns a model may learn from.

    Parameters
    ----------
    columns : sequence of ColumnFacts
        The candidates: all but the target and the weights.
    keep, drop : collection of str
        Columns that stay, and that go, whatever is known about them.
    leak_limit : float, default 0.99
        Columns with an association above it are leaks of the target.

    Raises
    ------
    ConfigError
        If `keep` or `drop` names a column that is not there, both name one, `keep` asks for a
        column whose type cannot be a feature, or `leak_limit` is not between 0 and 1.
    """
    if not 0.0 < leak_limit <= 1.0:
        raise ConfigError(f"leak_limit is {leak_limit!r}; expected a number between 0 and 1")
    names = [column.name for column in columns]
    for setting, wanted in (("keep", keep), ("drop", drop)):
        _check_names(setting, wanted, names)
    if both := sorted(set(keep) & set(drop)):
        raise ConfigError(f"column {both[0]!r} is both in keep and in drop; choose one")
    dropped: dict[str, str] = {}
    for column in columns:
        reason = "asked for" if column.name in drop else _reason(column, leak_limit)
        if reason and column.name in keep:
            if column.role == "unsupported":
                raise ConfigError(
                    f"column {column.name!r} is in keep, but is {reason}; convert it to numbers "
                    "or strings first"
                )
            continue
        if reason:
            dropped[column.name] = reason
    return Screening([name for name in names if name not in dropped], dropped)


def _check_names(setting: str, wanted: Collection[str], names: list[str]) -> None:
    for name in wanted:
        if name not in names:
            hint = did_you_mean(name, names)
            raise ConfigError(f"{setting} names {name!r}, which is not a column{hint}")


def _reason(column: ColumnFacts, leak_limit: float) -> str:
    if column.role in _ROLES:
        words = _ROLES[column.role]
        told = column.reason.startswith((words, "it has no"))
        return column.reason if told else f"{words}: {column.reason}" if column.reason else words
    if column.association is not None and column.association > leak_limit:
        return (
            f"leaks the target: {column.association_as} is {column.association:.4f}, above "
            f"{leak_limit:g}; if it is known when the model is asked, keep it: "
            f"keep=[{column.name!r}]"
        )
    return ""
