"""SMTP as mail servers in use need it: sign-in in UTF-8, and a name in EHLO that the operator can set."""

import base64
import hmac
import smtplib
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend

LONGEST_LINE, LONGEST_DROPPED = 2048, 1 << 20
"""Of a line of a reply: how many bytes are kept, and up to how many more are read and dropped."""
DJANGO_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
MOST_CHALLENGES = 5


def mail_backend(**options: Any) -> BaseEmailBackend:
    """A connection of the configured kind, not open; SMTP is ours, and Django's in nothing else."""
    if settings.EMAIL_BACKEND == DJANGO_BACKEND:
        return SmtpBackend(**options)
    return get_connection(**options)


def helo_name(machine: str | None) -> str:
    """What we call ourselves in EHLO (RFC 5321, 4.1.4): the setting, else the machine's full name.

    A machine without one, such as a container, calls itself as in the service's URL: servers refuse
    names without a domain.
    """
    if settings.SMTP_HELO:
        return str(settings.SMTP_HELO)
    if machine and "." in machine.strip("[]") and not machine.endswith(".localdomain"):
        return machine
    host = urlsplit(settings.POLICY.base_url).hostname or ""
    try:
        address = ip_address(host)
    except ValueError:
        return host if "." in host else machine or "localhost"
    return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"


class _CutLines:
    """The lines of a server's replies, none longer than LONGEST_LINE.

    smtplib takes a longer one for a refusal, also where it says that the message was accepted.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def readline(self, size: int = -1) -> bytes:
        line = rest = self._file.readline(size)
        dropped = 0
        while rest and not rest.endswith(b"\n") and dropped < LONGEST_DROPPED:
            rest = self._file.readline(LONGEST_LINE)
            dropped += len(rest)
        is_whole = len(line) <= LONGEST_LINE or not rest.endswith(b"\n")
        return line if is_whole else line[:LONGEST_LINE] + b"\r\n"

    def close(self) -> None:
        self._file.close()


class _OurSmtp(smtplib.SMTP):
    """Signs in with names and passwords in UTF-8 (RFC 4616), where smtplib knows ASCII only."""

    def __init__(self, host: str = "", port: int = 0, local_hostname: str | None = None, **own: Any) -> None:
        super().__init__(host, port, helo_name(local_hostname), **own)

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self.file = _CutLines(self.sock.makefile("rb"))
        return super().getreply()

    def auth(
        self, mechanism: str, authobject: Callable[..., Any], *, initial_response_ok: bool = True
    ) -> tuple[int, bytes]:
        """As smtplib's (RFC 4954); raises SMTPAuthenticationError."""
        first = authobject() if initial_response_ok else None
        self._auth_challenge_count = 0 if first is None else 1  # asked for by smtplib's auth_login
        command = mechanism.upper() if first is None else f"{mechanism.upper()} {in_base64(first)}"
        code, reply = self.docmd("AUTH", command)
        while code == 334 and self._auth_challenge_count < MOST_CHALLENGES:
            self._auth_challenge_count += 1
            code, reply = self.docmd(in_base64(authobject(base64.decodebytes(reply))))
        if code not in (235, 503):
            raise smtplib.SMTPAuthenticationError(code, reply)
        return code, reply

    def auth_cram_md5(self, challenge: bytes | None = None) -> str | None:  # type: ignore[override]
        if challenge is None:
            return None
        digest = hmac.new(str(self.password).encode(), challenge, "md5").hexdigest()
        return f"{self.user} {digest}"


def in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")


class _OurSmtpSsl(_OurSmtp, smtplib.SMTP_SSL):
    pass


class SmtpBackend(EmailBackend):
    """Django's, with connections of ours."""

    connection: smtplib.SMTP | None

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return _OurSmtpSsl if self.use_ssl else _OurSmtp
