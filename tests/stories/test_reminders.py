"""Reminders: before a time runs out whoever could still use it is told, once, and only while it is true."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.parts.people import (
    ANNA,
    BO,
    EVA,
    FORM,
    FROM_OUTSIDE,
    KARIN,
    THROUGH,
    apply,
    approve,
    download_links,
    fetch,
    path_of,
    receipt,
    reject,
    send_tus,
)

STOCKHOLM = ZoneInfo("Europe/Stockholm")


def after_day(days, *, hours=0):
    """The instant at which something of so many days is over, and hours from there."""
    last_day = datetime.now(STOCKHOLM).date() + timedelta(days=days)
    midnight = datetime.combine(last_day + timedelta(days=1), time(), STOCKHOLM)
    return midnight.astimezone(UTC) + timedelta(hours=hours)


def web_only(make_service):
    """A service that runs `web` only; a test runs the worker."""
    return make_service().start("web")


def to_of(letters):
    return sorted(letter.to[0] for letter in letters)


def test_an_approver_who_has_not_answered_is_reminded_once_two_days_before_the_end(service, mail_server):
    apply(service, THROUGH)
    (asked,) = mail_server.one("approval-requested", to=KARIN).links("decide")
    service.run_worker(at=after_day(7, hours=-50))
    assert mail_server.of("approval-reminder") == []
    service.run_worker(at=after_day(7, hours=-47))
    reminder = mail_server.one("approval-reminder", to=KARIN)
    assert reminder.links("decide") == [asked]
    service.run_worker(at=after_day(7, hours=-20))
    assert len(mail_server.of("approval-reminder")) == 1
    approve(service, reminder)


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize("answer", ["approve", "reject"])
def test_an_approver_who_has_answered_is_not_reminded(service, mail_server, answer):
    apply(service, FROM_OUTSIDE)
    request = mail_server.one("approval-requested")
    approve(service, request) if answer == "approve" else reject(service, request, "Fel mottagare.")
    service.run_worker(at=after_day(7, hours=-47))
    assert mail_server.of("approval-reminder") == []


@pytest.mark.postgresql_if_full
def test_a_reminder_still_queued_when_the_answer_comes_is_never_sent(make_service, mail_server):
    service = web_only(make_service)
    apply(service, FROM_OUTSIDE)
    service.run_worker()
    request = mail_server.one("approval-requested")
    mail_server.stop()
    service.run_worker(at=after_day(7, hours=-47))
    assert delivery_of(service, request.transfer, "approval-reminder") == ["queued"]
    reject(service, request, "Fel mottagare.")
    mail_server.start()
    service.run_worker(at=after_day(7, hours=-46))
    mail_server.one("rejected")
    assert mail_server.of("approval-reminder") == []
    assert delivery_of(service, request.transfer, "approval-reminder") == ["withdrawn"]


def delivery_of(service, transfer, kind):
    shown = service.run("show", transfer).stdout.splitlines()
    return [line.split()[2] for line in shown if line.startswith(f"letter {kind} ")]


def test_two_days_before_the_end_recipient_and_sender_are_reminded_of_what_nobody_fetched(
    service, mail_server
):
    upload = apply(service, FORM, days="7").location
    send_tus(service, upload, b"en", filename="en.txt")
    first = mail_server.one("file-ready")
    send_tus(service, upload, b"annan", filename="annan.txt")
    mail_server.wait_for("file-ready", count=2)
    fetch(service, first)
    receipt(service, mail_server)

    service.run_worker(at=after_day(7, hours=-50))
    assert mail_server.of("expiry-reminder") == []
    service.run_worker(at=after_day(7, hours=-47))
    reminders = mail_server.wait_for("expiry-reminder", count=2)
    assert to_of(reminders) == sorted([ANNA, BO])
    assert {("annan.txt" in each.text, "en.txt" in each.text) for each in reminders} == {(True, False)}
    names = [
        link.rpartition("/")[2] for link in download_links(service, mail_server.one("expiry-reminder", to=BO))
    ]
    assert names == ["annan.txt", "en.txt"]
    service.run_worker(at=after_day(7, hours=-20))
    assert len(mail_server.of("expiry-reminder")) == 2


def test_on_the_way_through_the_contact_is_not_reminded_of_files(service, mail_server):
    apply(service, THROUGH)
    approve(service, mail_server.one("approval-requested"), days=5)
    (upload,) = mail_server.one("approved").links("upload")
    send_tus(service, path_of(upload), b"x")
    mail_server.one("file-ready")
    service.run_worker(at=after_day(5, hours=-47))
    assert to_of(mail_server.wait_for("expiry-reminder", count=2)) == sorted([BO, EVA])


@pytest.mark.postgresql_if_full
def test_nobody_is_reminded_in_the_first_24_hours(service, mail_server):
    upload = apply(service, FORM, days="1").location
    send_tus(service, upload, b"x")
    mail_server.one("file-ready")
    service.run_worker(at=datetime.now().astimezone() + timedelta(hours=23))
    assert mail_server.of("expiry-reminder") == []
    service.run_worker(at=datetime.now().astimezone() + timedelta(hours=24, minutes=1))
    mail_server.wait_for("expiry-reminder", count=2)


@pytest.mark.postgresql_if_full
def test_nobody_is_reminded_of_files_that_are_all_fetched(service, mail_server):
    upload = apply(service, FORM).location
    send_tus(service, upload, b"x")
    fetch(service, mail_server.one("file-ready"))
    receipt(service, mail_server)
    service.run_worker(at=after_day(7, hours=-47))
    assert mail_server.of("expiry-reminder") == []


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize("act", ["fetch", "remove"])
def test_a_reminder_still_queued_when_nothing_is_left_to_fetch_is_never_sent(make_service, mail_server, act):
    service = web_only(make_service)
    upload = apply(service, FORM).location
    sent = send_tus(service, upload, b"x")
    assert sent.status == 204
    service.run_worker()
    letter = mail_server.one("file-ready")
    mail_server.stop()
    service.run_worker(at=after_day(7, hours=-47))
    assert delivery_of(service, letter.transfer, "expiry-reminder") == ["queued"] * 2
    if act == "fetch":
        fetch(service, letter)
    else:
        shown = service.run("show", letter.transfer).stdout.splitlines()
        (file,) = [line.split()[1] for line in shown if line.startswith("file ")]
        service.run("remove", file, "--reason", "Fel fil.")
    assert delivery_of(service, letter.transfer, "expiry-reminder") == ["withdrawn"] * 2
    mail_server.start()
    service.run_worker(at=after_day(7, hours=-46))
    assert mail_server.of("expiry-reminder") == []


@pytest.mark.postgresql_if_full
def test_a_letter_whose_time_has_passed_while_the_mail_server_was_down_is_never_sent(
    make_service, mail_server
):
    """A letter with a link that no longer works would be untrue: only the end is told."""
    service = web_only(make_service)
    mail_server.stop()
    upload = apply(service, FORM, days="1").location
    send_tus(service, upload, b"x", filename="sen.txt")
    service.run_worker()
    mail_server.start()
    service.run_worker(at=after_day(1, hours=1))
    assert sorted((letter.kind, letter.to[0]) for letter in mail_server.letters) == [
        ("erased", ANNA),
        ("erased", BO),
    ]


def test_the_sender_hears_once_that_a_whole_file_was_fetched(service, mail_server):
    upload = apply(service, FORM).location
    send_tus(service, upload, b"0123456789", filename="mått.txt")
    letter = mail_server.one("file-ready")
    fetch(service, letter, Range="bytes=0-4")
    (address,) = download_links(service, letter)
    service.request("HEAD", address)
    service.run_worker(at=datetime.now().astimezone() + timedelta(minutes=11))
    assert mail_server.of("files-downloaded") == []
    fetch(service, letter, Range="bytes=5-9")
    assert "mått.txt" in receipt(service, mail_server, to=ANNA).text
    for _ in range(3):
        fetch(service, letter)
    service.run_worker(at=datetime.now().astimezone() + timedelta(minutes=25))
    assert len(mail_server.of("files-downloaded")) == 1
