"""A small file that came whole: stored as one that came in two requests, or not at all."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import OperationalError

from filsluss.actions import upload, upload_at_once
from filsluss.actions.choices import Choices, choose
from filsluss.actions.room import UploadRefused
from filsluss.actions.upload import identity, receipt_of
from filsluss.actions.upload_at_once import Coming, WholeFile, receive_all
from filsluss.blobs import BlobDamaged, StoreFull
from filsluss.blobs.disk import DiskWriter
from filsluss.models import AuditEntry, Transfer, TransferFile
from filsluss.models.upload_queries import account_at_upload_link, transfer_at_upload_link
from filsluss.origin import NOWHERE, Origin, set_origin
from filsluss.rules.directions import Proof, Role
from filsluss.rules.lifecycle import FileState, Receipts, State
from filsluss.rules.tokens import Purpose
from filsluss.sqlite.joint_commit import together
from tests.letters.cases import KEY, example_policy, make_file, make_transfer
from tests.parts import tokens
from tests.parts.services import services_for

POLICY = example_policy()
FILE = WholeFile("Ritning.pdf", "plan 1", b"ritning", Choices(), "filename Uml0bmluZy5wZGY=")
DRAWN = {"id", "public_id", "upload_id", "file_public_id"}


@pytest.fixture
def token(now, db):
    return tokens.of_transfer(make_transfer(now), Purpose.UPLOAD, (KEY,))


@pytest.fixture
def send(token, store, now):
    def sent(file=FILE, *, at=now, policy=POLICY, **changes):
        return upload_at_once.upload_at_once(
            replace(file, **changes),
            account=account_at_upload_link(token),
            services=services_for(policy, store),
            now=at,
        )

    return sent


def send_in_two(token, store, now):
    transfer = transfer_at_upload_link(token)
    file = upload.begin(
        transfer,
        name=FILE.name,
        folder=FILE.folder,
        size=len(FILE.content),
        metadata=FILE.metadata,
        services=services_for(POLICY, store),
        now=now,
    )
    with store.writer(file.blob) as writer:
        writer.write(FILE.content)
        writer.sync()
    assert upload.receive(file, boot_id="boot", now=now)


def columns(row):
    return {
        field.attname: getattr(row, field.attname)
        for field in row._meta.concrete_fields
        if field.attname not in DRAWN
    }


def blobs(store):
    return sorted(name for name, _ in store.names())


def nothing_is_stored(store):
    return (blobs(store), TransferFile.objects.count(), AuditEntry.objects.count()) == ([], 0, 0)


def test_its_rows_are_those_of_a_file_that_came_in_two_requests(token, send, store, now):
    send_in_two(token, store, now)
    name = send()
    two, one = TransferFile.objects.order_by("id")
    assert columns(one) == columns(two)
    assert (one.state, one.upload_id) == (FileState.RECEIVED, name)
    entries = AuditEntry.objects.filter(step="received").order_by("id")
    assert columns(entries[0]) == columns(entries[1])
    assert entries[1].file_public_id == one.public_id
    assert store.open(name).read() == FILE.content


def test_what_the_sender_chose_is_kept(send):
    send(choices=Choices(with_code=True, one_letter=True, receipts=Receipts.EACH))
    file = TransferFile.objects.get()
    assert (file.with_code, file.transfer.one_letter, file.transfer.receipts) == (True, True, "each")


@pytest.mark.parametrize(("known", "then"), [("none", "mailbox"), ("network", "network")])
def test_it_proves_the_mailbox_of_its_sender(send, known, then):
    sender = Transfer.objects.get().sender
    type(sender).objects.update(proof=known)
    send()
    sender.refresh_from_db()
    assert (sender.role, sender.proof) == (Role.SENDER, then)
    assert AuditEntry.objects.get(step="received").proof == then
    assert Proof(then)


def test_an_id_that_is_taken_is_drawn_again(send, now, monkeypatch):
    taken = make_file(Transfer.objects.get(), now, 1)
    drawn = iter([taken.public_id, "AAAA-AAAA"])
    monkeypatch.setattr(upload, "draw_public_id", lambda: next(drawn))
    monkeypatch.setattr("filsluss.models.public_id.draw_public_id", lambda: next(drawn))
    send(choices=Choices(one_letter=True))
    assert sorted(TransferFile.objects.values_list("public_id", flat=True)) == sorted(
        [taken.public_id, "AAAA-AAAA"]
    )
    assert Transfer.objects.get().one_letter is True


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"policy": replace(POLICY, max_files=0)}, "quota_exceeded"),
        ({"policy": replace(POLICY, max_files_ever=0)}, "too_many_files"),
        ({"policy": replace(POLICY, max_transfer_size=6)}, "quota_exceeded"),
        ({"policy": replace(POLICY, max_file_size=6)}, "too_large"),
        ({"policy": replace(POLICY, free_space_percent=100.0)}, "disk_full"),
        ({"name": "\0"}, "filename_invalid"),
    ],
)
def test_whatever_refuses_a_file_refuses_it_and_stores_nothing(send, store, changes, code):
    with pytest.raises(UploadRefused) as refused:
        send(**changes)
    assert refused.value.code == code
    assert nothing_is_stored(store)


def test_an_account_that_has_ended_takes_nothing(send, store, now):
    with pytest.raises(UploadRefused) as refused:
        send(at=now + timedelta(days=99))
    assert (refused.value.code, nothing_is_stored(store)) == ("account_ended", True)


def test_an_account_that_ends_while_its_bytes_are_written_takes_nothing(send, store, monkeypatch):
    real = store.put

    def put(name, data):
        real(name, data)
        Transfer.objects.update(state=State.CLOSING, closed_reason="fel mottagare")

    monkeypatch.setattr(store, "put", put)
    with pytest.raises(UploadRefused) as refused:
        send()
    assert (refused.value.code, nothing_is_stored(store)) == ("account_closed_by_admin", True)


@pytest.mark.parametrize("fault", [StoreFull, BlobDamaged, OSError])
def test_a_disk_that_does_not_take_the_bytes_keeps_nothing(send, store, monkeypatch, fault):
    def sync(self):
        raise fault

    monkeypatch.setattr(DiskWriter, "sync", sync)
    with pytest.raises(fault):
        send()
    assert nothing_is_stored(store)


def test_a_database_that_does_not_take_the_row_keeps_no_bytes(send, store, monkeypatch):
    def fail(rows):
        raise OperationalError("disk I/O error")

    monkeypatch.setattr("filsluss.actions.upload_at_once.NEW_ENTRY.insert_all", fail)
    with pytest.raises(OperationalError):
        send()
    assert nothing_is_stored(store)


def test_an_empty_file_is_a_file(send, store):
    assert store.open(send(content=b"")).read() == b""
    assert TransferFile.objects.get().size == 0


def test_whoever_commits_for_others_the_audit_trail_names_the_request_that_brought_the_file(
    send, monkeypatch
):
    def elsewhere(item, handle):
        set_origin(Origin("192.0.2.9", "another"))
        return together(item, handle)

    monkeypatch.setattr(upload_at_once, "together", elsewhere)
    set_origin(Origin("192.0.2.1", "its-own"))
    try:
        send()
    finally:
        set_origin(NOWHERE)
    entry = AuditEntry.objects.get(step="received")
    assert (entry.network, entry.request_id) == ("192.0.2.1", "its-own")


def test_files_that_are_received_together_count_for_each_other(token, store, now):
    """Two of three places are left, and the room for one file more of the larger size."""
    policy = replace(POLICY, max_files=2, max_transfer_size=9)
    services = services_for(policy, store)
    sizes = (7, 7, 2, 1)

    def coming(size):
        file = replace(FILE, content=b"x" * size)
        account = account_at_upload_link(token)
        return Coming(file, account, receipt_of("a", now=now), services, now), identity("a")

    refusals = receive_all([coming(size) for size in sizes])
    assert [refusal and refusal.code for refusal in refusals] == [
        None,
        "quota_exceeded",
        None,
        "quota_exceeded",
    ]
    assert sorted(TransferFile.objects.values_list("size", flat=True)) == [2, 7]
    assert AuditEntry.objects.filter(step="received").count() == 2


@pytest.mark.parametrize("last", [True, False])
def test_of_those_that_come_together_the_last_that_names_a_choice_sets_it(token, store, now, last):
    services = services_for(POLICY, store)
    Transfer.objects.update(one_letter=last)

    def coming(choices):
        account = account_at_upload_link(token)
        file = replace(FILE, choices=choices)
        return Coming(file, account, receipt_of("a", now=now), services, now), identity("a")

    receive_all([coming(Choices(one_letter=chosen)) for chosen in (not last, last, None)])
    assert Transfer.objects.get().one_letter is last


@pytest.mark.parametrize("way", ["at once", "announced", "form"])
def test_a_choice_that_another_upload_made_since_the_account_was_read_is_made_anew(token, store, now, way):
    services = services_for(POLICY, store)
    account, transfer = account_at_upload_link(token), transfer_at_upload_link(token)
    Transfer.objects.update(one_letter=True, receipts=Receipts.EACH)
    choices = Choices(one_letter=False, receipts=Receipts.FIRST)
    if way == "at once":
        upload_at_once.upload_at_once(
            replace(FILE, choices=choices), account=account, services=services, now=now
        )
    elif way == "announced":
        upload.begin(account, name="a", size=1, choices=choices, services=services, now=now)
    else:
        choose(transfer, choices=choices, now=now)
    assert Transfer.objects.values_list("one_letter", "receipts").get() == (False, Receipts.FIRST)
