"""Delivery: one message to the mail server over SMTP, and what its answer means."""

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
"""Seconds to wait for the server once it talks to us (RFC 5321, 4.5.3.2.6): it may be reading the letter."""
LONGEST_ERROR = 300

ABOUT_US = frozenset({530, 534, 535, 538})
"""Refusals that speak of our sign-in, at whatever word of the conversation they come."""
BEFORE_RECIPIENT = (smtplib.SMTPHeloError, smtplib.SMTPAuthenticationError, smtplib.SMTPSenderRefused)
"""What a server says before it has heard the address cannot be about the letter."""


class TemporaryFailure(Exception):
    """The mail server cannot be reached or wants us to come back; the text says what it answered."""


class PermanentFailure(Exception):
    """Trying again would end the same way; `answer` is the server's, if it was the server that refused."""

    def __init__(self, error: str, *, answer: str = "") -> None:
        super().__init__(error)
        self.answer = answer


class LeaseLost(Exception):
    """The letter is no longer ours to send: withdrawn, or another has taken it."""


def prepared_message(letter: Letter, *, policy: Policy) -> EmailMultiAlternatives:
    """The message, proved to be one: what cannot be written out must fail here and not on the line."""
    try:
        message = build_message(letter, policy=policy)
        message.message().as_bytes()
    except Exception as fault:
        log.exception("letter %s cannot be written out", letter.key)
        raise PermanentFailure(described(fault)) from fault
    return message


@contextmanager
def smtp_connection() -> Iterator[BaseEmailBackend]:
    """An open line to the mail server; what goes wrong before it is open is ours to mend."""
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
    """From the greeting on: a letter that is taken after we have gone would come twice."""
    if isinstance(server, EmailBackend) and server.connection and server.connection.sock:
        server.connection.sock.settimeout(REPLY_TIMEOUT)


def disconnect(server: BaseEmailBackend) -> None:
    """A server that ends the conversation rudely has still answered what we asked."""
    with suppress(Exception):
        server.close()


def submit(message: EmailMultiAlternatives, server: BaseEmailBackend) -> None:
    try:
        server.send_messages([message])
    except (smtplib.SMTPException, OSError) as fault:
        raise classify(fault) from fault
    except Exception as fault:
        log.exception("a letter broke the line")
        raise PermanentFailure(described(fault)) from fault


def classify(fault: Exception) -> TemporaryFailure | PermanentFailure:
    """Final is only a 5xx to the address or to the letter itself."""
    code, answer = server_reply(fault)
    error = described(fault) if code < 0 else one_line(f"{code} {answer}")[:LONGEST_ERROR]
    if not 500 <= code <= 599 or code in ABOUT_US or isinstance(fault, BEFORE_RECIPIENT):
        return TemporaryFailure(error)
    return PermanentFailure(error, answer=error)


def server_reply(fault: Exception) -> tuple[int, str]:
    """Code and words of the server's answer; a code of -1 if it gave none."""
    if isinstance(fault, smtplib.SMTPRecipientsRefused):
        code, words = next(iter(fault.recipients.values()))
        return code, decoded(words)
    if isinstance(fault, smtplib.SMTPResponseException):
        return fault.smtp_code, decoded(fault.smtp_error)
    return -1, ""


def decoded(words: bytes | str) -> str:
    return words.decode(errors="replace") if isinstance(words, bytes) else words


def described(fault: Exception) -> str:
    return one_line(f"{type(fault).__name__}: {fault}")[:LONGEST_ERROR]
