"""The sender of an account that ends without any file is reminded two days before, once."""

from datetime import timedelta

import pytest
from django.conf import settings

from filsluss.actions.reminders import remind_approvers, remind_empty
from filsluss.letters import truth
from filsluss.models import Letter, Pickup, TransferFile
from filsluss.rules.directions import Role
from filsluss.rules.lifecycle import State
from tests.letters.cases import Case, example_policy, make_file, make_transfer
from tests.parts.services import services_for

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def remind(now):
    return remind_empty(services=services_for(settings.POLICY), now=now)


def letters():
    return list(Letter.objects.filter(kind="no-files-reminder").values_list("role", flat=True))


def ending(now, **own):
    """An account that ends in two days and was opened five days ago."""
    given = {"open_until": now + 2 * DAY - HOUR, "decided_at": now - 5 * DAY, **own}
    return make_transfer(now, **given)


@pytest.fixture
def linked(settings, policy):
    """The key of the links in `make_transfer`."""
    from dataclasses import replace

    settings.POLICY = replace(policy, link_keys=(b"k" * 32,))


@pytest.mark.usefixtures("linked")
def test_the_sender_is_reminded_once(now):
    ending(now)
    assert [remind(now - 2 * HOUR), remind(now), remind(now + HOUR)] == [0, 1, 0]
    assert letters() == ["sender"]


@pytest.mark.usefixtures("linked")
@pytest.mark.parametrize(
    "own",
    [
        {"state": State.PENDING, "open_until": None},
        {"state": State.CLOSING},
        {"decided_at": -HOUR},
        {"open_until": -HOUR},
    ],
    ids=["undecided", "ended by an administrator", "just opened", "over"],
)
def test_nobody_is_reminded_of_what_is_not_open_or_was_just_opened(now, own):
    at = {name: now + value if isinstance(value, timedelta) else value for name, value in own.items()}
    ending(now, **at)
    assert (remind(now), letters()) == (0, [])


@pytest.mark.usefixtures("linked")
@pytest.mark.parametrize(
    ("file", "reminded"),
    [
        ({}, 0),
        ({"state": "received", "ready_at": None}, 0),
        ({"state": "erased", "erased_because": "withdrawn"}, 0),
        ({"state": "uploading", "received_at": None, "ready_at": None}, 1),
    ],
    ids=["ready", "received", "removed", "unfinished"],
)
def test_a_file_that_came_whole_is_a_file_whatever_became_of_it(now, file, reminded):
    make_file(ending(now), now, **file)
    assert remind(now) == reminded


@pytest.mark.usefixtures("linked")
def test_the_letter_leads_to_the_upload_page_and_dies_with_the_account(now):
    transfer = ending(now)
    remind(now)
    letter = Letter.objects.get(kind="no-files-reminder")
    assert "/upload/" in letter.text
    cases = list(letter.cases.select_related("transfer", "party", "file"))
    assert truth.is_true_at(letter, cases, now)
    assert not truth.is_true_at(letter, cases, transfer.open_until)
    assert TransferFile.objects.count() == 0


@pytest.mark.parametrize(("hours", "reminded"), [(23, 0), (24, 1)])
def test_an_approver_is_not_reminded_within_a_day_after_they_were_asked(now, hours, reminded):
    waiting = {"state": State.PENDING, "asked_at": now - hours * HOUR, "lapse_by": now + DAY}
    make_transfer(now, **waiting)
    assert remind_approvers(services=services_for(example_policy()), now=now) == reminded


def test_a_reminder_of_files_that_have_all_been_fetched_is_not_true(now):
    letter = Case("expiry-reminder", Role.RECIPIENT, files=({}, {})).write("sv", now)
    cases = list(letter.cases.select_related("transfer"))
    assert truth.is_true_at(letter, cases, now)
    Pickup.objects.update(fetched_at=now)
    assert not truth.is_true_at(letter, cases, now)
