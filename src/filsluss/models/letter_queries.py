"""The compiled queries of a delivery: what is due, and a letter's claim, its text and its record."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection, models
from django.db.models import F

from filsluss.models.compiled_queries import CompiledQuery, CompiledUpdate, Param, columns, from_row
from filsluss.models.letter import BLANK, LONGEST_DELAY, Delivery, Letter, LetterQuerySet
from filsluss.models.transfer import Transfer
from filsluss.sqlite.joint_commit import together

PAGE = 100
"""How many letters that are due are read at a time."""
OF_CANDIDATE = "id key to priority claimed_by claim_count next_try_at"
"""What is read of a letter before it is claimed."""

ROW, NOW = Param("letter", models.BigIntegerField()), Param("now", models.DateTimeField())
CLAIM, AS_READ = Param("claim", models.CharField()), Param("as_read", models.CharField())


def due() -> LetterQuerySet:
    far = Param("far", models.DateTimeField())
    return Letter.objects.due_between(NOW, far).still_true_at(NOW)


FIRST_DUE = CompiledQuery(lambda: due().values_list(*columns(Letter, only=OF_CANDIDATE))[:PAGE])
CLAIMING = CompiledUpdate(
    lambda: due().filter(
        pk=ROW, claimed_by=AS_READ, claim_count=Param("claim_count", models.PositiveIntegerField())
    ),
    claimed_by=CLAIM,
    claim_count=F("claim_count") + 1,
    tries=F("tries") + 1,
)
CLAIMED = CompiledQuery(
    lambda: Letter.objects.queued().filter(pk=ROW, claimed_by=CLAIM).values_list(*columns(Letter))
)
IS_CLAIMED = CompiledQuery(
    lambda: Letter.objects.queued().filter(pk=ROW, claimed_by=CLAIM).values_list("claim_count")
)
CASES = CompiledQuery(lambda: Transfer.objects.filter(letter_cases__letter=ROW).values_list("public_id"))
SENT = CompiledUpdate(
    lambda: Letter.objects.filter(pk=ROW), delivery=Delivery.SENT, sent_at=NOW, last_error="", **BLANK
)


def first_due(now: datetime) -> list[Letter]:
    """The first letters that are due, up to PAGE, claimed or not, with what is read before a claim."""
    rows = FIRST_DUE.rows(now=now, far=now + LONGEST_DELAY)
    return [from_row(Letter, row, OF_CANDIDATE) for row in rows]


def claim_as_read(letter: Letter, claim: str, *, now: datetime) -> bool:
    """Writes the claim; False if the letter is not due and true now, or its claim not as it was read."""
    return bool(
        _changed(
            CLAIMING,
            letter=letter.pk,
            as_read=letter.claimed_by,
            claim_count=letter.claim_count,
            claim=claim,
            now=now,
            far=now + LONGEST_DELAY,
        )
    )


def claimed_letter(row: int, claim: str) -> Letter | None:
    """The whole letter, if this claim on it holds."""
    return next((from_row(Letter, values) for values in CLAIMED.rows(letter=row, claim=claim)), None)


def holds(letter: Letter) -> bool:
    """Whether the letter is still queued, and the claim on it the one that it has here."""
    return bool(IS_CLAIMED.rows(letter=letter.pk, claim=letter.claimed_by))


def cases_of(letter: Letter) -> set[str]:
    """The public ids of the transfers that the letter is about."""
    return {public_id for (public_id,) in CASES.rows(letter=letter.pk)}


def record_sent(letter: Letter, *, now: datetime) -> None:
    """Marks it as sent, and blanks it, whatever its row says: it has left."""
    _changed(SENT, letter=letter.pk, now=now)


def _changed(update: CompiledUpdate, **given: Any) -> int:
    """Runs the UPDATE and returns when it is committed; on SQLite in one commit with those of others."""
    if connection.vendor == "sqlite":
        return int(together(given, update.change_each))
    return update.change(**given)
