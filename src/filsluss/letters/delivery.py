"""Delivery: submits messages over SMTP, many over one connection, and reads the mail server's answers."""

import logging
import smtplib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend
from django.core.mail.message import sanitize_address

from filsluss import outages
from filsluss.letters.message import build_message
from filsluss.letters.sanitize import one_line
from filsluss.letters.smtp import mail_backend
from filsluss.models import Letter
from filsluss.rules.policy import Policy
from filsluss.rules.smtp_answers import Answer, Verb

log = logging.getLogger(__name__)

REPLY_TIMEOUT = 600.0
"""Seconds to wait for each reply (RFC 5321, 4.5.3.2.6): the server may be scanning the message."""
LETTERS_A_CONNECTION = 100
LONGEST_ERROR = 300


class NotDelivered(Exception):
    """The mail server has not taken the letter; `answer` is None if it said nothing."""

    def __init__(self, error: str, answer: Answer | None = None) -> None:
        super().__init__(error)
        self.answer = answer


class NotSubmittable(Exception):
    """The letter cannot be submitted to any server: it is a fault of ours."""


class LeaseLost(Exception):
    """Our claim on the letter has ended: it was withdrawn, or another process has claimed it."""


class MailConnection:
    """A connection to the mail server for up to LETTERS_A_CONNECTION letters, used by one thread."""

    def __init__(self) -> None:
        self._server: BaseEmailBackend | None = None
        self._used = 0

    @contextmanager
    def opened(self) -> Iterator[BaseEmailBackend]:
        """The open connection, for one letter; raises NotDelivered if it cannot be opened.

        An error within the block closes it: what the server then thinks of it is not known.
        """
        server = self._reset() or self._open()
        try:
            yield server
        except BaseException:
            self.close()
            raise
        self._used += 1
        if self._used >= LETTERS_A_CONNECTION or not isinstance(server, EmailBackend):
            self.close()

    def _reset(self) -> BaseEmailBackend | None:
        """The connection of the letter before, if the server answers RSET on it."""
        server = self._server
        if isinstance(server, EmailBackend) and server.connection:
            with suppress(smtplib.SMTPException, OSError):
                set_timeout(server, settings.EMAIL_TIMEOUT)
                if server.connection.rset()[0] == 250:
                    set_timeout(server, REPLY_TIMEOUT)
                    return server
        self.close()
        return None

    def _open(self) -> BaseEmailBackend:
        self._server, self._used = mail_backend(), 0
        try:
            self._server.open()
            set_timeout(self._server, REPLY_TIMEOUT)
        except Exception as fault:
            self.close()
            raise not_delivered(fault) from fault
        return self._server

    def close(self) -> None:
        """Closes the connection; an error now changes nothing, since every message has been answered."""
        server, self._server = self._server, None
        if server is not None:
            with suppress(Exception):
                set_timeout(server, settings.EMAIL_TIMEOUT)
                server.close()


def set_timeout(server: BaseEmailBackend, seconds: float) -> None:
    """How long to wait for replies; after DATA long, as a message accepted after that is sent twice."""
    if isinstance(server, EmailBackend) and server.connection and server.connection.sock:
        server.connection.sock.settimeout(seconds)


@dataclass(frozen=True)
class PreparedMessage:
    """A message, its envelope, and its bytes with the line ends of SMTP, which are written out once."""

    message: EmailMessage
    sender: str
    recipients: tuple[str, ...]
    content: bytes


def prepared_message(letter: Letter, *, policy: Policy) -> PreparedMessage:
    """The message whole, so that one which cannot be written out fails before a connection is opened.

    Raises NotSubmittable; that the database is away is no fault of the letter's, and passes through.
    """
    try:
        message = build_message(letter, policy=policy)
        recipients = [sanitize_address(address, "utf-8") for address in message.recipients()]
        content = message.message().as_bytes(linesep="\r\n")
        sender = envelope_sender(message.from_email)
    except outages.AWAY:
        raise
    except Exception as fault:
        log.exception("letter %s cannot be serialised", letter.key)
        raise NotSubmittable(described(fault)) from fault
    return PreparedMessage(message, sender, tuple(recipients), content)


@lru_cache(maxsize=1)
def envelope_sender(address: str) -> str:
    """As SMTP takes it; parsing it for each letter takes long. Readers' addresses are kept nowhere."""
    return sanitize_address(address, "utf-8")


def submit(prepared: PreparedMessage, server: BaseEmailBackend) -> None:
    """Returns when the server has accepted the message; raises NotDelivered or NotSubmittable.

    It has, too, with another reply of the 2yz than 250, which is all that smtplib knows (RFC 5321, 4.2.1).
    """
    try:
        if isinstance(server, EmailBackend) and server.connection:
            server.connection.sendmail(prepared.sender, prepared.recipients, prepared.content)
        else:
            server.send_messages([prepared.message])
    except smtplib.SMTPDataError as fault:
        if not 251 <= fault.smtp_code <= 299:
            raise not_delivered(fault) from fault
    except (smtplib.SMTPException, OSError) as fault:
        raise not_delivered(fault) from fault
    except Exception as fault:
        log.exception("a letter could not be submitted")
        raise NotSubmittable(described(fault)) from fault


def not_delivered(fault: Exception) -> NotDelivered:
    answer = answer_of(fault)
    if answer is None:
        return NotDelivered(described(fault))
    return NotDelivered(one_line(f"{answer.code} {answer.text}")[:LONGEST_ERROR], answer)


def answer_of(fault: Exception) -> Answer | None:
    """The server's reply, and the command it follows; None if there was none."""
    if isinstance(fault, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(fault.recipients.values()))
        return Answer(Verb.RCPT, code, decoded(text))
    if not isinstance(fault, smtplib.SMTPResponseException) or fault.smtp_code < 0:
        return None
    verbs = {smtplib.SMTPSenderRefused: Verb.MAIL, smtplib.SMTPDataError: Verb.DATA}
    return Answer(verbs.get(type(fault), Verb.BEFORE), fault.smtp_code, decoded(fault.smtp_error))


def decoded(text: bytes | str) -> str:
    return text.decode(errors="replace") if isinstance(text, bytes) else text


def described(fault: Exception) -> str:
    """Type and text of an exception, on one line."""
    return one_line(f"{type(fault).__name__}: {fault}")[:LONGEST_ERROR]
