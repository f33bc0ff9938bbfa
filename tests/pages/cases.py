"""Transfers in every state, made by the actions themselves, and a page as a parser sees it."""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html.parser import HTMLParser
from typing import Any

from django.conf import settings
from django.test import RequestFactory
from django.utils import timezone

from filsluss.actions.apply import apply
from filsluss.actions.choices import Choices
from filsluss.actions.completion import make_ready
from filsluss.actions.decide import decide
from filsluss.actions.upload import begin, receive
from filsluss.blobs import Digests, open_store
from filsluss.letters import request_lists
from filsluss.models import Letter, Transfer, TransferFile
from filsluss.pages.refusals import refusal_page
from filsluss.rules.application import Application
from filsluss.rules.decision import Decision
from filsluss.rules.networks import Client
from filsluss.rules.paths import prefix_of
from filsluss.rules.refusals import Refused
from filsluss.rules.tokens import Purpose
from tests.parts import tokens
from tests.parts.services import services_for

ANNA, KARIN = "anna.berg@ltdalarna.se", "karin.lund@ltdalarna.se"
BO, EVA = "bo@rontgen.example", "eva@konsult.example"
INSIDE = Client("127.0.0.1", may_be_inside=True)
OUTSIDE = Client("192.0.2.7", may_be_inside=True)
FORM = {
    "sender_name": "Anna Berg",
    "sender_email": ANNA,
    "recipient_email": BO,
    "purpose": "Ritningar till den nya mottagningen",
    "language": "sv",
    "accept_terms": "1",
}
FROM_OUTSIDE = {**FORM, "sender_name": "Bo Ek", "sender_email": BO, "recipient_email": ANNA}


def applied(sender: str = ANNA, recipient: str = BO, *, language: str = "sv", now: datetime | None = None):
    application = Application(
        sender_name="Bo <Ek>",
        sender_email=sender,
        recipient_email=recipient,
        purpose="Ritningar & mått",
        language=language,
    )
    return apply(
        application, services=services_for(settings.POLICY), now=now or timezone.now(), client=INSIDE
    )


def long_ago() -> datetime:
    return timezone.now() - timedelta(days=60)


def open_transfer(*, language: str = "sv") -> Transfer:
    return applied(language=language)


def pending(*, language: str = "sv") -> Transfer:
    return applied(BO, ANNA, language=language)


def listed() -> Transfer:
    """Its approver will be asked by the next list."""
    transfer = pending()
    Letter.objects.filter(kind="approval-requested").about(transfer).delete()
    transfer.asked_at = transfer.lapse_by = None
    transfer.save()
    request_lists.collect(transfer, policy=settings.POLICY, now=timezone.now())
    return transfer


def ended() -> Transfer:
    return applied(now=long_ago())


def lapsed() -> Transfer:
    return applied(BO, ANNA, now=long_ago())


def decided(decision: str) -> Transfer:
    approves = decision == "approve"
    form = Decision(decision, "3" if approves else "", "" if approves else "Okänd avsändare")
    return decide(pending(), form=form, services=services_for(settings.POLICY), now=timezone.now())


def received_file(transfer: Transfer, name: str = "ritning.pdf", *, with_code: bool = False) -> TransferFile:
    store, now = open_store(settings.BLOB_URL), timezone.now()
    file = begin(
        transfer,
        name=name,
        size=0,
        choices=Choices(with_code=with_code),
        services=services_for(settings.POLICY, store, boot_id="boot"),
        now=now,
    )
    receive(file, boot_id="boot", now=now)
    return file


def ready_file(transfer: Transfer, name: str = "ritning.pdf", *, with_code: bool = False) -> TransferFile:
    file = received_file(transfer, name, with_code=with_code)
    make_ready(
        file, digests=Digests("ab" * 32, 0), services=services_for(settings.POLICY), now=timezone.now()
    )
    return file


def link(row: Transfer, purpose: Purpose) -> str:
    prefix = "status" if purpose.value.startswith("status") else purpose.value
    return f"/{prefix}/{tokens.of_transfer(row, purpose, settings.POLICY.link_keys)}"


def refusal(address: str, code: str, **query: str) -> Any:
    """The page by which a byte path refuses a request below the link with this address."""
    prefix = prefix_of(address)
    assert prefix is not None
    asked = RequestFactory().get(address, query, **{"filsluss.client": INSIDE})
    return refusal_page(asked.environ, prefix, address.rpartition("/")[2], Refused(code))


def letter_link(file: TransferFile) -> str:
    return f"/download/{tokens.of_file(file, settings.POLICY.link_keys)}"


def code_link(file: TransferFile) -> str:
    return f"/download/{tokens.of_file(file, settings.POLICY.link_keys, Purpose.PICKUP)}"


def as_read(text: str) -> str:
    """The words, whichever spaces and line breaks are between them."""
    return " ".join(text.split())


@dataclass
class Page(HTMLParser):
    """A page as a parser sees it: its tags in order, and its text."""

    source: str
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    goes_on: bool = False

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.goes_on = tag == "wbr"

    def handle_data(self, data: str) -> None:
        if self.goes_on and self.words:
            data = self.words.pop() + data  # a place where a line may break is none where a word ends
        self.words.append(data)
        self.goes_on = False

    @property
    def text(self) -> str:
        return as_read(" ".join(self.words))

    def all(self, tag: str, **wanted: str) -> list[dict[str, str | None]]:
        return [a for name, a in self.tags if name == tag and wanted.items() <= a.items()]

    def field(self, name: str) -> dict[str, str | None]:
        (found,) = [a for _, a in self.tags if a.get("name") == name]
        return found

    @property
    def ids(self) -> list[str]:
        return [a["id"] for _, a in self.tags if a.get("id")]

    @property
    def problems(self) -> list[str]:
        """The fields that the summary links to."""
        summary = self.source.partition('id="summary"')[2].partition("</div>")[0]
        return re.findall(r'href="#([^"]+)"', summary)
