"""Every job that walks a list: a row that fails is told of, waits, and keeps no other from its turn."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError

from filsluss import jobs
from filsluss.actions import (
    alarms,
    completion,
    erasure,
    expiry,
    lost_link,
    reminders,
    room,
    scan,
    withholding,
)
from filsluss.actions.integrity import repair, rows
from filsluss.actions.integrity.findings import Finding, World
from filsluss.blobs import Digests, ObjectRefused, StoreRefused
from filsluss.letters import collecting, each_row, outbox, request_lists
from filsluss.models import Alarm, Letter, Link, LinkRequest, Transfer, TransferFile
from filsluss.rules.lifecycle import FileState, State
from tests.letters.cases import example_policy, make_file, make_transfer
from tests.parts.services import services_for

pytestmark = pytest.mark.django_db
POLICY = example_policy(admin_emails=("drift@ltdalarna.se",))
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class RowFailed(Exception):
    pass


@pytest.fixture(autouse=True)
def fresh():
    each_row.forget_failures()
    yield
    each_row.forget_failures()


def transfers(now, **own):
    """Two transfers, the first of which comes first in every list."""
    return [make_transfer(now, public_id=f"K7PM-222{number}", **own) for number in (2, 3)]


def files(now, **own):
    return [file_of(transfer, now, number, **own) for number, transfer in enumerate(transfers(now), 2)]


def file_of(transfer, now, number, **own):
    return make_file(transfer, now, number, upload_id=str(number) * 22, **own)


@dataclass(frozen=True)
class Walk:
    """A job: the rows it finds, the function that is called for each, and how to run it."""

    rows: Callable[[Any], list[Any]]
    module: Any
    act: str
    run: Callable[[Any, Any], int]
    state: dict[str, Any] = field(default_factory=dict)


def of_policy(function):
    return lambda store, now: function(policy=POLICY, now=now)


def of_store(function, **own):
    return lambda store, now: function(services=services_for(POLICY, store), now=now, **own)


WALKS = {
    "lapse applications": Walk(
        lambda now: transfers(now, state=State.PENDING, lapse_by=now),
        expiry,
        "moved",
        of_store(expiry.lapse_undecided),
    ),
    "end accounts": Walk(
        lambda now: transfers(now, open_until=now), expiry, "move_all", of_store(expiry.end_accounts)
    ),
    "make received files ready": Walk(
        lambda now: files(now, state=FileState.RECEIVED, ready_at=None),
        completion,
        "_made_ready",
        of_store(completion.ready_received),
    ),
    "receive whole uploads": Walk(
        lambda now: files(now, state=FileState.UPLOADING, active_at=now - HOUR),
        completion,
        "_received",
        of_store(completion.receive_whole),
    ),
    "remind approvers": Walk(
        lambda now: transfers(now, state=State.PENDING, lapse_by=now + HOUR),
        reminders,
        "_approver_reminded",
        of_store(reminders.remind_approvers),
    ),
    "remind of files": Walk(
        lambda now: [
            file_of(transfer, now, number, ready_at=now - 2 * DAY).transfer
            for number, transfer in enumerate(transfers(now, open_until=now + HOUR), 2)
        ],
        reminders,
        "_reminded_of_files",
        of_store(reminders.remind_of_files),
    ),
    "remind of empty accounts": Walk(
        lambda now: transfers(now, open_until=now + HOUR, decided_at=now - 2 * DAY),
        reminders,
        "_sender_reminded",
        of_store(reminders.remind_empty),
    ),
    "expire uploads": Walk(
        lambda now: files(now, state=FileState.UPLOADING, active_at=now - 90 * DAY),
        expiry,
        "take_away",
        of_store(expiry.expire_stale),
    ),
    "erase files": Walk(
        lambda now: files(now, state=FileState.ERASING), erasure, "erase_bytes", of_store(erasure.erase_files)
    ),
    "erase withheld files": Walk(
        lambda now: files(now, state=FileState.WITHHELD, withheld_until=now),
        withholding,
        "erase_withheld",
        of_store(withholding.end_withheld),
    ),
    "take files away": Walk(
        lambda now: [
            file_of(transfer, now, number).transfer
            for number, transfer in enumerate(transfers(now, state=State.CLOSING), 2)
        ],
        erasure,
        "take_all_away",
        of_store(erasure.erase_files),
    ),
    "close transfers": Walk(
        lambda now: transfers(now, state=State.CLOSING),
        erasure,
        "queue_erased",
        of_store(erasure.erase_files),
    ),
    "erase infected files": Walk(
        lambda now: files(now, state=FileState.INFECTED), scan, "take_away", of_store(scan.erase_infected)
    ),
    "forget": Walk(
        lambda now: transfers(now, state=State.CLOSED, over_at=now - 90 * DAY),
        expiry,
        "_forget",
        of_store(expiry.forget),
    ),
    "close collected letters": Walk(
        lambda now: [collected(now, number) for number in (2, 3)],
        collecting,
        "close",
        of_policy(collecting.close_due),
    ),
    "close lists of requests": Walk(
        lambda now: [collected(now, number, "approvals-requested") for number in (2, 3)],
        request_lists,
        "close",
        of_policy(request_lists.close_due),
    ),
    "send lost links": Walk(
        lambda now: [LinkRequest.objects.create(address="bo@rontgen.example", at=now) for _ in range(2)],
        lost_link,
        "_answer",
        of_store(lost_link.send_links),
    ),
    "keep room": Walk(
        lambda now: files(now, state=FileState.UPLOADING, active_at=now - HOUR),
        room,
        "correct_reservation",
        of_store(room.tidy),
    ),
}


def collected(now, number, kind="files-ready"):
    return Letter.objects.create(
        public_id=f"{number:022}",
        key=f"{kind}:{number}",
        kind=kind,
        to="bo@rontgen.example",
        language="sv",
        message_id="x",
        delivery="collecting",
        collects=str(number),
        written_at=now,
        next_try_at=now - DAY + number * HOUR,
    )


@pytest.fixture(params=WALKS, ids=lambda name: name)
def walk(request):
    return request.param, WALKS[request.param]


def test_what_fails_first_keeps_nothing_from_its_turn(walk, now, store, monkeypatch, caplog):
    name, job = walk
    first, second = job.rows(now)
    called = fail_at(first, job, monkeypatch)
    job.run(store, now)
    assert called[-2:] == [first.pk, second.pk]
    assert [(alarm.name, alarm.value) for alarm in alarms.active_alarms()] == [
        ("jobs", f"{name}: {each_row.name_of(first)} (RowFailed)")
    ]
    assert "drift@ltdalarna.se" in Letter.objects.filter(kind="alarm").values_list("to", flat=True)
    assert any(record.exc_info and name in record.getMessage() for record in caplog.records)


def test_what_failed_waits_longer_each_time_and_is_no_hot_loop(walk, now, store, monkeypatch):
    _, job = walk
    first, _ = job.rows(now)
    called = fail_at(first, job, monkeypatch)
    monkeypatch.setattr(each_row, "LONGEST_PAUSE", 30 * DAY)  # whatever the job's own window is
    tried = []
    for second in range(0, 240, 15):
        before = called.count(first.pk)
        job.run(store, now + timedelta(seconds=second))
        tried += [second] if called.count(first.pk) > before else []
    assert tried == [0, 60]


def test_the_alarm_ends_when_what_failed_has_had_its_turn(walk, now, store, monkeypatch):
    _, job = walk
    first, _ = job.rows(now)
    with monkeypatch.context() as patched:
        fail_at(first, job, patched)
        job.run(store, now)
    look(store, now)
    assert Alarm.objects.get(name="jobs").since
    job.run(store, now + MINUTE)
    look(store, now + MINUTE)
    assert Alarm.objects.get(name="jobs").since is None


def look(store, now):
    alarms.check_all(services=services_for(POLICY, store), clock_trouble="", now=now)


def fail_at(first, job, monkeypatch):
    """From now on the job's act fails for that row; returns the keys of the rows that it is called with.

    One that is given many rows is called again for each, after it failed for all of them.
    """
    called, act = [], getattr(job.module, job.act)

    def acting(given, *others, **own):
        keys = [row.pk for row in (given if isinstance(given, list) else [given])]
        called.extend(keys)
        if first.pk in keys:
            raise RowFailed
        return act(given, *others, **own)

    monkeypatch.setattr(job.module, job.act, acting)
    return called


def test_a_letter_whose_link_key_is_lost_keeps_no_other_from_its_readers(now, store):
    asked = {"state": State.PENDING, "lapse_by": now + HOUR}
    lost, kept = (
        make_transfer(now, public_id=f"K7PM-222{number}", one_letter=True, **asked) for number in (2, 3)
    )
    for number, transfer in ((2, lost), (3, kept)):
        Transfer.objects.filter(pk=transfer.pk).update(state=State.OPEN)
        file = file_of(transfer, now, number, state=FileState.RECEIVED, ready_at=None)
        Link.objects.filter(file=file).delete()
        assert completion.make_ready(file, digests=Digests("", 0), services=services_for(POLICY), now=now)
    Transfer.objects.update(state=State.PENDING)
    Link.objects.filter(transfer=lost).update(derived_from="another")
    Link.objects.filter(transfer=lost).update(nonce="0")
    assert reminders.remind_approvers(services=services_for(POLICY), now=now) == 1
    Transfer.objects.update(state=State.OPEN)
    assert collecting.close_due(policy=POLICY, now=now + HOUR) == 1
    told = Letter.objects.queued().exclude(kind="alarm").order_by("kind")
    assert [(letter.kind, letter.cases.first().transfer) for letter in told] == [
        ("approval-reminder", kept),
        ("files-ready", kept),
    ]
    assert "(LinkLost)" in Alarm.objects.get(name="jobs").value


def test_every_job_of_the_worker_that_walks_a_list_is_tried_here():
    one_at_a_time = {"heartbeat", "checkpoint", "deliver letters", "scan files (1)", "scan files (2)"}
    by_name = {"erase orphans"}
    assert {job.name for job in jobs.JOBS} - set(WALKS) == one_at_a_time | by_name


def test_an_orphan_that_cannot_be_erased_keeps_no_other(now, store, monkeypatch):
    for name in ("a" * 22, "b" * 22):
        store.create(name)
    names, erase = sorted(name for name, _ in store.names()), type(store).erase
    monkeypatch.setattr(
        type(store), "erase", lambda self, name: erase(self, name) if name == names[1] else 1 / 0
    )
    later = max(at for _, at in store.names()) + 2 * HOUR
    assert erasure.erase_orphans(services=services_for(POLICY, store), now=later) == 1
    assert [name for name, _ in store.names()] == [names[0]]


class Scanner:
    """Finds everything clean, and breaks at one file."""

    def __init__(self, breaks_at):
        self.breaks_at = breaks_at

    def scan(self, pieces, *, size, tick):
        if b"".join(pieces) == self.breaks_at:
            raise RowFailed
        return ""


def test_a_file_whose_scan_breaks_waits_and_the_next_is_scanned(now, store):
    first, second = files(now, state=FileState.RECEIVED, ready_at=None, size=1)
    for file, content in ((first, b"1"), (second, b"2")):
        store.create(file.blob)
        with store.writer(file.blob) as writer:
            writer.write(content)
            writer.sync()
    turns = 0
    while scan.scan_next(services=services_for(POLICY, store, scanner=Scanner(b"1")), now=now):
        turns += 1
        assert turns < 5
    states = dict(TransferFile.objects.values_list("public_id", "state"))
    assert states == {first.public_id: "unscanned", second.public_id: "ready"}


def test_an_error_of_the_whole_database_stops_the_job_and_blames_no_row(now, store, monkeypatch):
    transfers(now, open_until=now)

    def fail(*_, **__):
        raise OperationalError("database is locked")

    with monkeypatch.context() as patched:
        patched.setattr(expiry, "move_all", fail)
        with pytest.raises(OperationalError):
            expiry.end_accounts(services=services_for(POLICY), now=now)
    assert expiry.end_accounts(services=services_for(POLICY), now=now) == 2
    assert not Alarm.objects.exists()


def test_a_refusal_of_one_blob_is_told_in_one_line_and_one_of_all_stops_the_job(policy, now, caplog):
    def act(row):
        if row == "first":
            raise ObjectRefused("the store did not delete: AccessDenied")
        if row == "third":
            raise StoreRefused("the store did not delete: InvalidAccessKeyId")
        return 1

    assert each_row.each_row("erase", ["first", "second"], act, policy=policy, now=now) == 1
    assert [alarm.value for alarm in alarms.active_alarms()] == [
        "erase: first (the store did not delete: AccessDenied)"
    ]
    assert not any(record.exc_info for record in caplog.records)
    with pytest.raises(StoreRefused):
        each_row.each_row("erase", ["third", "fourth"], act, policy=policy, now=now)


def test_a_check_or_repair_that_fails_keeps_no_other(now, store, monkeypatch):
    world, repaired = World(services_for(POLICY, store), now), []

    def breaks(world):
        raise RowFailed

    def finds(world):
        yield Finding("I1", "first", lambda: breaks(world))
        if not repaired:
            yield Finding("I1", "second", lambda: repaired.append(1))

    monkeypatch.setattr(repair, "CHECKS", (breaks, finds))
    lines = [str(line) for line in repair.reconcile(world)]
    assert lines == [
        "left     I11 the check breaks failed: RowFailed",
        "left     I1 first",
        "repaired I1 second",
    ]
    assert Alarm.objects.get(name="reconcile").value == "2"
    assert rows.CHECKS


def test_an_alarm_that_cannot_be_checked_keeps_no_other(now, store, monkeypatch):
    def breaks(*_, **__):
        raise RowFailed

    monkeypatch.setattr(alarms, "check_disk", breaks)
    alarms.check_all(services=services_for(POLICY, store), clock_trouble="the clock leapt", now=now)
    assert sorted(alarm.name for alarm in alarms.active_alarms()) == ["clock", "jobs"]


def test_one_round_of_a_worker_goes_on_past_a_job_that_fails_and_then_says_so(now, store, monkeypatch):
    run, worker = [], jobs.Worker(services_for(POLICY, store))

    def breaks(worker, now):
        run.append("breaks")
        raise RowFailed

    def works(worker, now):
        run.append("works")
        return run.count("works") < 3

    monkeypatch.setattr(jobs, "JOBS", (jobs.Job("breaks", 1, breaks), jobs.Job("works", 1, works)))
    monkeypatch.setattr(outbox, "wait_for_claimed", lambda *_, **__: False)
    with pytest.raises(RowFailed):
        jobs.run_once(worker, now)
    assert (run.count("breaks"), run.count("works")) == (1, 4)


def test_a_pause_ends_when_the_clock_was_set_back(now):
    failed = each_row.failed_again(None, now)
    assert failed.waits_at(now)
    assert not failed.waits_at(now + MINUTE)
    assert not failed.waits_at(now - DAY)
    assert Transfer.objects.count() == 0


def test_a_run_that_is_cut_off_forgets_no_failure(now):
    called = []

    def act(row):
        called.append(row)
        if row != "sound":
            raise RowFailed if row == "broken" else OperationalError
        return 1

    def run(*rows):
        return each_row.each_row("a job", rows, act, policy=POLICY, now=now)

    assert run("broken", "sound") == 1
    with pytest.raises(OperationalError):
        run("away", "broken")
    assert run("broken", "sound") == 1
    assert called == ["broken", "sound", "away", "sound"]
