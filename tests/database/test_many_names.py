"""No statement names more rows than any build of SQLite takes, however many there are."""

import contextlib
import os
from datetime import timedelta

import pytest
from django.db import connection

from filsluss.actions import completion, erasure, expiry
from filsluss.actions.integrity import letters, rows, storage
from filsluss.actions.integrity.findings import World
from filsluss.letters import collecting, outbox
from filsluss.letters.claims import Claimant
from filsluss.models import Letter, LetterCase, Party, Pickup, Transfer, TransferFile
from filsluss.models.batches import MOST_NAMES, batches
from filsluss.rules.directions import Role
from filsluss.rules.lifecycle import FileState, State
from filsluss.rules.tokens import draw_upload_id
from filsluss.streams.sending import still_downloadable
from tests.letters.cases import example_policy, make_transfer
from tests.parts.services import services_for

pytestmark = pytest.mark.django_db
POLICY = example_policy()
MANY = 2100
HOUR = timedelta(hours=1)


@contextlib.contextmanager
def few_names():
    """Fails if a statement is given more values than MOST_NAMES, and a few beside them."""
    longest = []

    def look(execute, sql, params, many, context):
        if not many and not str(sql).startswith("INSERT"):
            longest.append((len(params or ()), str(sql)[:200]))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(look):
        yield
    assert longest, "nothing was asked"
    assert max(longest)[0] <= MOST_NAMES + 20, max(longest)


def many_files(transfer, now, **own):
    same = {"transfer": transfer, "name": "x", "folded": "x", "created_at": now, "active_at": now, "size": 1}
    same |= {"state": FileState.READY, "received_at": now, "ready_at": now, **own}
    return TransferFile.objects.bulk_create(
        TransferFile(public_id=f"F{number:08}", upload_id=f"{number:022}", **same) for number in range(MANY)
    )


def many_letters(transfer, now, **own):
    same = {"kind": "erased", "to": "bo@rontgen.example", "language": "sv", "message_id": "x"}
    same |= {"written_at": now, "next_try_at": now, "text": "x", **own}
    letters = Letter.objects.bulk_create(
        Letter(public_id=f"{number:022}", key=f"erased:{number}", **same) for number in range(MANY)
    )
    LetterCase.objects.bulk_create(LetterCase(letter=letter, transfer=transfer) for letter in letters)
    return letters


def blobs_without_rows(store):
    names = [draw_upload_id() for _ in range(MANY)]
    for name in names:
        path = store.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (0, 0))
    return names


@pytest.mark.one_database
def test_orphans_are_erased_however_many(now, store):
    names = blobs_without_rows(store)
    kept = TransferFile.objects.create(
        transfer=make_transfer(now),
        public_id="F",
        upload_id=names[0],
        name="x",
        created_at=now,
        active_at=now,
    )
    with few_names():
        assert erasure.erase_orphans(services=services_for(POLICY, store), now=now) == MANY - 1
    assert [name for name, _ in store.names()] == [kept.upload_id]


@pytest.mark.one_database
def test_orphans_are_erased_as_their_names_come(now, store, monkeypatch):
    """So that the names of all blobs, of which a bucket may have millions, are never in memory at once."""
    names = blobs_without_rows(store)

    def named():
        for number, name in enumerate(names):
            if number == MANY - 1:
                assert not store.exists(names[0])
            yield name, now - timedelta(days=1)

    monkeypatch.setattr(store, "names", named)
    with few_names():
        assert erasure.erase_orphans(services=services_for(POLICY, store), now=now) == MANY


@pytest.mark.one_database
def test_the_integrity_check_compares_blobs_and_rows_however_many(now, store):
    blobs_without_rows(store)
    many_files(make_transfer(now), now)
    world = World(services_for(POLICY, store), now)
    with few_names():
        assert len(list(storage.blobs(world))) == MANY
        assert len(list(storage.whole(world))) == MANY
        for check in (*rows.CHECKS, *letters.CHECKS):
            list(check(world))


@pytest.mark.one_database
def test_many_files_are_made_ready(now, store, monkeypatch):
    transfer = make_transfer(now)
    many_files(transfer, now, state=FileState.RECEIVED, ready_at=None)
    parties = []
    monkeypatch.setattr(
        completion, "_made_ready", lambda file, **_: parties.append(file.transfer.recipient.address) or True
    )
    with few_names():
        assert completion.ready_received(services=services_for(POLICY, store), now=now) == MANY
    assert set(parties) == {transfer.recipient.address}


@pytest.mark.one_database
def test_a_transfer_with_many_files_ends(now):
    transfer = make_transfer(now, state=State.CLOSING)
    many_files(transfer, now, state=FileState.ERASED, erased_at=now)
    with few_names():
        assert erasure.queue_erased([transfer], services=services_for(POLICY), now=now)
    assert Transfer.objects.get().state == State.CLOSED


@pytest.mark.one_database
def test_a_transfer_with_many_letters_is_forgotten(now):
    transfer = make_transfer(now, state=State.CLOSED, over_at=now - timedelta(days=90))
    many_letters(transfer, now, delivery="sent")
    with few_names():
        assert expiry.forget(services=services_for(POLICY), now=now) == 1
    assert Letter.objects.count() == 0


@pytest.mark.one_database
def test_a_letter_about_many_files_closes(now):
    transfer = make_transfer(now, one_letter=True)
    files = many_files(transfer, now)
    Pickup.objects.bulk_create(Pickup(file=file, party=transfer.recipient) for file in files)
    party = Party.objects.get(transfer=transfer, role=Role.RECIPIENT)
    letter = many_collected(transfer, party, files, now)
    party.transfer = transfer
    with few_names():
        codes = collecting.codes_of(files, party)
        assert collecting.still_true(
            letter, list(letter.cases.select_related("transfer", "party", "file")), now=now
        )
        collecting.reopen([letter], now=now)
    assert codes == {}


def many_collected(transfer, party, files, now):
    letter = Letter.objects.create(
        public_id="x" * 22,
        key="files-ready:1",
        kind="files-ready",
        to=party.address,
        language="sv",
        message_id="x",
        delivery="collecting",
        collects="1",
        written_at=now,
        next_try_at=now,
    )
    LetterCase.objects.bulk_create(
        LetterCase(letter=letter, transfer=transfer, party=party, file=file) for file in files
    )
    return letter


def test_the_letters_that_others_have_claimed_are_passed_over_however_many(now):
    transfer = make_transfer(now)
    letters = many_letters(transfer, now, claimed_by="another-machine/1/x.1", claim_count=1)
    # To another domain: what others send to the first one fills it.
    Letter.objects.filter(pk=letters[-1].pk).update(claimed_by="", to="eva@konsult.example")
    me = Claimant()
    with few_names():
        letter = outbox.claim(me, now=now)
    assert letter.pk == letters[-1].pk
    me.release()


def test_many_downloads_are_looked_at(now):
    files = many_files(make_transfer(now), now)
    with few_names():
        assert len(still_downloadable([file.pk for file in files], now=now)) == MANY


def test_batches_lose_nothing():
    assert [len(batch) for batch in batches(range(MANY))] == [900, 900, 300]
    assert [each for batch in batches(range(MANY)) for each in batch] == list(range(MANY))
    assert list(batches([])) == []
