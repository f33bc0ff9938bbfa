"""The message that is sent for a letter's row (RFC 5322, MIME)."""

from email.charset import QP, Charset
from email.mime.image import MIMEImage
from email.utils import format_datetime
from typing import Any

from django.core.mail import EmailMultiAlternatives

from filsluss.letters.headers import LONGEST_LINE, FoldedHeader, fold, sender_header, text_header
from filsluss.letters.html import LOGO
from filsluss.letters.sanitize import one_line
from filsluss.models import Letter
from filsluss.models.letter_queries import cases_of
from filsluss.rules.encryption import DecryptionFailed, is_encrypted
from filsluss.rules.logo import Logo
from filsluss.rules.policy import Policy

UNBROKEN = ("To", "Reply-To", "Message-ID", "References")
"""Headers of one word each, which stays on the line of the name however long it is."""


class LetterMessage(EmailMultiAlternatives):
    """A message with the name of its sender, whose headers are folded as RFC 2047 and RFC 5322 say."""

    mixed_subtype = "related"  # the only attachment is the logo, to which the HTML refers (RFC 2387)
    sender_name = ""
    boundary = ""

    def message(self, **_: Any) -> Any:
        message = super().message()
        folded = {
            "Subject": text_header("Subject", str(self.subject)),
            "From": sender_header("From", self.sender_name, self.from_email),
            **{name: fold(name, [str(message[name])]) for name in UNBROKEN if message[name]},
        }
        for name, value in folded.items():
            message.replace_header(name, value)
        leave_as_they_are(message)
        for number, part in enumerate(message.walk()):
            if part.is_multipart():
                part.set_boundary(f"=_{self.boundary}.{number}")  # no encoded body holds "=_" (RFC 2045)
        return message


def leave_as_they_are(message: Any) -> None:
    """Marks short headers of plain text, which the generator of messages would else parse and fold."""
    for name, value in message.items():
        if isinstance(value, str) and value.isascii() and len(f"{name}: {value}") <= LONGEST_LINE:
            message.replace_header(name, FoldedHeader([value]))


def build_message(letter: Letter, *, policy: Policy) -> LetterMessage:
    """A message to one address, the same at every try; raises DecryptionFailed."""
    if is_encrypted(letter.text):
        raise DecryptionFailed("no key decrypts the letter")
    message = LetterMessage(
        subject=letter.subject,
        body=letter.text,
        from_email=policy.mail_from,
        to=[letter.to],
        reply_to=[letter.reply_to] if letter.reply_to else [],
        headers=message_headers(letter, policy=policy),
    )
    message.sender_name, message.boundary = one_line(policy.organisation), letter.public_id
    message.attach_alternative(letter.html, "text/html")
    message.encoding = quoted_printable()
    if policy.logo and f'src="cid:{LOGO}"' in letter.html:
        message.attach(logo_part(policy.logo))
    return message


def logo_part(logo: Logo) -> MIMEImage:
    """The logo as an inline part, which mail programs do not list as an attachment."""
    part = MIMEImage(logo.content, logo.kind)
    part["Content-ID"] = f"<{LOGO}>"
    part["Content-Disposition"] = "inline"
    return part


def message_headers(letter: Letter, *, policy: Policy) -> dict[str, str]:
    headers = {
        "Date": format_datetime(letter.written_at.astimezone(policy.time_zone)),
        "Message-ID": letter.message_id,
        "References": letter.references,
        "Content-Language": letter.language,
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "X-Filsluss-Letter": letter.kind,
        "X-Filsluss-Transfer": case_of(letter),
    }
    return {name: value for name, value in headers.items() if value}


def case_of(letter: Letter) -> str:
    """The public id of the letter's transfer; empty if it is about none, or about several, or not saved."""
    ids = cases_of(letter) if letter.pk else set()
    return ids.pop() if len(ids) == 1 else ""


def quoted_printable() -> Charset:
    """UTF-8 as quoted-printable: 7-bit and short lines, which no relay needs to change."""
    charset = Charset("utf-8")
    charset.body_encoding = QP
    return charset
