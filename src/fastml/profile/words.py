"""The words that a column's name is made of."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["Words"]

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")


class Words:
    """A name as its words in lower case: `CustomerID`, `customer_id` and `customer.id` are one.

    Parameters
    ----------
    name : str
        The name of a column.
    """

    def __init__(self, name: str) -> None:
        self.words = [word.lower() for word in _WORD.findall(name)]
        self._text = f" {' '.join(self.words)} "

    def has_any(self, phrases: Iterable[str]) -> bool:
        """Whether any of `phrases` stands in the name, as whole words one after another."""
        return any(f" {phrase} " in self._text for phrase in phrases)

    def ends_with(self, phrases: Iterable[str]) -> bool:
        """Whether the name ends with any of `phrases`."""
        return any(self._text.endswith(f" {phrase} ") for phrase in phrases)
