"""Roles are what a careful data scientist would say, with the reason in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from fastml.profile import profile
from fastml.profile.words import Words
from fastml.schema import Role

RNG = np.random.default_rng(0)
N = 2_000


def role(name: str, values: Any) -> tuple[Role, str]:
    column = profile(pa.table({name: values}), threads=1).columns[name]
    return column.role, column.reason


def pick(values: Sequence[Any]) -> list[Any]:
    return [values[i] for i in RNG.integers(0, len(values), N)]


def numbered(pattern: str) -> list[str]:
    return [pattern.format(i) for i in RNG.permutation(N)]


LEARNABLE: list[tuple[str, Any, Role]] = [
    # A state, a city or an area code alone places nobody.
    ("state", pick(["CA", "NY", "TX", "WA"]), Role.CATEGORICAL),
    ("city", pick([f"town {i}" for i in range(300)]), Role.CATEGORICAL),
    ("area_code", pick(["area_code_408", "area_code_415", "area_code_510"]), Role.CATEGORICAL),
    ("area_code", pick([408, 415, 510]), Role.CATEGORICAL),
    ("zip", pick([f"9{i:04}" for i in range(80)]), Role.CATEGORICAL),
    ("store_id", pick(list(range(1, 21))), Role.CATEGORICAL),
    ("account_length", RNG.integers(1, 243, N), Role.NUMERIC),
    ("id_count", RNG.integers(1, 50, N), Role.NUMERIC),
    ("price", RNG.lognormal(10, 1, N), Role.NUMERIC),
    ("population", RNG.choice(10**7, N, replace=False), Role.NUMERIC),  # unique, but an amount
    ("id", RNG.normal(size=N), Role.NUMERIC),  # floats are never identifiers
    ("year", RNG.integers(1990, 2024, N), Role.NUMERIC),
    ("elevation", np.round(RNG.normal(500, 90, N), 2), Role.NUMERIC),
    ("lat", np.round(RNG.uniform(-80, 80, N), 1), Role.NUMERIC),  # to 11 km
    ("churn", pick([0, 1]), Role.BOOLEAN),
    ("rain", pick([0.0, 1.0]), Role.BOOLEAN),
    ("churn", pick(["no", "yes"]), Role.BOOLEAN),
    ("smoker", pick(["True", "False"]), Role.BOOLEAN),
    ("sex", pick(["male", "female"]), Role.CATEGORICAL),
    ("telephone", pick(["none", "yes, registered under the customer's name"]), Role.CATEGORICAL),
    ("voice_mail_plan", pick(["no", "yes"]), Role.BOOLEAN),
    ("Street", pick(["Pave", "Grvl"]), Role.CATEGORICAL),
    ("name", pick(["Delta Air Lines", "United", "Southwest"]), Role.CATEGORICAL),
    ("ip", pick(["low", "high"]), Role.CATEGORICAL),
    ("version", pick(["1.0.0", "1.2.0", "2.0.1"]), Role.CATEGORICAL),
    ("address", pick(["billing", "home"]), Role.CATEGORICAL),
    ("amount", pick([f"{v:.2f}" for v in RNG.normal(1e9, 1e8, 50)]), Role.CATEGORICAL),
    (
        "when",
        pick([f"2024-0{m}-1{d} 08:30:00" for m in range(1, 9) for d in range(9)]),
        Role.DATETIME,
    ),
]
SET_ASIDE: list[tuple[str, Any, Role]] = [
    ("customer_id", RNG.choice(10**9, N, replace=False), Role.IDENTIFIER),
    ("rowid", np.arange(N), Role.IDENTIFIER),
    ("n", RNG.permutation(N), Role.IDENTIFIER),  # numbers the rows, whatever its name
    ("uuid", numbered("{:08x}-aaaa-bbbb"), Role.IDENTIFIER),
    ("reference", numbered("INV{:06}"), Role.IDENTIFIER),
    ("user_id", pick(list(range(700))), Role.IDENTIFIER),  # of three rows each
    ("comment", numbered("The customer number {} called to say that it works"), Role.TEXT),
    ("country", ["FR"] * N, Role.CONSTANT),
    ("zero", [0.0] * N, Role.CONSTANT),
    ("nothing", [None] * N, Role.CONSTANT),
]


@pytest.mark.parametrize(("name", "values", "expected"), LEARNABLE)
def test_a_model_may_learn_from(name: str, values: Any, expected: Role) -> None:
    found, reason = role(name, values)
    assert found is expected, reason
    assert found.learnable
    assert reason


@pytest.mark.parametrize(("name", "values", "expected"), SET_ASIDE)
def test_a_model_should_not_learn_from(name: str, values: Any, expected: Role) -> None:
    found, reason = role(name, values)
    assert found is expected, reason
    assert not found.learnable
    assert reason


def luhn(prefix: str) -> str:
    digits = [int(d) for d in prefix]
    total = sum(
        (d * 2 - 9 if d * 2 > 9 else d * 2) if place % 2 == 0 else d
        for place, d in enumerate(reversed(digits))
    )
    return prefix + str(-total % 10)


def iban(account: int) -> str:
    body = f"DE00{account:018}"
    number = int("".join(str(int(c, 36)) for c in body[4:] + body[:4]))
    return f"DE{98 - number % 97:02}{account:018}"


def dni(i: int) -> str:
    return f"{i + 10**7:08}{'TRWAGMYFPDXBNJZSQVHLCKE'[(i + 10**7) % 23]}"


def digits(make: Callable[[int], str]) -> list[str]:
    return [make(int(i)) for i in RNG.choice(10**6, N, replace=False) + 10**6]


PERSONAL: list[tuple[str, Any, str]] = [
    ("email", digits(lambda i: f"person{i}@example.com"), "e-mail"),
    ("contact", pick([f"a{i}@example.com" for i in range(300)]), "e-mail"),
    ("phone", digits(lambda i: f"{i % 900 + 100}-{i % 9000 + 1000}"), "telephone"),
    ("mobile_number", RNG.integers(6_000_000_000, 6_999_999_999, N), "telephone"),
    ("x7", digits(lambda i: f"(415) 5{i % 90 + 10}-{i % 9000 + 1000}"), "telephone"),
    ("x8", digits(lambda i: f"+33 6 {i % 90 + 10} {i // 7 % 90 + 10} 12 34"), "telephone"),
    ("tax_id", digits(lambda i: f"{i}-X"), "national"),
    ("x1", digits(lambda i: f"{i % 600 + 100}-{i % 90 + 10}-{i % 9000 + 1000}"), "national"),
    ("x2", digits(dni), "national"),
    ("x3", digits(lambda i: luhn(f"4{i:014}")), "payment card"),
    ("card_number", [int(luhn(f"51{i:013}")) for i in RNG.permutation(N)], "payment card"),
    ("x4", digits(iban), "IBAN"),
    ("client_ip", digits(lambda i: f"10.{i % 250}.{i // 250 % 250}.7"), "IP"),
    ("x5", digits(lambda i: f"2001:db8::{i % 65536:x}"), "IP"),
    ("first_name", pick(["Ada", "Grace", "Edsger", "Barbara"]), "names"),
    ("LastName", pick(["Lovelace", "Hopper", "Dijkstra", "Liskov"]), "names"),
    ("name", pick(["John Smith", "Maria Garcia", "Emma Brown", "X Æ"]), "names"),
    ("home_address", digits(lambda i: f"{i % 999} Main Street {i}"), "street"),
    ("latitude", RNG.uniform(37, 38, N), "location"),
    ("pickup_longitude", RNG.uniform(-123, -122, N), "location"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "values", "words"), PERSONAL, ids=[p[0] for p in PERSONAL])
def test_personal_data(name: str, values: Any, words: str) -> None:
    found, reason = role(name, values)
    assert found is Role.PERSONAL, reason
    assert words in reason
    shown = profile(pa.table({name: values}), threads=1)
    assert str(values[0]) not in shown.to_json()
    assert not any(str(value) in str(shown) for value in values[:20])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("CustomerID", ["customer", "id"]),
        ("customer_id", ["customer", "id"]),
        ("customer.firstName", ["customer", "first", "name"]),
        ("IPAddress2", ["ip", "address", "2"]),
        ("été", ["t"]),
        ("", []),
    ],
)
def test_words_of_a_name(name: str, words: list[str]) -> None:
    assert Words(name).words == words


def test_a_hint_is_a_whole_word() -> None:
    assert Words("voice_mail_plan").has_any(["mail"])
    assert not Words("number_vmail_messages").has_any(["mail"])
    assert Words("card_number").has_any(["card number"])
    assert Words("customer_id").ends_with(["id"])
    assert not Words("id_count").ends_with(["id"])


@pytest.mark.parametrize(
    ("texts", "hint"),
    [
        (["06.07.2021", "31.12.2021"], "%d.%m.%Y"),
        (["06/26/2024", "1/2/2024 10:30"], "%m/%d/%Y"),
        (["714,04", "-1.714,04"], "decimal=','"),
        (["82,082", "1,082,082.5"], "thousands"),
        (["$10.50", "$7"], "a sign"),
        (["37%", "4.5 %"], "a sign"),
    ],
)
def test_texts_that_look_like_something_else_come_with_a_hint(texts: list[str], hint: str) -> None:
    table = pa.table({"x": texts * 20})
    column = profile(table).columns["x"]
    assert column.role == Role.CATEGORICAL
    assert hint in column.reason


def test_plain_words_come_without() -> None:
    assert "looks like" not in profile(pa.table({"x": ["red", "4,5 cm"] * 20})).columns["x"].reason


def test_what_was_guessed_is_told() -> None:
    text = str(profile(pa.table({"month": [1, 2, 3] * 9, "x": ["1,5", "2,5", "9,1"] * 9})))
    assert "Guessed:" in text
    assert "month: categorical, its name says a part of the calendar" in text
    assert "decimal=','" in text
