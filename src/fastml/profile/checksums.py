"""Numbers that carry their own proof: payment cards, bank accounts, national identifiers."""

from __future__ import annotations

import re

__all__ = ["is_card", "is_iban", "is_national_id"]

_CARD = re.compile(r"[2-6]\d{12,18}")
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
_SSN = re.compile(r"(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}")
_NINO = re.compile(r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]")
_DNI = re.compile(r"(\d{8})-?([A-Z])")
_CODICE_FISCALE = re.compile(r"[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]")
_CPF = re.compile(r"(\d{3})\.(\d{3})\.(\d{3})-(\d{2})")
_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"


def is_card(value: str) -> bool:
    """Whether `value` is a payment card's number: 13 to 19 digits and the checksum of ISO/IEC 7812.

    The checksum is Luhn's; one number of ten has it by chance.
    """
    digits = value.replace(" ", "").replace("-", "")
    if _CARD.fullmatch(digits) is None:
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (1 + place % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def is_iban(value: str) -> bool:
    """Whether `value` is an international bank account number, its checksum (ISO 13616) included.

    The country and check digits go to the end, letters become 10 to 35, and the remainder of the
    number by 97 is 1.
    """
    plain = value.replace(" ", "").upper()
    if _IBAN.fullmatch(plain) is None:
        return False
    return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


def is_national_id(value: str) -> bool:
    """Whether `value` is written as a national identifier of a person.

    Known are those of the United States, the United Kingdom, Spain (with its check letter), Italy
    and Brazil (with its check digits), as they are written officially.
    """
    plain = value.strip().upper()
    if _SSN.fullmatch(plain) or _NINO.fullmatch(plain) or _CODICE_FISCALE.fullmatch(plain):
        return True
    if dni := _DNI.fullmatch(plain):
        return _DNI_LETTERS[int(dni[1]) % 23] == dni[2]
    if cpf := _CPF.fullmatch(plain):
        return _is_cpf("".join(cpf.groups()))
    return False


def _is_cpf(digits: str) -> bool:
    for length in (9, 10):
        total = sum(
            int(digit) * weight
            for digit, weight in zip(digits, range(length + 1, 1, -1), strict=False)
        )
        if total * 10 % 11 % 10 != int(digits[length]):
            return False
    return True
