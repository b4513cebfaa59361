"""What is left out of a model, in words, and how that is overruled."""

from __future__ import annotations

import pytest

from fastml.errors import ConfigError
from fastml.preprocessing.screening import ColumnFacts, screen

COLUMNS = [
    ColumnFacts(name="age", role="numeric", association=0.3),
    ColumnFacts(name="state", role="categorical"),
    ColumnFacts(name="customer", role="identifier", reason="every value occurs once"),
    ColumnFacts(name="phone", role="personal", reason="98% of its values look like phone numbers"),
    ColumnFacts(name="country", role="constant", reason="every row has 'NL'"),
    ColumnFacts(name="notes", role="text"),
    ColumnFacts(name="points", role="unsupported", reason="its type is list<item: int64>"),
    ColumnFacts(
        name="left", role="numeric", association=0.9987, association_as="|2 AUC - 1| of it alone"
    ),
    ColumnFacts(name="odd", role="numeric", association=float("nan")),
]


def test_reasons_in_words() -> None:
    screening = screen(COLUMNS, drop=["state"])
    assert screening.kept == ["age", "odd"]
    assert screening.dropped == {
        "state": "asked for",
        "customer": "an identifier: every value occurs once",
        "phone": "personal data: 98% of its values look like phone numbers",
        "country": "always the same: every row has 'NL'",
        "notes": "free text",
        "points": "of a type that cannot be a feature: its type is list<item: int64>",
        "left": "leaks the target: |2 AUC - 1| of it alone is 0.9987, above 0.99; if it is known "
        "when the model is asked, keep it: keep=['left']",
    }


def test_every_reason_can_be_overruled() -> None:
    keep = ["customer", "phone", "country", "notes", "left", "age"]
    screening = screen(COLUMNS, keep=keep)
    assert screening.kept == [
        *["age", "state", "customer", "phone", "country", "notes"],
        "left",
        "odd",
    ]
    assert list(screening.dropped) == ["points"]


def test_the_limit_of_a_leak() -> None:
    assert "left" in screen(COLUMNS, leak_limit=0.9987).kept
    assert "age" in screen(COLUMNS, leak_limit=0.2).dropped


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"keep": ["agee"]}, "keep names 'agee', which is not a column; did you mean 'age'"),
        ({"drop": ["zzz"]}, "drop names 'zzz', which is not a column$"),
        ({"keep": ["age"], "drop": ["age"]}, "'age' is both in keep and in drop; choose one"),
        ({"keep": ["points"]}, "'points' is in keep, but is of a type that cannot be a feature"),
        ({"leak_limit": 0.0}, "leak_limit is 0.0; expected a number between 0 and 1"),
    ],
)
def test_messages(settings: dict[str, list[str]], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        screen(COLUMNS, **settings)  # type: ignore[arg-type]
