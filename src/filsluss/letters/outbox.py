"""The outbox: claims due letters, delivers them, and records the result of each."""

import logging
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DatabaseError, connection, transaction
from django.db.models import Exists, OuterRef

from filsluss.letters import claims, collecting, compose
from filsluss.letters.claims import Claimant, claimed, heartbeating
from filsluss.letters.context import Undelivered
from filsluss.letters.delivery import (
    LeaseLost,
    PermanentFailure,
    TemporaryFailure,
    prepared_message,
    smtp_connection,
    submit,
)
from filsluss.models import Letter, LetterCase, Transfer, TransferFile
from filsluss.models.letter import BLANK, Delivery, LetterQuerySet
from filsluss.rules.directions import Role
from filsluss.rules.lifecycle import OVER
from filsluss.rules.policy import Policy

log = logging.getLogger(__name__)
RETRY_DELAYS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=60))
LATER_DELAY = timedelta(hours=3)
GIVE_UP_AFTER = timedelta(days=5)
MISSED = ("approval-requested", "approval-reminder", "file-ready", "files-ready", "expiry-reminder")
"""Kinds of letters about which the sender is told if they are given up."""


@dataclass(frozen=True)
class GivenUp:
    """Why a letter is given up; `why` and `answer` are those of `Undelivered`."""

    error: str
    why: str
    answer: str = ""


def deliver_next(me: Claimant, *, policy: Policy, now: datetime) -> bool:
    """Tries to deliver one due letter, and records the result; False if there is none."""
    letter = claim(me, now=now)
    if letter is None:
        return False
    with heartbeating(letter):
        try:
            deliver(letter, policy=policy, now=now)
        except TemporaryFailure as failure:
            postpone(letter, error=str(failure), policy=policy, now=now)
        except PermanentFailure as failure:
            why = "refused" if failure.answer else "fault"
            give_up(letter, GivenUp(str(failure), why, failure.answer), policy=policy, now=now)
        except LeaseLost:
            log.warning("letter %s is not sent: our claim has ended", letter.key)
    return True


def withdraw_unsent(
    *, transfer: Transfer, kinds: Collection[str], file: TransferFile | None = None, now: datetime
) -> int:
    """Withdraws unsent letters of these kinds about the transfer, or about one file; returns how many.

    A letter about many files is kept without that file. A letter that is being submitted may still
    arrive; it is then marked as sent.
    """
    unsent = Letter.objects.unsent().filter(kind__in=kinds).about(transfer, file)
    if file is not None:
        shared = list(unsent.queued().filter(kind="files-ready"))
        collecting.reopen(shared, now=now)
        unsent = unsent.exclude(kind="files-ready")
    return unsent.update(delivery=Delivery.WITHDRAWN, **BLANK)


def claim(me: Claimant, *, now: datetime) -> Letter | None:
    """Claims a due letter; None if every one is claimed by somebody else, or there is none."""
    due, claimed_by_others = due_letters(now), list[int]()
    while (letter := due.exclude(pk__in=claimed_by_others).first()) is not None:
        if not me.is_claimable(letter):
            claimed_by_others.append(letter.pk)
        elif me.take(letter):
            return letter
    me.forget_all_but(claimed_by_others)
    return None


def due_letters(now: datetime) -> LetterQuerySet:
    return Letter.objects.due_at(now).still_true_at(now).prefetch_related("cases__transfer")


def wait_for_claimed(me: Claimant, *, now: datetime) -> bool:
    """Waits for due letters that others have claimed; True when one is claimable, False after a lease."""
    end = time.monotonic() + claims.LEASE + 1
    while due := list(due_letters(now)):
        if any(me.is_claimable(letter) for letter in due):
            return True
        if time.monotonic() >= end:
            break
        time.sleep(0.2)
    return False


def deliver(letter: Letter, *, policy: Policy, now: datetime) -> None:
    """Submits the letter and marks it as sent, both while the connection is open.

    The claim is verified when the connection is open. Raises TemporaryFailure, PermanentFailure or LeaseLost.
    """
    message = prepared_message(letter, policy=policy)
    with smtp_connection() as server:
        if not claimed(letter).exists():
            raise LeaseLost
        submit(message, server)
        mark_sent(letter, now=now)


def mark_sent(letter: Letter, *, now: datetime) -> None:
    """Marks the letter as sent, and tries again if the database fails: it must not be sent twice."""
    sent = Letter.objects.filter(pk=letter.pk)
    for delay in (1, 5, 15, 60, 0):
        try:
            sent.update(delivery=Delivery.SENT, sent_at=now, last_error="", **BLANK)
            log.info("letter sent", extra={"facts": {"letter": letter.key, "tries": letter.tries}})
            return
        except DatabaseError:
            log.exception("letter %s was sent, but could not be marked as sent", letter.key)
            connection.close()
            time.sleep(delay)


def postpone(letter: Letter, *, error: str, policy: Policy, now: datetime) -> None:
    """Schedules the next try after a growing delay; gives the letter up after GIVE_UP_AFTER."""
    last_try_at = letter.written_at + GIVE_UP_AFTER
    if now >= last_try_at:
        give_up(letter, GivenUp(error, "expired"), policy=policy, now=now)
        return
    next_try_at = min(now + delay_after(letter.tries), last_try_at)
    claimed(letter).update(next_try_at=next_try_at, claimed_by="", last_error=error)
    log.warning("letter %s waits after try %s: %s", letter.key, letter.tries, error)


def delay_after(tries: int) -> timedelta:
    return RETRY_DELAYS[tries - 1] if tries <= len(RETRY_DELAYS) else LATER_DELAY


def give_up(letter: Letter, failure: GivenUp, *, policy: Policy, now: datetime) -> None:
    """Ends the tries; the sender is told of a letter in MISSED, in the same transaction.

    The text is kept until the transfer is over, so that the letter can be sent again; a letter about no
    transfer is blanked.
    """
    cases = list(letter.cases.select_related("transfer", "file"))
    blanked: dict[str, str] = {} if cases else BLANK
    with transaction.atomic():
        given_up = claimed(letter).update(
            **{"claimed_by": "", **blanked},
            delivery=Delivery.GIVEN_UP,
            given_up_at=now,
            last_error=failure.error,
        )
        if given_up and letter.kind in MISSED and letter.role != Role.SENDER:
            tell_undelivered(letter, cases, failure, policy=policy, now=now)
    if given_up:
        log.error("letter %s was given up: %s", letter.key, failure.error)


def tell_undelivered(
    letter: Letter, cases: Sequence[LetterCase], failure: GivenUp, *, policy: Policy, now: datetime
) -> None:
    """One letter to the sender of each transfer, about a letter that was given up."""
    undelivered = Undelivered(letter.to, letter.role, failure.why, failure.answer)
    by_transfer = {case.transfer: case.file if len(cases) == 1 else None for case in cases}
    for transfer, file in by_transfer.items():
        compose.write(
            "undelivered",
            transfer=transfer,
            role=Role.SENDER,
            policy=policy,
            now=now,
            file=file,
            undelivered=undelivered,
        )


def forget_texts(transfer: Transfer) -> None:
    """Blanks given-up letters of a transfer that is over, unless they are about one that is not."""
    unfinished = LetterCase.objects.filter(letter=OuterRef("pk")).exclude(transfer__state__in=OVER)
    given_up = Letter.objects.filter(delivery=Delivery.GIVEN_UP).about(transfer)
    given_up.exclude(Exists(unfinished)).update(**BLANK)
