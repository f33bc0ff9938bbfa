"""Lists in batches: each row once, whatever the size, and divided among workers."""

import threading
from datetime import timedelta

import pytest
from django.db import connection

from filsluss.actions import erasure, expiry
from filsluss.actions.transitions import RULE, entry
from filsluss.letters import compose, each_row
from filsluss.models import AuditEntry, Letter, LetterCase, Transfer, TransferFile
from filsluss.models.audit import NEW_ENTRY
from filsluss.models.batches import by_key, from_anywhere, shared_out, weighed
from filsluss.rules.encryption import is_encrypted
from filsluss.rules.lifecycle import FileState, State
from tests.letters.cases import example_policy, make_file, make_transfer
from tests.parts.services import services_for

POLICY = example_policy()
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def fresh():
    each_row.forget_failures()
    yield
    each_row.forget_failures()


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


def test_what_weighs_too_much_together_is_parted_and_nothing_is_left_out():
    assert list(weighed([3, 1, 2, 9, 1, 1], int, 4)) == [[3, 1], [2], [9], [1, 1]]
    assert list(weighed([], int, 4)) == []


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
    with django_assert_max_num_queries(2 * 40 + 60):  # two savepoints for each file, which only a test has
        assert expiry.end_accounts(services=services, now=now) == 20
        assert erasure.erase_files(services=services, now=now) == 60
    assert set(Transfer.objects.values_list("state", flat=True)) == {State.CLOSED}
    assert set(TransferFile.objects.values_list("state", flat=True)) == {FileState.ERASED}
    assert Letter.objects.filter(kind="erased").count() == 40


@pytest.mark.django_db
def test_what_is_told_of_many_accounts_is_what_is_told_of_each_alone(now, store):
    """Letters and trail, but for what is drawn at random, and the references."""
    told = []
    for size in (1, 3):
        accounts = many(now, 3, open_until=now, language="sv")
        for number, transfer in enumerate(accounts):
            own = {"ready_at": None, "state": FileState.RECEIVED} if number == 1 else {}
            make_file(transfer, now, 1, **named(number), **own)
        for first in range(0, 3, size):
            closing = Transfer.objects.filter(pk__in=[each.pk for each in accounts[first : first + size]])
            closing.update(state=State.CLOSING)
            erasure.close_ended(list(closing.order_by("pk")), services=services_for(POLICY, store), now=now)
        letters = Letter.objects.order_by("key").values(
            "key", "role", "to", "subject", "text", "html", "delivery"
        )
        cases = LetterCase.objects.order_by("letter__key").values_list(
            "letter__key", "transfer__public_id", "party__role", "party__transfer__public_id", "file"
        )
        trail = AuditEntry.objects.order_by("transfer_public_id", "id").values_list(
            "transfer_public_id", "step", "role", "file_public_id"
        )
        told.append((list(letters), list(cases), list(trail)))
        for model in (Letter, AuditEntry, Transfer):
            model.objects.all().delete()
    assert told[0] == told[1]
    letters, cases, trail = told[0]
    assert [letter["key"] for letter in letters] == [case[0] for case in cases]
    assert all(
        letter["text"] and transfer == own
        for letter, (_, transfer, _, own, _) in zip(letters, cases, strict=True)
    )
    assert [step for _, step, _, _ in trail] == ["file-ended", "file-erased", "erased"] * 3
    assert [letter["role"] for letter in letters] == [
        "recipient",
        "sender",
        "approver",
        "sender",
        "recipient",
        "sender",
    ]


@pytest.mark.django_db
def test_an_account_that_cannot_be_told_of_stops_no_other_of_its_batch(now, store, monkeypatch):
    accounts, render = many(now, 4, state=State.CLOSING), compose.render
    for number, transfer in enumerate(accounts):
        make_file(transfer, now, 1, **named(number))

    def broken(template, language, context, policy):
        assert context["ref"] != accounts[1].public_id
        return render(template, language, context, policy)

    monkeypatch.setattr(compose, "render", broken)
    erasure.erase_files(services=services_for(POLICY, store), now=now)
    closed = Transfer.objects.filter(state=State.CLOSED).order_by("pk")
    assert list(closed) == [accounts[0], *accounts[2:]]
    told = LetterCase.objects.filter(letter__kind="erased").values_list("transfer", flat=True)
    assert set(told) == {each.pk for each in closed}
    assert AuditEntry.objects.filter(step="erased").count() == 3


@pytest.mark.django_db
def test_a_letter_that_is_written_with_others_is_stored_encrypted(now):
    transfer = make_transfer(now, state=State.CLOSING)
    erasure.queue_erased([transfer], services=services_for(POLICY), now=now)
    with connection.cursor() as cursor:
        cursor.execute("SELECT text, html FROM filsluss_letter")
        stored = [text for row in cursor.fetchall() for text in row]
    assert len(stored) == 4
    assert all(is_encrypted(text) for text in stored)
    assert all(letter.text.startswith("Hej") for letter in Letter.objects.all())


@pytest.mark.django_db
def test_ids_of_rows_that_are_inserted_at_once_grow_in_their_order(now):
    entries = [
        entry(step="ended", cause=RULE, now=now, transfer_public_id=f"{number}", party_public_id="", proof="")
        for number in range(300)
    ]
    ids = list(NEW_ENTRY.insert_all(entries))
    assert ids == sorted(set(ids))
    assert list(AuditEntry.objects.order_by("pk").values_list("pk", "transfer_public_id")) == [
        (pk, str(number)) for number, pk in enumerate(ids)
    ]


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
