"""Alarms: what is watched, when a letter tells of it, and what the letters say."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from filsluss.actions import alarms
from filsluss.clock_monitor import ClockMonitor
from filsluss.letters import notices
from filsluss.models import Alarm, Letter
from filsluss.rules.directions import Role
from filsluss.rules.lifecycle import FileState
from filsluss.scanners.clamd import Clamd
from tests.letters.cases import Case, example_policy, make_file, make_transfer
from tests.parts.golden import letter_is_kept, only
from tests.parts.services import services_for

pytestmark = pytest.mark.django_db
GOLDEN = Path(__file__).parent / "golden"
WITH_HTML = ("sv", "disk")
"""All are made of their text by one function."""
ADMINS = ("drift@ltdalarna.se", "jour@ltdalarna.se")
NOBODY_THERE = Clamd("/nonexistent/clamd.ctl")
FIGURES = {
    "scanner": ("clamd does not answer: No such file or directory", ""),
    "unscanned": ("3", ""),
    "disk": ("4,2 GB", "5 GB"),
    "letters": ("12", "15 min"),
    "given-up": ("1", ""),
    "clock": ("the clock leapt by 2:00:00", ""),
    "jobs": ("make received files ready: K7PM-4QXD (LinkLost)", ""),
    "reconcile": ("2", ""),
    "sign-ins": ("42", "30"),
    "proxy": ("", ""),
    "provider": ("https://id.example answers 503", ""),
    "persons": ("a…@ltdalarna.se (user:7)", ""),
    "nodes": ("worker on fs2 is not heard of since 2026-11-24 09:12 UTC", ""),
}


@pytest.fixture
def policy():
    return example_policy(admin_emails=ADMINS)


def look(policy, store, now, *, scanner=None, clock=""):
    alarms.check_all(services=services_for(policy, store, scanner=scanner), clock_trouble=clock, now=now)
    return [each.name for each in alarms.active_alarms()]


def recipients():
    return sorted(Letter.objects.filter(kind="alarm").values_list("to", flat=True))


def test_while_all_is_well_there_is_no_alarm(policy, store, now):
    assert look(policy, store, now) == []
    assert recipients() == []


def test_a_scanner_that_does_not_answer_is_told_to_every_administrator(policy, store, now):
    assert look(policy, store, now, scanner=NOBODY_THERE) == ["scanner"]
    assert recipients() == sorted(ADMINS)
    assert Alarm.objects.get().value == "clamd does not answer: No such file or directory"
    assert look(policy, store, now) == []


def test_files_that_wait_unscanned_are_counted_from_the_first(policy, store, now):
    transfer = make_transfer(now)
    for number, hours in ((1, 1), (2, 5)):
        received = now - timedelta(hours=hours)
        make_file(transfer, now, number, state=FileState.UNSCANNED, ready_at=None, received_at=received)
    assert look(policy, store, now) == ["unscanned"]
    found = Alarm.objects.get()
    assert (found.since, found.value) == (now - timedelta(hours=5), "2")


def test_a_disk_with_less_room_than_the_limit_is_told(policy, store, now):
    assert look(replace(policy, free_space_percent=99.999), store, now) == ["disk"]
    assert look(replace(policy, free_space_percent=0), store, now) == []


@pytest.mark.parametrize(("minutes", "found"), [(14, []), (15, ["letters"])])
def test_a_letter_that_stays_in_the_outbox_for_15_minutes_is_told(minutes, found, policy, store, now):
    Case("received", Role.SENDER).write("sv", now)
    assert look(policy, store, now + timedelta(minutes=minutes)) == found


def test_a_letter_that_was_given_up_is_told_for_a_day(policy, store, now):
    Case("received", Role.SENDER).write("sv", now)
    Letter.objects.update(delivery="given_up", given_up_at=now)
    assert look(policy, store, now) == ["given-up"]
    assert look(policy, store, now + timedelta(hours=23)) == ["given-up"]
    assert look(policy, store, now + timedelta(hours=24)) == []


def test_an_alarm_that_could_not_be_delivered_raises_no_other(policy, store, now):
    alarms.raise_alarm("reconcile", since=now, policy=policy, now=now)
    Letter.objects.update(delivery="given_up", given_up_at=now)
    alarms.clear_alarm("reconcile")
    assert look(policy, store, now + timedelta(minutes=20)) == []


def test_a_clock_that_is_not_trusted_is_told_with_why(policy, store, now):
    clock = ClockMonitor("this boot")
    assert clock.trouble == ""
    clock.hold("the clock leapt by 2:00:00")
    assert look(policy, store, now, clock=clock.trouble) == ["clock"]
    assert Alarm.objects.get().value == "the clock leapt by 2:00:00"


def test_a_letter_comes_at_once_then_each_day_and_for_a_new_alarm_at_most_each_hour(policy, now):
    """Minutes after it was first found, and whether there is a letter: it is well again at 70."""
    story = {
        0: True,
        1: False,
        59: False,
        61: False,
        70: None,
        75: True,
        80: None,
        90: False,
        134: False,
        135: True,
        135 + 1439: False,
        135 + 1440: True,
    }
    seen = {}
    for minutes, expected in story.items():
        at, before = now + timedelta(minutes=minutes), Letter.objects.count()
        if expected is None:
            alarms.clear_alarm("disk")
        else:
            alarms.raise_alarm("disk", since=at, policy=policy, now=at)
        seen[minutes] = None if expected is None else Letter.objects.count() > before
    assert seen == story


def test_without_administrators_an_alarm_is_kept_and_no_letter_written(policy, store, now):
    assert look(replace(policy, admin_emails=()), store, now, scanner=NOBODY_THERE) == ["scanner"]
    assert Letter.objects.count() == 0


@pytest.mark.parametrize("language", ["sv", "en"])
@pytest.mark.parametrize("name", alarms.CHECKS)
def test_an_alarm_says_exactly_this(name, language, policy, now):
    value, limit = FIGURES[name]
    own = replace(policy, language=language, admin_emails=ADMINS[:1])
    notices.write_alarm(Alarm(name=name, since=now, value=value, limit=limit), policy=own, now=now)
    letter = Letter.objects.get()
    assert (letter.to, letter.language, letter.cases.count()) == (ADMINS[0], language, 0)
    letter_is_kept(GOLDEN / language / f"alarm-{name}", letter, with_html=(language, name) == WITH_HTML)


@pytest.mark.parametrize("language", ["sv", "en"])
def test_of_an_infected_file_the_administrator_hears_exactly_this(language, policy, now):
    file = make_file(make_transfer(now), now, 9, virus="Eicar-Test-Signature", ready_at=None)
    own = replace(policy, language=language)
    assert notices.write_infected(file, policy=own, now=now) == 2
    letters = Letter.objects.order_by("to")
    assert [letter.to for letter in letters] == sorted(ADMINS)
    letter_is_kept(GOLDEN / language / "file-infected", letters[0], with_html=language == "sv")


def test_there_are_no_other_golden_letters():
    texts = {"file-infected.txt", *(f"alarm-{name}.txt" for name in alarms.CHECKS)}
    only(GOLDEN / "en", texts)
    only(GOLDEN / "sv", {*texts, "file-infected.html", f"alarm-{WITH_HTML[1]}.html"})
