"""Delivery: submits one message over SMTP, and classifies the mail server's answer."""

import logging
import smtplib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend

from filsluss.letters.message import build_message
from filsluss.letters.sanitize import one_line
from filsluss.models import Letter
from filsluss.rules.policy import Policy

log = logging.getLogger(__name__)

REPLY_TIMEOUT = 600.0
"""Seconds to wait for each reply (RFC 5321, 4.5.3.2.6): the server may be scanning the message."""
LONGEST_ERROR = 300

AUTHENTICATION_CODES = frozenset({530, 534, 535, 538})
"""Replies about our authentication (RFC 4954), whichever command they follow."""
BEFORE_RECIPIENT = (smtplib.SMTPHeloError, smtplib.SMTPAuthenticationError, smtplib.SMTPSenderRefused)
"""Errors before RCPT, which therefore are not about this letter."""


class TemporaryFailure(Exception):
    """The mail server cannot be reached, or wants us to try again later; the text is its answer."""


class PermanentFailure(Exception):
    """Another try would fail, too; `answer` is the mail server's, empty if it did not answer."""

    def __init__(self, error: str, *, answer: str = "") -> None:
        super().__init__(error)
        self.answer = answer


class LeaseLost(Exception):
    """Our claim on the letter has ended: it was withdrawn, or another process has claimed it."""


def prepared_message(letter: Letter, *, policy: Policy) -> EmailMultiAlternatives:
    """The message, serialised once so that one which cannot be fails before a connection is opened.

    Raises PermanentFailure.
    """
    try:
        message = build_message(letter, policy=policy)
        message.message().as_bytes()
    except Exception as fault:
        log.exception("letter %s cannot be serialised", letter.key)
        raise PermanentFailure(described(fault)) from fault
    return message


@contextmanager
def smtp_connection() -> Iterator[BaseEmailBackend]:
    """An open connection to the mail server; raises TemporaryFailure if it cannot be opened."""
    with ExitStack() as closing:
        try:
            server = get_connection()
            closing.callback(disconnect, server)
            server.open()
            set_reply_timeout(server)
        except Exception as fault:
            raise TemporaryFailure(described(fault)) from fault
        yield server


def set_reply_timeout(server: BaseEmailBackend) -> None:
    """Waits longer than for the connection: a message accepted after our timeout would be sent twice."""
    if isinstance(server, EmailBackend) and server.connection and server.connection.sock:
        server.connection.sock.settimeout(REPLY_TIMEOUT)


def disconnect(server: BaseEmailBackend) -> None:
    """Closes the connection; an error now changes nothing, since the message has been answered."""
    with suppress(Exception):
        server.close()


def submit(message: EmailMultiAlternatives, server: BaseEmailBackend) -> None:
    """Returns when the server has accepted the message; raises TemporaryFailure or PermanentFailure."""
    try:
        server.send_messages([message])
    except (smtplib.SMTPException, OSError) as fault:
        raise classify(fault) from fault
    except Exception as fault:
        log.exception("a letter could not be submitted")
        raise PermanentFailure(described(fault)) from fault


def classify(fault: Exception) -> TemporaryFailure | PermanentFailure:
    """Permanent is only a 5xx reply to the recipient or to the message itself."""
    code, answer = server_reply(fault)
    error = described(fault) if code < 0 else one_line(f"{code} {answer}")[:LONGEST_ERROR]
    if not 500 <= code <= 599 or code in AUTHENTICATION_CODES or isinstance(fault, BEFORE_RECIPIENT):
        return TemporaryFailure(error)
    return PermanentFailure(error, answer=error)


def server_reply(fault: Exception) -> tuple[int, str]:
    """Code and text of the server's reply; -1 if there was none."""
    if isinstance(fault, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(fault.recipients.values()))
        return code, decoded(text)
    if isinstance(fault, smtplib.SMTPResponseException):
        return fault.smtp_code, decoded(fault.smtp_error)
    return -1, ""


def decoded(text: bytes | str) -> str:
    return text.decode(errors="replace") if isinstance(text, bytes) else text


def described(fault: Exception) -> str:
    """Type and text of an exception, on one line."""
    return one_line(f"{type(fault).__name__}: {fault}")[:LONGEST_ERROR]
