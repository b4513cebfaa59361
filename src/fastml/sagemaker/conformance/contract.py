"""What an item of the contract is, and what it is to break one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from fastml.sagemaker.conformance.workbench import Workbench

__all__ = ["BrokenError", "Check", "Collected", "Item", "Need", "expect", "shown"]

Check: TypeAlias = "Callable[[Workbench], str | None]"
Need: TypeAlias = Literal["image", "churn", "time"]
"""What not every test has: an image, fastml's own table and settings, or a minute and a half."""


class BrokenError(Exception):
    """The contract is broken; the message says how, in one line."""


@dataclass(frozen=True, slots=True)
class Item:
    """An item of the contract.

    Parameters
    ----------
    name : str
        Such as `train.pipe`.
    asks : str
        What SageMaker, or a user of it, asks for.
    source : str
        Where that is documented: a page of SageMaker's developer guide by its name, or ours.
    needs : tuple of str
    check : callable
        Returns what was measured or found, if it is worth telling; raises `BrokenError`.
    """

    name: str
    asks: str
    source: str
    needs: tuple[Need, ...]
    check: Check


class Collected(list[Item]):
    """Items in the order in which they are looked at, of one page of the documentation."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self._source = source

    def item(
        self, name: str, asks: str, *needs: Need, source: str = ""
    ) -> Callable[[Check], Check]:
        """Add a function as the check of an item."""

        def add(check: Check) -> Check:
            self.append(Item(name, asks, source or self._source, needs, check))
            return check

        return add


def expect(holds: object, otherwise: str) -> None:
    """Raise `BrokenError` with these words unless something holds."""
    if not holds:
        raise BrokenError(otherwise)


def shown(words: str | bytes, most: int = 160) -> str:
    """Return the beginning of what was found, in one line."""
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    line = " ".join(text.split())
    return repr(line if len(line) <= most else f"{line[:most]}...")
