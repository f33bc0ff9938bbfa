"""The page that says whether an email is genuine: yes to whoever has it, and the same to everybody else."""

import re
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from filsluss.models import Attempt, Letter
from tests.pages.cases import ANNA, BO, EVA, as_read, open_transfer, pending, ready_file


def sent(transfer, *kinds):
    """As if the letters of these kinds had left on a day in November."""
    letters = Letter.objects.about(transfer).filter(kind__in=kinds)
    letters.update(delivery="sent", sent_at=timezone.now() - timedelta(hours=1))
    return transfer


def asked(client, reference, address, language="sv"):
    typed = {"reference": reference, "own_email": address}
    return client.post(f"/genuine?lang={language}", typed)


@pytest.mark.parametrize("language", ["sv", "en"])
def test_whoever_has_the_email_is_told_when_it_was_sent_and_what_it_is(outside, read, language):
    transfer = open_transfer()
    ready_file(transfer)
    sent(transfer, "file-ready")
    typed = transfer.public_id.lower().replace("-", " ")
    page = read(asked(outside, typed, "BO+filer@rontgen.example".replace("+filer", ""), language))
    words = {"sv": ("Ja, den här tjänsten", "En fil är klar"), "en": ("Yes, this service", "A file is ready")}
    assert [word for word in words[language] if word not in page.text] == []
    assert len(page.all("time")) == 1
    assert page.all("div", id="done")[0].get("autofocus", "missing") is None


def several(transfer, kind, times):
    """As if letters of this kind had left at these times, each of its own."""
    for number, at in enumerate(times):
        file = ready_file(transfer, f"{kind}-{number}.pdf")
        Letter.objects.filter(cases__file=file).update(kind=kind, delivery="sent", sent_at=at)


LINES = {
    "sv": [
        """En fil är klar: 3 mejl, från 25 november 2026 kl. 10.02 till 27 november 2026 kl. 09.15
        Visa alla tider 27 november 2026 kl. 09.15 25 november 2026 kl. 10.02""",
        "En fil raderades: 2 mejl, 26 november 2026 kl. 14.00",
        "Skadlig kod hittades: 24 november 2026 kl. 08.00",
    ],
    "en": [
        """A file is ready: 3 emails, from 25 November 2026 at 10:02 to 27 November 2026 at 09:15
        Show all times 27 November 2026 at 09:15 25 November 2026 at 10:02""",
        "A file was deleted: 2 emails, 26 November 2026 at 14:00",
        "Malicious code was found: 24 November 2026 at 08:00",
    ],
}


@pytest.mark.parametrize("language", LINES)
def test_emails_that_look_alike_stand_in_one_line_and_no_time_is_lost(outside, read, language, settings):
    settings.POLICY = replace(settings.POLICY, file_letters_per_hour=100)
    transfer, zone = open_transfer(), settings.POLICY.time_zone
    several(transfer, "file-infected", [datetime(2026, 11, 24, 8, 0, tzinfo=zone)])
    several(
        transfer, "file-removed", [datetime(2026, 11, 26, 14, 0, second, tzinfo=zone) for second in (0, 9)]
    )
    days = [(25, 10, 2), (25, 10, 2), (27, 9, 15)]
    several(transfer, "file-ready", [datetime(2026, 11, *each, tzinfo=zone) for each in days])
    page = read(asked(outside, transfer.public_id, BO, language))
    shown = page.source.partition('role="status"')[2].partition("</ul>\n<p>")[0]
    lines = shown.split("<li><strong>")[1:]
    texts = [as_read(re.sub("<[^>]+>", " ", line)).replace(" :", ":") for line in lines]
    assert texts == [as_read(line) for line in LINES[language]]


@pytest.mark.parametrize(("count", "words"), [(19, "Skickades ditt mejl"), (21, "Bara de 20 senaste visas")])
def test_it_says_if_it_lists_only_the_newest(outside, read, settings, count, words):
    settings.POLICY = replace(settings.POLICY, file_letters_per_hour=100)
    transfer, now = open_transfer(), timezone.now()
    several(transfer, "file-ready", [now - timedelta(minutes=each) for each in range(count)])
    page = read(asked(outside, transfer.public_id, BO))
    assert words in page.text
    assert f"{min(count, 20)} mejl, från" in page.text


def test_everybody_else_gets_the_same_answer_and_the_same_rows_are_written(outside, read):
    transfer, other = sent(open_transfer(), "approved"), pending()
    questions = [
        (transfer.public_id, BO),  # a party to whom nothing has left
        (transfer.public_id, EVA),  # no party
        ("K7PM-4QXD", ANNA),  # no such case
        (other.public_id, ANNA),  # the letter has not left yet
    ]
    answers, rows = set(), []
    for reference, address in questions:
        before = set(Attempt.objects.values_list("pk", flat=True))
        answer = asked(outside, reference, address)
        shown = re.sub(r'value="[^"]*"', "", answer.content.decode())
        answers.add((answer.status_code, shown))
        rows.append(sorted(Attempt.objects.exclude(pk__in=before).values_list("kind", flat=True)))
    assert len(answers) == 1
    assert "Vi kan inte bekräfta" in next(iter(answers))[1]
    assert rows == [["genuine", "genuine-mailbox"]] * 4


@pytest.mark.parametrize(
    ("reference", "address", "problems"),
    [
        ("", "", ["reference", "own_email"]),
        ("K7PM-4QX", ANNA, ["reference"]),
        ("K7PM-4QXD", "bo@", ["own_email"]),
        ("K7PM-4QXD", f"{ANNA}, {BO}", ["own_email"]),
    ],
)
def test_what_cannot_be_is_shown_again_and_nothing_is_counted(outside, read, reference, address, problems):
    answer = asked(outside, reference, address)
    page = read(answer)
    assert (answer.status_code, page.problems) == (422, problems)
    assert page.field("reference")["value"] == reference
    assert not Attempt.objects.exists()


def test_a_network_waits_as_after_wrong_codes(outside, read):
    for number in range(5):
        assert asked(outside, "K7PM-4QXD", f"a{number}@rontgen.example").status_code == 200
    answer = asked(outside, "K7PM-4QXD", BO)
    assert (answer.status_code, int(answer["Retry-After"]) > 0) == (429, True)
    assert read(answer).field("own_email")["value"] == BO


def test_a_mailbox_is_asked_about_only_so_often_from_anywhere(outside, settings):
    now = timezone.now()
    asked(outside, "K7PM-4QXD", BO)
    (about,) = Attempt.objects.filter(kind="genuine-mailbox")
    again = Attempt(kind=about.kind, network=about.network, at=now)
    Attempt.objects.bulk_create(
        Attempt(kind=again.kind, network=again.network, at=now)
        for _ in range(settings.POLICY.letters_per_day - 1)
    )
    assert asked(outside, "K7PM-4QXD", BO).status_code == 429
    assert asked(outside, "K7PM-4QXD", EVA).status_code == 200
    Attempt.objects.filter(kind="genuine").delete()  # a network that asks for the first time today
    assert asked(outside, "K7PM-4QXD", BO).status_code == 200
    assert asked(outside, "K7PM-4QXD", BO).status_code == 429


def test_the_link_in_a_letter_fills_in_the_reference(outside, read):
    transfer = open_transfer()
    letter = Letter.objects.about(transfer).get(kind="approved")
    (link,) = re.findall(r"https?://[^/\s]+(/genuine\S+)", letter.text)
    assert read(outside.get(link)).field("reference")["value"] == transfer.public_id
