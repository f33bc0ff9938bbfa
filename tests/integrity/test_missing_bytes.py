"""A store that says that it lacks what it had stored: once is not enough, as a copy that lags does."""

from datetime import timedelta

import pytest
from django.db.models import F

from filsluss.actions import completion, scan, upload
from filsluss.actions.integrity.findings import World
from filsluss.actions.integrity.repair import reconcile, verify_world
from filsluss.actions.missing_bytes import SECOND_LOOK, found_missing
from filsluss.blobs import ObjectMissing
from filsluss.letters.each_row import forget_failures
from filsluss.models import Alarm, AuditEntry, TransferFile
from filsluss.rules.lifecycle import ErasedBecause, FileState
from tests.integrity.conftest import BOOT
from tests.parts.services import services_for

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def received(begin, now):
    file = begin(b"ritning")
    upload.receive(file, boot_id=BOOT, now=now)
    return file


@pytest.fixture
def lagging(store, monkeypatch):
    """The store, which knows the blob, but not its bytes."""

    def lacks(name):
        raise ObjectMissing("the store did not read bytes: NoSuchKey")

    with monkeypatch.context() as until_it_has_caught_up:
        until_it_has_caught_up.setattr(store, "digests", lacks)
        until_it_has_caught_up.setattr(store, "open", lacks)
        yield until_it_has_caught_up


def look(services, now):
    """As a process does that was started just now."""
    forget_failures()
    return completion.ready_received(services=services, now=now)


def noted():
    return AuditEntry.objects.filter(step="file-missing").count()


def test_a_file_that_is_missing_once_waits_and_is_ready_when_it_is_there_again(
    received, lagging, store, policy, now, mail_server
):
    services = services_for(policy, store)
    for minutes in (0, 5, 59):
        assert look(services, now + timedelta(minutes=minutes)) == 0
    received.refresh_from_db()
    assert (received.state, noted(), Alarm.objects.get().name) == (FileState.RECEIVED, 1, "jobs")
    lagging.undo()
    assert look(services, now + SECOND_LOOK) == 1
    received.refresh_from_db()
    assert received.state == FileState.READY


def test_a_file_that_is_missing_an_hour_later_too_is_damaged(received, lagging, store, policy, now):
    services = services_for(policy, store)
    assert [look(services, at) for at in (now, now + SECOND_LOOK)] == [0, 1]
    received.refresh_from_db()
    assert (received.state, received.erased_because) == (FileState.ERASING, ErasedBecause.DAMAGED)


def test_what_was_missing_days_ago_is_no_first_look(received, lagging, store, policy, now):
    services = services_for(policy, store)
    for days in (0, 2):
        assert look(services, now + timedelta(days=days)) == 0
    received.refresh_from_db()
    assert (received.state, noted()) == (FileState.RECEIVED, 2)


def test_a_file_that_cannot_be_scanned_since_it_is_missing_is_looked_at_twice_too(
    received, lagging, store, policy, now
):
    services = services_for(policy, store, scanner=object())
    assert scan.scan_next(services=services, now=now)
    received.refresh_from_db()
    assert (received.state, "NoSuchKey" in received.scan_trouble) == (FileState.UNSCANNED, True)
    assert scan.scan_next(services=services, now=now + SECOND_LOOK + timedelta(minutes=1))
    received.refresh_from_db()
    assert (received.state, received.erased_because) == (FileState.ERASING, ErasedBecause.DAMAGED)


def test_checksums_find_a_ready_file_missing_and_leave_it_until_they_do_so_again(ready, lagging, world):
    assert [(line.outcome, line.finding.rule) for line in reconcile(world)] == [("left", "I7")]
    ready.refresh_from_db()
    assert ready.state == FileState.READY
    later = World(world.services, world.now + SECOND_LOOK, checksums=True)
    assert [line.outcome for line in reconcile(later)] == ["repaired"]
    ready.refresh_from_db()
    assert (ready.state, ready.erased_because) == (FileState.ERASING, ErasedBecause.DAMAGED)


def test_a_dry_run_notes_nothing(ready, lagging, world):
    assert [finding.rule for finding in verify_world(world)] == ["I7"]
    assert noted() == 0


def test_an_unfinished_file_is_damaged_by_its_writer_alone(begin, now):
    file = begin(b"halva filen", size=100)
    later = now + SECOND_LOOK
    assert not found_missing(file, as_writer=True, now=now)
    TransferFile.objects.update(epoch=F("epoch") + 1)  # a newer one has taken over
    assert not found_missing(file, as_writer=True, now=later)
    file.refresh_from_db()
    assert file.state == FileState.UPLOADING
    assert found_missing(file, as_writer=True, now=later)
    assert file.erased_because == ErasedBecause.DAMAGED
