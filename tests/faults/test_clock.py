"""The clock turns back and is set for summer, and workers are many: what ends, ends once and at its hour."""

import threading
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings

from tests.parts import people
from tests.parts.rows import rows
from tests.parts.world import Told, verify_world

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
def test_g4_what_has_ended_stays_ended_when_the_clock_turns_back(house, post):
    upload = people.apply(house, people.FORM).location
    people.send_tus(house, upload, bytes(5000))
    address = people.download_links(house, post.one("file-ready"))[0]
    house.work(at=datetime.now(UTC) + timedelta(days=9))
    assert (house.get(address).status, house.get(upload).status) == (410, 410)
    post.one("erased", to=people.BO)
    verify_world(house, Told(post=post))


@pytest.mark.full
@pytest.mark.live
def test_three_workers_at_once_end_every_account_once_and_tell_of_it_once(make_house, post):
    house = make_house()
    house.run("migrate", "--verbosity", "0")
    house.start("web")
    for number in range(12):
        upload = people.apply(house, people.FORM, recipient_email=f"bo{number}@rontgen.example").location
        people.send_tus(house, upload, bytes(1000))
    later = datetime.now(UTC) + timedelta(days=9)
    house.work()
    crowd = [threading.Thread(target=house.work, kwargs={"at": later}) for _ in range(3)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    house.work(at=later + timedelta(minutes=3))
    assert rows(house, "SELECT state, COUNT(*) FROM filsluss_transfer GROUP BY state") == [("closed", 12)]
    told = sorted(letter.to[0] for letter in post.of("erased"))
    assert told == sorted([*(f"bo{number}@rontgen.example" for number in range(12)), *[people.ANNA] * 12])
    verify_world(house, Told(post=post))
