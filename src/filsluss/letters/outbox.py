"""The outbox: claims letters that are due, has them delivered, and records what became of each."""

import logging
import time
from collections.abc import Collection, Sequence
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
"""Letters that somebody waits for; the sender is told if one of them never arrives."""


def deliver_next(me: Claimant, *, policy: Policy, now: datetime) -> bool:
    """Handles one letter that is due, for better or worse; False if there is none."""
    letter = claim(me, now=now)
    if letter is None:
        return False
    with heartbeating(letter):
        try:
            deliver(letter, policy=policy, now=now)
        except TemporaryFailure as delay:
            postpone(letter, error=str(delay), policy=policy, now=now)
        except PermanentFailure as end:
            why = "refused" if end.answer else "fault"
            give_up(letter, error=str(end), answer=end.answer, why=why, policy=policy, now=now)
        except LeaseLost:
            log.warning("letter %s is no longer ours, and is not sent", letter.key)
    return True


def withdraw_unsent(
    *, transfer: Transfer, kinds: Collection[str], file: TransferFile | None = None, now: datetime
) -> int:
    """Withdraws letters of these kinds that have not left, about one file or any; returns how many.

    A letter for many files lives on without the one. One that is being handed over this very moment may
    still arrive, and is then remembered as sent.
    """
    unsent = Letter.objects.unsent().filter(kind__in=kinds).about(transfer, file)
    if file is not None:
        shared = list(unsent.queued().filter(kind="files-ready"))
        collecting.reopen(shared, now=now)
        unsent = unsent.exclude(kind="files-ready")
    return unsent.update(delivery=Delivery.WITHDRAWN, **BLANK)


def claim(me: Claimant, *, now: datetime) -> Letter | None:
    """A due letter that no other postman will touch now, or None; another may be quicker."""
    due, in_hands = due_letters(now), list[int]()
    while (letter := due.exclude(pk__in=in_hands).first()) is not None:
        if not me.is_claimable(letter):
            in_hands.append(letter.pk)
        elif me.take(letter):
            return letter
    me.forget_all_but(in_hands)
    return None


def due_letters(now: datetime) -> LetterQuerySet:
    return Letter.objects.due_at(now).still_true_at(now).prefetch_related("cases__transfer")


def wait_for_claimed(me: Claimant, *, now: datetime) -> bool:
    """Waits for due letters in others' hands, a lease at most; True as soon as one may be taken."""
    end = time.monotonic() + claims.LEASE + 1
    while in_hands := list(due_letters(now)):
        if any(me.is_claimable(letter) for letter in in_hands):
            return True
        if time.monotonic() >= end:
            break
        time.sleep(0.2)
    return False


def deliver(letter: Letter, *, policy: Policy, now: datetime) -> None:
    """The row is asked when the line is open, and marked while it still is: nothing may come in between."""
    message = prepared_message(letter, policy=policy)
    with smtp_connection() as server:
        if not claimed(letter).exists():
            raise LeaseLost
        submit(message, server)
        mark_sent(letter, now=now)


def mark_sent(letter: Letter, *, now: datetime) -> None:
    """Says so until the database hears it: what has left must not leave again."""
    sent = Letter.objects.filter(pk=letter.pk)
    for pause in (1, 5, 15, 60, 0):
        try:
            sent.update(delivery=Delivery.SENT, sent_at=now, last_error="", **BLANK)
            log.info("letter sent", extra={"facts": {"letter": letter.key, "tries": letter.tries}})
            return
        except DatabaseError:
            log.exception("letter %s has left, but its row could not be marked", letter.key)
            connection.close()
            time.sleep(pause)


def postpone(letter: Letter, *, error: str, policy: Policy, now: datetime) -> None:
    """Next time after a longer pause, and the last time when patience ends."""
    end = letter.written_at + GIVE_UP_AFTER
    if now >= end:
        give_up(letter, error=error, answer="", why="expired", policy=policy, now=now)
        return
    again = min(now + delay_after(letter.tries), end)
    claimed(letter).update(next_try_at=again, claimed_by="", last_error=error)
    log.warning("letter %s waits after try %s: %s", letter.key, letter.tries, error)


def delay_after(tries: int) -> timedelta:
    return RETRY_DELAYS[tries - 1] if tries <= len(RETRY_DELAYS) else LATER_DELAY


def give_up(letter: Letter, *, error: str, answer: str, why: str, policy: Policy, now: datetime) -> None:
    """No more tries; if somebody was waiting for it, the sender hears of that in the same transaction.

    The text stays while the case lives, so that it can be sent again; a letter about no case is blanked.
    """
    cases = list(letter.cases.select_related("transfer", "file"))
    gone: dict[str, str] = {} if cases else BLANK
    with transaction.atomic():
        given_up = claimed(letter).update(
            **{"claimed_by": "", **gone}, delivery=Delivery.GIVEN_UP, given_up_at=now, last_error=error
        )
        if given_up and letter.kind in MISSED and letter.role != Role.SENDER:
            tell_undelivered(letter, cases, answer=answer, why=why, policy=policy, now=now)
    if given_up:
        log.error("letter %s was given up: %s", letter.key, error)


def tell_undelivered(
    letter: Letter, cases: Sequence[LetterCase], *, answer: str, why: str, policy: Policy, now: datetime
) -> None:
    """One letter to the sender of each case about the letter that never arrived."""
    lost = Undelivered(letter.to, letter.role, why, answer)
    by_transfer = {case.transfer: case.file if len(cases) == 1 else None for case in cases}
    for transfer, file in by_transfer.items():
        compose.write(
            "undelivered",
            transfer=transfer,
            role=Role.SENDER,
            policy=policy,
            now=now,
            file=file,
            undelivered=lost,
        )


def forget_texts(transfer: Transfer) -> None:
    """Blanks given-up letters of a case that is over, unless another case of theirs still lives."""
    alive = LetterCase.objects.filter(letter=OuterRef("pk")).exclude(transfer__state__in=OVER)
    given_up = Letter.objects.filter(delivery=Delivery.GIVEN_UP).about(transfer)
    given_up.exclude(Exists(alive)).update(**BLANK)
