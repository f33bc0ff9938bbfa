"""The outbox: claims due letters, delivers them, and records the result of each."""

import logging
import re
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, repeat

from django.db import Error, connection, transaction
from django.db.models import Exists, OuterRef

from filsluss import outages
from filsluss.letters import claims, collecting, compose, refusals
from filsluss.letters.candidates import due_letters
from filsluss.letters.claims import Claimant, claimed
from filsluss.letters.context import Undelivered
from filsluss.letters.delivery import (
    LeaseLost,
    MailConnection,
    NotDelivered,
    NotSubmittable,
    described,
    prepared_message,
    submit,
)
from filsluss.models import Letter, LetterCase, Transfer, TransferFile
from filsluss.models.connections import let_go
from filsluss.models.letter import BLANK, Delivery
from filsluss.models.letter_queries import OF_CANDIDATE, holds, record_sent
from filsluss.rules.directions import Role
from filsluss.rules.letter_kinds import LetterKind, traits_of
from filsluss.rules.lifecycle import OVER
from filsluss.rules.policy import Policy
from filsluss.rules.retries import pause_after
from filsluss.rules.smtp_answers import LATER, Concerns, Failure, Verdict, is_ambiguous

log = logging.getLogger(__name__)
GIVE_UP_AFTER, LAST_CHANCE = timedelta(days=5), timedelta(minutes=15)
"""A service that was off for days has tried nothing: a first no, as of greylisting, is then not the last."""
ADDRESS = re.compile(r"[^\s<>\"'(),:;]+@[^\s<>\"'(),:;]+")


@dataclass(frozen=True)
class GivenUp:
    """Why a letter is given up: the last error, for administrators only, and `why` for senders.

    `why` is "unknown", "full", "refused", "expired" or "fault" (see docs/identifiers.md).
    """

    error: str
    why: str
    failure: str = ""


def deliver_next(me: Claimant, *, mail: MailConnection | None = None, policy: Policy, now: datetime) -> bool:
    """Tries to deliver one due letter, and records the result; False if there is none.

    Over the connection `mail`, which is kept open for the next one, or over a new one.
    """
    letter = claim(me, now=now)
    if letter is None:
        if mail:
            mail.close()
        return False
    own = mail or MailConnection()
    me.beat()
    try:
        try_once(letter, own, policy=policy, now=now)
    finally:
        me.let_go(letter)
        if mail is None:
            own.close()
    return True


def try_once(letter: Letter, mail: MailConnection, *, policy: Policy, now: datetime) -> None:
    """One try at a letter that is claimed. A fault of ours postpones it, and holds up no other letter."""
    try:
        deliver(letter, mail=mail, policy=policy, now=now)
    except NotDelivered as failure:
        record_failure(letter, failure, policy=policy, now=now)
    except NotSubmittable as fault:
        give_up(letter, GivenUp(str(fault), "fault"), policy=policy, now=now)
    except LeaseLost:
        log.warning("letter %s is not sent: our claim has ended", letter.key)
    except outages.AWAY:
        raise
    except Exception as fault:
        log.exception("letter %s could not be delivered", letter.key)
        postpone(letter, error=described(fault), policy=policy, now=now)


def record_failure(letter: Letter, failure: NotDelivered, *, policy: Policy, now: datetime) -> None:
    """Gives the letter up, or postpones it; a server that refuses us raises the alarm at once."""
    verdict = refusals.verdict_on(letter, failure.answer, now=now)
    if verdict.is_final:
        given_up = GivenUp(str(failure), why_of(verdict), verdict.failure)
        give_up(letter, given_up, policy=policy, now=now)
        return
    postpone(letter, error=str(failure), verdict=verdict, policy=policy, now=now)
    if verdict.concerns is Concerns.US:
        if failure.answer and is_ambiguous(failure.answer):
            refusals.take_back(policy=policy, now=now)
        refusals.raise_alarm(letter, policy=policy, now=now)


def why_of(verdict: Verdict) -> str:
    """The word for senders: they are not told what a server thinks of a letter's content."""
    return "refused" if verdict.failure is Failure.CONTENT else verdict.failure.value


def withdraw_unsent(
    *, transfer: Transfer, kinds: Collection[str], file: TransferFile | None = None, now: datetime
) -> int:
    """Withdraws unsent letters of these kinds about the transfer, or about one file; returns how many.

    A letter about many files is kept without that file. A letter that is being submitted may still
    arrive; it is then marked as sent.
    """
    unsent = Letter.objects.unsent().filter(kind__in=kinds).about(transfer, file)
    if file is not None:
        shared = list(unsent.queued().filter(kind=LetterKind.FILES_READY))
        collecting.reopen(shared, now=now)
        unsent = unsent.exclude(kind=LetterKind.FILES_READY)
    return unsent.update(delivery=Delivery.WITHDRAWN, **BLANK)


def withdraw_all(transfers: Collection[Transfer], *, kinds: Collection[str]) -> int:
    """Withdraws unsent letters of these kinds about each of the transfers; returns how many."""
    unsent = Letter.objects.unsent().filter(kind__in=kinds).about_any(transfers)
    return unsent.update(delivery=Delivery.WITHDRAWN, **BLANK)


def claim(me: Claimant, *, now: datetime) -> Letter | None:
    """Claims a due letter; None if there is none, apart from those of others and those to full domains."""
    let_go()  # or those who wait here could hold every connection that the one inside needs
    while candidate := me.candidates.hold_next(now):
        if letter := me.claim(candidate, now=now):
            return letter
    return None


def wait_for_claimed(me: Claimant, *, now: datetime) -> bool:
    """Waits for due letters that others have claimed; True when one can be taken, False after a lease.

    A letter that nobody has claimed waits, too, while its domain is full with what others have.
    """
    end = time.monotonic() + claims.LEASE + 1
    while due := list(due_letters(now).only(*OF_CANDIDATE.split())):
        full = me.full_with_others()
        claimable = [letter for letter in due if me.is_claimable(letter)]
        if any(letter.claimed_by or letter.domain not in full for letter in claimable):
            return True
        if time.monotonic() >= end:
            break
        time.sleep(claims.LEASE / 60)
    return False


def deliver(letter: Letter, *, mail: MailConnection | None = None, policy: Policy, now: datetime) -> None:
    """Submits the letter and marks it as sent, both while the connection is open.

    The claim is verified when the connection is open. Raises NotDelivered, NotSubmittable or LeaseLost.
    """
    message = prepared_message(letter, policy=policy)
    let_go()
    with (mail or MailConnection()).opened() as server:
        if not holds(letter):
            raise LeaseLost
        let_go()
        submit(message, server)
        mark_sent(letter, now=now)


def mark_sent(letter: Letter, *, now: datetime) -> None:
    """Marks the letter as sent, for as long as the database fails: it must not be sent twice."""
    for delay in chain((1, 5), repeat(15)):
        try:
            record_sent(letter, now=now)
            log.info("letter sent", extra={"facts": {"letter": letter.key, "tries": letter.tries}})
            return
        except Error as fault:
            outages.tell(fault, "letter %s was sent, but could not be marked as sent", letter.key, logger=log)
            connection.close()
            time.sleep(delay)


def postpone(letter: Letter, *, error: str, verdict: Verdict = LATER, policy: Policy, now: datetime) -> None:
    """Schedules the next try after a growing delay; gives it up after GIVE_UP_AFTER, and two tries."""
    last_try_at = letter.written_at + GIVE_UP_AFTER
    is_late = now >= last_try_at
    if is_late and letter.tries > 1:
        why = "full" if verdict.failure is Failure.FULL else "expired"
        give_up(letter, GivenUp(error, why, verdict.failure), policy=policy, now=now)
        return
    claimed(letter).update(
        next_try_at=now + LAST_CHANCE if is_late else min(now + pause_after(letter.tries), last_try_at),
        claimed_by="",
        last_error=error,
        failure=verdict.failure.value,
        failed_at=now,
    )
    log.warning("letter %s waits after try %s: %s", letter.key, letter.tries, without_addresses(error))


def without_addresses(error: str) -> str:
    """A mail server's answer for the log, which is kept longer than the addresses that it may repeat."""
    return ADDRESS.sub("***", error)


def give_up(letter: Letter, failure: GivenUp, *, policy: Policy, now: datetime) -> None:
    """Ends the tries; the sender is told of one that somebody misses, in the same transaction.

    The text is kept until the transfer is over, so that the letter can be sent again; a letter about no
    transfer, or about one that is over, is blanked.
    """
    cases = list(letter.cases.select_related("transfer", "file"))
    is_kept = any(case.transfer.state not in OVER for case in cases)
    blanked: dict[str, str] = {} if is_kept else BLANK
    with transaction.atomic():
        given_up = claimed(letter).update(
            **{"claimed_by": "", **blanked},
            delivery=Delivery.GIVEN_UP,
            given_up_at=now,
            last_error=failure.error,
            failure=failure.failure or failure.why,
            failed_at=now,
        )
        if given_up and traits_of(letter.kind).is_missed and letter.role != Role.SENDER:
            tell_undelivered(letter, cases, failure, policy=policy, now=now)
    if given_up:
        log.error("letter %s was given up: %s", letter.key, without_addresses(failure.error))


def tell_undelivered(
    letter: Letter, cases: Sequence[LetterCase], failure: GivenUp, *, policy: Policy, now: datetime
) -> None:
    """One letter to the sender of each transfer, if they have a proof, about a letter that was given up."""
    undelivered = Undelivered(letter.to, letter.role, failure.why)
    by_transfer = {case.transfer: case.file if len(cases) == 1 else None for case in cases}
    for transfer, file in by_transfer.items():
        compose.write(
            LetterKind.UNDELIVERED,
            transfer=transfer,
            role=Role.SENDER,
            policy=policy,
            now=now,
            file=file,
            undelivered=undelivered,
        )


def forget_texts(transfers: Collection[Transfer]) -> None:
    """Blanks given-up letters of transfers that are over, unless they are about one that is not."""
    unfinished = LetterCase.objects.filter(letter=OuterRef("pk")).exclude(transfer__state__in=OVER)
    given_up = Letter.objects.filter(delivery=Delivery.GIVEN_UP).about_any(transfers)
    given_up.exclude(Exists(unfinished)).update(**BLANK)
