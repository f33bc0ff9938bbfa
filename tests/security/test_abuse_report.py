"""Whoever is led here by a stranger's letter can tell the administrators that the service is misused."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import time_machine

from filsluss.models import AuditEntry, Letter
from filsluss.models.letter import Delivery
from filsluss.pages.oversee.actors import actors_of
from filsluss.rules.directions import Role
from filsluss.rules.tokens import Purpose
from tests.pages.cases import (
    ANNA,
    BO,
    INSIDE,
    OUTSIDE,
    Page,
    code_link,
    decided,
    ended,
    letter_link,
    link,
    open_transfer,
    pending,
    ready_file,
)
from tests.parts import administrators

pytestmark = pytest.mark.django_db

EVA, ULF = "eva@ltdalarna.se", "ulf@ltdalarna.se"
WORDS = "Det här är inte Anna.\r\nHon säger att filen ska öppnas från evil.com"


@pytest.fixture(autouse=True)
def administered(settings):
    settings.POLICY = replace(settings.POLICY, admin_emails=(EVA, ULF))
    return settings


@pytest.fixture
def inside(client):
    client.defaults["filsluss.client"] = INSIDE
    return client


def report_link(transfer, party=Purpose.STATUS_RECIPIENT):
    return f"{link(transfer, party)}/report"


def reports():
    return list(Letter.objects.filter(kind="abuse-reported").order_by("id"))


def in_trail():
    entries = AuditEntry.objects.filter(step="reported")
    actors = actors_of(entries)
    return [(entry.role, actors[entry.pk], entry.reason) for entry in entries]


def links_of(answer):
    return [href for href in re.findall(r'href="([^"]+)"', answer.content.decode()) if "/report" in href]


def test_f3_every_page_that_a_strangers_letter_leads_to_has_a_way_to_report_it(inside):
    transfer, waiting = open_transfer(), pending()
    file = ready_file(transfer, with_code=True)
    for page, expected in (
        (letter_link(file), report_link(transfer)),
        (link(waiting, Purpose.DECIDE), report_link(waiting, Purpose.STATUS_APPROVER)),
        (link(transfer, Purpose.STATUS_RECIPIENT), report_link(transfer)),
        (link(waiting, Purpose.STATUS_SENDER), report_link(waiting, Purpose.STATUS_SENDER)),
        (link(ended(), Purpose.STATUS_RECIPIENT), None),
    ):
        found = links_of(inside.get(page))
        assert (found == [expected]) if expected else len(found) == 1, page
        assert inside.get(found[0]).status_code == 200
    # A code may be in other hands than the letter, and opens nothing but its file.
    assert links_of(inside.get(code_link(file))) == []


def test_f3_a_report_reaches_every_administrator_and_stands_in_the_trail(inside):
    transfer = open_transfer()
    answer = inside.post(report_link(transfer), {"abuse": WORDS})
    there = f"{report_link(transfer)}?lang=sv&reported=1"
    assert (answer.status_code, answer["Location"]) == (303, there)
    assert "Tack. Din anmälan är skickad." in inside.get(there).content.decode()
    assert [(letter.to, letter.reply_to, letter.delivery) for letter in reports()] == [
        (EVA, BO, Delivery.QUEUED),
        (ULF, BO, Delivery.QUEUED),
    ]
    assert in_trail() == [("recipient", BO, WORDS.replace("\r\n", "\n"))]
    administrators.sign_in(inside, "admin")
    case = inside.get(f"/oversee/transfers/{transfer.public_id}?lang=sv").content.decode()
    assert [
        words for words in ("missbruk anmält", "Missbruk anmäldes", "inte Anna") if words not in case
    ] == []


@pytest.mark.parametrize("role", [Role.SENDER, Role.RECIPIENT, Role.APPROVER])
def test_f3_whoever_the_case_names_may_report_it_in_any_state(inside, role):
    party = Purpose(f"status-{role.value}")
    for transfer in (pending(), open_transfer(), decided("approve"), decided("reject"), ended()):
        if transfer.party(role) is None:
            continue  # nobody approves what comes from the inside
        assert inside.post(report_link(transfer, party), {"abuse": "Fusk"}).status_code == 303
        assert in_trail()[-1] == (role.value, transfer.address_of(role), "Fusk")


@pytest.mark.parametrize(
    ("words", "problem"), [("", "Beskriv vad"), (" \n", "Beskriv vad"), ("x" * 501, "högst 500")]
)
def test_f3_a_report_that_says_nothing_or_too_much_tells_nobody(inside, words, problem):
    answer = inside.post(report_link(open_transfer()), {"abuse": words})
    assert (answer.status_code, problem in Page(answer.content.decode()).text) == (422, True)
    assert (reports(), in_trail()) == ([], [])


def test_f3_no_token_but_a_partys_own_opens_the_report_and_looking_at_it_changes_nothing(inside):
    transfer, waiting = open_transfer(), pending()
    file = ready_file(transfer, with_code=True)
    tokens = [
        link(transfer, Purpose.UPLOAD),
        link(waiting, Purpose.DECIDE),
        letter_link(file),
        code_link(file),
    ]
    for address in [
        *(f"/status/{each.rpartition('/')[2]}/report" for each in tokens),
        f"/status/{'A' * 43}/report",
    ]:
        assert inside.get(address).status_code == inside.post(address, {"abuse": "Fusk"}).status_code == 404
    foreign = {"Origin": "https://evil.example"}
    assert inside.post(report_link(transfer), {"abuse": "Fusk"}, headers=foreign).status_code == 403
    for ask in (inside.get, inside.head, inside.options):
        ask(report_link(transfer))
    assert (reports(), in_trail()) == ([], [])


def report(client, transfer, role=Role.RECIPIENT):
    return client.post(report_link(transfer, Purpose(f"status-{role}")), {"abuse": "x"})


@time_machine.travel(datetime(2026, 3, 3, 9, tzinfo=UTC))  # a minute before midnight would be the day after
def test_f3_each_role_reports_a_case_five_times_a_day_and_uses_up_nobody_elses(inside):
    transfer = decided("approve")
    for role in Role:
        answers = [report(inside, transfer, role) for _ in range(6)]
        assert [answer.status_code for answer in answers] == [303] * 5 + [429]
        assert 86_390 - 60 <= int(answers[-1]["Retry-After"]) <= 86_400
        told = "Du har anmält det här ärendet många gånger det senaste dygnet. Försök igen i morgon kl. "
        assert told in Page(answers[-1].content.decode()).text
    assert (len(reports()), len(in_trail())) == (3 * 5 * 2, 3 * 5)


def test_f3_how_often_a_role_reports_is_a_setting(inside, settings):
    settings.POLICY = replace(settings.POLICY, reports_per_day=2)
    transfer = open_transfer()
    assert [report(inside, transfer).status_code for _ in range(3)] == [303, 303, 429]


def test_f3_a_network_reports_five_times_an_hour_but_no_first_report_is_refused(inside):
    inside.defaults["filsluss.client"] = OUTSIDE
    cases = [open_transfer() for _ in range(7)]
    assert [report(inside, each).status_code for each in cases] == [303] * 7
    again = [report(inside, each) for each in cases[:6]]
    assert [answer.status_code for answer in again] == [303] * 5 + [429]
    assert 0 < int(again[-1]["Retry-After"]) <= 3600
    assert report(inside, cases[0], Role.SENDER).status_code == 303


@pytest.mark.parametrize(
    ("support", "readers"), [("it-stod@ltdalarna.se", ["it-stod@ltdalarna.se"]), ("", [])]
)
def test_f3_without_administrators_support_hears_and_the_trail_in_any_case(
    inside, administered, support, readers
):
    administered.POLICY = replace(administered.POLICY, admin_emails=(), support_email=support)
    assert inside.post(report_link(open_transfer()), {"abuse": "Fusk"}).status_code == 303
    assert ([letter.to for letter in reports()], len(in_trail())) == (readers, 1)


LETTER = {
    "sv": """\
Hej!

In English: {link}?lang=en

Mottagaren i ett ärende, eller någon som har samma länk, har anmält det:

> Det här är inte Anna.
> Hon säger att filen ska öppnas från evil[.]com

Se ärendet:
{link}

- Avsändare: {sender}
- Mottagare: {recipient}
- Anmält av: {recipient}

Anmälan har inte avslutat något av sig själv. Om du raderar eller avslutar något i ärendet gäller det genast.

--
Filöverföringstjänsten hos Landstinget Dalarna
Mejlet skickades automatiskt till tjänstens systemansvariga.
""",
    "en": """\
Hello,

På svenska: {link}?lang=sv

The recipient of a case, or someone who holds the same link, has reported it:

> Det här är inte Anna.
> Hon säger att filen ska öppnas från evil[.]com

See the case:
{link}

- Sender: {sender}
- Recipient: {recipient}
- Reported by: {recipient}

The report has ended nothing by itself. What you delete or end in the case takes effect at once.

--
The file transfer service at Landstinget Dalarna
This email was sent automatically to the system administrators of the service.
""",
}
SUBJECT = {"sv": "Missbruk anmält i", "en": "Abuse reported in"}


@pytest.mark.parametrize("language", ["sv", "en"])
def test_f3_the_administrator_reads_exactly_this(inside, administered, language):
    administered.POLICY = replace(administered.POLICY, language=language)
    transfer = open_transfer()
    inside.post(report_link(transfer), {"abuse": WORDS})
    case = f"{administered.POLICY.base_url}/oversee/transfers/{transfer.public_id}"
    letter = reports()[0]
    assert letter.subject == f"[Landstinget Dalarna] {SUBJECT[language]} {transfer.public_id}"
    assert letter.text == LETTER[language].format(sender=ANNA, recipient=BO, link=case)
    assert set(re.findall(r'href="([^"?]+)', letter.html)) == {case}
