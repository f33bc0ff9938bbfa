"""How many steps each way takes, walked on the pages themselves; docs/steps.md lists what is counted here."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings
from django.utils import timezone

from filsluss.actions import download, erasure, expiry
from filsluss.identity.config import ProviderConfig
from filsluss.letters import collecting
from filsluss.models import Letter, Link, Transfer
from filsluss.rules.sign_in import SignIn
from filsluss.rules.tokens import Purpose
from tests.pages.cases import ANNA, BO, EVA, KARIN, OUTSIDE, Page, applied, link, open_transfer, ready_file
from tests.parts import administrators
from tests.parts.services import services_for

DOCUMENT = Path(__file__).parents[2] / "docs" / "steps.md"
WHY = "Ritningar till den nya mottagningen"
AT_MOST = {
    "Inside, and coming back": 3,
    "Inside, for the first time": 7,
    "Signed in, and sending once more": 3,
    "Outside, and coming back": 4,
    "Outside, by a link that is filled in": 6,
    "Outside, for the first time": 8,
    "Outside to outside": 10,
    "Who approves": 3,
    "Who rejects": 4,
    "Who fetches": 2,
    "Who fetches by a code": 4,
}


@dataclass
class Walker:
    """Somebody at the pages: every field, choice, click and page is a step, but not what stands there."""

    client: Any
    steps: list[str] = field(default_factory=list)
    page: Page = field(default_factory=lambda: Page(""))
    values: dict[str, str] = field(default_factory=dict)

    def open(self, address: str, *, counts: bool = True) -> None:
        """Opens the page of a link; not a step where the page is where the walk begins."""
        self.steps += [f"open {urlsplit(address).path.split('/')[1] or 'the form'}"] if counts else []
        self.show(self.client.get(address))

    def show(self, answer: Any) -> None:
        if answer.status_code == 303:
            answer = self.client.get(answer["Location"])
        assert answer.status_code == 200, answer.status_code
        self.page = Page(answer.content.decode())
        self.values = dict(self.filled_in())

    def filled_in(self) -> Iterator[tuple[str, str]]:
        """What the forms of the page hold without anybody's doing."""
        for _, own in (each for each in self.page.tags if each[0] == "input" and each[1].get("name")):
            if own["name"] != "use" and (own.get("type") not in ("checkbox", "radio") or "checked" in own):
                yield own["name"] or "", own.get("value") or ""
        yield from re.findall(r'<textarea id="(\w+)"[^>]*>\n([^<]*)<', self.page.source)
        chosen = r'(?s)<select id="(\w+)"(?:(?!</select>).)*?<option value="([^"]*)" selected'
        yield from re.findall(chosen, self.page.source)

    def type(self, **fields: str) -> None:
        """Types into fields that are empty; one that is filled in needs no step."""
        for name, text in fields.items():
            if not self.values.get(name):
                self.page.all("input", name=name) or self.page.all("textarea", name=name) or pytest.fail(name)
                self.values[name] = text
                self.steps.append(f"type {name}")

    def choose(self, name: str, value: str) -> None:
        assert f'name="{name}"' in self.page.source
        self.values[name] = value
        self.steps.append(f"choose {name}")

    def press(self, address: str, **button: str) -> None:
        self.steps.append("press")
        self.show(self.client.post(address, {**self.values, **button}))

    def choose_files(self) -> None:
        """The upload itself starts by itself; it ends with the word that the sender waits for."""
        self.steps.append("choose files")
        assert self.page.all("input", id="file", name="file")
        upload = Transfer.objects.latest("pk")
        ready_file(upload)
        Letter.objects.update(delivery="sent", sent_at=timezone.now())
        self.show(self.client.get(link(upload, Purpose.UPLOAD)))
        assert "Klar." in self.page.text

    def follow_prefilled(self, address: str) -> None:
        """What the form's script takes from the part of a link that no server sees."""
        self.open(address.partition("#")[0], counts=False)
        given = parse_qs(urlsplit(address).fragment)
        self.values |= {"recipient_email": given["to"][0], "purpose": given["why"][0]}


def link_in(kind: str, prefix: str) -> str:
    text = Letter.objects.filter(kind=kind).latest("pk").text
    return re.search(rf"/{prefix}/[\w-]{{43}}", text)[0]  # type: ignore[index]


def apply_by(walker: Walker, name: str, sender: str, recipient: str) -> None:
    walker.type(sender_name=name, sender_email=sender, recipient_email=recipient, purpose=WHY)
    walker.choose("accept_terms", "1")
    walker.press("/")


def decided(client: Any) -> None:
    walker = Walker(client)
    walker.open(link_in("approval-requested", "decide"))
    walker.choose("days", "3")
    walker.press(link_in("approval-requested", "decide"), decision="approve")


def inside_back(client: Any) -> Walker:
    before = open_transfer()
    walker = Walker(client)
    walker.open(f"{link(before, Purpose.STATUS_SENDER)}/again", counts=False)
    walker.values["sender_name"] = "Anna Berg"  # the helper's own name is one that nobody may type
    apply_by(walker, "Anna Berg", ANNA, BO)
    walker.choose_files()
    return walker


def inside_first(client: Any) -> Walker:
    walker = Walker(client)
    walker.open("/", counts=False)
    apply_by(walker, "Anna Berg", ANNA, BO)
    walker.choose_files()
    return walker


def signed_in_again(client: Any) -> Walker:
    """From any network; the page that lists what they have sent leads to the form."""
    settings.POLICY = replace(settings.POLICY, sign_in=SignIn.OFFERED)
    client.defaults["filsluss.client"] = OUTSIDE
    settings.IDENTITY_PROVIDER = ProviderConfig("https://id.example", "filsluss", "", client_secret="x")
    administrators.sign_in_provider(client, ANNA, issuer="https://id.example", name="Anna Berg")
    before = open_transfer()
    walker = Walker(client)
    walker.open("/staff", counts=False)
    (again,) = [a["href"] for a in walker.page.all("a") if "again=" in (a["href"] or "")]
    assert again == f"/staff/apply?again={before.public_id}"
    walker.open(again, counts=False)
    walker.choose("accept_terms", "1")
    walker.press("/staff/apply")
    walker.choose_files()
    assert Transfer.objects.latest("pk").sender.proof == "sign-in"
    return walker


def outside(client: Any, start: Callable[[Walker], None], *, recipient: str = ANNA) -> Walker:
    """From outside; the approver's own steps are not the sender's."""
    client.defaults["filsluss.client"] = OUTSIDE
    walker = Walker(client)
    start(walker)
    if recipient == EVA:
        walker.choose("recipient_outside", "1")
        walker.type(approver_email=KARIN)
    apply_by(walker, "Bo Ek", BO, recipient)
    decided(client)
    walker.open(link_in("approved", "upload"))
    walker.choose_files()
    return walker


def outside_back(client: Any) -> Walker:
    before = applied(BO, ANNA)

    def start(walker: Walker) -> None:
        walker.open(f"{link(before, Purpose.STATUS_SENDER)}/again", counts=False)
        walker.values["sender_name"] = "Bo Ek"  # the helper's own name is one that nobody may type

    return outside(client, start)


def by_prefilled_link(client: Any) -> Walker:
    answer = client.post("/link", {"link_to": ANNA, "link_why": WHY})
    made = Page(answer.content.decode()).all("a", **{"class": "made-link"})
    return outside(client, lambda walker: walker.follow_prefilled(made[0]["href"] or ""))


def outside_first(client: Any) -> Walker:
    return outside(client, lambda walker: walker.open("/", counts=False))


def outside_to_outside(client: Any) -> Walker:
    return outside(client, lambda walker: walker.open("/", counts=False), recipient=EVA)


def approver(client: Any) -> Walker:
    applied(BO, ANNA)
    walker, address = Walker(client), link_in("approval-requested", "decide")
    walker.open(address)
    walker.choose("days", "3")
    walker.press(address, decision="approve")
    assert "Ansökan är godkänd" in walker.page.text
    return walker


def rejecter(client: Any) -> Walker:
    applied(BO, ANNA)
    walker, address = Walker(client), link_in("approval-requested", "decide")
    walker.open(address)
    assert walker.page.all("details", **{"class": "reject"})
    walker.steps.append("press to open")
    walker.type(rejection_reason="Okänd avsändare")
    walker.press(address, decision="reject")
    assert "Ansökan är avslagen" in walker.page.text
    return walker


def recipient(client: Any) -> Walker:
    ready_file(open_transfer())
    walker = Walker(client)
    walker.open(link_in("file-ready", "download"))
    assert walker.page.all("a", **{"class": "button"})
    walker.steps.append("press to download")
    return walker


def recipient_by_code(client: Any) -> Walker:
    ready_file(open_transfer(), with_code=True)
    code = re.search(r"Hämtkod:\s+(\S+)", Letter.objects.get(kind="file-ready").text)
    walker = Walker(client)
    walker.open("/code")
    walker.type(code=code[1] if code else "")
    walker.press("/code")
    assert walker.page.all("a", **{"class": "button"})
    walker.steps.append("press to download")
    return walker


WALKS = dict(
    zip(
        AT_MOST,
        (
            inside_back,
            inside_first,
            signed_in_again,
            outside_back,
            by_prefilled_link,
            outside_first,
            outside_to_outside,
            approver,
            rejecter,
            recipient,
            recipient_by_code,
        ),
        strict=True,
    )
)


@pytest.mark.parametrize("way", AT_MOST)
def test_a_way_takes_no_more_steps_than_these(inside, settings, way):
    settings.POLICY = settings.POLICY  # so that what a walk sets does not outlive it
    steps = WALKS[way](inside).steps
    assert (len(steps), steps) == (AT_MOST[way], steps)


def test_the_document_lists_every_way_and_its_steps():
    text = DOCUMENT.read_text()
    rows = re.findall(r"^\| ([^|]+?) \| (\d+) \| ([^|]+?) \|$", text, re.MULTILINE)
    assert {way: int(count) for way, count, _ in rows} == AT_MOST
    assert [way for way, count, steps in rows if len(steps.split(" · ")) != int(count)] == []


def test_twelve_files_fetched_as_one_archive_are_sixteen_letters(db, store):
    """One that the sender may begin, one for each file, one receipt, and two that all is deleted."""
    transfer, now = open_transfer(), timezone.now()
    files = [ready_file(transfer, f"ritning {number}.pdf") for number in range(12)]
    for file in files:
        for each in Link.objects.filter(file=file, purpose=Purpose.DOWNLOAD):
            download.record_sent_bytes(
                each, start=0, reached=0, services=services_for(settings.POLICY), now=now
            )
    collecting.close_due(policy=settings.POLICY, now=now + timedelta(minutes=10))
    Letter.objects.update(delivery="sent", sent_at=now)
    after = transfer.open_until + timedelta(minutes=1)
    services = services_for(settings.POLICY, store)
    expiry.end_accounts(services=services, now=after)
    erasure.erase_files(services=services, now=after)
    kinds = list(Letter.objects.exclude(delivery="withdrawn").values_list("kind", flat=True))
    assert {kind: kinds.count(kind) for kind in sorted(set(kinds))} == {
        "approved": 1,
        "erased": 2,
        "file-ready": 12,
        "files-downloaded": 1,
    }
