"""Expiry: bytes are gone before anybody is told so, once, and at last the rows and names go too."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from filsluss.actions import completion, erasure, expiry, oversee, upload
from filsluss.actions.transitions import Cause, record_audit
from filsluss.blobs import Digests
from filsluss.letters import compose, notices
from filsluss.models import Attempt, AuditEntry, Letter, LetterCase, Transfer, TransferFile
from filsluss.rules.directions import Direction, Role
from filsluss.rules.lifecycle import ErasedBecause, FileState, State
from filsluss.rules.tokens import draw_upload_id
from tests.actions.racing import kinds, race
from tests.letters.cases import BO, example_policy, make_file, make_transfer
from tests.parts.services import services_for, writing

POLICY = example_policy()
BOOT = "this boot"
ALARM = {"check": "clock", "since": "x", "value": "x", "limit": "", "link": "https://fts.example.se/oversee"}


def stored(store, transfer, now, number=1, **own):
    """A file with its bytes in the store."""
    file = make_file(transfer, now, number, size=5, upload_id=draw_upload_id(), **own)
    store.create(file.blob)
    with store.writer(file.blob) as writer:
        writer.write(b"12345")
        writer.sync()
    return file


def place(store, file):
    (path,) = Path(store.root).glob(f"*.d/{file.blob}")
    return path


def recipients(kind="erased"):
    return sorted(Letter.objects.filter(kind=kind).values_list("to", flat=True))


def steps():
    return list(AuditEntry.objects.values_list("step", flat=True))


@pytest.fixture
def ended(db, now, store):
    """An account that ended a second ago, its two files, and a function that runs expiry and erasure."""
    transfer = make_transfer(now, open_until=now - timedelta(seconds=1))
    files = [stored(store, transfer, now, number) for number in (1, 2)]

    def run(at=now):
        expiry.end_accounts(services=services_for(POLICY), now=at)
        return erasure.erase_files(services=services_for(POLICY, store), now=at)

    return transfer, files, run


def test_the_end_erases_every_file_and_then_tells_once(ended, store, now):
    transfer, files, run = ended
    assert (run(), run(), run(now + timedelta(days=1))) == (3, 0, 0)
    assert [store.exists(file.blob) for file in files] == [False, False]
    assert recipients() == sorted([transfer.sender.address, transfer.recipient.address])
    assert steps() == ["ended", "file-ended", "file-ended", "file-erased", "file-erased", "erased"]


def test_a_crash_after_the_bytes_went_and_before_the_record_is_finished_by_the_next_run(ended, store, now):
    transfer, files, run = ended
    expiry.end_accounts(services=services_for(POLICY), now=now)
    for file in files:
        erasure.take_away(file, because=ErasedBecause.ENDED, now=now)
    store.erase(files[0].blob)
    assert (recipients(), run(), recipients()) == (
        [],
        3,
        sorted([transfer.sender.address, transfer.recipient.address]),
    )
    assert set(TransferFile.objects.values_list("state", flat=True)) == {"erased"}


def test_as_long_as_the_bytes_are_locked_nobody_is_told_that_they_are_gone(ended, store):
    _, files, run = ended
    with writing(files[0].blob, store):
        run()
        assert (Transfer.objects.get().state, recipients()) == ("closing", [])
        assert "file-erased" in steps()
    run()
    assert (Transfer.objects.get().state, len(recipients())) == ("closed", 2)


def test_bytes_that_will_not_go_keep_the_account_closing_and_no_other_waiting(ended, store, now):
    transfer, files, run = ended
    other = make_transfer(now, public_id="K7PM-4QX2", open_until=now - timedelta(seconds=1))
    third = stored(store, other, now, 3)
    stuck = place(store, files[0])
    stuck.unlink()
    (stuck / "in the way").mkdir(parents=True)
    run()
    assert [store.exists(file.blob) for file in (*files, third)] == [True, False, False]
    assert [Transfer.objects.get(pk=each.pk).state for each in (transfer, other)] == ["closing", "closed"]
    assert set(LetterCase.objects.filter(letter__kind="erased").values_list("transfer_id", flat=True)) == {
        other.pk
    }
    (stuck / "in the way").rmdir()
    stuck.rmdir()
    run()
    assert Transfer.objects.get(pk=transfer.pk).state == "closed"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("direction", "told"),
    [("outbound", ["sender"]), ("inbound", ["approver", "sender"]), ("through", ["approver", "sender"])],
)
def test_the_end_of_an_account_without_a_ready_file_is_told_to_no_recipient(now, store, direction, told):
    transfer = make_transfer(now, direction=direction, open_until=now - timedelta(seconds=1))
    stored(store, transfer, now, state=FileState.RECEIVED, ready_at=None)
    expiry.end_accounts(services=services_for(POLICY), now=now)
    erasure.erase_files(services=services_for(POLICY, store), now=now)
    assert sorted(Letter.objects.filter(kind="erased").values_list("role", flat=True)) == told


def test_the_letter_of_the_end_lists_what_was_removed_earlier_with_its_cause(ended, store, now):
    _, (removed, _), run = ended
    oversee.remove_file(removed, reason=oversee.Reason("Fel fil.", "os:admin"), now=now)
    erasure.erase_files(services=services_for(POLICY, store), now=now)
    run()
    causes = {
        letter.role: sorted(line.rpartition(", ")[2] for line in letter.text.splitlines() if line[:2] == "- ")
        for letter in Letter.objects.filter(kind="erased")
    }
    both = ["raderad av systemansvarig", "raderad när kontot avslutades"]
    assert causes == {"sender": both, "recipient": both}


@pytest.mark.django_db(transaction=True)
def test_two_expiry_runs_at_once_tell_once(now, store):
    transfer = make_transfer(now, open_until=now - timedelta(seconds=1))
    for number in range(1, 6):
        stored(store, transfer, now, number)

    def run():
        expiry.end_accounts(services=services_for(POLICY), now=now)
        return erasure.erase_files(services=services_for(POLICY, store), now=now)

    for _ in range(3):
        assert [each for each in race(run, run, run) if isinstance(each, Exception)] == []
    assert (Transfer.objects.get().state, len(recipients())) == ("closed", 2)
    assert sorted(steps()) == sorted(["ended", *["file-ended", "file-erased"] * 5, "erased"])


@pytest.mark.django_db(transaction=True)
def test_a_file_that_is_whole_twice_at_the_same_moment_is_received_once_and_told_of_once(now):
    transfer = make_transfer(now)
    for number in range(1, 9):
        file = make_file(
            transfer, now, number, state=FileState.UPLOADING, received_at=None, ready_at=None, with_code=True
        )

        def whole(file=file):
            mine = TransferFile.objects.select_related("transfer").get(pk=file.pk)
            return upload.receive(mine, boot_id=BOOT, now=now)

        def ready(file=file):
            mine = TransferFile.objects.select_related("transfer").get(pk=file.pk)
            return completion.make_ready(
                mine, digests=Digests("f" * 64, 0), services=services_for(POLICY), now=now
            )

        assert kinds(race(whole, whole, whole)) == ["False", "False", "True"]
        assert kinds(race(ready, ready, ready)) == ["False", "False", "True"]
        assert LetterCase.objects.filter(letter__kind="file-ready", file=file).count() == 1
    assert (steps().count("received"), steps().count("ready")) == (8, 8)


@pytest.mark.django_db(transaction=True)
def test_a_file_that_becomes_ready_while_its_account_is_closed_is_told_of_by_nobody(now):
    for number in range(1, 9):
        transfer = make_transfer(now, public_id=f"K7PM-4QX{number + 1}")
        file = make_file(transfer, now, number, state=FileState.RECEIVED, ready_at=None)

        def ready(file=file):
            mine = TransferFile.objects.select_related("transfer").get(pk=file.pk)
            return completion.make_ready(
                mine, digests=Digests("f" * 64, 0), services=services_for(POLICY), now=now
            )

        def close(transfer=transfer):
            mine = Transfer.objects.get(pk=transfer.pk)
            oversee.close_transfer(
                mine, reason=oversee.Reason("Missbruk.", "os:eva"), services=services_for(POLICY), now=now
            )

        outcomes = race(ready, close)
        assert [each for each in outcomes if isinstance(each, Exception)] == []
        unsent = (
            Letter.objects.filter(kind="file-ready").about(transfer, file).values_list("delivery", flat=True)
        )
        assert list(unsent) == (["withdrawn"] if outcomes[0] else [])


@pytest.mark.django_db
@pytest.mark.parametrize("state", [State.CLOSED, State.REJECTED, State.LAPSED])
def test_after_forget_days_rows_and_letters_go_and_the_trail_keeps_no_name(now, state):
    transfer = make_transfer(now, state=state, over_at=now)
    file = make_file(transfer, now, state=FileState.ERASED)
    compose.write("erased", transfer=transfer, role=Role.SENDER, policy=POLICY, now=now)
    Letter.objects.update(delivery="sent")
    record_audit(
        transfer,
        step="file-removed",
        cause=Cause("administrator", "os:eva", "Fel fil.", "removed"),
        now=now,
        file=file,
    )
    day = timedelta(days=1)
    assert expiry.forget(services=services_for(POLICY), now=now + 30 * day - timedelta(seconds=1)) == 0
    assert AuditEntry.objects.get().person == "os:eva"
    assert expiry.forget(services=services_for(POLICY), now=now + 30 * day) == 1
    assert [model.objects.count() for model in (Transfer, TransferFile, Letter)] == [0, 0, 0]
    (entry,) = AuditEntry.objects.values()
    assert entry == {
        "id": entry["id"],
        "at": now,
        "transfer_public_id": "K7PM-4QXD",
        "file_public_id": file.public_id,
        "step": "file-removed",
        "role": "administrator",
        "party_public_id": "",
        "person": "",
        "about": "",
        "size": file.size,
        "sha256": file.sha256,
        "reason": "",
        "reason_code": "removed",
        "proof": "",
        "network": "",
        "request_id": "",
        "detail": None,
    }
    assert expiry.forget(services=services_for(POLICY), now=now + 365 * day - timedelta(seconds=1)) == 0
    assert AuditEntry.objects.count() == 1
    expiry.forget(services=services_for(POLICY), now=now + 365 * day)
    assert AuditEntry.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("days", [0, 30])
@pytest.mark.parametrize("delivery", ["sent", "given_up", "withdrawn"])
def test_nothing_is_forgotten_before_every_letter_about_it_has_left_or_never_will(now, days, delivery):
    policy, at = example_policy(forget_days=days), now + timedelta(days=days)
    transfer = make_transfer(now, state=State.CLOSED, over_at=now)
    make_file(transfer, now, state=FileState.ERASED)
    for role in (Role.SENDER, Role.RECIPIENT):
        compose.write("erased", transfer=transfer, role=role, policy=policy, now=now)
    notices.write_notice(
        notices.Notice("alarm", "alarm", ALARM), policy=replace(policy, admin_emails=(BO,)), now=now
    )
    Letter.objects.filter(role="sender").update(delivery=delivery)
    assert (
        expiry.forget(services=services_for(policy), now=at),
        Transfer.objects.count(),
        Letter.objects.count(),
    ) == (
        0,
        1,
        3,
    )
    Letter.objects.update(delivery=delivery)
    assert (
        expiry.forget(services=services_for(policy), now=at),
        Transfer.objects.count(),
        Letter.objects.count(),
    ) == (
        1,
        0,
        1,
    )
    expiry.forget(services=services_for(policy), now=at + timedelta(days=1))
    assert not Letter.objects.exists(), "letters of no case go once a day"


@pytest.mark.django_db
@pytest.mark.parametrize("state", [State.PENDING, State.OPEN, State.CLOSING])
def test_what_is_not_over_is_never_forgotten(now, state):
    make_transfer(now, state=state)
    assert expiry.forget(services=services_for(POLICY), now=now + timedelta(days=3650)) == 0
    assert Transfer.objects.count() == 1


@pytest.mark.django_db
def test_failed_attempts_are_forgotten_after_a_day(now):
    for hours in (-50, 23, 24, 25):  # the first is of a clock that was set back
        Attempt.objects.create(kind="wrong-code", network="192.0.2.7/32", at=now - timedelta(hours=hours))
    expiry.forget(services=services_for(POLICY), now=now)
    assert [now - each.at for each in Attempt.objects.all()] == [timedelta(hours=23)]


@pytest.mark.django_db
def test_a_file_that_was_never_ready_is_removed_and_only_its_sender_is_told(now, store):
    transfer = make_transfer(now, direction=Direction.THROUGH)
    file = stored(store, transfer, now, state=FileState.RECEIVED, ready_at=None)
    cause = Cause("administrator", reason="Fel fil")
    assert erasure.take_away(file, because=ErasedBecause.REMOVED, cause=cause, now=now)
    erasure.erase_files(services=services_for(POLICY, store), now=now)
    assert recipients("file-removed") == [BO]


@pytest.mark.django_db
def test_nobody_is_told_that_an_unfinished_file_was_removed(now, store):
    file = stored(store, make_transfer(now), now, state=FileState.UPLOADING, received_at=None, ready_at=None)
    assert erasure.take_away(file, because=ErasedBecause.WITHDRAWN, cause=Cause("sender"), now=now)
    erasure.erase_files(services=services_for(POLICY, store), now=now)
    assert (steps(), recipients("file-removed")) == (["file-withdrawn", "file-erased"], [])


@pytest.mark.django_db
def test_bytes_that_came_back_after_their_file_was_erased_are_an_orphan_an_hour_later(now, store):
    stored(store, make_transfer(now), now, state=FileState.ERASED)
    later = max(at for _, at in store.names()) + timedelta(hours=1, seconds=1)
    early = later - timedelta(seconds=1)
    assert erasure.erase_orphans(services=services_for(POLICY, store), now=early) == 0
    assert erasure.erase_orphans(services=services_for(POLICY, store), now=later) == 1
    assert list(store.names()) == []
