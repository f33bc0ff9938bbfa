"""What an organisation states of its service on /privacy and /accessibility; nothing is stated for it."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

LONGEST_TESTER = 100


class LegalBasis(StrEnum):
    """A legal basis of article 6.1 of the General Data Protection Regulation (EU) 2016/679."""

    CONSENT = "consent"
    CONTRACT = "contract"
    LEGAL_OBLIGATION = "legal-obligation"
    PUBLIC_TASK = "public-task"
    LEGITIMATE_INTEREST = "legitimate-interest"


class Conformance(StrEnum):
    """How far a service conforms to the law on the accessibility of digital public services (2018:1937)."""

    FULL = "full"
    PARTLY = "partly"
    NOT = "not"


@dataclass(frozen=True)
class Assessment:
    """How far the service conforms, when that was tested and by whom."""

    conformance: Conformance
    tested_on: date
    tested_by: str


def read_legal_basis(text: str) -> LegalBasis | None:
    """The basis of that name, None for an empty text; raises ValueError for any other."""
    if not text:
        return None
    if text not in list(LegalBasis):
        raise ValueError(f"must be {', '.join(list(LegalBasis)[:-1])} or {list(LegalBasis)[-1]}")
    return LegalBasis(text)


def read_assessment(text: str) -> Assessment | None:
    """From `partly, 2026-11-24, Eva Ek`: all of it or nothing; raises ValueError for anything else."""
    if not text:
        return None
    parts = [part.strip() for part in text.split(",", 2)]
    if len(parts) != 3 or parts[0] not in list(Conformance) or not 0 < len(parts[2]) <= LONGEST_TESTER:
        raise ValueError("must be full, partly or not, the date of the test, and who tested, in one line")
    if not parts[2].isprintable():
        raise ValueError("names who tested in characters that cannot be shown")
    return Assessment(Conformance(parts[0]), _day(parts[1]), parts[2])


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:  # Python 3.11 reads other forms of a date, too
        raise ValueError(f"{text!r} is not a date such as 2026-11-24")
    return day
