"""Timelines do not contradict themselves: in the order of time, how many of how many, one date for a fact."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone, translation

from filsluss.actions.download import record_sent_bytes
from filsluss.actions.erasure import erase_files
from filsluss.actions.expiry import end_accounts
from filsluss.actions.oversee import Reason, close_transfer
from filsluss.models import Letter, Link, Party, Transfer, TransferFile
from filsluss.pages.timeline import timeline
from filsluss.rules.directions import Role
from filsluss.rules.tokens import Purpose
from tests.pages.cases import as_read, decided, lapsed, link, open_transfer, pending, ready_file
from tests.parts.services import services_for

MINUTE = timedelta(minutes=1)


def marks(transfer, role=Role.SENDER, now=None):
    transfer = Transfer.objects.get(pk=transfer.pk)
    with translation.override("sv"):
        return timeline(transfer, role, now or timezone.now())


def fetch(file, at):
    opened = Link.objects.get(file=file, purpose=Purpose.DOWNLOAD)
    record_sent_bytes(opened, start=0, reached=0, services=services_for(), now=at)


def in_order(found):
    times = [mark.at for mark in found if mark.at]
    return times == sorted(times) and [bool(mark.at) for mark in found] == sorted(
        (bool(mark.at) for mark in found), reverse=True
    )


def test_what_happened_later_stands_later():
    """The first file was fetched before the second came."""
    transfer, now = open_transfer(), timezone.now()
    first = ready_file(transfer, "a.pdf")
    fetch(first, now + MINUTE)
    second = ready_file(transfer, "b.pdf")
    TransferFile.objects.filter(pk=second.pk).update(received_at=now + 2 * MINUTE)
    found = marks(transfer, now=now + 3 * MINUTE)
    assert in_order(found)
    assert [(mark.name, as_read(mark.text)) for mark in found[2:4]] == [
        ("Nedladdat", "1 av 2 filer, senast"),
        ("Uppladdat", "2 filer, senast"),
    ]
    assert found[-1].tone == "coming"


def test_the_end_has_one_date_for_each_fact():
    transfer, now = open_transfer(), timezone.now()
    ready_file(transfer)
    over = Transfer.objects.get(pk=transfer.pk).open_until
    services = services_for()
    end_accounts(services=services, now=over + MINUTE)
    while erase_files(services=services, now=over + 2 * MINUTE):
        pass
    found = marks(transfer, now=over + 3 * MINUTE)
    last_day = settings.POLICY.last_day(over)
    assert [mark.name for mark in found[-2:]] == ["Tiden gick ut", "Raderat"]
    assert found[-2].when.iso == last_day.isoformat()
    assert in_order(found)
    assert now < over


def test_an_account_without_a_file_tells_of_no_deletion():
    transfer = open_transfer()
    reason = Reason("x", "os:eva")
    close_transfer(transfer, reason=reason, services=services_for(), now=timezone.now())
    erase_files(services=services_for(), now=timezone.now())
    names = [mark.name for mark in marks(transfer)]
    assert names == ["Ansökan gjord", "Godkänd", "Avslutat av systemansvarig"]


def test_silence_has_the_date_that_the_page_says(inside, read):
    transfer = lapsed()
    page = read(inside.get(link(transfer, Purpose.STATUS_SENDER)))
    (mark,) = [mark for mark in marks(transfer) if mark.tone == "stopped"]
    last_day = settings.POLICY.last_day(Transfer.objects.get(pk=transfer.pk).lapse_by)
    assert mark.when.iso == last_day.isoformat()
    assert as_read(mark.when.text) in page.text


@pytest.mark.parametrize("proof", ["network", "sign-in"])
def test_an_approved_sender_who_is_known_has_a_button_to_upload(inside, read, proof):
    transfer = decided("approve")
    Party.objects.filter(transfer=transfer, role="sender").update(proof=proof)
    page = read(inside.get(link(transfer, Purpose.STATUS_SENDER)))
    links = [each["href"] for each in page.all("a")]
    assert link(transfer, Purpose.UPLOAD) in links
    assert "Öppna länken i mejlet" not in page.text


def test_another_gets_the_link_once_more_in_their_mailbox(inside, read):
    """Whoever applied holds the status link, also with an address that is not theirs."""
    transfer = decided("approve")
    Party.objects.filter(transfer=transfer, role="sender").update(proof="mailbox")
    letters = Letter.objects.about(transfer).filter(kind="approved")
    letters.update(delivery="sent", sent_at=timezone.now(), written_at=timezone.now() - timedelta(hours=1))
    status = link(transfer, Purpose.STATUS_SENDER)
    page = read(inside.get(status))
    assert link(transfer, Purpose.UPLOAD) not in page.source
    (button,) = page.all("button", name="letter")
    answer = inside.post(f"{status}/send-again", {"letter": button["value"]})
    assert answer["Location"].endswith("done=sent-again")
    assert letters.model.objects.about(transfer).filter(kind="approved").count() == 2


def test_nobody_else_has_it(inside, read):
    transfer = decided("approve")
    for role in (Purpose.STATUS_RECIPIENT, Purpose.STATUS_APPROVER):
        page = read(inside.get(link(transfer, role)))
        assert link(transfer, Purpose.UPLOAD) not in page.source
        assert page.all("button", name="letter") == []
    waiting = read(inside.get(link(pending(), Purpose.STATUS_SENDER)))
    assert "/upload/" not in waiting.source
