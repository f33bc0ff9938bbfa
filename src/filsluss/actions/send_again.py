"""Sending again: a letter that was given up, or that a sender asks for, is queued once more."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction

from filsluss.actions.transitions import Cause, record_audit
from filsluss.installation import Services
from filsluss.letters import collecting, compose, truth
from filsluss.letters.mailboxes import has_room
from filsluss.models import Letter, LetterCase
from filsluss.models.letter import Delivery
from filsluss.rules.directions import Role
from filsluss.rules.letter_kinds import READY_KINDS, LetterKind
from filsluss.rules.policy import Policy
from filsluss.rules.refusals import Refused

STEP = "letter-sent-again"
ASKED_FOR = (LetterKind.APPROVAL_REQUESTED, LetterKind.APPROVED, *READY_KINDS)
"""Kinds that a sender may have sent once more: whoever reads them can act."""
MOST, PAUSE = 3, timedelta(minutes=5)
"""How often a sender may have a letter sent again, and how long after the last time it is not sent anew."""


class NotSentAgain(Refused):
    """`code`: "not-given-up", "untrue", "lost" (its text is gone, and cannot be written anew) or "often"."""


def send_again(letter: Letter, *, by: Cause, services: Services, now: datetime) -> Letter:
    """Queues a letter that was given up as a new one; returns that, also if it was queued before.

    It has a Message-ID of its own: a mail program that keeps one copy of each must show it. If the new
    one was given up as well, the next one follows it. Raises NotSentAgain.
    """
    with transaction.atomic():
        Letter.objects.select_for_update().get(pk=letter.pk)
        last = last_of(letter)
        if last.again_of_id and last.delivery in (Delivery.QUEUED, Delivery.SENT):
            return last
        if last.delivery != Delivery.GIVEN_UP:
            raise NotSentAgain("untrue" if last.delivery == Delivery.WITHDRAWN else "not-given-up")
        cases = list(last.cases.select_related("transfer", "party", "file").order_by("id"))
        if not truth.is_true_at(last, cases, now):
            raise NotSentAgain("untrue")
        return _queue(last, cases, by=by, services=services, now=now)


def send_once_more(letter: Letter, *, services: Services, now: datetime) -> Letter:
    """Queues a letter in ASKED_FOR once more for the sender of its case; returns the new one.

    Pressed again while that is on its way, or within PAUSE, it returns the same. Raises NotSentAgain: each
    letter is sent again MOST times, and a mailbox gets no more requests, or letters of files, than its limit.
    """
    with transaction.atomic():
        Letter.objects.select_for_update().get(pk=letter.pk)
        last, times = last_of(letter), times_sent_again(letter)
        if last.again_of_id and (last.delivery == Delivery.QUEUED or now < last.written_at + PAUSE):
            return last
        if letter.again_of_id or letter.kind not in ASKED_FOR or times >= MOST:
            raise NotSentAgain("often")
        cases = list(last.cases.select_related("transfer", "party", "file").order_by("id"))
        left = last.delivery in (Delivery.SENT, Delivery.GIVEN_UP) or cases[0].transfer.is_blocked
        if not left or not truth.is_true_at(last, cases, now):
            raise NotSentAgain("untrue")
        if not _has_room(letter, cases, policy=services.policy, now=now):
            raise NotSentAgain("often")
        return _queue(last, cases, by=Cause(Role.SENDER), services=services, now=now)


def _has_room(letter: Letter, cases: Sequence[LetterCase], *, policy: Policy, now: datetime) -> bool:
    """Whether its reader gets one more: of letters about files as many in an hour as come by themselves."""
    if letter.kind in READY_KINDS:
        return not collecting.had_many_letters(cases[0].transfer.recipient, policy=policy, now=now)
    reader = cases[0].party
    return reader is None or has_room(reader, kind=letter.kind, policy=policy, now=now)


def times_sent_again(letter: Letter) -> int:
    """How many letters follow this one, each sent again for the one before."""
    times, last = 0, letter
    while again := last.again.order_by("-id").first():
        times, last = times + 1, again
    return times


def last_of(letter: Letter) -> Letter:
    """The newest of the letters that were sent again for it; itself if none was."""
    last = Letter.objects.get(pk=letter.pk)
    while again := last.again.order_by("-id").first():
        last = again
    return last


def _queue(
    letter: Letter, cases: Sequence[LetterCase], *, by: Cause, services: Services, now: datetime
) -> Letter:
    again = _copy(letter, services=services, now=now)
    anew = truth.must_be_written_anew(letter, cases, now)
    if anew and not truth.write_anew(again, cases, policy=services.policy, now=now):
        raise NotSentAgain("lost")
    compose.hold_back(again, cases[0].transfer)
    again.save(force_insert=True)
    told = truth.still_told(letter, cases, now)
    LetterCase.objects.bulk_create(
        LetterCase(letter=again, transfer=case.transfer, party=case.party, file=case.file) for case in told
    )
    cause = replace(by, reason_code=letter.kind)
    for case in {case.transfer_id: case for case in told}.values():
        record_audit(case.transfer, step=STEP, cause=cause, now=now, file=case.file)
    return again


def _copy(letter: Letter, *, services: Services, now: datetime) -> Letter:
    """A new letter to the same reader, with the same text."""
    same = ("role", "to", "reply_to", "language", "references", "collects", "subject", "text", "html")
    key = f"again:{letter.public_id}"
    again = compose.new_letter(
        letter.kind,
        key=key,
        policy=services.policy,
        now=now,
        **{name: getattr(letter, name) for name in same},
    )
    again.again_of = letter
    return again
