"""Refusals: what the answers to several letters mean together, and what follows when a server refuses us."""

import logging
from datetime import datetime, timedelta

from django.db import transaction

from filsluss.letters import notices, truth
from filsluss.models import Alarm, Letter
from filsluss.models.letter import Delivery, LetterQuerySet
from filsluss.rules.directions import Role
from filsluss.rules.letter_kinds import LetterKind
from filsluss.rules.policy import Policy
from filsluss.rules.smtp_answers import LATER, POLICY, Answer, Failure, Verb, Verdict, is_ambiguous, judge

log = logging.getLogger(__name__)

HOUR = timedelta(hours=1)
FIRST_DELAY = timedelta(minutes=1)
MOST_COMPARED = 200


def verdict_on(letter: Letter, answer: Answer | None, *, now: datetime) -> Verdict:
    """What the answer to this letter means, beside the answers to others within the hour."""
    if answer is None:
        return LATER
    elsewhere = is_ambiguous(answer) and met_elsewhere(letter, now=now)
    return judge(answer, met_elsewhere=elsewhere)


def met_elsewhere(letter: Letter, *, now: datetime) -> bool:
    """Whether a letter to a reader of another domain met 5.7.1 within the hour."""
    others = refused_since(now - HOUR).not_to([letter.domain])
    answers = others.order_by("-failed_at").values_list("last_error", flat=True)
    return any(is_policy(error) for error in answers[:MOST_COMPARED])


def refused_since(time: datetime) -> LetterQuerySet:
    refused = (Failure.REFUSED.value, Failure.US.value)
    return Letter.objects.filter(failure__in=refused, failed_at__gt=time, last_error__contains="5.7.1")


def is_policy(error: str) -> bool:
    """Whether an answer that was recorded says 5.7.1, and not 5.7.133 or the like."""
    code, _, text = error.partition(" ")
    return Answer(Verb.RCPT, int(code) if code.isdecimal() else 0, text).detail == POLICY


def take_back(*, policy: Policy, now: datetime) -> int:
    """Queues letters again that were given up within the hour for what turned out to be about us."""
    given_up = refused_since(now - HOUR).filter(delivery=Delivery.GIVEN_UP, failure=Failure.REFUSED.value)
    return sum(_taken_back(letter, policy, now) for letter in given_up if is_policy(letter.last_error))


def _taken_back(letter: Letter, policy: Policy, now: datetime) -> bool:
    cases = list(letter.cases.select_related("transfer", "party", "file").order_by("id"))
    if letter.again.exists() or not truth.is_true_at(letter, cases, now):
        return False
    if not truth.has_text(letter) and not truth.write_anew(letter, cases, policy=policy, now=now):
        return False
    letter.delivery, letter.failure, letter.given_up_at = Delivery.QUEUED, Failure.US.value, None
    letter.next_try_at = now + FIRST_DELAY
    with transaction.atomic():
        if not Letter.objects.select_for_update().filter(pk=letter.pk, delivery=Delivery.GIVEN_UP).exists():
            return False
        letter.save(
            update_fields=["delivery", "failure", "given_up_at", "next_try_at", "subject", "text", "html"]
        )
        # The sender need not be told; should the letter be given up later, the notice is written then.
        told = Letter.objects.queued().filter(kind=LetterKind.UNDELIVERED, key__endswith=f":{letter.role}")
        for case in cases:
            told.about(case.transfer).filter(role=Role.SENDER).delete()
    log.warning("letter %s is tried again: the mail server refuses us, not its reader", letter.key)
    return True


def raise_alarm(letter: Letter, *, policy: Policy, now: datetime) -> None:
    """Raises the alarm of letters that wait, unless it is raised, or this letter tells of an alarm."""
    if (
        letter.kind != LetterKind.ALARM
        and not Alarm.objects.filter(name="letters", since__isnull=False).exists()
    ):
        notices.raise_alarm("letters", since=now, value="1", policy=policy, now=now)
