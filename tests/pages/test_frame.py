"""Every page, in both languages: one heading, its language said, nothing inline, no secret in a cache."""

import re

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import RequestFactory

from filsluss.pages.errors import handler500
from filsluss.rules.tokens import Purpose
from tests.pages.cases import (
    FORM,
    code_link,
    decided,
    ended,
    letter_link,
    link,
    open_transfer,
    pending,
    ready_file,
    received_file,
)  # fmt: skip

OPEN_ROOMS = ["/", "/code", "/help", "/terms", "/privacy", "/accessibility", "/sent", "/oversee/sign-in"]


def rooms():
    """Every kind of page behind a link, in every phase."""
    transfer, waiting = open_transfer(), pending()
    file = ready_file(transfer, with_code=True)
    received_file(transfer, "<b>åäö.txt")
    parties = (Purpose.STATUS_SENDER, Purpose.STATUS_RECIPIENT, Purpose.STATUS_APPROVER)
    cases = (transfer, waiting, ended(), decided("reject"))
    return [
        link(waiting, Purpose.DECIDE),
        link(decided("approve"), Purpose.DECIDE),
        link(transfer, Purpose.UPLOAD),
        link(ended(), Purpose.UPLOAD),
        letter_link(file),
        code_link(file),
        *(link(case, party) for case in cases for party in parties),
        f"{link(transfer, Purpose.STATUS_RECIPIENT)}/report",
        f"{link(transfer, Purpose.STATUS_RECIPIENT)}/report?reported=1",
        "/nothing/here",
    ]


def rendered(here, language):
    here.force_login(User.objects.get_or_create(username="admin", is_staff=True)[0])
    transfer = open_transfer()
    ready_file(transfer)
    oversight = ["/oversee", f"/oversee/transfers/{transfer.public_id}"]
    for address in [*OPEN_ROOMS, *rooms(), *oversight]:
        yield address, here.get(f"{address}{'&' if '?' in address else '?'}lang={language}")
    yield "an empty application", here.post(f"/?lang={language}", {})
    party = link(open_transfer(), Purpose.STATUS_RECIPIENT)
    yield "an empty report", here.post(f"{party}/report?lang={language}", {})
    yield "a decision", here.post(f"{link(pending(), Purpose.DECIDE)}?lang={language}", {})


@pytest.mark.parametrize("language", ["sv", "en"])
def test_every_page_has_one_heading_and_says_its_language(here, read, language):
    for address, answer in rendered(here, language):
        page = read(answer)
        assert len(page.all("h1")) == 1, address
        assert page.all("html") == [{"lang": language}], address
        assert answer["Content-Language"] == language
        assert len(page.all("main", id="main")) == 1
        assert page.source.count(settings.POLICY.organisation) > 0
        assert len(page.ids) == len(set(page.ids)), address


@pytest.mark.parametrize("language", ["sv", "en"])
def test_no_page_holds_a_style_a_script_or_an_address_of_another_host(here, read, language):
    for address, answer in rendered(here, language):
        page = read(answer)
        inline = [
            (tag, name) for tag, own in page.tags for name in own if name == "style" or name[:2] == "on"
        ]
        assert (inline, page.all("style")) == ([], []), address
        assert all("src" in each for each in page.all("script")), address
        addresses = [own.get(name) or "" for _, own in page.tags for name in ("src", "href", "action")]
        assert [each for each in addresses if "//" in each] == [], address


@pytest.mark.parametrize("language", ["sv", "en"])
def test_every_field_has_a_label_and_every_description_exists(here, read, language):
    for address, answer in rendered(here, language):
        page = read(answer)
        labelled = {each.get("for") for each in page.all("label")}
        fields = [own for tag, own in page.tags if tag in ("input", "select", "textarea")]
        assert [own for own in fields if own.get("type") != "hidden" and own["id"] not in labelled] == [], (
            address
        )
        told = " ".join(own.get("aria-describedby") or "" for _, own in page.tags).split()
        assert set(told) <= set(page.ids), address


def test_no_word_of_the_swedish_pages_is_left_in_english(here, read):
    english = re.compile(r"\b(the|and|you|your|request|file|files|email|through|from|of)\b", re.IGNORECASE)
    for address, answer in rendered(here, "sv"):
        text = re.sub(r"In English|\{\w+\}", "", read(answer).text)
        assert (address, english.findall(text)) == (address, [])


def test_no_page_of_a_link_is_kept_or_found(here):
    for address in rooms()[:-1]:
        answer = here.get(address)
        assert answer["Cache-Control"] == "no-store"
        assert 'name="robots" content="noindex, nofollow"' in answer.content.decode()


def test_what_a_stranger_wrote_is_shown_as_text(here):
    source = here.get(link(pending(), Purpose.DECIDE)).content.decode()
    assert ("Bo &lt;Ek&gt;" in source, "Bo <Ek>" in source) == (True, False)


def test_a_fault_of_ours_is_told_calmly(read):
    answer = handler500(RequestFactory().get("/"))
    assert (answer.status_code, len(read(answer).all("h1"))) == (500, 1)


def test_the_title_says_first_that_something_is_wrong(here, read):
    assert "<title>Fel: Skicka" in read(here.post("/", {**FORM, "sender_name": ""})).source
    assert "<title>Skicka" in read(here.get("/")).source


def test_alive_and_ready_are_told_to_machines(here):
    assert (here.get("/healthz").status_code, here.get("/healthz").content) == (200, b"ok\n")
    ready = here.get("/readyz")
    assert ready.json() == {
        "status": "failing",
        "database": "ok",
        "store": "ok",
        "disk": "ok",
        "worker": "failing",
    }
    assert ready.status_code == 503


def test_an_icon_is_there_for_whoever_asks(here):
    assert here.get("/favicon.ico").status_code == 302
