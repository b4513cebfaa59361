"""What a column is for: the vocabulary that the profile, the pipeline and the reports share."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Role"]


class Role(StrEnum):
    """What the values of a column stand for, and so what a model may do with them.

    A model learns from the first four; the others it should leave out.
    """

    NUMERIC = "numeric"
    """Amounts: their differences mean something."""
    CATEGORICAL = "categorical"
    """One of a set of names or codes."""
    BOOLEAN = "boolean"
    """One of two values, such as yes and no."""
    DATETIME = "datetime"
    """A day or an instant."""
    TEXT = "text"
    """Free text, of which hardly two values are alike."""
    IDENTIFIER = "identifier"
    """A key: it names a row, and says nothing of another."""
    CONSTANT = "constant"
    """The same in every row, or nothing at all."""
    PERSONAL = "personal"
    """Names or places a person: not to be learned from, nor shown."""
    UNSUPPORTED = "unsupported"
    """Of a type that has no statistics here: lists, maps, binary."""

    @property
    def learnable(self) -> bool:
        """Whether a model may learn from such a column."""
        return self in (Role.NUMERIC, Role.CATEGORICAL, Role.BOOLEAN, Role.DATETIME)
