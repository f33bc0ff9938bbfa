"""Who reads what in which language, for all three ways: every letter and every page of a whole case."""

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client as Browser
from django.utils import timezone

from filsluss.actions import erasure, expiry, reminders
from filsluss.actions.apply import apply
from filsluss.actions.ask_again import ask_again
from filsluss.actions.decide import decide
from filsluss.actions.upload import remove_own
from filsluss.letters import request_lists
from filsluss.models import Letter, Transfer, TransferFile
from filsluss.rules.application import Application
from filsluss.rules.decision import Decision
from filsluss.rules.directions import Role
from filsluss.rules.tokens import Purpose
from tests.pages.cases import ANNA, BO, EVA, INSIDE, KARIN, letter_link, link, ready_file
from tests.parts import tokens
from tests.parts.services import services_for

pytestmark = pytest.mark.django_db
SENDER, RECIPIENT, APPROVER = Role.SENDER, Role.RECIPIENT, Role.APPROVER
WAYS = {"outbound": (ANNA, BO, ""), "inbound": (BO, ANNA, ""), "through": (BO, EVA, KARIN)}
PAGES = (
    *(Purpose.UPLOAD, Purpose.DECIDE),
    *(Purpose.STATUS_SENDER, Purpose.STATUS_RECIPIENT, Purpose.STATUS_APPROVER),
)


@dataclass(frozen=True)
class Readers:
    """What is chosen on the form, and what each party then reads; the house's language is `house`."""

    way: str
    house: str
    chosen: str
    recipient_chosen: str
    reads: dict[Role, str]

    def __str__(self) -> str:
        return f"{self.way}-{self.house}-{self.chosen}-{self.recipient_chosen or 'same'}"


def all_readers() -> list[Readers]:
    """Every way, house and choice: inside always the house's, outside what was chosen."""
    found = []
    for house, other in (("sv", "en"), ("en", "sv")):
        for chosen in (house, other):
            for recipient in ("", house, other):
                theirs = recipient or chosen
                found += [
                    Readers("outbound", house, chosen, recipient, {SENDER: house, RECIPIENT: theirs}),
                    Readers(
                        "inbound",
                        house,
                        chosen,
                        recipient,
                        {SENDER: chosen, RECIPIENT: house, APPROVER: house},
                    ),
                    Readers(
                        "through",
                        house,
                        chosen,
                        recipient,
                        {SENDER: chosen, RECIPIENT: theirs, APPROVER: house},
                    ),
                ]
    return found


@pytest.fixture(params=all_readers(), ids=str)
def readers(request, settings):
    settings.POLICY = replace(settings.POLICY, language=request.param.house)
    return request.param


def applied(readers: Readers) -> Transfer:
    sender, recipient, approver = WAYS[readers.way]
    application = Application(
        sender_name="Bo Ek",
        sender_email=sender,
        recipient_email=recipient,
        purpose="Ritningar",
        recipient_outside=bool(approver),
        approver_email=approver,
        language=readers.chosen,
        recipient_language=readers.recipient_chosen,
    )
    return apply(application, services=services_for(settings.POLICY), now=timezone.now(), client=INSIDE)


def lived(transfer: Transfer) -> TransferFile:
    """The whole life of a case: answered, a file sent, another removed, reminded, ended, and asked for."""
    services, now = services_for(settings.POLICY), timezone.now()
    if transfer.approver:
        form = Decision("approve", "3", "")
        decide(transfer, form=form, services=services, now=now)
    Transfer.objects.filter(pk=transfer.pk).update(decided_at=now - timedelta(days=2))
    transfer.refresh_from_db()
    assert transfer.open_until is not None
    soon = transfer.open_until - timedelta(hours=1)
    assert reminders.remind_empty(services=services, now=soon) == 1
    file, other = ready_file(transfer), ready_file(transfer, "annan.pdf")
    remove_own(other, now=now)
    TransferFile.objects.filter(pk=file.pk).update(ready_at=now - timedelta(days=2))
    assert reminders.remind_of_files(services=services, now=soon) == 1
    expiry.end_accounts(services=services, now=transfer.open_until)
    while erasure.erase_files(services=services, now=transfer.open_until):
        pass
    file = TransferFile.objects.get(pk=file.pk)
    ask_again(file, client=INSIDE, services=services, now=transfer.open_until)
    return file


def test_every_letter_of_a_case_is_in_the_language_of_its_reader(readers):
    transfer = applied(readers)
    lived(transfer)
    letters = list(Letter.objects.about(transfer))
    kinds = {letter.kind for letter in letters}
    assert {"approved", "file-ready", "file-removed", "expiry-reminder", "erased"} <= kinds
    assert {"no-files-reminder", "send-again-requested"} <= kinds
    assert {each.role for each in letters} >= {SENDER.value, RECIPIENT.value}
    wrong = [each for each in letters if each.language != readers.reads[Role(each.role)]]
    assert [(each.kind, each.role, each.language) for each in wrong] == []
    written = [each for each in letters if each.text]  # others were withdrawn before they left
    assert len(written) > 3
    begins = {"sv": ("Hej", "In English: "), "en": ("Hello", "På svenska: ")}
    for each in written:
        greeting, switch = begins[each.language]
        first, second = each.text.split("\n\n")[:2]
        assert (first.startswith(greeting), second.startswith(switch)) == (True, True), each.kind


def test_a_list_of_requests_is_in_the_house_s_language(readers):
    if readers.way == "outbound":
        return
    transfer = applied(readers)
    Letter.objects.about(transfer).filter(kind="approval-requested").delete()
    transfer.asked_at = transfer.lapse_by = None
    transfer.save()
    request_lists.collect(transfer, policy=settings.POLICY, now=timezone.now())
    letter = Letter.objects.get(kind="approvals-requested")
    assert request_lists.close(letter, policy=settings.POLICY, now=timezone.now())
    letter.refresh_from_db()
    assert letter.language == readers.house
    assert letter.text.startswith({"sv": "Hej!", "en": "Hello,"}[readers.house])


def languages_of(browser: Browser, address: str) -> dict[str, str]:
    """What the page is in, by what the browser asks for; then by what the address asks for."""
    found = {
        accepted: browser.get(address, headers={"Accept-Language": accepted})["Content-Language"]
        for accepted in ("", "de", "sv", "en-GB")
    }
    asked = {
        f"?lang={code}": browser.get(f"{address}?lang={code}", headers={"Accept-Language": "sv"})[
            "Content-Language"
        ]
        for code in ("sv", "en")
    }
    return found | asked


def test_every_page_of_a_link_follows_the_browser_and_else_its_party(readers, client):
    client.defaults["filsluss.client"] = INSIDE
    transfer = applied(readers)
    if transfer.approver:
        form = Decision("approve", "3", "")
        decide(transfer, form=form, services=services_for(settings.POLICY), now=timezone.now())
    file = ready_file(transfer)
    pages = {link(transfer, purpose): tokens.OWNER[purpose] for purpose in PAGES if has(transfer, purpose)}
    pages[letter_link(file)] = RECIPIENT
    for address, role in pages.items():
        own = readers.reads[role]
        assert languages_of(client, address) == {
            "": own,
            "de": own,
            "sv": "sv",
            "en-GB": "en",
            "?lang=sv": "sv",
            "?lang=en": "en",
        }, address


def has(transfer: Transfer, purpose: Purpose) -> bool:
    return transfer.party(tokens.OWNER[purpose]) is not None


def test_a_form_without_the_recipient_s_language_takes_the_sender_s(client):
    client.defaults["filsluss.client"] = INSIDE
    typed = {
        "sender_name": "Bo Ek",
        "sender_email": BO,
        "recipient_email": EVA,
        "recipient_outside": "1",
        "approver_email": KARIN,
        "purpose": "Ritningar",
        "language": "en",
        "accept_terms": "1",
    }
    assert client.post("/", typed).status_code == 303
    transfer = Transfer.objects.get()
    spoken = [party.language for party in (transfer.sender, transfer.recipient, transfer.approver) if party]
    assert spoken == ["en", "en", "sv"]
    assert client.post("/", {**typed, "recipient_language": "xx"}).status_code == 422


@pytest.mark.parametrize(("at", "words"), [("hos", "hos Region"), ("i", "i Region"), ("på", "på Region")])
def test_one_phrase_says_where_somebody_works(client, settings, at, words):
    settings.POLICY = replace(settings.POLICY, at=at, organisation="Region Exempel")
    sv = client.get("/?lang=sv").content.decode()
    assert (f"Är du anställd {words} Exempel godkänns" in sv, "If you work at Region Exempel it" in sv) == (
        True,
        False,
    )
    en = client.get("/?lang=en").content.decode()
    assert "If you work at Region Exempel it is" in en
    spoken = (
        f"Svenska används alltid i mejl till någon {words} Exempel.",
        "at Region Exempel are always in Swedish.",
    )
    assert (spoken[0] in sv, spoken[1] in en) == (True, True)
    transfer = applied(Readers("inbound", "sv", "sv", "", {}))
    letter = Letter.objects.about(transfer).get(kind="approval-requested")
    assert f"Filöverföringstjänsten {words} Exempel" in letter.text
