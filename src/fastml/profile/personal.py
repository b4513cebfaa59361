"""Columns that name or place a person, told by their name and by a sample of their content.

A column's name alone is not enough (a column `telephone` may hold "none" and "yes"), nor is
content alone where chance would do. State, city and area code place no single person.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from fastml.profile.checksums import is_card, is_iban, is_national_id
from fastml.profile.given_names import GIVEN_NAMES
from fastml.profile.words import Words

__all__ = ["location_reason", "personal_reason"]

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]{2,}")
_PHONE = re.compile(r"\+?[\d(][\d\s().\-/]{6,21}(?:\s*(?:x|ext\.?)\s*\d{1,6})?", re.IGNORECASE)
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*")
_ENOUGH = 5  # values: fewer may be what they seem by chance


def _is_phone(value: str) -> bool:
    if _PHONE.fullmatch(value.strip()) is None or _DATE.fullmatch(value.strip()):
        return False
    return 7 <= sum(c.isdigit() for c in value) <= 15


def _is_written_phone(value: str) -> bool:
    """Whether the value is written as a telephone number, and as nothing else that has digits."""
    value = value.strip()
    grouped = value.startswith("+") or sum(not c.isdigit() for c in value) >= 2
    return grouped and _is_phone(value) and sum(c.isdigit() for c in value) >= 10


def _is_ip(value: str) -> bool:
    if value.count(".") != 3 and value.count(":") < 2:
        return False
    try:
        ip_address(value.strip())
    except ValueError:
        return False
    return True


def _is_email(value: str) -> bool:
    return _EMAIL.fullmatch(value.strip()) is not None


def _has_given_name(value: str) -> bool:
    parts = re.split(r"[\s,.]+", value.strip().lower())
    return len(parts) <= 5 and any(part in GIVEN_NAMES for part in parts)


def _has_letters(value: str) -> bool:
    return any(c.isalpha() for c in value)


def _has_digits(value: str) -> bool:
    return any(c.isdigit() for c in value)


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of personal data: how a column of it may be called, and what it must hold."""

    words: str
    """Of the reason: "it holds ..."."""
    names: tuple[str, ...]
    """Any of these, as whole words of the column's name, is a hint."""
    plausible: Callable[[str], bool]
    """What most values must be where the name gives a hint."""
    certain: Callable[[str], bool] | None = None
    """What nearly all values must be where it gives none; None: content alone never convicts."""
    repeats: bool = True
    """Whether values may repeat much: else half of them must be distinct."""


_KINDS = (
    _Kind("e-mail addresses", ("email", "e mail", "mail"), _is_email, _is_email),
    _Kind("IBANs", ("iban", "bank account", "account number"), is_iban, is_iban),
    _Kind(
        "payment card numbers",
        ("card", "card number", "credit card", "cc number", "ccnum", "pan"),
        is_card,
        is_card,
        repeats=False,
    ),
    _Kind("IP addresses", ("ip", "ip address", "ipaddress", "ipv4", "ipv6"), _is_ip, _is_ip),
    _Kind(
        "national identifiers",
        (
            "ssn", "social security", "national id", "national insurance", "nino", "passport",
            "tax id", "taxpayer", "driver license", "drivers license", "driving licence", "cpf",
            "dni", "nif", "bsn", "aadhaar", "personnummer", "codice fiscale",
        ),
        _has_digits,
        is_national_id,
        repeats=False,
    ),
    _Kind(
        "telephone numbers",
        ("phone", "phone number", "telephone", "mobile", "cell", "fax", "msisdn", "tel"),
        _is_phone,
        _is_written_phone,
    ),
    _Kind(
        "names of persons",
        (
            "first name", "last name", "full name", "given name", "family name", "middle name",
            "maiden name", "surname", "forename", "firstname", "lastname", "fullname", "fname",
            "lname", "customer name", "client name", "patient name", "employee name",
            "person name", "user name", "username", "contact name", "holder name", "cardholder",
            "owner name", "passenger name", "student name",
        ),
        _has_letters,
    ),
    _Kind("names of persons", ("name", "person", "contact"), _has_given_name),
    _Kind(
        "street addresses",
        ("address", "street address", "addr", "address line", "home address", "street"),
        lambda value: _has_digits(value) and _has_letters(value) and " " in value.strip(),
        repeats=False,
    ),
)  # fmt: skip


def personal_reason(
    name: Words, sample: Sequence[str], distinct_share: float, enough: int = _ENOUGH
) -> str | None:
    """Return why a column is personal data, None where it is not.

    Parameters
    ----------
    name : Words
        The column's name.
    sample : sequence of str
        Distinct values, as text.
    distinct_share : float
        Distinct values as a share of the values present.
    enough : int
        Values that must be seen before content alone convicts.
    """
    if not sample:
        return None
    for kind in _KINDS:
        if not kind.repeats and distinct_share < 0.5:
            continue
        if name.has_any(kind.names) and _share(kind.plausible, sample) >= 0.5:
            return f"its name and its values say that it holds {kind.words}"
        if (
            kind.certain is not None
            and len(sample) >= enough
            and _share(kind.certain, sample) >= 0.9
        ):
            return f"its values are {kind.words}"
    return None


def _share(test: Callable[[str], bool], sample: Sequence[str]) -> float:
    return sum(map(test, sample)) / len(sample)


def location_reason(
    name: Words, low: float, high: float, distinct: float, sample: Sequence[float]
) -> str | None:
    """Return why a column of floats is a precise location, None where it is not.

    Latitudes or longitudes by name and range, to three decimals (100 m) or better, and of more
    than a hundred places.
    """
    latitude = name.has_any(("latitude", "lat"))
    longitude = name.has_any(("longitude", "lon", "lng", "long"))
    limit = 90.0 if latitude else 180.0
    if not (latitude or longitude) or not (-limit <= low <= high <= limit) or distinct <= 100:
        return None
    precise = sum(abs(value * 100 - round(value * 100)) > 1e-6 for value in sample)
    if precise < 0.5 * len(sample):
        return None
    return "its name and its values say that it holds precise locations"
