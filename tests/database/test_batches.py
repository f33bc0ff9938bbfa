"""Lists in batches: each row once, whatever the size, and divided among workers."""

import threading
from datetime import timedelta

import pytest
from django.db import connection

from filsluss.actions import erasure, expiry
from filsluss.models import AuditEntry, Letter, Transfer, TransferFile
from filsluss.models.batches import by_key, from_anywhere, shared_out
from filsluss.rules.lifecycle import FileState, State
from tests.letters.cases import example_policy, make_file, make_transfer
from tests.parts.services import services_for

POLICY = example_policy()
DAY = timedelta(days=1)


def many(now, count, **own):
    return [make_transfer(now, public_id=f"K7PM-{number:04}", **own) for number in range(count)]


def named(number):
    return {"public_id": f"FFFF-{number:04}", "upload_id": f"{number:022}"}


@pytest.mark.django_db
@pytest.mark.parametrize("walk", [by_key, from_anywhere, shared_out])
@pytest.mark.parametrize("size", [1, 3, 7, 8])
def test_every_row_comes_once(now, walk, size):
    keys = sorted(transfer.pk for transfer in many(now, 7))
    got = list(walk(Transfer.objects.all(), size))
    assert sorted(row.pk for batch in got for row in batch) == keys
    assert max(map(len, got)) <= size


@pytest.mark.django_db
@pytest.mark.parametrize("walk", [by_key, from_anywhere, shared_out])
def test_an_empty_list_has_no_batch(walk):
    assert list(walk(Transfer.objects.all(), 5)) == []


@pytest.mark.django_db(transaction=True)
def test_what_one_worker_has_taken_another_leaves_out(now):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite locks no rows")
    keys = {transfer.pk for transfer in many(now, 4)}
    taken, others = shared_out(Transfer.objects.all(), 2), list[int]()
    first = {row.pk for row in next(taken)}

    def other_worker():
        others.extend(row.pk for batch in shared_out(Transfer.objects.all(), 2) for row in batch)
        connection.close()

    thread = threading.Thread(target=other_worker)
    thread.start()
    thread.join(20)
    taken.close()
    assert (len(first), set(others)) == (2, keys - first)


@pytest.mark.django_db
def test_a_midnight_costs_few_statements_for_each_account(now, store, django_assert_max_num_queries):
    services = services_for(POLICY, store)
    for number, transfer in enumerate(many(now, 20, open_until=now)):
        for each in (1, 2):
            make_file(transfer, now, 1, **named(2 * number + each))
    with django_assert_max_num_queries(20 * 36):
        assert expiry.end_accounts(services=services, now=now) == 20
        assert erasure.erase_files(services=services, now=now) == 60
    assert set(Transfer.objects.values_list("state", flat=True)) == {State.CLOSED}
    assert set(TransferFile.objects.values_list("state", flat=True)) == {FileState.ERASED}
    assert Letter.objects.filter(kind="erased").count() == 40


@pytest.mark.django_db
def test_forgetting_costs_no_more_statements_for_many_than_for_few(now, django_assert_max_num_queries):
    for number, transfer in enumerate(many(now, 40, state=State.CLOSED, over_at=now - 90 * DAY)):
        make_file(transfer, now, 1, **named(number), state=FileState.ERASED)
        AuditEntry.objects.create(
            at=now, transfer_public_id=transfer.public_id, step="x", role="rule", about="x"
        )
    with django_assert_max_num_queries(60):
        assert expiry.forget(services=services_for(POLICY), now=now) == 40
    assert not Transfer.objects.exists()
    assert set(AuditEntry.objects.values_list("about", flat=True)) == {""}


@pytest.mark.django_db
def test_a_file_that_is_removed_does_not_wait_for_all_accounts_that_end(now, store, monkeypatch):
    monkeypatch.setattr(erasure, "ACCOUNTS", 2)
    services = services_for(POLICY, store)
    for number, transfer in enumerate(many(now, 7, state=State.CLOSING)):
        make_file(transfer, now, 1, **named(number))
    assert erasure.erase_files(services=services, now=now) <= 4
    removed = make_file(
        make_transfer(now, public_id="K7PM-REMV"), now, 1, state=FileState.ERASING, upload_id="r" * 22
    )
    left = Transfer.objects.filter(state=State.CLOSING).count()
    erasure.erase_files(services=services, now=now)
    removed.refresh_from_db()
    assert removed.state == FileState.ERASED
    assert Transfer.objects.filter(state=State.CLOSING).count() >= left - 2 > 0
