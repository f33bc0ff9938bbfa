"""Swedish personal identity numbers and coordination numbers in a text, by date and check digit."""

# Personnummer: Folkbokföringslagen (1991:481), 18 §. Samordningsnummer: the day plus 60 (SFS 2022:1697).

import re
import unicodedata
from datetime import date

_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_BLANKS, _DASH = "[ \\t\\n]{0,2}", "[-+\u2010-\u2015\u2043\u2212]"
_CANDIDATE = re.compile(
    r"(?<![0-9])(?P<century>19|20)?(?P<year>[0-9]{2})(?P<parted>[-. /]?)"
    r"(?P<month>[0-9]{2})(?P=parted)(?P<day>[0-9]{2})"
    rf"(?P<mark>{_BLANKS}{_DASH}{_BLANKS}|[ \t\n_/]{{0,2}})(?P<number>[0-9]{{4}})(?![0-9])"
)
_COORDINATION = 60
CONFIRMED = {"confirmed": "personal_number"}
SEEN = {"seen": "personal_number"}
"""What the audit trail notes: somebody said that what looks like such a number is none; or it was seen."""


def has_personal_number(text: str, *, today: date) -> bool:
    """Whether the text has a number with a day that has been and the right check digit.

    One telephone number of ten that reads as a day has that digit by chance: so people are asked, never
    refused.
    """
    plain = unicodedata.normalize("NFKC", _UNSEEN.sub("", text))  # every kind of blank, full-width digits
    return any(_is_one(found, today) for found in _CANDIDATE.finditer(plain))


def _is_one(found: re.Match[str], today: date) -> bool:
    if found["parted"] and not found["mark"].strip(" \t\n_/"):
        return False  # 2025-11-25 1430 is a day and a time
    digits = "".join(found.group("year", "month", "day", "number"))
    return _luhn_holds(digits) and any(_has_been(found, century, today) for century in _centuries(found))


def _centuries(found: re.Match[str]) -> tuple[int, ...]:
    return (int(found["century"]),) if found["century"] else (19, 20)


def _has_been(found: re.Match[str], century: int, today: date) -> bool:
    day = int(found["day"])
    try:
        born = date(
            century * 100 + int(found["year"]),
            int(found["month"]),
            day - _COORDINATION if day > _COORDINATION else day,
        )
    except ValueError:
        return False
    return born <= today


def _luhn_holds(digits: str) -> bool:
    """The check digit of ten digits (Luhn: every second doubled, beginning with the first)."""
    doubled = [int(digit) * (2 - position % 2) for position, digit in enumerate(digits)]
    return sum(value // 10 + value % 10 for value in doubled) % 10 == 0
