"""A link that is unknown is 404, one that is used or over is 410, and each says what to do next."""

import re

import pytest
from django.conf import settings
from django.utils import timezone

from filsluss.actions.oversee import Reason, close_transfer, remove_file, withdraw
from filsluss.actions.upload import remove_own
from filsluss.models import AuditEntry, Letter, Link, Pickup, Transfer, TransferFile
from filsluss.pages import presenters
from filsluss.rules.tokens import Purpose
from tests.pages.cases import (
    ANNA,
    BO,
    as_read,
    code_link,
    decided,
    ended,
    lapsed,
    letter_link,
    link,
    open_transfer,
    pending,
    ready_file,
    received_file,
    refusal,
)
from tests.parts import tokens
from tests.parts.services import services_for

TOKEN = "A" * 43
POLICY = settings.POLICY


def is_error_page(page):
    """One heading, a way to go on, and nobody's address."""
    ways = [each["href"] for each in page.all("a") if each["href"] in ("/", "/code", "/help")]
    return len(page.all("h1")) == 1 and len(ways) > 1 and not re.search(rf"{ANNA}|{BO}", page.source)


@pytest.mark.parametrize("prefix", ["decide", "upload", "status", "download"])
@pytest.mark.parametrize("token", [TOKEN, "A" * 42, "A" * 44, "å" * 43, "../../etc/passwd", "%00", "a/b"])
def test_an_unknown_link_is_404(inside, read, prefix, token):
    answer = inside.get(f"/{prefix}/{token}")
    assert (answer.status_code, is_error_page(read(answer))) == (404, True)


def test_a_link_of_one_purpose_is_unknown_at_every_other_path(inside):
    transfer = pending()
    for purpose in (Purpose.UPLOAD, Purpose.STATUS_SENDER, Purpose.STATUS_RECIPIENT, Purpose.STATUS_APPROVER):
        token = tokens.of_transfer(transfer, purpose, POLICY.link_keys)
        assert inside.get(f"/decide/{token}").status_code == 404
        assert inside.get(f"/download/{token}").status_code == 404


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize("tail", [".", ",", ")", ">", "%3E", ").", "?utm_source=mail&fbclid=1"])
def test_what_a_mail_program_added_to_a_link_is_forgiven(inside, tail):
    assert inside.get(link(pending(), Purpose.DECIDE) + tail).status_code == 200
    assert inside.get(link(open_transfer(), Purpose.UPLOAD) + tail).status_code == 200


@pytest.mark.parametrize("method", ["get", "head", "options", "put", "patch", "delete"])
def test_only_a_form_decides(inside, method):
    transfer = pending()
    entries = AuditEntry.objects.count()
    before = Transfer.objects.filter(pk=transfer.pk).values().get()
    address = link(transfer, Purpose.DECIDE) + "?decision=approve&days=3"
    assert getattr(inside, method)(address).status_code == (200 if method in ("get", "head") else 405)
    assert Transfer.objects.filter(pk=transfer.pk).values().get() == before
    assert AuditEntry.objects.count() == entries


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: decided("approve"), "Ansökan godkändes {today} av godkännaren."),
        (lambda: decided("reject"), "Ansökan avslogs {today} av godkännaren."),
        (lapsed, "Den besvarades inte senast {lapsed}."),
    ],
)
def test_whoever_decides_too_late_is_told_what_became_of_it(inside, read, make, words):
    transfer = make()
    known = {"today": presenters.day_of(timezone.now()).text, "lapsed": presenters.answer_by(transfer).text}
    for answer in (
        inside.get(link(transfer, Purpose.DECIDE)),
        inside.post(link(transfer, Purpose.DECIDE), {"decision": "approve", "days": "3"}),
    ):
        page = read(answer)
        assert (answer.status_code, is_error_page(page), as_read(words.format(**known)) in page.text) == (
            410,
            True,
            True,
        )


def test_a_withdrawn_application_says_that_it_was(inside, read):
    transfer = pending()
    withdraw(
        transfer, reason=Reason("Missbruk", "os:admin"), services=services_for(POLICY), now=timezone.now()
    )
    answer = inside.get(link(transfer, Purpose.DECIDE))
    assert (answer.status_code, "drogs tillbaka av systemansvarig" in read(answer).text) == (410, True)


def test_an_account_that_is_over_is_410_for_reading_and_for_removing(inside, read):
    transfer = ended()
    address = link(transfer, Purpose.UPLOAD)
    assert inside.post(f"{address}/remove", {"file": "K7PM-4QXD"}).status_code == 410
    answer = inside.get(address)
    assert (answer.status_code, is_error_page(read(answer))) == (410, True)
    assert "Kontot är avslutat" in read(answer).text


def test_an_account_closed_by_the_administrator_says_so(inside, read):
    transfer = open_transfer()
    close_transfer(
        transfer, reason=Reason("Missbruk", "os:admin"), services=services_for(POLICY), now=timezone.now()
    )
    page = read(inside.get(link(transfer, Purpose.UPLOAD)))
    assert "Kontot är avslutat av systemansvarig." in page.text
    assert "Gör en ny ansökan" not in page.text


def test_nobody_is_told_to_ask_again_for_what_the_administrator_took_away(inside, read):
    removed, closed, over = (ready_file(open_transfer()) for _ in range(3))
    remove_file(removed, reason=Reason("Virus", "os:admin"), now=timezone.now())
    close_transfer(
        closed.transfer,
        reason=Reason("Missbruk", "os:admin"),
        services=services_for(POLICY),
        now=timezone.now(),
    )
    Transfer.objects.filter(pk=over.transfer_id).update(open_until=timezone.now())
    asks = [
        "Be avsändaren skicka igen" in read(inside.get(letter_link(file))).text
        for file in (removed, closed, over)
    ]
    assert asks == [False, False, True]


@pytest.mark.parametrize("language", ["sv", "en"])
def test_a_status_page_says_to_its_sender_only_that_a_letter_was_not_delivered(inside, read, language):
    transfer = pending(language=language)
    words = {"sv": "Mejlet till godkännaren kom inte fram. Kontrollera adressen", "en": "was not delivered"}
    mine, theirs = link(transfer, Purpose.STATUS_SENDER), link(transfer, Purpose.STATUS_APPROVER)
    assert words[language] not in read(inside.get(mine)).text
    asked = Letter.objects.filter(kind="approval-requested")
    asked.update(delivery="given_up", last_error="550 5.1.1 User unknown in mail03.intern.example")
    page = read(inside.get(mine))
    assert words[language] in page.text
    assert ("5.1.1" in page.source, "mail03" in page.source) == (False, False)
    assert words[language] not in read(inside.get(theirs)).text
    asked.update(delivery="sent")
    assert words[language] not in read(inside.get(mine)).text


def test_a_letter_about_a_file_that_was_not_delivered_is_told_while_the_account_is_open(inside, read):
    file = ready_file(open_transfer())
    Letter.objects.filter(kind="file-ready").update(delivery="given_up")
    status = link(file.transfer, Purpose.STATUS_SENDER)
    assert "Ett mejl till mottagaren kom inte fram." in read(inside.get(status)).text
    Transfer.objects.update(open_until=timezone.now())
    assert "kom inte fram" not in read(inside.get(status)).text


def test_the_upload_link_is_unknown_until_the_application_is_approved(inside):
    assert inside.get(link(pending(), Purpose.UPLOAD)).status_code == 404


def test_a_file_taken_away_is_410_and_says_by_whom(inside, read):
    transfer = open_transfer()
    by_sender, by_administrator = ready_file(transfer), ready_file(transfer)
    remove_own(by_sender, now=timezone.now())
    remove_file(by_administrator, reason=Reason("Virus", "os:admin"), now=timezone.now())
    for file, words in (
        (by_sender, "Raderad av avsändaren."),
        (by_administrator, "Raderad av systemansvarig."),
    ):
        for address in (letter_link(file), code_link(file)):
            answer = inside.get(address)
            assert (answer.status_code, is_error_page(read(answer))) == (410, True)
            assert words in read(answer).text


def test_a_file_whose_account_is_over_is_410(inside):
    transfer = open_transfer()
    file = ready_file(transfer)
    Transfer.objects.filter(pk=transfer.pk).update(open_until=timezone.now())
    assert (inside.get(letter_link(file)).status_code, inside.get(code_link(file)).status_code) == (410, 410)


def test_a_link_that_was_revoked_is_410_at_every_page(inside, read):
    transfer = open_transfer()
    file = ready_file(transfer)
    Link.objects.update(revoked_at=timezone.now())
    pages = (letter_link(file), code_link(file), link(transfer, Purpose.UPLOAD))
    pages += tuple(link(transfer, each) for each in (Purpose.STATUS_SENDER, Purpose.STATUS_RECIPIENT))
    for address in pages:
        answer = inside.get(address)
        assert (answer.status_code, is_error_page(read(answer))) == (410, True)


def test_a_file_that_is_not_ready_yet_has_no_link(inside):
    file = received_file(open_transfer())
    assert (Link.objects.filter(file=file).count(), Pickup.objects.count()) == (0, 0)


def test_the_letters_own_file_comes_first_and_each_has_a_button(inside, read):
    transfer = open_transfer()
    names = ["a b.pdf", "å%2F.txt", "c.txt"]
    files = [ready_file(transfer, name) for name in names]
    page = read(inside.get(letter_link(files[1])))
    quoted = {"a b.pdf": "a%20b.pdf", "å%2F.txt": "%C3%A5%252F.txt", "c.txt": "c.txt"}
    everything, *each = [own["href"] for own in page.all("a") if "button" in (own.get("class") or "")]
    assert each == [f"{letter_link(file)}/{quoted[file.name]}" for file in (files[1], files[0], files[2])]
    assert everything.startswith("/zip/")
    assert page.text.count("ab" * 32) == 3


def test_the_sender_takes_back_their_own_file_and_no_other(inside):
    transfer, other = open_transfer(), open_transfer()
    file, foreign = ready_file(transfer), ready_file(other)
    address = link(transfer, Purpose.UPLOAD)
    assert inside.post(f"{address}/remove", {"file": foreign.public_id}).status_code == 404
    assert inside.get(f"{address}/remove", {"file": file.public_id}).status_code == 405
    assert TransferFile.objects.filter(state="ready").count() == 2
    answer = inside.post(f"{address}/remove", {"file": file.public_id})
    assert (answer.status_code, answer["Location"]) == (303, f"{address}?lang=sv&done=removed")
    assert "Filen är raderad" in inside.get(answer["Location"]).content.decode()
    assert list(TransferFile.objects.filter(state="ready")) == [foreign]


def test_a_status_shows_what_has_happened_and_no_other_link_or_file_name(inside, read):
    transfer = open_transfer()
    ready_file(transfer, "hemligt-namn.pdf")
    for purpose in (Purpose.STATUS_SENDER, Purpose.STATUS_RECIPIENT):
        own = link(transfer, purpose)
        page = read(inside.get(own))
        assert "1 fil" in page.text
        assert "hemligt-namn" not in page.source
        found = set(re.findall(r"[A-Za-z0-9_-]{43}", page.source)) - {own.rpartition("/")[2]}
        upload = {
            link(transfer, Purpose.UPLOAD).rpartition("/")[2]
        }  # of a sender who was known from the start
        assert found == (upload if purpose is Purpose.STATUS_SENDER else set())


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        ("too_large", 413, "Filen är för stor. En fil får vara högst 2 GB."),
        ("disk_full", 507, "Det finns inte plats för fler filer just nu"),
        ("quota_exceeded", 413, "Det finns inte plats för filen på kontot"),
        ("too_many_files", 413, "Det går inte att ladda upp fler filer på det här kontot"),
        ("body_short", 400, "Uppladdningen avbröts"),
        ("offset_invalid", 400, "Filen kunde inte laddas upp"),
    ],
)
def test_a_refused_upload_is_told_on_the_senders_page(read, code, status, words):
    answer = refusal(link(open_transfer(), Purpose.UPLOAD), code)
    assert (answer.status_code, read(answer).problems) == (status, ["file"])
    assert words in read(answer).text


def test_a_refused_download_keeps_its_status():
    file = ready_file(open_transfer())
    for code, status in (("not_found", 404), ("upload_gone", 410), ("busy", 503)):
        assert refusal(letter_link(file), code).status_code == status


def test_a_file_stays_until_it_is_said_which_is_to_go(inside, read):
    transfer = open_transfer()
    file = ready_file(transfer)
    answer = inside.post(f"{link(transfer, Purpose.UPLOAD)}/remove")
    assert (answer.status_code, read(answer).problems) == (422, ["files"])
    assert TransferFile.objects.get(pk=file.pk).state == "ready"
