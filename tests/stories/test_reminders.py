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
    reject,
    send_tus,
)  # fmt: skip

STOCKHOLM = ZoneInfo("Europe/Stockholm")


def after_day(days, *, hours=0):
    """The instant at which something of so many days is over, and hours from there."""
    last_day = datetime.now(STOCKHOLM).date() + timedelta(days=days)
    midnight = datetime.combine(last_day + timedelta(days=1), time(), STOCKHOLM)
    return midnight.astimezone(UTC) + timedelta(hours=hours)


def alone(make_house):
    """A house whose worker comes only when it is called."""
    house = make_house()
    house.run("migrate")
    return house.start("web")


def to_of(letters):
    return sorted(letter.to[0] for letter in letters)


def test_an_approver_who_has_not_answered_is_reminded_once_two_days_before_the_end(house, post):
    apply(house, THROUGH)
    (asked,) = post.one("approval-requested", to=KARIN).links("decide")
    house.work(at=after_day(7, hours=-50))
    assert post.of("approval-reminder") == []
    house.work(at=after_day(7, hours=-47))
    reminder = post.one("approval-reminder", to=KARIN)
    assert reminder.links("decide") == [asked]
    house.work(at=after_day(7, hours=-20))
    assert len(post.of("approval-reminder")) == 1
    approve(house, reminder)


@pytest.mark.parametrize("answer", ["approve", "reject"])
def test_an_approver_who_has_answered_is_not_reminded(house, post, answer):
    apply(house, FROM_OUTSIDE)
    request = post.one("approval-requested")
    approve(house, request) if answer == "approve" else reject(house, request, "Fel mottagare.")
    house.work(at=after_day(7, hours=-47))
    assert post.of("approval-reminder") == []


def test_a_reminder_still_here_when_the_answer_comes_never_leaves(make_house, post):
    house = alone(make_house)
    apply(house, FROM_OUTSIDE)
    house.work()
    request = post.one("approval-requested")
    post.shut()
    house.work(at=after_day(7, hours=-47))
    assert delivery_of(house, request.transfer, "approval-reminder") == ["queued"]
    reject(house, request, "Fel mottagare.")
    post.open()
    house.work(at=after_day(7, hours=-46))
    post.one("rejected")
    assert post.of("approval-reminder") == []
    assert delivery_of(house, request.transfer, "approval-reminder") == ["withdrawn"]


def delivery_of(house, transfer, kind):
    shown = house.run("show", transfer).stdout.splitlines()
    return [line.split()[2] for line in shown if line.startswith(f"letter {kind} ")]


def test_two_days_before_the_end_recipient_and_sender_are_reminded_of_what_nobody_fetched(house, post):
    upload = apply(house, FORM, days="7").location
    send_tus(house, upload, b"en", filename="en.txt")
    first = post.one("file-ready")
    send_tus(house, upload, b"annan", filename="annan.txt")
    post.wait_for("file-ready", count=2)
    fetch(house, first)
    post.one("file-downloaded")

    house.work(at=after_day(7, hours=-50))
    assert post.of("expiry-reminder") == []
    house.work(at=after_day(7, hours=-47))
    reminders = post.wait_for("expiry-reminder", count=2)
    assert to_of(reminders) == sorted([ANNA, BO])
    assert {("annan.txt" in each.text, "en.txt" in each.text) for each in reminders} == {(True, False)}
    names = [link.rpartition("/")[2] for link in download_links(house, post.one("expiry-reminder", to=BO))]
    assert names == ["annan.txt", "en.txt"]
    house.work(at=after_day(7, hours=-20))
    assert len(post.of("expiry-reminder")) == 2


def test_on_the_way_through_the_contact_is_not_reminded_of_files(house, post):
    apply(house, THROUGH)
    approve(house, post.one("approval-requested"), days=5)
    (upload,) = post.one("approved").links("upload")
    send_tus(house, path_of(upload), b"x")
    post.one("file-ready")
    house.work(at=after_day(5, hours=-47))
    assert to_of(post.wait_for("expiry-reminder", count=2)) == sorted([BO, EVA])


def test_nobody_is_reminded_in_the_first_24_hours(house, post):
    upload = apply(house, FORM, days="1").location
    send_tus(house, upload, b"x")
    post.one("file-ready")
    house.work(at=datetime.now().astimezone() + timedelta(hours=23))
    assert post.of("expiry-reminder") == []
    house.work(at=datetime.now().astimezone() + timedelta(hours=24, minutes=1))
    post.wait_for("expiry-reminder", count=2)


def test_nobody_is_reminded_of_files_that_are_all_fetched(house, post):
    upload = apply(house, FORM).location
    send_tus(house, upload, b"x")
    fetch(house, post.one("file-ready"))
    post.one("file-downloaded")
    house.work(at=after_day(7, hours=-47))
    assert post.of("expiry-reminder") == []


@pytest.mark.parametrize("act", ["fetch", "remove"])
def test_a_reminder_still_here_when_nothing_is_left_to_fetch_never_leaves(make_house, post, act):
    house = alone(make_house)
    upload = apply(house, FORM).location
    sent = send_tus(house, upload, b"x")
    assert sent.status == 204
    house.work()
    letter = post.one("file-ready")
    post.shut()
    house.work(at=after_day(7, hours=-47))
    assert delivery_of(house, letter.transfer, "expiry-reminder") == ["queued"] * 2
    if act == "fetch":
        fetch(house, letter)
    else:
        shown = house.run("show", letter.transfer).stdout.splitlines()
        (file,) = [line.split()[1] for line in shown if line.startswith("file ")]
        house.run("remove", file, "--reason", "Fel fil.")
    assert delivery_of(house, letter.transfer, "expiry-reminder") == ["withdrawn"] * 2
    post.open()
    house.work(at=after_day(7, hours=-46))
    assert post.of("expiry-reminder") == []


def test_a_letter_whose_time_has_passed_while_the_mail_server_was_down_never_leaves(make_house, post):
    """Whoever comes back to a dead link was told nothing true: only the end is told."""
    house = alone(make_house)
    post.shut()
    upload = apply(house, FORM, days="1").location
    send_tus(house, upload, b"x", filename="sen.txt")
    house.work()
    post.open()
    house.work(at=after_day(1, hours=1))
    assert sorted((letter.kind, letter.to[0]) for letter in post.letters) == [
        ("erased", ANNA),
        ("erased", BO),
    ]


def test_the_sender_hears_once_that_a_whole_file_was_fetched(house, post):
    upload = apply(house, FORM).location
    send_tus(house, upload, b"0123456789", filename="mått.txt")
    letter = post.one("file-ready")
    fetch(house, letter, Range="bytes=0-4")
    (address,) = download_links(house, letter)
    house.request("HEAD", address)
    house.work()
    assert post.of("file-downloaded") == []
    fetch(house, letter, Range="bytes=5-9")
    told = post.one("file-downloaded", to=ANNA)
    assert "mått.txt" in told.text
    for _ in range(3):
        fetch(house, letter)
    house.work()
    assert len(post.of("file-downloaded")) == 1
