"""Checksummed numbers: published examples pass, and a changed digit does not."""

from __future__ import annotations

import pytest

from fastml.profile.checksums import is_card, is_iban, is_national_id


@pytest.mark.parametrize(
    "number", ["4111111111111111", "5500 0000 0000 0004", "3400-000000-00009", "6011000000000004"]
)
def test_cards(number: str) -> None:
    assert is_card(number)
    assert not is_card(number[:-1] + str((int(number[-1]) + 1) % 10))


@pytest.mark.parametrize("value", ["", "0000000000000000", "411111111111", "4" * 20, "4111-x"])
def test_what_is_no_card(value: str) -> None:
    assert not is_card(value)


@pytest.mark.parametrize(
    "number",
    ["GB82 WEST 1234 5698 7654 32", "DE89370400440532013000", "FR1420041010050500013M02606"],
)
def test_ibans(number: str) -> None:
    assert is_iban(number)
    assert is_iban(number.lower())
    assert not is_iban(number.replace("4", "5", 1))
    assert not is_iban(number[:12])


@pytest.mark.parametrize(
    "value",
    [
        "123-45-6789",
        "AB 12 34 56 C",
        "12345678Z",
        "12345678-Z",
        "RSSMRA85T10A562S",
        "529.982.247-25",
    ],
)
def test_national_identifiers(value: str) -> None:
    assert is_national_id(value)


@pytest.mark.parametrize(
    "value", ["000-12-3456", "12345678A", "529.982.247-26", "2024-01-15", "", "abc"]
)
def test_what_is_no_national_identifier(value: str) -> None:
    assert not is_national_id(value)
