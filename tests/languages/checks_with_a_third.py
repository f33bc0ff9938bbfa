"""What holds with a third language; `test_third_language.py` runs this file on a package that has one."""

import re
from dataclasses import replace

import pytest
from django.conf import settings
from django.utils import timezone

from filsluss.actions.apply import apply
from filsluss.conf.readers import language as read_language
from filsluss.languages import LANGUAGES
from filsluss.models import Letter
from filsluss.rules.application import Application
from filsluss.rules.tokens import Purpose
from tests.languages.pseudo_language import CODE, SIGN
from tests.letters.cases import CASES
from tests.pages.cases import ANNA, BO, INSIDE, Page, letter_link, link, open_transfer, pending, ready_file
from tests.parts.services import services_for

pytestmark = pytest.mark.django_db
PAGES = ["/", "/code", "/help", "/terms", "/privacy", "/accessibility", "/lost-link", "/genuine", "/link"]
OWN_NAMES = re.compile(r"Svenska|English|På svenska|In English|Landstinget Dalarna", re.IGNORECASE)


@pytest.fixture
def inside(client):
    client.defaults["filsluss.client"] = INSIDE
    return client


def test_it_is_there_by_its_folder_and_its_catalogue():
    assert sorted(LANGUAGES) == ["en", "sv", CODE]
    assert read_language(CODE) == CODE
    assert (CODE, f"{SIGN}Ish") in settings.LANGUAGES


def test_the_form_offers_it_and_the_recipient_reads_it(inside):
    page = Page(inside.get("/?lang=en").content.decode())
    for field in ("language", "recipient_language"):
        assert {each["value"] for each in page.all("input", name=field)} == {"en", "sv", CODE}
    form = Application("Anna", ANNA, BO, "Ritningar", language="en", recipient_language=CODE)
    services = services_for(settings.POLICY)
    transfer = apply(form, services=services, now=timezone.now(), client=INSIDE)
    file = ready_file(transfer)
    letter = Letter.objects.about(transfer).get(kind="file-ready")
    assert (letter.language, letter.text.startswith(f"{SIGN}Hello,")) == (CODE, True)
    assert letter.text.split("\n\n")[1].startswith("På svenska: ")
    assert f'<html lang="{CODE}">' in letter.html
    assert inside.get(letter_link(file))["Content-Language"] == CODE


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_letter_is_written_in_it(case, now):
    letter = case.write(CODE, now)
    if letter.language != CODE:
        return  # a list, which is in the house's language
    text = re.sub(r"(?m)^> .*|https?://\S+|\S+@\S+|SHA-256.*|På svenska|In English", "", letter.text)
    text = re.sub(r"Bo Ek|Anna Berg|Landstinget Dalarna|\S+-\S+|\S+\.pdf|ritning|[MG]B|filer|åäö", "", text)
    foreign = [word for word in re.findall(r"[A-Za-zÅÄÖåäö]{3,}", text) if f"{SIGN}{word}" not in letter.text]
    assert [word for word in foreign if word not in MONTHS] == []
    assert f"{SIGN}" in letter.subject


MONTHS = LANGUAGES[CODE].months


def test_every_page_speaks_it_and_leads_to_both_others(inside):
    transfer = open_transfer()
    file = ready_file(transfer)
    own = [letter_link(file), link(transfer, Purpose.UPLOAD), link(transfer, Purpose.STATUS_SENDER)]
    for address in [*PAGES, *own, link(pending(), Purpose.DECIDE), "/nothing/here"]:
        answer = inside.get(f"{address}?lang={CODE}")
        page = Page(answer.content.decode())
        assert page.all("html") == [{"lang": CODE}], address
        assert len([own for _, own in page.tags if own.get("lang") in ("sv", "en")]) >= 2, address
        text = OWN_NAMES.sub("", re.sub(r"\{\w+\}", "", page.text))
        assert re.findall(r"(?<!\w)(?:the|and|you|your|with|files?)(?!\w)", text) == [], address


def test_an_accept_language_that_names_it_is_honoured(inside):
    address = link(pending(), Purpose.STATUS_SENDER)
    assert inside.get(address, headers={"Accept-Language": f"{CODE},en"})["Content-Language"] == CODE


def test_a_house_may_speak_it(inside, settings):
    settings.POLICY = replace(settings.POLICY, language=CODE)
    transfer = pending(language="en")
    letters = Letter.objects.about(transfer)
    assert letters.get(kind="approval-requested").language == CODE
    assert letters.get(kind="approval-requested").text.split("\n\n")[1].startswith("In English: ")
    assert letters.get(kind="received").text.split("\n\n")[1].startswith(f"{SIGN}In {SIGN}Ish: ")
