"""What was looked up a second ago decides nothing that others may have changed since."""

from datetime import UTC, datetime, timedelta

import pytest

from filsluss.models import Link, Transfer
from filsluss.models.upload_queries import account_at_upload_link
from filsluss.rules.directions import Proof
from filsluss.rules.tokens import Purpose
from filsluss.streams import recent_accounts
from filsluss.streams.recent_accounts import RecentAccounts
from tests.letters.cases import KEY, make_transfer
from tests.parts import tokens


@pytest.fixture
def recent(monkeypatch):
    monkeypatch.setattr(recent_accounts.time, "monotonic", lambda: clock[0])
    clock = [100.0]
    accounts = RecentAccounts()
    accounts.clock = clock
    return accounts


@pytest.fixture
def token(now, db):
    return tokens.of_transfer(make_transfer(now), Purpose.UPLOAD, (KEY,))


def test_an_account_is_looked_up_once_a_second(recent, token, django_assert_num_queries):
    with django_assert_num_queries(1):
        first, second = recent.at_link(token), recent.at_link(token)
    assert first == second == account_at_upload_link(token)
    assert first is not second
    recent.clock[0] += recent_accounts.SECONDS + 0.01
    with django_assert_num_queries(1):
        assert recent.at_link(token) == first


def test_a_link_that_is_unknown_is_asked_for_each_time(recent, token, django_assert_num_queries):
    with django_assert_num_queries(2):
        assert recent.at_link("x" * 43) is recent.at_link("x" * 43) is None
    Link.objects.all().delete()
    assert recent.at_link(token) is None


def test_a_sender_who_has_proved_nothing_is_read_each_time(recent, token, django_assert_num_queries):
    Transfer.objects.get().parties.update(proof=Proof.NONE)
    with django_assert_num_queries(2):
        recent.at_link(token), recent.at_link(token)


@pytest.mark.parametrize("left", [-1, 0.5])
def test_an_account_that_gets_more_time_is_open_at_once(recent, token, left):
    Transfer.objects.update(open_until=datetime.now(UTC) + timedelta(seconds=left))
    recent.at_link(token)
    end = datetime.now(UTC) + timedelta(days=1)
    Transfer.objects.update(open_until=end)
    assert recent.at_link(token).open_until == end


def test_many_links_are_not_remembered_for_ever(recent, token, now, monkeypatch):
    monkeypatch.setattr(recent_accounts, "MOST", 1)
    other = tokens.of_transfer(make_transfer(now, public_id="M3NT-7HFW"), Purpose.UPLOAD, (KEY,))
    recent.at_link(token), recent.at_link(other)
    assert len(recent._found) == 1
