"""Clocks that turn back, daylight saving time and several workers: what ends, ends once and at its hour."""

import threading
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings

from tests.parts import people
from tests.parts.invariants import Acknowledged, check_invariants
from tests.parts.storage import rows

STOCKHOLM = ZoneInfo("Europe/Stockholm")


@pytest.mark.parametrize(
    ("applied", "days", "end"),
    [
        ("2027-03-27 12:00", 1, "2027-03-28 22:00"),  # a day of 23 hours: 00:00 in summer time
        ("2027-03-28 00:30", 7, "2027-04-04 22:00"),
        ("2027-10-30 12:00", 1, "2027-10-31 23:00"),  # a day of 25 hours: 00:00 in winter time
        ("2027-10-31 02:30", 7, "2027-11-07 23:00"),
        ("2028-02-28 23:59", 1, "2028-02-29 23:00"),
        ("2028-02-29 00:00", 1, "2028-03-01 23:00"),
        ("2026-12-31 23:59", 1, "2027-01-01 23:00"),
        ("2027-12-25 09:00", 30, "2028-01-24 23:00"),
    ],
)
def test_g1_an_account_ends_at_midnight_where_people_live_whatever_the_season(applied, days, end):
    began = datetime.fromisoformat(applied).replace(tzinfo=STOCKHOLM)
    assert settings.POLICY.end_of(began, days) == datetime.fromisoformat(end).replace(tzinfo=UTC)


@pytest.mark.live
def test_g4_what_has_ended_stays_ended_when_the_clock_turns_back(service, mail_server):
    upload = people.apply(service, people.FORM).location
    people.send_tus(service, upload, bytes(5000))
    address = people.download_links(service, mail_server.one("file-ready"))[0]
    service.run_worker(at=datetime.now(UTC) + timedelta(days=9))
    assert (service.get(address).status, service.get(upload).status) == (410, 410)
    mail_server.one("erased", to=people.BO)
    check_invariants(service, Acknowledged(mail_server=mail_server))


@pytest.mark.full
@pytest.mark.live
def test_three_workers_at_once_end_every_account_once_and_tell_of_it_once(make_service, mail_server):
    service = make_service()
    service.run("migrate", "--verbosity", "0")
    service.start("web")
    for number in range(12):
        upload = people.apply(service, people.FORM, recipient_email=f"bo{number}@rontgen.example").location
        people.send_tus(service, upload, bytes(1000))
    later = datetime.now(UTC) + timedelta(days=9)
    service.run_worker()
    crowd = [threading.Thread(target=service.run_worker, kwargs={"at": later}) for _ in range(3)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    service.run_worker(at=later + timedelta(minutes=3))
    assert rows(service, "SELECT state, COUNT(*) FROM filsluss_transfer GROUP BY state") == [("closed", 12)]
    recipients = sorted(letter.to[0] for letter in mail_server.of("erased"))
    assert recipients == sorted(
        [*(f"bo{number}@rontgen.example" for number in range(12)), *[people.ANNA] * 12]
    )
    check_invariants(service, Acknowledged(mail_server=mail_server))
