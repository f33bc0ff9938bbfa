"""What was looked up a second ago decides nothing that others may have changed since."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from filsluss.actions.upload import begin
from filsluss.models import Link, Transfer
from filsluss.models.upload_queries import (
    OF_FILE,
    OF_SENDER,
    OF_TRANSFER,
    account_at_upload_link,
    file_at_upload_link,
)
from filsluss.rules.directions import Proof
from filsluss.rules.tokens import Purpose
from filsluss.streams import recent
from filsluss.streams.recent import account_at, just_announced, keep_announced
from tests.letters.cases import KEY, example_policy, make_transfer
from tests.parts import tokens
from tests.parts.people import FORM, announce, append, apply, send_tus
from tests.parts.services import services_for
from tests.parts.storage import change, rows


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """The seconds of the clock, in a process that has seen nothing yet."""
    seconds = [100.0]
    monkeypatch.setattr(recent.time, "monotonic", lambda: seconds[0])
    monkeypatch.setattr(recent, "accounts", recent.Recent())
    monkeypatch.setattr(recent, "announcements", recent.Recent())
    return seconds


@pytest.fixture
def token(now, db):
    transfer = make_transfer(now, open_until=datetime.now(UTC) + timedelta(days=7))
    return tokens.of_transfer(transfer, Purpose.UPLOAD, (KEY,))


def test_an_account_is_looked_up_once_a_second(token, clock, django_assert_num_queries):
    with django_assert_num_queries(1):
        first, second = account_at(token), account_at(token)
    assert first == second == account_at_upload_link(token)
    assert first is not second
    clock[0] += recent.SECONDS + 0.01
    with django_assert_num_queries(1):
        assert account_at(token) == first


def test_a_link_that_is_unknown_is_asked_for_each_time(token, django_assert_num_queries):
    with django_assert_num_queries(2):
        assert account_at("x" * 43) is account_at("x" * 43) is None
    Link.objects.all().delete()
    assert account_at(token) is None


def test_a_sender_who_has_proved_nothing_is_read_each_time(token, django_assert_num_queries):
    Transfer.objects.get().parties.update(proof=Proof.NONE)
    with django_assert_num_queries(2):
        account_at(token), account_at(token)


@pytest.mark.parametrize("left", [-1, 0.5])
def test_an_account_that_gets_more_time_is_open_at_once(token, left):
    Transfer.objects.update(open_until=datetime.now(UTC) + timedelta(seconds=left))
    account_at(token)
    end = datetime.now(UTC) + timedelta(days=1)
    Transfer.objects.update(open_until=end)
    assert account_at(token).open_until == end


def test_many_links_are_not_remembered_for_ever(token, now, monkeypatch):
    monkeypatch.setattr(recent, "MOST", 1)
    transfer = make_transfer(now, public_id="M3NT-7HFW", open_until=Transfer.objects.get().open_until)
    other = tokens.of_transfer(transfer, Purpose.UPLOAD, (KEY,))
    account_at(token), account_at(other)
    assert len(recent.accounts._kept) == 1


def test_an_announced_file_is_given_once_and_to_its_own_link(token, store, now, clock):
    account = account_at_upload_link(token)
    file = begin(account, name="a", size=5, services=services_for(example_policy(), store), now=now)
    keep_announced(token, file, account)
    assert just_announced("x" * 43, file.upload_id) is None
    assert just_announced(token, file.upload_id) is file
    assert just_announced(token, file.upload_id) is None
    keep_announced(token, file, account)
    clock[0] += recent.SECONDS + 0.01
    assert just_announced(token, file.upload_id) is None


def test_an_announced_file_is_as_its_row_is_read(token, store, now):
    account = account_at_upload_link(token)
    begun = begin(account, name="a", size=5, services=services_for(example_policy(), store), now=now)
    keep_announced(token, begun, account)
    announced = just_announced(token, begun.upload_id)
    read = file_at_upload_link(token, begun.upload_id)
    for one, other, only in (
        (announced, read, OF_FILE),
        (announced.transfer, read.transfer, OF_TRANSFER),
        (announced.transfer.sender, read.transfer.sender, OF_SENDER),
    ):
        names = [field.attname for field in one._meta.concrete_fields if field.attname in only.split()]
        assert len(names) == len(only.split())
        assert [vars(one)[name] for name in names] == [vars(other)[name] for name in names]


GONE = "UPDATE filsluss_transferfile SET state = 'erasing' WHERE state = 'uploading'"
FORGOTTEN = "DELETE FROM filsluss_transferfile WHERE state = 'uploading'"
ENDED = "UPDATE filsluss_transfer SET state = 'closing', closed_reason = 'no'"


@pytest.mark.parametrize("size", [10, 5])
@pytest.mark.parametrize(
    ("since", "code"),
    [(GONE, "upload_gone"), (FORGOTTEN, "upload_gone"), (ENDED, "account_closed_by_admin")],
)
def test_what_became_of_a_file_since_it_was_announced_is_told_with_its_first_bytes(
    service, since, code, size
):
    upload = apply(service, FORM).location
    send_tus(service, upload, b"proves the mailbox")
    where = announce(service, upload, 10).location
    change(service, since)
    answer = append(service, where, 0, b"0123456789"[:size])
    if since is ENDED and size < 10:  # what is not whole is kept, and nobody gets it
        answer = append(service, where, size, b"0123456789"[size:])
    assert (answer.status, json.loads(answer.body)["code"]) == (410, code)


def test_an_account_that_was_ended_a_moment_ago_takes_no_file(service):
    upload = apply(service, FORM).location
    send_tus(service, upload, b"proves the mailbox")
    assert announce(service, upload, 10).status == 201
    change(service, ENDED)
    answer = announce(service, upload, 10)
    assert (answer.status, json.loads(answer.body)["code"]) == (410, "account_closed_by_admin")
    assert rows(service, "SELECT count(*) FROM filsluss_transferfile") == [(2,)]
