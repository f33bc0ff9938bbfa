"""The pages for lost links and for prefilled links: the same answer for everybody, and nothing kept."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings
from django.utils import timezone

from filsluss.actions.lost_link import send_links
from filsluss.installation import current_services
from filsluss.models import Letter, LinkRequest
from tests.pages.cases import BO, EVA, KARIN, open_transfer, pending


@pytest.mark.parametrize("language", ["sv", "en"])
def test_whoever_asks_gets_the_same_answer(outside, read, language):
    pending()
    answers = [
        outside.post(f"/lost-link?lang={language}", {"own_email": address})
        for address in (BO, "nobody@rontgen.example")
    ]
    assert {(each.status_code, each["Location"]) for each in answers} == {
        (303, f"/lost-link?lang={language}&asked=1")
    }
    page = read(outside.get(answers[0]["Location"]))
    words = {"sv": "får du ett mejl inom några minuter", "en": "you will get an email within a few minutes"}
    assert words[language] in page.text
    assert BO not in page.text
    assert LinkRequest.objects.count() == 2


@pytest.mark.parametrize(("typed", "words"), [("", "Skriv din e-postadress"), ("bo@", "rätt format")])
def test_what_is_no_address_comes_back(outside, read, typed, words):
    answer = outside.post("/lost-link", {"own_email": typed})
    page = read(answer)
    assert (answer.status_code, page.problems, page.field("own_email")["value"]) == (
        422,
        ["own_email"],
        typed,
    )
    assert words in page.text
    assert not LinkRequest.objects.exists()


def test_the_sixth_in_an_hour_is_told_when_to_come_back(outside, read):
    for _ in range(5):
        assert outside.post("/lost-link", {"own_email": BO}).status_code == 303
    answer = outside.post("/lost-link", {"own_email": BO})
    assert (answer.status_code, int(answer["Retry-After"]) > 3000) == (429, True)
    assert read(answer).field("own_email")["value"] == BO


def test_the_letter_leads_to_the_page_that_was_lost(inside):
    open_transfer()
    inside.post("/lost-link", {"own_email": "ANNA.BERG@ltdalarna.se"})
    send_links(services=current_services(), now=timezone.now())
    letter = Letter.objects.get(kind="lost-link")
    address, _same_in_english = sorted(re.findall(r"https?://\S+/upload/\S+", letter.text))
    assert inside.get(urlsplit(address).path).status_code == 200


def test_a_dead_link_leads_to_the_page(outside):
    for path in (f"/upload/{'A' * 43}", "/nothing/here"):
        assert 'href="/lost-link"' in outside.get(path).content.decode()


@pytest.mark.parametrize("language", ["sv", "en"])
def test_a_link_is_made_that_holds_everything_after_its_fragment_sign(outside, read, language):
    typed = {"link_to": EVA, "link_why": "Ritningar & mått, åäö #1", "link_approver": KARIN}
    page = read(outside.post(f"/link?lang={language}", typed))
    (made,) = [each["href"] for each in page.all("a") if "#to=" in (each["href"] or "")]
    parts = urlsplit(made)
    assert (f"{parts.scheme}://{parts.netloc}", parts.path, parts.query) == (
        settings.POLICY.base_url,
        "/",
        "",
    )
    assert parse_qs(parts.fragment) == {"to": [EVA], "why": [typed["link_why"]], "approver": [KARIN]}
    assert page.field("link_to")["value"] == EVA


def test_only_what_is_filled_in_stands_in_the_link(outside, read):
    page = read(outside.post("/link", {"link_to": KARIN}))
    (made,) = [each["href"] for each in page.all("a") if "#to=" in (each["href"] or "")]
    assert made == f"{settings.POLICY.base_url}/#to={KARIN}"


@pytest.mark.parametrize(
    ("typed", "problems"),
    [
        ({}, ["link_to"]),
        ({"link_to": "bo@"}, ["link_to"]),
        ({"link_to": BO, "link_approver": EVA}, ["link_approver"]),
        ({"link_to": KARIN, "link_approver": KARIN}, ["link_approver"]),
        ({"link_to": BO, "link_why": "x" * 501}, ["link_why"]),
    ],
)
def test_a_link_that_would_lead_to_a_refusal_is_not_made(outside, read, typed, problems):
    answer = outside.post("/link", typed)
    page = read(answer)
    assert (answer.status_code, page.problems) == (422, problems)
    assert "#to=" not in page.source
