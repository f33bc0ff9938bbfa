"""Every act is answered: a banner with the focus after it; before it what it is about, if it is for good."""

import re

import pytest
from django.utils import timezone

from filsluss.actions.erasure import erase_files
from filsluss.models import Letter, Transfer
from filsluss.rules.lifecycle import FileState
from filsluss.rules.tokens import Purpose
from tests.pages.cases import FROM_OUTSIDE, link, open_transfer, pending, ready_file, received_file
from tests.parts.services import services_for


def banner(page):
    """The words of the banner, which takes the focus; none may be there twice."""
    found = re.findall(r'<div class="note (\w+)" id="was-done" ([^>]*)><p><strong>([^<]*)<', page.source)
    for _tone, attributes, _words in found:
        assert attributes == 'role="status" tabindex="-1" autofocus'
    return [(tone, words) for tone, _, words in found]


def done(client, read, address, form):
    """What the page after that act says first."""
    answer = client.post(address, form)
    assert answer.status_code == 303, answer.content
    return banner(read(client.get(answer["Location"])))


def letters_after(transfer, before):
    return Letter.objects.about(transfer).count() - before


def test_a_sender_who_removes_a_file_reads_before_what_happens_and_after_that_it_has(inside, read):
    transfer = open_transfer()
    file = ready_file(transfer)
    address = link(transfer, Purpose.UPLOAD)
    assert "1 fil raderas. 2 mejl skickas. Det går inte att ångra." in read(inside.get(address)).text
    before = Letter.objects.about(transfer).count()
    assert done(inside, read, f"{address}/remove", {"file": file.public_id}) == [("ok", "Filen är raderad.")]
    erase_files(services=services_for(), now=timezone.now())
    assert letters_after(transfer, before) == 2


def test_a_sender_s_acts_on_the_status_page_are_answered(inside, read):
    status = inside.post("/", FROM_OUTSIDE)["Location"]
    page = read(inside.get(status))
    assert "Inget mejl skickas. Det går inte att ångra." in page.text
    ((tone, words),) = done(inside, read, f"{status}/withdraw", {"sure": "1"})
    assert (tone, "tillbakadragen" in words) == ("ok", True)
    (warned,) = done(inside, read, f"{status}/send-again", {})
    assert warned[0] == "warn"


def test_one_email_is_announced_if_the_approver_has_been_asked(inside, read):
    transfer = pending()
    Letter.objects.about(transfer).filter(kind="approval-requested").update(delivery="sent")
    status = link(transfer, Purpose.STATUS_SENDER)
    assert "1 mejl skickas. Det går inte att ångra." in read(inside.get(status)).text
    before = Letter.objects.about(transfer).count()
    inside.post(f"{status}/withdraw", {"sure": "1"})
    assert letters_after(transfer, before) == 1


@pytest.mark.parametrize("files", [0, 1, 2])
def test_an_administrator_reads_how_many_files_and_emails_a_closing_is_about(admin, read, files):
    transfer = open_transfer()
    for number in range(files):
        ready_file(transfer, f"{number}.pdf")
    case = f"/oversee/transfers/{transfer.public_id}"
    page = read(admin.get(f"{case}/close"))
    letters = 2 if files else 1
    said = f"{files} {'fil' if files == 1 else 'filer'} raderas. " if files else ""
    assert f"{said}{letters} mejl skickas. Det går inte att ångra." in page.text
    before = Letter.objects.about(transfer).count()
    said = done(admin, read, f"{case}/close", {"reason": "Missbruk"})
    assert said == [("ok", "Kontot är avslutat. Filerna raderas.")]
    while erase_files(services=services_for(), now=timezone.now()):
        pass
    assert letters_after(transfer, before) == letters


def test_an_administrator_s_other_acts_are_answered(admin, read):
    transfer = open_transfer()
    file, held = ready_file(transfer), received_file(transfer, "b.pdf")
    held.state = FileState.UNSCANNED
    held.save()
    files = "/oversee/files"
    reason = {"reason": "Provad på annat sätt"}
    released = done(admin, read, f"{files}/{held.public_id}/release", reason)
    assert released == [("ok", "Filen är framsläppt. Mottagaren får ett mejl.")]
    removed = done(admin, read, f"{files}/{file.public_id}/remove", reason)
    assert removed == [("ok", "Filen raderas. De som känner till den får ett mejl.")]
    waiting = pending()
    case = f"/oversee/transfers/{waiting.public_id}"
    assert "1 mejl skickas. Det går inte att ångra." in read(admin.get(f"{case}/withdraw")).text
    withdrawn = done(admin, read, f"{case}/withdraw", reason)
    assert withdrawn == [("ok", "Ansökan är tillbakadragen. Avsändaren får ett mejl.")]


def test_a_banner_says_nothing_that_is_not_true(admin, read):
    """Whoever writes the address themselves reads no false word."""
    transfer = open_transfer()
    case, upload = f"/oversee/transfers/{transfer.public_id}", link(transfer, Purpose.UPLOAD)
    status = link(transfer, Purpose.STATUS_SENDER)
    for address in (f"{case}?done=closed", f"{case}?done=withdrawn", f"{upload}?done=removed"):
        assert banner(read(admin.get(address))) == [], address
    assert banner(read(admin.get(f"{status}?done=withdrawn"))) == []
    assert banner(read(admin.get(f"{status}?done=<b>"))) == []
    assert Transfer.objects.get().state == "open"
