"""The demo's mailbox: every letter the service would have sent, and nowhere else to send it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from filsluss.pages import presenters
from filsluss.pages.context import client_of
from filsluss.pages.decorators import allow_methods, private_page

BETWEEN = re.compile(rb"^-{79}\n", re.MULTILINE)
FRAMING = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; frame-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SANDBOX = "allow-popups allow-popups-to-escape-sandbox"
FRAMED = f"default-src 'none'; style-src 'unsafe-inline'; sandbox {SANDBOX}; frame-ancestors 'self'"


@dataclass(frozen=True)
class Delivered:
    """A letter in the mailbox; `name` is its address on these pages."""

    name: str
    at: datetime | None
    message: EmailMessage

    @property
    def sent(self) -> presenters.When | None:
        return presenters.moment(self.at)

    @property
    def to(self) -> str:
        return str(self.message["To"] or "")

    @property
    def subject(self) -> str:
        return str(self.message["Subject"] or "")

    def body(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        return str(part.get_content()) if part is not None else ""


def mailbox() -> list[Delivered]:
    """Newest first; letters of the same second by when they were laid in."""
    files = sorted(Path(settings.MAIL_DIR).glob("*.log"), key=lambda path: path.stat().st_mtime_ns)
    letters = [letter for path in files for letter in letters_in(path)]
    letters.reverse()
    return sorted(letters, key=lambda letter: letter.at.timestamp() if letter.at else 0, reverse=True)


def letters_in(path: Path) -> Iterator[Delivered]:
    for number, raw in enumerate(BETWEEN.split(path.read_bytes())):
        if not raw.strip():
            continue
        message = message_from_bytes(raw, policy=policy.default)
        yield Delivered(f"{path.stem}-{number}", date_of(message), message)


def date_of(message: EmailMessage) -> datetime | None:
    try:
        sent = parsedate_to_datetime(str(message["Date"]))
    except (TypeError, ValueError):
        return None
    return sent if sent.tzinfo else sent.replace(tzinfo=UTC)  # "-0000" is UTC from nowhere in particular


def admit(request: HttpRequest) -> None:
    """Only in the demo, and only somebody who sits at this machine; for all others it does not exist."""
    client = client_of(request)
    local = client.address is not None and ip_address(client.address).is_loopback
    if not (settings.DEMO and client.may_be_inside and local):
        raise Http404


def letter_named(request: HttpRequest, name: str) -> Delivered:
    admit(request)
    found = next((letter for letter in mailbox() if letter.name == name), None)
    if found is None:
        raise Http404
    return found


@allow_methods("GET")
@private_page
def mail(request: HttpRequest) -> HttpResponse:
    admit(request)
    return render(request, "pages/demo_mail.html", {"letters": mailbox()})


@allow_methods("GET")
@private_page
def letter(request: HttpRequest, name: str) -> HttpResponse:
    found = letter_named(request, name)
    page = {
        "letter": found,
        "text": with_links(found.body("plain")),
        "has_html": bool(found.body("html")),
        "sandbox": SANDBOX,
    }
    response = render(request, "pages/demo_letter.html", page)
    response.headers["Content-Security-Policy"] = FRAMING
    return response


@allow_methods("GET")
@private_page
def letter_html(request: HttpRequest, name: str) -> HttpResponse:
    """The HTML part as a mail program would show it, for the frame only: no script, no form, no origin.

    A link opens a page of its own, as it does in a mail program; no page of ours may stand in a frame.
    """
    html = letter_named(request, name).body("html")
    response = HttpResponse(html.replace("<head>", '<head><base target="_blank">', 1))
    response.headers["Content-Security-Policy"] = FRAMED
    return response


def with_links(text: str) -> SafeString:
    """The text, escaped, with the house's own addresses and no others made links."""
    pattern = re.escape(escape(settings.POLICY.base_url)) + r"/[^\s<>&]*[^\s<>&.,)]"
    linked = re.sub(pattern, lambda found: f'<a href="{found[0]}">{found[0]}</a>', escape(text))
    return mark_safe(linked)  # noqa: S308 - escaped above, and only our own addresses are added
