"""A report of what cannot be used goes to support, as often as an application may, and is forgotten."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from django.conf import settings as django_settings
from django.utils import timezone

from filsluss.actions.expiry import forget
from filsluss.letters.feedback import write_accessibility_feedback
from filsluss.models import Letter
from filsluss.rules.networks import Client
from tests.parts.golden import letter_is_kept
from tests.parts.services import services_for

GOLDEN = Path(__file__).parent / "golden"
SUPPORT = "it-stod@ltdalarna.se"
REPORT = {
    "fault": "Knappen Godkänn hörs inte i NVDA.\r\nSe evil.com",
    "reply_email": "mailto:Bo@Rontgen.example ",
}


@pytest.fixture
def supported(settings):
    settings.POLICY = replace(settings.POLICY, support_email=SUPPORT)
    return settings.POLICY


def test_a_report_becomes_a_letter_to_support_that_can_be_answered(inside, read, supported):
    answer = inside.post("/accessibility", REPORT)
    assert (answer.status_code, answer["Location"]) == (303, "/accessibility?lang=sv&reported=1")
    (letter,) = Letter.objects.all()
    assert (letter.kind, letter.to, letter.reply_to) == (
        "accessibility-report",
        SUPPORT,
        "Bo@rontgen.example",
    )
    assert (letter.cases.count(), letter.delivery) == (0, "queued")
    assert "> Knappen Godkänn hörs inte i NVDA.\n> Se evil[.]com\n" in letter.text
    assert "Tack. Din anmälan är skickad." in read(inside.get(answer["Location"])).text


def test_without_support_a_report_goes_to_the_first_administrator(inside, read, settings):
    settings.POLICY = replace(settings.POLICY, admin_emails=("eva@ltdalarna.se", "ulf@ltdalarna.se"))
    assert "mailto:" not in read(inside.get("/accessibility")).source
    assert inside.post("/accessibility", {"fault": "Går inte"}).status_code == 303
    assert [letter.to for letter in Letter.objects.all()] == ["eva@ltdalarna.se"]


def test_a_report_needs_no_address(inside, supported):
    assert inside.post("/accessibility", {"fault": "Går inte"}).status_code == 303
    assert Letter.objects.get().reply_to == ""


@pytest.mark.parametrize(
    ("form", "problems"),
    [
        ({}, ["fault"]),
        ({"fault": " \n"}, ["fault"]),
        ({"fault": "x" * 1001}, ["fault"]),
        ({"fault": "x" * 1000, "reply_email": "bo"}, ["reply_email"]),
        ({"reply_email": "bo@rontgen.example\nBcc: eva@konsult.example"}, ["fault", "reply_email"]),
    ],
)
def test_a_report_that_cannot_be_taken_says_why_and_keeps_what_was_typed(
    inside, read, supported, form, problems
):
    answer = inside.post("/accessibility", form)
    page = read(answer)
    assert (answer.status_code, page.problems) == (422, problems)
    assert page.field("reply_email")["value"] == form.get("reply_email", "")
    assert Letter.objects.count() == 0


def test_where_nobody_has_an_address_there_is_no_form_and_nothing_is_sent(inside, read):
    answer = inside.post("/accessibility", REPORT)
    page = read(answer)
    assert (answer.status_code, len(page.all("form")), Letter.objects.count()) == (200, 0, 0)
    assert "Kontakta Landstinget Dalarna, så hjälper vi dig på ett annat sätt." in page.text


def test_strangers_report_as_often_as_they_apply(outside, read, supported):
    answers = [outside.post("/accessibility", {"fault": "Går inte"}) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [303] * 5 + [429]
    assert Letter.objects.count() == 5
    assert 3590 <= int(answers[-1]["Retry-After"]) <= 3600
    assert "Många formulär har skickats från ditt nätverk den senaste timmen." in read(answers[-1]).text


@time_machine.travel(datetime(2026, 3, 3, 9, tzinfo=UTC))  # a minute before midnight would be the day after
def test_many_reports_of_others_never_refuse_a_first_one(outside, read, settings, supported):
    settings.POLICY = replace(supported, feedback_per_day=3)
    statuses = []
    for network in (1, 1, 1, 1, 2, 2, 3):
        outside.defaults["filsluss.client"] = Client(f"198.51.100.{network}", may_be_inside=True)
        answer = outside.post("/accessibility", {"fault": "Går inte"})
        statuses.append(answer.status_code)
    assert statuses == [303, 303, 303, 429, 303, 429, 303]
    answer = outside.post("/accessibility", {"fault": "Går inte"})
    assert 86_390 - 60 <= int(answer["Retry-After"]) <= 86_400
    assert "Många rapporter har skickats det senaste dygnet. Försök igen i morgon kl. " in read(answer).text


def test_from_an_inside_network_no_report_is_refused(inside, settings, supported):
    settings.POLICY = replace(supported, feedback_per_day=3)
    statuses = [inside.post("/accessibility", {"fault": "Går inte"}).status_code for _ in range(8)]
    assert statuses == [303] * 8


@pytest.mark.parametrize("own", ["filsluss@ltdalarna.se", "FILSLUSS+x@LTDalarna.se"])
def test_an_answer_to_the_service_itself_is_refused(inside, read, supported, own):
    answer = inside.post("/accessibility", {**REPORT, "reply_email": own})
    assert (answer.status_code, read(answer).problems) == (422, ["reply_email"])
    assert "Det här är tjänstens egen adress." in read(answer).text


def test_a_report_is_forgotten_when_its_time_has_come(supported):
    now, days = timezone.now(), django_settings.POLICY.forget_days
    for age in (days - 1, days):
        write_accessibility_feedback("Går inte", reply_to="", policy=supported, now=now - timedelta(days=age))
    Letter.objects.update(delivery="sent")
    forget(services=services_for(supported), now=now)
    assert [now - letter.written_at for letter in Letter.objects.all()] == [timedelta(days=days - 1)]


@pytest.mark.parametrize("language", ["sv", "en"])
@pytest.mark.parametrize("reply_to", ["", "bo@rontgen.example"])
def test_the_letter_says_exactly_this(language, reply_to, now, supported):
    policy = replace(supported, language=language, base_url="https://fts.example.se")
    letter = write_accessibility_feedback("Knappen hörs inte.", reply_to=reply_to, policy=policy, now=now)
    name = f"accessibility-report-{language}{'-answer' if reply_to else ''}"
    letter_is_kept(GOLDEN / name, letter, with_html=name == "accessibility-report-sv")
