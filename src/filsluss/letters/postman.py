"""The postman: takes one letter at a time to the mail server, tries again, or gives up and says so."""

import logging
import smtplib
import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timedelta

from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend
from django.db import DatabaseError, connection, transaction

from filsluss.letters import compose, lease
from filsluss.letters.envelope import message_of
from filsluss.letters.hygiene import one_line
from filsluss.letters.lease import Holder, held, ours
from filsluss.models import Letter, Transfer, TransferFile
from filsluss.models.letter import Delivery, LetterQuerySet
from filsluss.rules.directions import Role
from filsluss.rules.policy import Policy

log = logging.getLogger(__name__)

ANSWER = 600.0
"""Seconds to wait for the server once it talks to us (RFC 5321, 4.5.3.2.6): it may be reading the letter."""
PAUSES = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=60))
LATER = timedelta(hours=3)
PATIENCE = timedelta(days=5)
LONGEST_TROUBLE = 300
BLANK = {"subject": "", "text": "", "html": "", "holder": ""}

ABOUT_US = frozenset({530, 534, 535, 538})
"""Refusals that speak of our sign-in, at whatever word of the conversation they come."""
BEFORE_THE_READER = (smtplib.SMTPHeloError, smtplib.SMTPAuthenticationError, smtplib.SMTPSenderRefused)
"""What a server says before it has heard the address cannot be about the letter."""
MISSED = ("approval-requested", "approval-reminder", "file-ready", "expiry-reminder")
"""Letters that somebody waits for; the sender is told if one of them never arrives."""


class NotNow(Exception):
    """The mail server cannot be reached or wants us to come back; the text says what it answered."""


class Never(Exception):
    """Trying again would end the same way; `answer` is the server's, if it was the server that refused."""

    def __init__(self, trouble: str, *, answer: str = "") -> None:
        super().__init__(trouble)
        self.answer = answer


class Lost(Exception):
    """The letter is no longer ours to send: withdrawn, or another has taken it."""


def deliver_next(me: Holder, *, policy: Policy, now: datetime) -> bool:
    """Handles one letter that is due, for better or worse; False if there is none."""
    letter = claim(me, now=now)
    if letter is None:
        return False
    with held(letter):
        try:
            deliver(letter, policy=policy, now=now)
        except NotNow as delay:
            put_off(letter, trouble=str(delay), policy=policy, now=now)
        except Never as end:
            why = "refused" if end.answer else "fault"
            give_up(letter, trouble=str(end), answer=end.answer, why=why, policy=policy, now=now)
        except Lost:
            log.warning("letter %s is no longer ours, and is not sent", letter.key)
    return True


def withdraw_unsent(
    *, transfer: Transfer, kinds: Collection[str], file: TransferFile | None = None, now: datetime
) -> int:
    """Takes back letters of these kinds that have not left, about one file or any; returns how many.

    One that is on the wire this very moment may still arrive, and is then remembered as sent.
    """
    unsent = Letter.objects.queued().filter(transfer=transfer, kind__in=kinds)
    if file is not None:
        unsent = unsent.filter(file=file)
    return unsent.update(delivery=Delivery.WITHDRAWN, **BLANK)


def claim(me: Holder, *, now: datetime) -> Letter | None:
    """A due letter that no other postman will touch now, or None; another may be quicker."""
    due, in_hands = due_letters(now), list[int]()
    while (letter := due.exclude(pk__in=in_hands).first()) is not None:
        if not me.may_take(letter):
            in_hands.append(letter.pk)
        elif me.take(letter):
            return letter
    me.remember_only(in_hands)
    return None


def due_letters(now: datetime) -> LetterQuerySet:
    return Letter.objects.due_at(now).still_true_at(now).select_related("transfer", "file")


def outwait(me: Holder, *, now: datetime) -> bool:
    """Waits for due letters in others' hands, a lease at most; True as soon as one may be taken."""
    end = time.monotonic() + lease.LEASE + 1
    while in_hands := list(due_letters(now)):
        if any(me.may_take(letter) for letter in in_hands):
            return True
        if time.monotonic() >= end:
            break
        time.sleep(0.2)
    return False


def deliver(letter: Letter, *, policy: Policy, now: datetime) -> None:
    """The row is asked when the line is open, and marked while it still is: nothing may come in between."""
    message = ready_to_go(letter, policy=policy)
    with line() as server:
        if not ours(letter).exists():
            raise Lost
        hand_in(message, server)
        remember_sent(letter, now=now)


def remember_sent(letter: Letter, *, now: datetime) -> None:
    """Says so until the database hears it: what has left must not leave again."""
    sent = Letter.objects.filter(pk=letter.pk)
    for pause in (1, 5, 15, 60, 0):
        try:
            sent.update(delivery=Delivery.SENT, sent_at=now, trouble="", **BLANK)
            log.info("letter sent", extra={"facts": {"letter": letter.key, "tries": letter.tries}})
            return
        except DatabaseError:
            log.exception("letter %s has left, but its row could not be marked", letter.key)
            connection.close()
            time.sleep(pause)


def ready_to_go(letter: Letter, *, policy: Policy) -> EmailMultiAlternatives:
    """The message, proved to be one: what cannot be written out must fail here and not on the line."""
    try:
        message = message_of(letter, policy=policy)
        message.message().as_bytes()
    except Exception as fault:
        log.exception("letter %s cannot be written out", letter.key)
        raise Never(described(fault)) from fault
    return message


@contextmanager
def line() -> Iterator[BaseEmailBackend]:
    """An open line to the mail server; what goes wrong before it is open is ours to mend."""
    with ExitStack() as closing:
        try:
            server = get_connection()
            closing.callback(hang_up, server)
            server.open()
            be_patient(server)
        except Exception as fault:
            raise NotNow(described(fault)) from fault
        yield server


def be_patient(server: BaseEmailBackend) -> None:
    """From the greeting on: a letter that is taken after we have gone would come twice."""
    if isinstance(server, EmailBackend) and server.connection and server.connection.sock:
        server.connection.sock.settimeout(ANSWER)


def hang_up(server: BaseEmailBackend) -> None:
    """A server that ends the conversation rudely has still answered what we asked."""
    with suppress(Exception):
        server.close()


def hand_in(message: EmailMultiAlternatives, server: BaseEmailBackend) -> None:
    try:
        server.send_messages([message])
    except (smtplib.SMTPException, OSError) as fault:
        raise verdict(fault) from fault
    except Exception as fault:
        log.exception("a letter broke the line")
        raise Never(described(fault)) from fault


def verdict(fault: Exception) -> NotNow | Never:
    """Final is only a 5xx to the address or to the letter itself."""
    code, answer = answer_in(fault)
    trouble = described(fault) if code < 0 else one_line(f"{code} {answer}")[:LONGEST_TROUBLE]
    if not 500 <= code <= 599 or code in ABOUT_US or isinstance(fault, BEFORE_THE_READER):
        return NotNow(trouble)
    return Never(trouble, answer=trouble)


def answer_in(fault: Exception) -> tuple[int, str]:
    """Code and words of the server's answer; a code of -1 if it gave none."""
    if isinstance(fault, smtplib.SMTPRecipientsRefused):
        code, words = next(iter(fault.recipients.values()))
        return code, legible(words)
    if isinstance(fault, smtplib.SMTPResponseException):
        return fault.smtp_code, legible(fault.smtp_error)
    return -1, ""


def legible(words: bytes | str) -> str:
    return words.decode(errors="replace") if isinstance(words, bytes) else words


def described(fault: Exception) -> str:
    return one_line(f"{type(fault).__name__}: {fault}")[:LONGEST_TROUBLE]


def put_off(letter: Letter, *, trouble: str, policy: Policy, now: datetime) -> None:
    """Next time after a longer pause, and the last time when patience ends."""
    end = letter.written_at + PATIENCE
    if now >= end:
        give_up(letter, trouble=trouble, answer="", why="expired", policy=policy, now=now)
        return
    again = min(now + pause_after(letter.tries), end)
    ours(letter).update(next_try_at=again, holder="", trouble=trouble)
    log.warning("letter %s waits after try %s: %s", letter.key, letter.tries, trouble)


def pause_after(tries: int) -> timedelta:
    return PAUSES[tries - 1] if tries <= len(PAUSES) else LATER


def give_up(letter: Letter, *, trouble: str, answer: str, why: str, policy: Policy, now: datetime) -> None:
    """No more tries; if somebody was waiting for it, the sender hears of that in the same transaction."""
    with transaction.atomic():
        given_up = ours(letter).update(delivery=Delivery.GIVEN_UP, given_up_at=now, trouble=trouble, **BLANK)
        if given_up and letter.transfer and letter.kind in MISSED and letter.role != Role.SENDER:
            compose.write(
                "undelivered",
                transfer=letter.transfer,
                role=Role.SENDER,
                policy=policy,
                now=now,
                file=letter.file,
                about={"address": letter.to, "role": letter.role, "trouble": answer, "why": why},
            )
    if given_up:
        log.error("letter %s was given up: %s", letter.key, trouble)
