"""Looks at each item of the contract, and tells what was found."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from http.client import HTTPException
from typing import Literal

from fastml.errors import ConfigError
from fastml.sagemaker.conformance.contract import BrokenError, Item, Need
from fastml.sagemaker.conformance.ending import ENDING
from fastml.sagemaker.conformance.image import IMAGE
from fastml.sagemaker.conformance.many_models import MANY_MODELS
from fastml.sagemaker.conformance.resuming import RESUMING
from fastml.sagemaker.conformance.serving import SERVING
from fastml.sagemaker.conformance.training import TRAINING
from fastml.sagemaker.conformance.workbench import Workbench

__all__ = ["ITEMS", "Found", "chosen", "conformance", "lines"]

ITEMS: tuple[Item, ...] = (*TRAINING, *RESUMING, *SERVING, *ENDING, *MANY_MODELS, *IMAGE)
"""The contract."""
_NEEDS: dict[Need, str] = {
    "image": "needs an image",
    "churn": "needs fastml's own table",
    "time": "takes more than a minute: --slow",
}
_NAME = max(len(each.name) for each in ITEMS)


@dataclass(frozen=True, slots=True)
class Found:
    """What was found of an item."""

    item: Item
    verdict: Literal["passed", "failed", "left out"]
    words: str
    seconds: float

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON has it."""
        return {
            "item": self.item.name,
            "verdict": self.verdict,
            "found": self.words,
            "asks": self.item.asks,
            "source": self.item.source,
            "seconds": round(self.seconds, 3),
        }


def chosen(patterns: Sequence[str]) -> list[Item]:
    """Return the items whose name fits one of the patterns; all where there are none.

    Raises
    ------
    ConfigError
        If a pattern fits none.
    """
    for pattern in patterns:
        if not any(fnmatchcase(each.name, pattern) for each in ITEMS):
            known = ", ".join(each.name for each in ITEMS)
            raise ConfigError(f"--only {pattern!r} fits no item; there are {known}")
    return [
        each
        for each in ITEMS
        if not patterns or any(fnmatchcase(each.name, pattern) for pattern in patterns)
    ]


def conformance(
    bench: Workbench, items: Sequence[Item] = ITEMS, *, slow: bool = False
) -> Iterator[Found]:
    """Look at items one after another.

    Parameters
    ----------
    bench : Workbench
    items : sequence of Item
    slow : bool
        Whether there is time for those that take more than a minute.
    """
    there = {"image": bench.runner.is_image, "churn": bench.sample.is_churn, "time": slow}
    for item in items:
        lacking = [_NEEDS[need] for need in item.needs if not there[need]]
        yield Found(item, "left out", lacking[0], 0.0) if lacking else _look(bench, item)


def _look(bench: Workbench, item: Item) -> Found:
    began = time.perf_counter()
    try:
        words = item.check(bench) or ""
        verdict: Literal["passed", "failed"] = "passed"
    except BrokenError as error:
        verdict, words = "failed", str(error)
    except (OSError, HTTPException, ValueError) as error:  # of what it sent, or did not
        verdict, words = "failed", f"{type(error).__name__}: {error}"
    return Found(item, verdict, words, time.perf_counter() - began)


def lines(found: Found) -> Iterator[str]:
    """Yield what is printed of an item: a line, and where it failed, what is asked and where."""
    yield f"{found.verdict:<8}  {found.item.name:<{_NAME}}  {found.words}".rstrip()
    if found.verdict == "failed":
        yield f"{'':<8}  {'':<{_NAME}}  asked: {found.item.asks} ({found.item.source})"
