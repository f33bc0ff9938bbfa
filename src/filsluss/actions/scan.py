"""Scan: received files are scanned before their recipients are told; what could not be scanned waits."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import IO

from django.db import transaction
from django.db.models import F, Q, QuerySet

from filsluss import outages
from filsluss.actions.completion import make_ready
from filsluss.actions.erasure import take_away
from filsluss.actions.missing_bytes import found_missing
from filsluss.actions.transitions import RULE, record_audit
from filsluss.blobs import BlobMissing, Digester, Digests, ObjectMissing
from filsluss.installation import Services
from filsluss.letters import collecting, compose, notices
from filsluss.letters.each_row import each_row
from filsluss.models import TransferFile
from filsluss.models.connections import let_go
from filsluss.models.letter import SKEW
from filsluss.rules.directions import Role
from filsluss.rules.letter_kinds import LetterKind
from filsluss.rules.lifecycle import ErasedBecause, FileState, State
from filsluss.rules.policy import Policy
from filsluss.rules.retries import LONGEST_PAUSE, pause_after
from filsluss.scanners.clamd import Clamd, NotScanned

log = logging.getLogger(__name__)

LEASE, RENEWAL = timedelta(minutes=2), 20.0
"""How long a claim on a file lasts without being renewed, and the seconds between two renewals."""
PIECE = 1 << 20
LONGEST_TROUBLE = 300


class ClaimLost(Exception):
    """Our claim on the file has ended: it was taken away, or another job has claimed it."""


class Stopwatch:
    """The time, counted from the `now` that was passed in: a scan may take minutes."""

    def __init__(self, now: datetime) -> None:
        self._now, self._start = now, time.monotonic()

    def __call__(self) -> datetime:
        return self._now + timedelta(seconds=time.monotonic() - self._start)


def scan_next(*, services: Services, now: datetime) -> bool:
    """Scans one file and records the result; False if none waits.

    Without a scanner, a file whose scan was begun waits until an administrator releases it.
    """
    erase_infected(services=services, now=now)
    if services.scanner is None:
        return hold_without_scanner(now=now)
    file = claim(now=now)
    if file is None:
        return False
    at = Stopwatch(now)
    try:
        return scan_claimed(file, scanner=services.scanner, services=services, at=at)
    except outages.AWAY:
        raise
    except Exception as fault:
        log.exception("file %s could not be scanned", file.public_id)
        return hold_unscanned(file, trouble=type(fault).__name__, for_good=False, now=at())


def scan_claimed(file: TransferFile, *, scanner: Clamd, services: Services, at: Stopwatch) -> bool:
    """Scans a file that is claimed; False if the result came too late."""
    try:
        virus, digests = scan_blob(file, scanner=scanner, services=services, at=at)
    except ClaimLost:
        return True
    except BlobMissing:
        return take_away(file, because=ErasedBecause.DAMAGED, now=at())
    except ObjectMissing as fault:
        return found_missing(file, now=at()) or hold_unscanned(
            file, trouble=f"the store cannot be read: {fault}", for_good=False, now=at()
        )
    except NotScanned as fault:
        return hold_unscanned(file, trouble=str(fault), for_good=fault.for_good, now=at())
    if virus:
        return mark_infected(file, virus=virus, sha256=digests.sha256, services=services, now=at())
    return make_ready(
        file, digests=digests, source=FileState.SCANNING, scanned_at=at(), services=services, now=at()
    )


def waiting(now: datetime) -> QuerySet[TransferFile]:
    """Files of open transfers that are to be scanned now, the oldest first."""
    set_back = Q(scan_again_at__gt=now + LONGEST_PAUSE + SKEW)  # the clock: nothing waits so long
    late = Q(scan_again_at__lte=now) | set_back
    due = late & Q(state__in=(FileState.SCANNING, FileState.UNSCANNED))
    new = Q(state=FileState.RECEIVED, released_at=None)
    return TransferFile.objects.filter(
        due | new, transfer__state=State.OPEN, transfer__open_until__gt=now
    ).order_by("received_at", "id")


def claim(*, now: datetime) -> TransferFile | None:
    """Claims a file for LEASE; None if there is none."""
    while (file := waiting(now).select_related("transfer").first()) is not None:
        # Without joins: PostgreSQL does not read joined rows anew after it has waited for a lock.
        as_read = TransferFile.objects.filter(pk=file.pk, state=file.state, scan_tries=file.scan_tries)
        if as_read.update(
            state=FileState.SCANNING, scan_again_at=now + LEASE, scan_tries=F("scan_tries") + 1
        ):
            file.refresh_from_db()
            return file
    return None


def claimed(file: TransferFile) -> QuerySet[TransferFile]:
    """The row, if this claim on it still holds."""
    return TransferFile.objects.filter(pk=file.pk, state=FileState.SCANNING, scan_tries=file.scan_tries)


def scan_blob(
    file: TransferFile, *, scanner: Clamd, services: Services, at: Stopwatch
) -> tuple[str, Digests]:
    """The scanner's name for the virus (empty: clean) and the digests, from one reading of the blob."""
    digester = Digester()
    let_go()
    with services.store.open(file.blob) as blob:
        virus = scanner.scan(_pieces(blob, digester.add), size=file.size or 0, tick=_claim_renewer(file, at))
        while not virus and (rest := _read(blob)):
            digester.add(rest)  # not empty only if the blob has grown
        is_whole = blob.tell() == file.size
    if not is_whole and not virus:
        raise BlobMissing(file.blob)
    return virus, digester.digests()


def _pieces(blob: IO[bytes], on_read: Callable[[bytes], None]) -> Iterator[bytes]:
    while piece := _read(blob):
        on_read(piece)
        yield piece


def _read(blob: IO[bytes]) -> bytes:
    try:
        return blob.read(PIECE)
    except ObjectMissing:
        raise
    except OSError as fault:
        raise NotScanned(f"the store cannot be read: {fault}") from fault


def _claim_renewer(file: TransferFile, at: Stopwatch) -> Callable[[], None]:
    """A function that renews the claim every RENEWAL seconds, and raises ClaimLost if it has ended."""
    renewed = time.monotonic()

    def tick() -> None:
        nonlocal renewed
        if time.monotonic() - renewed < RENEWAL:
            return
        renewed = time.monotonic()
        if not claimed(file).update(scan_again_at=at() + LEASE):
            raise ClaimLost

    return tick


def hold_unscanned(file: TransferFile, *, trouble: str, for_good: bool, now: datetime) -> bool:
    """Leaves the file UNSCANNED until the next try or, if `for_good`, until an administrator decides."""
    again = None if for_good else now + pause_after(file.scan_tries)
    with transaction.atomic():
        held = claimed(file).update(
            state=FileState.UNSCANNED, scan_again_at=again, scan_trouble=trouble[:LONGEST_TROUBLE]
        )
        if held and file.scan_tries == 1:
            record_audit(file.transfer, step="unscanned", cause=RULE, now=now, file=file)
    log.warning("file %s is unscanned after try %s: %s", file.public_id, file.scan_tries, trouble)
    return bool(held)


def hold_without_scanner(*, now: datetime) -> bool:
    """Leaves files UNSCANNED whose scan was begun before the scanner was removed from the settings."""
    left = TransferFile.objects.filter(state=FileState.SCANNING, scan_again_at__lte=now)
    return left.exists() and bool(
        left.update(state=FileState.UNSCANNED, scan_again_at=None, scan_trouble="no scanner is set any more")
    )


def mark_infected(file: TransferFile, *, virus: str, sha256: str, services: Services, now: datetime) -> bool:
    """Records the virus, tells the sender and the administrators, and has the bytes erased."""
    with transaction.atomic():
        if not claimed(file).update(state=FileState.INFECTED, virus=virus, sha256=sha256, scanned_at=now):
            return False
        file.refresh_from_db()
        record_audit(file.transfer, step="infected", cause=replace(RULE, reason=virus), now=now, file=file)
        tell_infected(file, policy=services.policy, now=now)
    log.warning("file %s of %s is infected: %s", file.public_id, file.transfer.public_id, virus)
    erase_infected(services=services, now=now)
    return True


def tell_infected(file: TransferFile, *, policy: Policy, now: datetime) -> None:
    """Tells the sender and the administrators; of many in a case the sender in one letter.

    The administrators, who have been told of the case, see the others there: a sender must not be able to
    fill their mailboxes.
    """
    sender = file.transfer.sender
    if collecting.had_many_infected(sender, now=now):
        collecting.collect_removed(file, sender, policy=policy, now=now)
        return
    kind = LetterKind.FILE_INFECTED
    compose.write(kind, transfer=file.transfer, role=Role.SENDER, policy=policy, now=now, file=file)
    notices.write_infected(file, policy=policy, now=now)


def erase_infected(*, services: Services, now: datetime) -> int:
    """Marks infected files for erasure; returns how many."""
    infected = TransferFile.objects.filter(state=FileState.INFECTED).select_related("transfer")
    return each_row(
        "erase infected files",
        infected,
        lambda file: take_away(file, because=ErasedBecause.INFECTED, now=now),
        policy=services.policy,
        now=now,
    )


def rescan_now(*, now: datetime) -> int:
    """Makes waiting files due now that the scanner works again; returns how many."""
    held = TransferFile.objects.filter(state=FileState.UNSCANNED, scan_again_at__gt=now)
    return held.update(scan_again_at=now)
