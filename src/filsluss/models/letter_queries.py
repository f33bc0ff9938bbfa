"""The compiled queries of a delivery: what is due, and a letter's claim, its text and its record."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection, models
from django.db.models import F, OuterRef

from filsluss.models.compiled_queries import CompiledQuery, CompiledUpdate, Param, columns, from_row
from filsluss.models.letter import BLANK, LONGEST_DELAY, Delivery, Letter, LetterQuerySet
from filsluss.models.transfer import Transfer
from filsluss.rules.letter_kinds import Valid, traits_of
from filsluss.sqlite.joint_commit import together

PAGE = 100
"""How many letters that are due are read at a time."""
OF_CANDIDATE = "id key kind to priority claimed_by claim_count next_try_at"
"""What is read of a letter before it is claimed."""

ROW = Param("letter", models.BigIntegerField())
NOW, FAR = Param("now", models.DateTimeField()), Param("far", models.DateTimeField())
CLAIM, AS_READ = Param("claim", models.CharField()), Param("as_read", models.CharField())


def due() -> LetterQuerySet:
    return Letter.objects.due_between(NOW, FAR).still_true_at(NOW)


FIRST_DUE = CompiledQuery(lambda: due().values_list(*columns(Letter, only=OF_CANDIDATE))[:PAGE])


def claiming(valid: Valid) -> CompiledUpdate:
    """Claims a letter of a kind of that validity, if it is due and true, and its claim as it was read."""

    def claimable() -> LetterQuerySet:
        count = Param("claim_count", models.PositiveIntegerField())
        as_read = Letter.objects.queued_row(ROW).filter(claimed_by=AS_READ, claim_count=count)
        return as_read.waited_for(NOW, FAR).of_validity_true_at(valid, NOW)

    written = {"claimed_by": CLAIM, "claim_count": F("claim_count") + 1, "tries": F("tries") + 1}
    return CompiledUpdate(claimable, **written)


def whole() -> models.QuerySet[Letter, Any]:
    """All columns of letters, and the public ids of the transfers that each is about; of PostgreSQL."""
    from django.contrib.postgres.expressions import ArraySubquery  # it needs the driver of PostgreSQL

    about = Transfer.objects.filter(letter_cases__letter=OuterRef("pk")).values("public_id")
    return Letter.objects.values_list(*columns(Letter), ArraySubquery(about))


CLAIMING = {valid: claiming(valid) for valid in Valid}
CLAIMING_WHOLE = {valid: update.returning(whole) for valid, update in CLAIMING.items()}
CLAIMED = CompiledQuery(
    lambda: Letter.objects.queued_row(ROW).filter(claimed_by=CLAIM).values_list(*columns(Letter))
)
IS_CLAIMED = CompiledQuery(
    lambda: Letter.objects.queued_row(ROW).filter(claimed_by=CLAIM).values_list("claim_count")
)
CASES = CompiledQuery(lambda: Transfer.objects.filter(letter_cases__letter=ROW).values_list("public_id"))
SENT = CompiledUpdate(
    lambda: Letter.objects.filter(pk=ROW), delivery=Delivery.SENT, sent_at=NOW, last_error="", **BLANK
)


def first_due(now: datetime) -> list[Letter]:
    """The first letters that are due, up to PAGE, claimed or not, with what is read before a claim."""
    rows = FIRST_DUE.rows(now=now, far=now + LONGEST_DELAY)
    return [from_row(Letter, row, OF_CANDIDATE) for row in rows]


def claim_as_read(letter: Letter, claim: str, *, now: datetime) -> Letter | None:
    """Writes the claim, and reads the letter whole; on PostgreSQL in one statement.

    None if the letter is not due and true now, or its claim not as it was read.
    """
    given = {"letter": letter.pk, "as_read": letter.claimed_by, "claim_count": letter.claim_count}
    given |= {"claim": claim, "now": now, "far": now + LONGEST_DELAY}
    valid = traits_of(letter.kind).valid
    if connection.vendor != "sqlite":
        return next((_with_cases(row) for row in CLAIMING_WHOLE[valid].rows(**given)), None)
    if not _changed(CLAIMING[valid], **given):
        return None
    rows = CLAIMED.rows(letter=letter.pk, claim=claim)
    return next((from_row(Letter, row) for row in rows), None)


def _with_cases(row: Sequence[Any]) -> Letter:
    *values, case_ids = row
    letter = from_row(Letter, values)
    letter.case_ids = frozenset(case_ids)
    return letter


def holds(letter: Letter) -> bool:
    """Whether the letter is still queued, and the claim on it the one that it has here."""
    return bool(IS_CLAIMED.rows(letter=letter.pk, claim=letter.claimed_by))


def cases_of(letter: Letter) -> set[str]:
    """The public ids of the transfers that the letter is about, as read with it or now."""
    if letter.case_ids is not None:
        return set(letter.case_ids)
    return {public_id for (public_id,) in CASES.rows(letter=letter.pk)}


def record_sent(letter: Letter, *, now: datetime) -> None:
    """Marks it as sent, and blanks it, whatever its row says: it has left."""
    _changed(SENT, letter=letter.pk, now=now)


def _changed(update: CompiledUpdate, **given: Any) -> int:
    """Runs the UPDATE and returns when it is committed; on SQLite in one commit with those of others."""
    if connection.vendor == "sqlite":
        return int(together(given, update.change_each))
    return update.change(**given)
