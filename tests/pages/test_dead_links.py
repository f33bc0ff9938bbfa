"""A dead link helps: it says what it was about, whom to ask, and offers only what can work."""

from datetime import timedelta

import pytest
from django.utils import timezone

from filsluss.actions.oversee import Reason, close_transfer, remove_file
from filsluss.actions.upload import remove_own
from filsluss.models import Letter, LetterCase, Transfer, TransferFile
from filsluss.rules.lifecycle import ErasedBecause
from filsluss.rules.tokens import Purpose
from tests.pages.cases import (
    ANNA,
    code_link,
    decided,
    ended,
    lapsed,
    letter_link,
    link,
    open_transfer,
    ready_file,
)
from tests.parts.services import services_for

WHY = Reason("Missbruk", "os:eva")


def late():
    """A file of an account whose time is up."""
    transfer = open_transfer()
    file = ready_file(transfer)
    Transfer.objects.filter(pk=transfer.pk).update(open_until=timezone.now() - timedelta(minutes=1))
    file.refresh_from_db()
    return file


def requests():
    return Letter.objects.filter(kind="send-again-requested")


@pytest.mark.parametrize("to_it", [letter_link, code_link], ids=["letter", "code"])
def test_a_recipient_who_came_too_late_has_one_button(inside, outside, read, to_it):
    file = late()
    answer = outside.get(to_it(file))
    page = read(answer)
    assert answer.status_code == 410
    assert "Det var en fil från Bo" in page.text
    assert "Ek" not in page.text
    assert file.transfer.public_id in page.text
    assert ANNA not in page.source
    assert [each["action"] for each in page.all("form")] == [f"{to_it(file)}/ask-again"]
    there = outside.post(f"{to_it(file)}/ask-again")
    assert there.status_code == 303
    after = outside.get(there["Location"])
    shown = read(after)
    assert (after.status_code, shown.all("form")) == (410, [])
    assert "Avsändaren får frågan i ett mejl" in shown.text
    letter = requests().get()
    status = link(file.transfer, Purpose.STATUS_SENDER)
    assert (letter.to, f"{status}/again" in letter.text) == (ANNA, True)
    assert inside.get(f"{status}/again").status_code == 200


def test_it_is_asked_once_a_day_and_case_and_the_answer_is_the_same(inside):
    file = late()
    where = f"{letter_link(file)}/ask-again"
    answers = {inside.post(where)["Location"] for _ in range(3)}
    assert (len(answers), requests().count()) == (1, 1)
    letter = requests().get()
    Letter.objects.filter(pk=letter.pk).update(key="send-again-requested:yesterday")
    assert {inside.post(where)["Location"]} == answers
    assert requests().count() == 2


def test_a_network_may_ask_as_often_as_it_may_apply(outside, settings):
    where = f"{letter_link(late())}/ask-again"
    most = settings.POLICY.applications_per_hour
    assert [outside.post(where).status_code for _ in range(most + 1)] == [303] * most + [429]


def test_a_mailbox_gets_only_so_many_and_whoever_asks_is_told_the_same(inside, settings):
    file = late()
    where = f"{letter_link(file)}/ask-again"
    answer = inside.post(where)["Location"]
    first = requests().get()
    for number in range(settings.POLICY.letters_per_day):
        copy = Letter.objects.get(pk=first.pk)
        copy.pk, copy.key, copy.public_id = None, f"k{number}", f"{number:022}"
        copy.save(force_insert=True)
        LetterCase.objects.create(letter=copy, transfer=file.transfer, party=file.transfer.sender)
    before = requests().count()
    Letter.objects.filter(pk=first.pk).update(key="send-again-requested:yesterday")
    assert inside.post(where)["Location"] == answer
    assert requests().count() == before


@pytest.mark.parametrize("act", ["removed", "closed", "infected"])
def test_nobody_is_asked_for_what_an_administrator_or_a_virus_took(inside, read, act):
    file, now = ready_file(open_transfer()), timezone.now()
    if act == "removed":
        remove_file(file, reason=WHY, now=now)
    elif act == "closed":
        close_transfer(file.transfer, reason=WHY, services=services_for(), now=now)
    else:
        TransferFile.objects.filter(pk=file.pk).update(
            state="erased", erased_because=ErasedBecause.INFECTED.value
        )
    page = read(inside.get(letter_link(file)))
    assert page.all("form") == []
    assert inside.post(f"{letter_link(file)}/ask-again").status_code == 303
    assert not requests().exists()


def test_what_its_sender_removed_can_be_asked_for(inside, read):
    file = ready_file(open_transfer())
    remove_own(file, now=timezone.now())
    assert len(read(inside.get(letter_link(file))).all("form")) == 1


def test_a_file_that_is_there_is_not_asked_for(inside):
    file = ready_file(open_transfer())
    answer = inside.post(f"{letter_link(file)}/ask-again")
    assert inside.get(answer["Location"]).status_code == 200
    assert not requests().exists()


def test_a_link_that_is_unknown_asks_nobody(inside):
    assert inside.post(f"/download/{'A' * 43}/ask-again").status_code == 404


@pytest.mark.parametrize("make", [ended, lapsed, lambda: decided("reject")], ids=["ended", "lapsed", "no"])
def test_a_sender_who_comes_too_late_is_led_to_the_filled_in_form(inside, read, make):
    transfer = make()
    if make is lapsed:
        Transfer.objects.filter(pk=transfer.pk).update(state="lapsed")
    answer = inside.get(link(transfer, Purpose.UPLOAD))
    page = read(answer)
    links = [each["href"] for each in page.all("a")]
    assert answer.status_code == 410
    assert f"{link(transfer, Purpose.STATUS_SENDER)}/again" in links
    assert transfer.public_id in page.text


def test_an_approver_who_comes_too_late_reads_which_request_it_was(inside, read):
    transfer = decided("approve")
    page = read(inside.get(link(transfer, Purpose.DECIDE)))
    assert transfer.public_id in page.text
    assert "Bo" in page.text
