"""Every inconsistency of rows, blobs and letters is found, reported, and repaired where it can be."""

import os
from dataclasses import replace
from datetime import timedelta

import pytest

from filsluss.actions import erasure, expiry, upload
from filsluss.actions.apply import apply
from filsluss.actions.integrity.findings import World
from filsluss.actions.integrity.repair import reconcile, verify_world
from filsluss.jobs import Worker, integrity_check_after
from filsluss.letters import outbox, request_lists
from filsluss.letters.claims import Claimant
from filsluss.models import Alarm, AuditEntry, Letter, Link, Pickup, Transfer, TransferFile
from filsluss.rules.application import Application
from filsluss.rules.lifecycle import ErasedBecause, FileState, State
from filsluss.rules.networks import Client
from filsluss.rules.tokens import draw_upload_id
from tests.integrity.conftest import ADMIN, BOOT
from tests.parts.services import services_for

pytestmark = pytest.mark.django_db


def path_of(file, store):
    return store.root / f"{file.blob[:1]}.d" / file.blob


def found(world):
    return sorted({finding.rule for finding in verify_world(world)})


def outcomes(world, **how):
    return [(line.outcome, line.finding.rule) for line in reconcile(world, **how)]


def test_a_consistent_service_gives_no_findings(ready, begin, world):
    begin(b"halv", size=100)
    assert verify_world(world) == []


def test_a_transfer_from_apply_to_close_gives_no_findings(ready, store, policy, world):
    end = ready.transfer.open_until
    expiry.end_accounts(services=services_for(policy), now=end)
    erasure.erase_files(services=services_for(policy, store), now=end)
    while outbox.deliver_next(Claimant(), policy=policy, now=end):
        pass
    assert Transfer.objects.get().state == State.CLOSED
    assert verify_world(World(services_for(policy, store, boot_id=BOOT), end + timedelta(hours=2))) == []


@pytest.mark.parametrize("checksums", [True, False])
def test_a_blob_that_belongs_to_no_file_is_erased_when_it_has_aged(checksums, ready, store, world):
    name = draw_upload_id()
    store.create(name)
    aged = (world.now - timedelta(minutes=61)).timestamp()
    assert found(world) == []
    os.utime(store.root / f"{name[:1]}.d" / name, (aged, aged))
    assert outcomes(world, dry_run=True) == [("found", "I7")]
    assert store.exists(name)
    assert outcomes(world) == [("repaired", "I7")]
    assert not store.exists(name)


@pytest.mark.parametrize("harm", ["gone", "short", "other bytes"])
def test_a_ready_file_whose_bytes_are_not_those_received_is_damaged_and_its_sender_sees_it(
    harm, ready, store, policy, world
):
    path = path_of(ready, store)
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes(b"rit" if harm == "short" else b"RITNING")
    assert outcomes(world) == [("repaired", "I2" if harm == "other bytes" else "I7")]
    ready.refresh_from_db()
    assert (ready.state, ready.erased_because) == (FileState.ERASING, ErasedBecause.DAMAGED)
    erasure.erase_files(services=services_for(policy, store), now=world.now)
    assert verify_world(world) == []


def test_an_unfinished_file_that_lost_acknowledged_bytes_is_damaged(begin, store, world):
    file = begin(b"halva filen", size=100)
    os.truncate(path_of(file, store), 4)
    assert outcomes(world) == [("repaired", "I1")]
    file.refresh_from_db()
    assert (file.state, file.erased_because) == (FileState.ERASING, ErasedBecause.DAMAGED)


def test_a_whole_upload_that_nobody_finished_is_received(begin, world):
    file = begin(b"hela filen")
    assert outcomes(world) == [("repaired", "I2")]
    file.refresh_from_db()
    assert file.state == FileState.RECEIVED


def test_an_erasure_left_half_way_is_finished(ready, store, policy, now, world):
    upload.remove_own(ready, now=now)
    assert outcomes(world) == [("repaired", "I11")]
    ready.refresh_from_db()
    assert (ready.state, store.exists(ready.blob)) == (FileState.ERASED, False)
    assert Letter.objects.filter(kind="file-removed").count() == 2


def test_an_erased_file_that_came_back_after_a_power_cut_is_erased_again(ready, store, policy, now, world):
    upload.remove_own(ready, now=now)
    erasure.erase_files(services=services_for(policy, store), now=now)
    path_of(ready, store).write_bytes(b"ritning")
    assert outcomes(world) == [("repaired", "I17")]
    assert not store.exists(ready.blob)


def test_what_time_has_ended_is_ended_with_its_letters(ready, store, policy, world):
    late = World(services_for(policy, store, boot_id=BOOT), ready.transfer.open_until + timedelta(minutes=16))
    assert outcomes(late) == [("repaired", "I8")]
    assert Transfer.objects.get().state == State.CLOSED
    assert list(store.names()) == []


def test_the_letter_of_a_process_that_exited_can_be_claimed_again(ready, now, world):
    """Whether a process on another machine runs is not known here; its claim goes stale after a lease."""
    letter, exited, away = Letter.objects.get(kind="file-ready"), Claimant(), "another boot/1/9f.1"
    for claimant, is_running in ((away, True), (exited.name, True), (exited.name, False)):
        Letter.objects.filter(pk=letter.pk).update(delivery="queued", claimed_by=claimant)
        if not is_running:
            exited.release()
        assert outcomes(world) == ([] if is_running else [("repaired", "I11")])
        letter.refresh_from_db()
        assert letter.claimed_by == (claimant if is_running else "")


def test_the_text_of_a_letter_that_has_left_is_blanked(ready, world):
    Letter.objects.filter(kind="file-ready").update(text="https://länk")
    assert outcomes(world) == [("repaired", "I8")]
    assert Letter.objects.get(kind="file-ready").text == ""


@pytest.fixture
def crowd(policy, now):
    """Three applications to one approver, two spelt with a tag; the last two are on a list."""
    return [
        apply(
            Application("Bo Ek", f"bo{number}@rontgen.example", f"anna{tag}@ltdalarna.se", "Ritningar"),
            services=services_for(replace(policy, letters_per_day=1)),
            now=now,
            client=Client(f"198.51.100.{number}", may_be_inside=False),
        )
        for number, tag in enumerate(("", "+x", "+y"))
    ]


def test_applications_on_a_list_give_no_findings(crowd, policy, now, world):
    assert verify_world(world) == []
    assert request_lists.close_lists(policy=policy, now=now + timedelta(hours=1)) == 1
    assert verify_world(world) == []


def test_an_application_that_is_on_no_list_is_put_on_one(crowd, world):
    Letter.objects.filter(kind="approvals-requested").delete()
    assert outcomes(world) == [("repaired", "I11")] * 2
    assert Letter.objects.get(kind="approvals-requested").cases.count() == 2
    assert verify_world(world) == []


def test_a_list_to_another_mailbox_is_found(crowd, world):
    Letter.objects.filter(kind="approvals-requested").update(to="eva@ltdalarna.se")
    assert set(outcomes(world)) == {("left", "I4")}


def corrupt(model, kept=(), **changes):
    rows = model.objects.filter(**dict(kept))
    assert rows.update(**changes)


BROKEN = {
    "I3": lambda file: Letter.objects.filter(kind="file-ready").delete(),
    "I4": lambda file: corrupt(Letter, {"kind": "file-ready"}.items(), to="eva@konsult.example"),
    "I5": lambda file: corrupt(TransferFile, ready_at=None),
    "I6": lambda file: corrupt(Letter, {"kind": "approved"}.items(), kind="rejected"),
    "I10": lambda file: corrupt(Pickup, spans=[[0, 10**9]]),
    "I14": lambda file: Link.objects.filter(purpose="download").delete(),
    "I11": lambda file: corrupt(Transfer, state=State.NEW),
    "I13": lambda file: AuditEntry.objects.filter(step="approved").delete(),
    "I17": lambda file: corrupt(TransferFile, erased_at=file.ready_at),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_what_cannot_be_repaired_is_left_and_the_administrator_is_told(rule, ready, world):
    BROKEN[rule](ready)
    assert ("left", rule) in outcomes(world)
    assert {outcome for outcome, _ in outcomes(world)} == {"left"}
    (alarm,) = Alarm.objects.filter(name="reconcile")
    assert alarm.since == world.now
    assert [letter.to for letter in Letter.objects.filter(kind="alarm")] == [ADMIN]


def test_two_decisions_on_one_application_are_found(transfer, now, world):
    entry = AuditEntry.objects.get(step="approved")
    AuditEntry.objects.create(at=now, transfer_public_id=entry.transfer_public_id, step="lapsed", role="rule")
    assert found(world) == ["I6"]


def test_a_closed_account_with_a_file_left_or_a_party_not_told_is_found(ready, store, policy):
    end = ready.transfer.open_until
    expiry.end_accounts(services=services_for(policy), now=end)
    erasure.erase_files(services=services_for(policy, store), now=end)
    while outbox.deliver_next(Claimant(), policy=policy, now=end):
        pass
    later = end + timedelta(hours=1)
    Letter.objects.filter(kind="erased", role="recipient").delete()
    Pickup.objects.update(code_digest="x")
    assert found(World(services_for(policy, store, boot_id=BOOT), later)) == ["I8"]
    assert len(verify_world(World(services_for(policy, store, boot_id=BOOT), later))) == 2


def test_an_alarm_is_over_when_nothing_is_left(ready, world):
    Pickup.objects.update(spans=[[0, 10**9]])
    reconcile(world)
    Pickup.objects.update(spans=[])
    assert reconcile(world) == []
    assert Alarm.objects.get(name="reconcile").since is None


def test_the_worker_compares_too_when_the_other_jobs_have_had_their_time(store, policy, world):
    name = draw_upload_id()
    store.create(name)
    aged = (world.now - timedelta(minutes=61)).timestamp()
    os.utime(store.root / f"{name[:1]}.d" / name, (aged, aged))
    worker = Worker(services_for(policy, store, boot_id=BOOT))
    assert integrity_check_after(900)(worker, world.now) == 0
    assert store.exists(name)
    assert integrity_check_after(0)(worker, world.now) == 0
    assert not store.exists(name)
