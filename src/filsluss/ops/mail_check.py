"""Trying the mail server: everything up to a letter, or one letter whole, with words for what it answers."""

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

from django.conf import settings
from django.core.mail.backends.base import BaseEmailBackend

from filsluss.conf.names import Name
from filsluss.letters import notices
from filsluss.letters.delivery import (
    NotDelivered,
    NotSubmittable,
    answer_of,
    described,
    prepared_message,
    submit,
)
from filsluss.letters.smtp import SmtpBackend, mail_backend
from filsluss.rules.smtp_answers import Answer, Verb, judge

PATIENCE = 10
"""Seconds to wait for each answer of a rehearsal."""
FIRST_OF_ANSWER = 200


class MailRefused(Exception):
    """One line: what the mail server does not take, and how to repair it."""


def rehearse() -> str:
    """Goes on to RCPT as a letter does, and then resets: nothing is sent. Raises MailRefused.

    The recipient is who would be told of an alarm; without one support, and else the service's own address.
    A relay that does not know us refuses only there.
    """
    if settings.DEMO:
        return f"letters are written to {settings.MAIL_DIR}"
    with opened(timeout=PATIENCE) as server:
        if not isinstance(server, SmtpBackend) or server.connection is None:
            return "letters are not sent by SMTP"
        return try_addresses(server.connection)


def try_addresses(smtp: smtplib.SMTP) -> str:
    sender = settings.POLICY.mail_from
    to = next(filter(None, (*settings.POLICY.admin_emails, settings.POLICY.support_email, sender)))
    smtp.ehlo_or_helo_if_needed()
    expect(Verb.MAIL, smtp.mail(sender), f"{sender} as a sender")
    expect(Verb.RCPT, smtp.rcpt(to), f"a letter to {to}")
    smtp.rset()
    return f"{where()} takes letters from {sender}, as far as RCPT to {to}"


def send_letter(address: str, *, now: datetime) -> str:
    """Sends one letter whole; raises MailRefused."""
    letter = notices.trial_letter(address, policy=settings.POLICY, now=now)
    try:
        message = prepared_message(letter, policy=settings.POLICY)
        with opened() as server:
            submit(message, server)
    except NotSubmittable as fault:
        raise MailRefused(str(fault)) from None
    except NotDelivered as refused:
        raise MailRefused(words_of(refused.answer, f"a letter to {address}", str(refused))) from None
    return f"{where()} has taken a letter to {address}: see whether it arrives, and not as spam"


@contextmanager
def opened(**options: int) -> Iterator[BaseEmailBackend]:
    """A connection; raises MailRefused if it cannot be opened, or breaks."""
    server = mail_backend(**options)
    try:
        server.open()
        yield server
    except (OSError, smtplib.SMTPException) as fault:
        raise MailRefused(words_of(answer_of(fault), "a connection", described(fault))) from None
    finally:
        with suppress(OSError, smtplib.SMTPException):
            server.close()


def expect(verb: Verb, reply: tuple[int, bytes], what: str) -> None:
    """Raises MailRefused unless the reply is a yes."""
    code, text = reply
    if not 200 <= code <= 299:
        answer = Answer(verb, code, text.decode(errors="replace"))
        raise MailRefused(words_of(answer, what, f"{code} {answer.text}"))


def words_of(answer: Answer | None, what: str, said: str) -> str:
    said = " ".join(said.split())[:FIRST_OF_ANSWER]
    if answer is None:
        return f"{where()} cannot be used: {said}; see {Name.SMTP_URL}"
    return f"{where()} does not take {what}: {said!r}; {advice(answer)}"


def advice(answer: Answer) -> str:
    """What an operator can do about it."""
    text = answer.text.lower()
    if "starttls" in text or "encryption required" in text or answer.code == 538:
        return f"it wants STARTTLS: use smtp+starttls:// in {Name.SMTP_URL}"
    if answer.code == 535:
        return f"it does not accept user and password of {Name.SMTP_URL}"
    if answer.code in (530, 534) or "authenti" in text:
        return f"it wants a sign-in: put user and password into {Name.SMTP_URL}"
    if "helo" in text or "ehlo" in text:
        return f"it does not like the name in EHLO: set {Name.SMTP_HELO}"
    if "relay" in text:
        return f"it does not relay for this machine: allow that there, or sign in ({Name.SMTP_URL})"
    if answer.verb is Verb.MAIL:
        return f"it does not take {Name.MAIL_FROM} from this machine or this account"
    if answer.code < 500:
        return "it may take it later: check again"
    return "the address is refused" if judge(answer).is_final else "ask who runs that server"


def where() -> str:
    return f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
