"""Every page, in every language: one heading, its language said, nothing inline, no secret in a cache."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import RequestFactory
from django.urls import resolve
from django.utils import timezone

from filsluss import urls
from filsluss.actions.upload import remove_own
from filsluss.languages import LANGUAGES
from filsluss.models import TransferFile
from filsluss.pages.errors import handler500
from filsluss.rules.tokens import Purpose
from tests.pages.cases import (
    BO,
    FORM,
    code_link,
    decided,
    ended,
    letter_link,
    link,
    listed,
    open_transfer,
    pending,
    ready_file,
    received_file,
)
from tests.parts import administrators, tokens

PUBLIC_PAGES = ["/", "/code", "/help", "/terms", "/privacy", "/accessibility", "/sent", "/oversee/sign-in"]
PUBLIC_PAGES += ["/genuine", "/genuine?ref=K7PM-4QXD", "/lost-link", "/lost-link?asked=1", "/link"]

NO_PAGES = {
    "healthz",
    "readyz",
    "metrics",
    "security-txt",
    "session",
    "oversee-trail",
    "oversee-transfer-trail",
}
WALKED_ELSEWHERE = {
    *("account-link", "factors", "prove", "sign-in-code", "oversee-person"),
    *("staff", "staff-apply", "staff-decide", "staff-return", "staff-sign-in", "staff-signed-in"),
    "shown-code",
}
"""In `tests/accessibility`: they want a provider, a second factor or a code."""

AUTHORITIES = {"https://www.imy.se/", "https://www.digg.se/tdosanmalan"}
"""Where somebody complains: the only links that leave the service, and only where a reader follows them."""


def linked_pages():
    """Every kind of page behind a link, in every phase."""
    transfer, waiting = open_transfer(), pending()
    file = ready_file(transfer, with_code=True)
    gone = ready_file(open_transfer())
    remove_own(gone, now=timezone.now())
    received_file(transfer, "<b>åäö.txt")
    parties = (Purpose.STATUS_SENDER, Purpose.STATUS_RECIPIENT, Purpose.STATUS_APPROVER)
    cases = (transfer, waiting, listed(), ended(), decided("reject"))
    return [
        link(waiting, Purpose.DECIDE),
        link(decided("approve"), Purpose.DECIDE),
        link(transfer, Purpose.UPLOAD),
        link(ended(), Purpose.UPLOAD),
        letter_link(gone),
        f"{letter_link(gone)}?asked=1",
        f"{link(waiting, Purpose.STATUS_SENDER)}?done=corrected",
        letter_link(file),
        code_link(file),
        *(link(case, party) for case in cases for party in parties if case.party(tokens.OWNER[party])),
        f"{link(transfer, Purpose.STATUS_SENDER)}/again",
        f"{link(waiting, Purpose.STATUS_SENDER)}/correct",
        f"{link(transfer, Purpose.STATUS_RECIPIENT)}/report",
        f"{link(transfer, Purpose.STATUS_RECIPIENT)}/report?reported=1",
        "/nothing/here",
    ]


def rendered(inside, language):
    administrators.sign_in(inside, "admin")
    transfer, waiting = open_transfer(), listed()
    file, held = ready_file(transfer), received_file(transfer, "b.pdf")
    TransferFile.objects.filter(pk=held.pk).update(state="unscanned")
    oversight = ["/oversee", "/oversee/security", "/oversee/blocked", "/oversee/persons"]
    oversight += [*(f"/oversee/transfers/{each.public_id}" for each in (transfer, waiting))]
    oversight += [f"/oversee/transfers/{transfer.public_id}/{act}" for act in ("close", "extend")]
    oversight += [f"/oversee/transfers/{waiting.public_id}/withdraw"]
    oversight += [f"/oversee/files/{file.public_id}/remove", f"/oversee/files/{held.public_id}/release"]
    for address in [*PUBLIC_PAGES, *linked_pages(), *oversight]:
        yield address, inside.get(f"{address}{'&' if '?' in address else '?'}lang={language}")
    yield "an empty application", inside.post(f"/?lang={language}", {})
    yield "an empty question", inside.post(f"/genuine?lang={language}", {})
    question = {"reference": transfer.public_id, "own_email": BO}
    yield "a question", inside.post(f"/genuine?lang={language}", question)
    party = link(open_transfer(), Purpose.STATUS_RECIPIENT)
    yield "an empty report", inside.post(f"{party}/report?lang={language}", {})
    yield "a decision", inside.post(f"{link(pending(), Purpose.DECIDE)}?lang={language}", {})


def test_every_page_that_can_be_asked_for_is_among_them(inside):
    walked = {resolve(address.partition("?")[0]).url_name for address in walked_addresses(inside)}
    asked = {pattern.name for pattern in urls.urlpatterns if pattern.name and "GET" in taken_by(pattern)}
    of_demo = {name for name in asked if name.startswith("demo-")}
    assert asked - of_demo - walked == NO_PAGES | WALKED_ELSEWHERE


def walked_addresses(inside):
    return [
        address for address, _ in rendered(inside, "en") if address[:1] == "/" and address[:9] != "/nothing/"
    ]


def taken_by(pattern):
    """The methods that the view takes, as it says to one that it does not."""
    names = dict.fromkeys(pattern.pattern.converters, "x")
    return pattern.callback(RequestFactory().generic("BREW", "/"), **names).headers["Allow"].split(", ")


@pytest.mark.parametrize(
    "language",
    [pytest.param(each, marks=() if each == "sv" else pytest.mark.postgresql_if_full) for each in LANGUAGES],
)
def test_every_page_has_one_heading_and_says_its_language(inside, read, language):
    for address, answer in rendered(inside, language):
        page = read(answer)
        assert len(page.all("h1")) == 1, address
        assert page.all("html") == [{"lang": language}], address
        assert answer["Content-Language"] == language
        assert len(page.all("main", id="main")) == 1
        assert page.source.count(settings.POLICY.organisation) > 0
        assert len(page.ids) == len(set(page.ids)), address


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_page_holds_a_style_a_script_or_an_address_of_another_host(inside, read, language):
    for address, answer in rendered(inside, language):
        page = read(answer)
        inline = [
            (tag, name) for tag, own in page.tags for name in own if name == "style" or name[:2] == "on"
        ]
        assert (inline, page.all("style")) == ([], []), address
        assert all("src" in each for each in page.all("script")), address
        addresses = [own.get(name) or "" for _, own in page.tags for name in ("src", "href", "action")]
        assert [each for each in addresses if "//" in each and each not in AUTHORITIES] == [], address
        assert not AUTHORITIES & {own.get("src") for _, own in page.tags}, address


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_field_has_a_label_and_every_description_exists(inside, read, language):
    for address, answer in rendered(inside, language):
        page = read(answer)
        labelled = {each.get("for") for each in page.all("label")}
        fields = [own for tag, own in page.tags if tag in ("input", "select", "textarea")]
        assert [own for own in fields if own.get("type") != "hidden" and own["id"] not in labelled] == [], (
            address
        )
        described = " ".join(own.get("aria-describedby") or "" for _, own in page.tags).split()
        assert set(described) <= set(page.ids), address


def test_the_upload_page_preloads_every_module_that_its_script_imports(inside, read):
    page = read(inside.get(link(open_transfer(), Purpose.UPLOAD)))
    preloaded = [each["href"] for each in page.all("link", rel="modulepreload")]
    *_, script = [each["src"] for each in page.all("script", type="module")]
    modules = [script]
    for module in modules:
        source = (settings.STATIC_ROOT / Path(module).relative_to(settings.STATIC_URL)).read_text()
        names = re.findall(r'(?:from ?|import\()"\./([^"]+)"', source)
        named = [str(Path(module).with_name(name)) for name in names]
        modules += [each for each in named if each not in modules]
    assert (script.startswith("/static/filsluss/upload."), len(modules) > 10) == (True, True)
    assert sorted(preloaded) == sorted(modules[1:])


@pytest.mark.postgresql_if_full
def test_no_word_of_the_swedish_pages_is_left_in_english(inside, read):
    english = re.compile(r"\b(the|and|you|your|request|file|files|email|through|from|of)\b", re.IGNORECASE)
    for address, answer in rendered(inside, "sv"):
        text = re.sub(r"In English|\{\w+\}", "", read(answer).text)
        assert (address, english.findall(text)) == (address, [])


def test_no_page_of_a_link_is_kept_or_found(inside):
    for address in linked_pages()[:-1]:
        answer = inside.get(address)
        assert answer["Cache-Control"] == "no-store"
        assert 'name="robots" content="noindex, nofollow"' in answer.content.decode()


def test_what_a_stranger_wrote_is_shown_as_text(inside):
    source = inside.get(link(pending(), Purpose.DECIDE)).content.decode()
    assert ("Bo &lt;Ek&gt;" in source, "Bo <Ek>" in source) == (True, False)


def test_an_internal_error_is_answered_with_a_page(read):
    answer = handler500(RequestFactory().get("/"))
    assert (answer.status_code, len(read(answer).all("h1"))) == (500, 1)


def test_the_title_says_first_that_something_is_wrong(inside, read):
    assert "<title>Fel: Skicka" in read(inside.post("/", {**FORM, "sender_name": ""})).source
    assert "<title>Skicka" in read(inside.get("/")).source


def test_health_and_readiness_endpoints_answer(inside):
    assert (inside.get("/healthz").status_code, inside.get("/healthz").content) == (200, b"ok\n")
    ready = inside.get("/readyz")
    assert ready.json() == {
        "status": "failing",
        "database": "ok",
        "store": "ok",
        "disk": "ok",
        "worker": "failing",
    }
    assert ready.status_code == 503


def test_an_icon_is_there_for_whoever_asks(inside):
    assert inside.get("/favicon.ico").status_code == 302
