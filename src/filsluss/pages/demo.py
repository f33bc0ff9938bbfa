"""The demo's mailbox: shows the letters that the demo writes to files instead of sending them."""

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

SEPARATOR = re.compile(rb"^-{79}\n", re.MULTILINE)
LETTER_PAGE_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; frame-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SANDBOX = "allow-popups allow-popups-to-escape-sandbox"
LETTER_FRAME_CSP = f"default-src 'none'; style-src 'unsafe-inline'; sandbox {SANDBOX}; frame-ancestors 'self'"


@dataclass(frozen=True)
class Delivered:
    """A letter in the mailbox; `name` identifies it in the URLs of these pages."""

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
    """All letters, newest first; those of the same second in the order in which they were written."""
    files = sorted(Path(settings.MAIL_DIR).glob("*.log"), key=lambda path: path.stat().st_mtime_ns)
    letters = [letter for path in files for letter in letters_in(path)]
    letters.reverse()
    return sorted(letters, key=lambda letter: letter.at.timestamp() if letter.at else 0, reverse=True)


def letters_in(path: Path) -> Iterator[Delivered]:
    for number, raw in enumerate(SEPARATOR.split(path.read_bytes())):
        if not raw.strip():
            continue
        message = message_from_bytes(raw, policy=policy.default)
        yield Delivered(f"{path.stem}-{number}", date_of(message), message)


def date_of(message: EmailMessage) -> datetime | None:
    try:
        sent = parsedate_to_datetime(str(message["Date"]))
    except (TypeError, ValueError):
        return None
    return sent if sent.tzinfo else sent.replace(tzinfo=UTC)  # "-0000": UTC (RFC 5322, 3.3)


def require_local_demo(request: HttpRequest) -> None:
    """Raises Http404 outside the demo, and for clients on another machine."""
    client = client_of(request)
    local = client.address is not None and ip_address(client.address).is_loopback
    if not (settings.DEMO and client.may_be_inside and local):
        raise Http404


def letter_named(request: HttpRequest, name: str) -> Delivered:
    require_local_demo(request)
    found = next((letter for letter in mailbox() if letter.name == name), None)
    if found is None:
        raise Http404
    return found


@allow_methods("GET")
@private_page
def mail(request: HttpRequest) -> HttpResponse:
    require_local_demo(request)
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
    response.headers["Content-Security-Policy"] = LETTER_PAGE_CSP
    return response


@allow_methods("GET")
@private_page
def letter_html(request: HttpRequest, name: str) -> HttpResponse:
    """The HTML part, for the sandboxed frame of the letter's page: no scripts, no forms, an opaque origin.

    Links open in a new tab, as from a mail program, because our pages may not be shown in a frame.
    """
    html = letter_named(request, name).body("html")
    response = HttpResponse(html.replace("<head>", '<head><base target="_blank">', 1))
    response.headers["Content-Security-Policy"] = LETTER_FRAME_CSP
    return response


def with_links(text: str) -> SafeString:
    """The escaped text, in which URLs of this installation, and no others, are links."""
    pattern = re.escape(escape(settings.POLICY.base_url)) + r"/[^\s<>&]*[^\s<>&.,)]"
    linked = re.sub(pattern, lambda match: f'<a href="{match[0]}">{match[0]}</a>', escape(text))
    return mark_safe(linked)  # noqa: S308 - escaped above; only links to our own URLs are added
