"""A file is scanned before anybody is told of it, and what was not scanned whole is not clean."""

import hashlib
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import chain, repeat

import pytest
from django.db import connection
from django.utils import translation

from filsluss.actions import completion, erasure, expiry, oversee, scan, upload
from filsluss.actions.choices import Choices
from filsluss.actions.transitions import StepRefused
from filsluss.letters import collecting
from filsluss.models import AuditEntry, Letter, LetterCase, Transfer, TransferFile
from filsluss.pages import presenters
from filsluss.rules.lifecycle import ErasedBecause, FileState, State
from filsluss.rules.refusals import FormRefused
from filsluss.scanners.clamd import EICAR, STREAM_MAX, Clamd, NotScanned
from tests.actions.racing import race
from tests.letters.cases import make_file, make_transfer
from tests.parts.people import ANNA, BO
from tests.parts.scanner import VIRUS, zipped
from tests.parts.services import services_for
from tests.scan.conftest import ADMIN

pytestmark = pytest.mark.django_db
MIB = 1 << 20


def letters(kind):
    return sorted(LetterCase.objects.filter(letter__kind=kind).values_list("letter__to", "file__public_id"))


def steps(file):
    return list(AuditEntry.objects.filter(file_public_id=file.public_id).values_list("step", flat=True))


def seen(file):
    file.refresh_from_db()
    return file.state


def test_a_clean_file_becomes_ready_and_only_then_has_a_letter(send, lasting, store, policy, now):
    file = send(b"ritning", choices=Choices(with_code=True))
    assert (
        completion.ready_received(services=services_for(policy, store, scanner=lasting.client), now=now) == 0
    )
    assert (seen(file), letters("file-ready")) == (FileState.RECEIVED, [])

    assert scan.scan_next(services=services_for(policy, store, scanner=lasting.client), now=now) is True
    assert (seen(file), letters("file-ready")) == (FileState.READY, [(BO, file.public_id)])
    assert file.sha256 == hashlib.sha256(b"ritning").hexdigest()
    assert file.scanned_at >= now
    assert steps(file) == ["received", "ready"]
    assert scan.scan_next(services=services_for(policy, store, scanner=lasting.client), now=now) is False


@pytest.mark.parametrize(
    "content",
    [EICAR, zipped(EICAR), zipped(EICAR, 5), bytes(48 * MIB) + EICAR],
    ids=["plain", "zipped", "nested", "at the far end"],
)
def test_an_infected_file_is_erased_and_only_its_sender_and_the_administrator_hear_of_it(
    content, send, lasting, store, policy, now
):
    file = send(content)
    scan.scan_next(services=services_for(policy, store, scanner=lasting.client), now=now)
    assert (seen(file), file.erased_because, file.virus) == (FileState.ERASING, ErasedBecause.INFECTED, VIRUS)
    assert file.is_open_at(now) is False

    erasure.erase_files(services=services_for(policy, store), now=now + timedelta(minutes=5))
    assert seen(file) == FileState.ERASED
    assert list(store.names()) == []
    with translation.override("en"):
        assert presenters.file_view(file).scan == "Malicious code was found"
    assert letters("file-infected") == [(ANNA, file.public_id), (ADMIN, file.public_id)]
    assert letters("file-ready") == letters("file-removed") == []
    assert steps(file) == ["received", "infected", "file-infected", "file-erased"]


def test_a_sender_of_many_infected_files_fills_nobodys_mailbox(store, policy, now):
    transfer, services = make_transfer(now), services_for(policy, store)
    for number in range(1, 9):
        scanning = {
            "state": FileState.SCANNING,
            "ready_at": None,
            "sha256": "",
            "upload_id": f"{number}" * 22,
        }
        file = make_file(transfer, now, number, **scanning)
        assert scan.mark_infected(file, virus=VIRUS, sha256="0" * 64, services=services, now=now)
    to = [address for address, _ in letters("file-infected")]
    assert (to.count(BO), to.count(ADMIN)) == (5, 5)
    assert collecting.close_due(policy=policy, now=now + timedelta(minutes=5)) == 1
    last = Letter.objects.get(kind="files-removed")
    assert (last.to, [f"ritning åäö {number}.pdf" in last.text for number in (5, 6, 7, 8)]) == (
        BO,
        [False, True, True, True],
    )
    assert "stoppad i viruskontrollen" in last.text


def test_what_a_crash_left_infected_is_erased_by_the_next_round(send, store, policy, now):
    file = send(EICAR)
    TransferFile.objects.filter(pk=file.pk).update(state=FileState.INFECTED, virus="X")
    scan.scan_next(services=services_for(policy, store), now=now)
    assert (seen(file), file.erased_because) == (FileState.ERASING, ErasedBecause.INFECTED)


def test_what_waits_when_its_account_is_over_is_not_scanned(send, now):
    file = send(b"ritning")
    end = file.transfer.open_until
    assert scan.claim(now=end) is None
    Transfer.objects.update(state=State.CLOSING)
    assert scan.claim(now=now) is None
    Transfer.objects.update(state=State.OPEN)
    assert scan.claim(now=end - timedelta(seconds=1)) == file


def test_without_a_scanner_nothing_is_new(send, store, policy, now):
    file = send(EICAR)
    assert scan.scan_next(services=services_for(policy, store), now=now) is False
    assert completion.ready_received(services=services_for(policy, store), now=now) == 1
    assert (seen(file), file.scanned_at, letters("file-ready")) == (
        FileState.READY,
        None,
        [(BO, file.public_id)],
    )


def test_while_clamd_is_down_a_file_waits_and_is_tried_again_after_growing_pauses(
    send, make_scanner, store, policy, now
):
    scanner, file, pauses = make_scanner(), send(b"ritning"), []
    for _ in range(6):
        assert scan.scan_next(services=services_for(policy, store, scanner=scanner.client), now=now) is True
        assert (seen(file), letters("file-ready")) == (FileState.UNSCANNED, [])
        pauses.append(round((file.scan_again_at - now).total_seconds() / 60))
        assert scan.scan_next(services=services_for(policy, store, scanner=scanner.client), now=now) is False
        now = file.scan_again_at
    assert pauses == [1, 5, 15, 60, 180, 180]
    assert "clamd does not answer" in file.scan_trouble

    scanner.start()
    assert scan.scan_next(services=services_for(policy, store, scanner=scanner.client), now=now) is True
    assert (seen(file), letters("file-ready")) == (FileState.READY, [(BO, file.public_id)])
    assert steps(file) == ["received", "unscanned", "ready"]


@pytest.mark.parametrize(
    ("limits", "content", "trouble"),
    [
        ({}, zipped(b"x", 30), "over clamd's limits: Heuristics.Limits.Exceeded.MaxRecursion"),
        (
            {"MaxFileSize": "1M"},
            bytes(2 * MIB),
            "over clamd's limits: Heuristics.Limits.Exceeded.MaxFileSize",
        ),
        ({"StreamMaxLength": "1M"}, bytes(3 * MIB), "INSTREAM size limit exceeded"),
        ({"AlertExceedsMax": "no"}, b"ren", "set AlertExceedsMax yes"),
        ({"AlertExceedsMax": "no"}, zipped(EICAR, 30), "set AlertExceedsMax yes"),
    ],
    ids=["too deep", "too large to scan", "too large to send", "not candid", "not candid, infected"],
)
def test_what_clamd_did_not_scan_whole_is_not_clean(
    limits, content, trouble, send, make_scanner, store, policy, now
):
    scanner, file = make_scanner(**limits).start(), send(content)
    scan.scan_next(services=services_for(policy, store, scanner=scanner.client), now=now)
    assert (seen(file), letters("file-ready")) == (FileState.UNSCANNED, [])
    assert trouble in file.scan_trouble
    assert timedelta(minutes=1) <= file.scan_again_at - now < timedelta(minutes=2)


def test_a_file_larger_than_clamd_can_be_sent_waits_for_an_administrator(send, lasting, store, policy, now):
    file = send(b"")
    os.truncate(store.root / f"{file.blob[:1]}.d" / file.blob, STREAM_MAX + 1)
    TransferFile.objects.filter(pk=file.pk).update(size=STREAM_MAX + 1)
    scan.scan_next(services=services_for(policy, store, scanner=lasting.client), now=now)
    assert (seen(file), file.scan_again_at) == (FileState.UNSCANNED, None)
    later = now + timedelta(days=2)
    assert scan.scan_next(services=services_for(policy, store, scanner=lasting.client), now=later) is False


def test_an_administrator_may_release_what_could_not_be_scanned_with_a_reason(
    send, make_scanner, store, policy, now
):
    scanner, file = make_scanner(), send(b"krypterad")
    with pytest.raises(StepRefused):
        oversee.release_file(file, reason=oversee.Reason("Känd avsändare", "os:eva"), now=now)
    scan.scan_next(services=services_for(policy, store, scanner=scanner.client), now=now)
    with pytest.raises(FormRefused):
        oversee.release_file(file, reason=oversee.Reason(" ", "os:eva"), now=now)
    assert seen(file) == FileState.UNSCANNED

    oversee.release_file(file, reason=oversee.Reason("Känd avsändare", "os:eva"), now=now)
    assert scan.scan_next(services=services_for(policy, store, scanner=scanner.client), now=now) is False
    assert (
        completion.ready_received(services=services_for(policy, store, scanner=scanner.client), now=now) == 1
    )
    assert (seen(file), letters("file-ready")) == (FileState.READY, [(BO, file.public_id)])
    entry = AuditEntry.objects.get(step="released")
    assert (entry.person, entry.role, entry.reason) == ("os:eva", "administrator", "Känd avsändare")


def test_clamd_killed_in_the_middle_of_a_file_leaves_it_unscanned(send, make_scanner, store, policy, now):
    scanner = make_scanner().start()
    os.kill(scanner.process.pid, signal.SIGSTOP)  # it takes the bytes the kernel holds, and says nothing
    killer = threading.Timer(1, scanner.kill)
    killer.start()
    file = send(bytes(8 * MIB))
    scan.scan_next(services=services_for(policy, store, scanner=scanner.client), now=now)
    killer.join()
    assert (seen(file), letters("file-ready")) == (FileState.UNSCANNED, [])
    assert "clamd does not answer" in file.scan_trouble

    scanner.start()
    scan.scan_next(services=services_for(policy, store, scanner=scanner.client), now=file.scan_again_at)
    assert seen(file) == FileState.READY


def test_a_scanner_that_crashed_loses_its_file_to_the_next_after_its_lease(send, lasting, store, policy, now):
    file = send(b"ritning")
    assert scan.claim(now=now) == file
    assert scan.scan_next(services=services_for(policy, store, scanner=lasting.client), now=now) is False
    later = now + scan.LEASE
    assert scan.scan_next(services=services_for(policy, store, scanner=lasting.client), now=later) is True
    assert seen(file) == FileState.READY


@pytest.mark.django_db(transaction=True)
def test_of_scanners_that_find_a_lease_over_at_once_one_gets_the_file(send, now):
    file = send(b"ritning")
    scan.claim(now=now)
    for number in range(1, 11):
        outcomes = race(*[lambda at=now + number * scan.LEASE: scan.claim(now=at)] * 4)
        assert sorted(map(str, outcomes)) == sorted([str(file), *["None"] * 3])


def test_a_file_taken_back_during_its_scan_stays_away(send, lasting, store, policy, now):
    file = send(b"ritning")
    held = scan.claim(now=now)
    upload.remove_own(file, now=now)
    assert scan.hold_unscanned(held, trouble="x", for_good=False, now=now) is False
    assert scan.mark_infected(held, virus="X", sha256="", services=services_for(policy), now=now) is False
    assert (seen(file), file.erased_because) == (FileState.ERASING, ErasedBecause.WITHDRAWN)
    assert letters("file-infected") == []


def test_a_file_whose_account_ended_during_its_scan_is_not_made_ready(send, lasting, store, policy, now):
    file = send(b"ritning")
    end = file.transfer.open_until
    assert scan.scan_next(services=services_for(policy, store, scanner=lasting.client), now=end) is False
    expiry.end_accounts(services=services_for(policy), now=end)
    erasure.erase_files(services=services_for(policy, store), now=end)
    assert (seen(file), letters("file-ready")) == (FileState.ERASED, [])


def test_a_file_whose_bytes_are_not_all_there_is_damaged(send, lasting, store, policy, now):
    file = send(b"ritning")
    os.truncate(store.root / f"{file.blob[:1]}.d" / file.blob, 3)
    scan.scan_next(services=services_for(policy, store, scanner=lasting.client), now=now)
    assert (seen(file), file.erased_because) == (FileState.ERASING, ErasedBecause.DAMAGED)


def test_a_scanner_taken_out_of_the_settings_leaves_its_files_to_the_administrator(send, store, policy, now):
    file = send(b"ritning")
    scan.claim(now=now)
    later = now + scan.LEASE
    assert scan.scan_next(services=services_for(policy, store), now=later) is True
    assert (seen(file), file.scan_again_at) == (FileState.UNSCANNED, None)


@pytest.mark.django_db(transaction=True)
def test_four_scanners_at_once_come_to_one_verdict_for_each_file(send, lasting, store, policy, now):
    files = [send(b"ritning %d" % n) for n in range(6)]

    def work(_):
        try:
            while scan.scan_next(services=services_for(policy, store, scanner=lasting.client), now=now):
                pass
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as crowd:
        list(crowd.map(work, range(4)))
    assert [seen(file) for file in files] == [FileState.READY] * 6
    assert letters("file-ready") == sorted((BO, file.public_id) for file in files)
    assert [steps(file) for file in files] == [["received", "ready"]] * 6
    assert {file.scan_tries for file in files} == {1}


@pytest.mark.postgresql_if_full
def test_the_bytes_are_passed_on_in_pieces_and_none_is_kept(lasting):
    """A hundred mebibytes in pieces of one: no more than the last two are ever alive."""
    alive = []

    class Piece(bytes):
        def __new__(cls, size):
            alive.append(1)
            return super().__new__(cls, size)

        def __del__(self):
            alive.pop()

    most = 0

    def pieces():
        nonlocal most
        for _ in range(100):
            yield Piece(MIB)
            most = max(most, len(alive))

    assert lasting.client.scan(pieces(), size=100 * MIB) == ""
    assert 1 <= most <= 2


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("size", "found"), [(STREAM_MAX - 2, True), (STREAM_MAX, False)])
def test_clamd_reads_to_the_far_end_of_the_largest_file(lasting, size, found):
    """It can be sent 2 GiB - 1, and scans 2 GiB - 3 (ClamAV 1.4): of the two between it says so."""
    rest = size - len(EICAR)
    pieces = chain(repeat(bytes(MIB), rest // MIB), [bytes(rest % MIB), EICAR])
    if found:
        assert lasting.client.scan(pieces, size=size) == VIRUS
    else:
        with pytest.raises(NotScanned, match="MaxFileSize"):
            lasting.client.scan(pieces, size=size)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("unix:/run/clamav/clamd.ctl", "/run/clamav/clamd.ctl"),
        ("tcp:av.example.se:3310", ("av.example.se", 3310)),
        ("tcp:[2001:db8::7]:3310", ("2001:db8::7", 3310)),
    ],
)
def test_the_setting_names_a_socket_or_a_host(text, where):
    assert Clamd.at(text) == Clamd(where)


@pytest.mark.parametrize(
    "text", ["/run/clamd.ctl", "unix:clamd.ctl", "tcp:host", "tcp::3310", "tcp:host:99999", "x:y:1"]
)
def test_a_setting_that_names_neither_is_refused(text):
    with pytest.raises(ValueError, match="unix:/path or tcp:host:port"):
        Clamd.at(text)


def test_a_try_that_was_put_off_is_due_also_when_the_clock_was_set_back(send, now):
    file = send(b"ritning")
    held = TransferFile.objects.filter(pk=file.pk)
    held.update(state=FileState.UNSCANNED, scan_again_at=now + timedelta(hours=2))
    assert list(scan.waiting(now)) == []
    held.update(scan_again_at=now + timedelta(days=2))
    assert list(scan.waiting(now)) == [file]


def test_when_the_scanner_works_again_what_waits_for_an_administrator_goes_on_waiting(send, now):
    again, for_good = send(b"ritning"), send(b"en till")
    TransferFile.objects.update(state=FileState.UNSCANNED, scan_again_at=None)
    TransferFile.objects.filter(pk=again.pk).update(scan_again_at=now + timedelta(hours=2))
    assert scan.rescan_now(now=now) == 1
    assert list(scan.waiting(now)) == [again]
    for_good.refresh_from_db()
    assert for_good.scan_again_at is None
