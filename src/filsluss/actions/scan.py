"""Scan: a received file is looked at before anybody hears of it; what could not be looked at waits."""

import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import IO

from django.db import transaction
from django.db.models import F, Q, QuerySet

from filsluss.actions.completion import make_ready
from filsluss.actions.erasure import take_away
from filsluss.actions.transitions import record_audit
from filsluss.blobs import BlobMissing, Store
from filsluss.letters import compose, notices
from filsluss.models import TransferFile
from filsluss.rules.directions import Role
from filsluss.rules.lifecycle import ErasedBecause, FileState, State
from filsluss.rules.policy import Policy
from filsluss.scanners.clamd import Clamd, NotScanned

log = logging.getLogger(__name__)

LEASE, RENEWAL = timedelta(minutes=2), 20.0
"""How long a file is a scanner's own after its last sign of life, and the seconds between two signs."""
RETRY_DELAYS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=60))
LATER_DELAY = timedelta(hours=3)
PIECE = 1 << 20
LONGEST_TROUBLE = 300


class ClaimLost(Exception):
    """The file is no longer ours to scan: taken away meanwhile, or another scanner has it."""


class Stopwatch:
    """What time it is now, from the `now` that was handed in: a scan may take minutes."""

    def __init__(self, now: datetime) -> None:
        self._now, self._began = now, time.monotonic()

    def __call__(self) -> datetime:
        return self._now + timedelta(seconds=time.monotonic() - self._began)


def scan_next(scanner: Clamd | None, *, store: Store, policy: Policy, now: datetime) -> bool:
    """Has one file looked at, to whatever verdict; False if none waits for it.

    Without a scanner, what one has left half-way is held until somebody releases it.
    """
    erase_infected(policy=policy, now=now)
    if scanner is None:
        return hold_without_scanner(now=now)
    file = claim(now=now)
    if file is None:
        return False
    at = Stopwatch(now)
    try:
        virus, sha256 = scan_blob(file, scanner=scanner, store=store, at=at)
    except ClaimLost:
        return True
    except BlobMissing:
        return take_away(file, because=ErasedBecause.DAMAGED, now=at())
    except NotScanned as gap:
        return hold_unscanned(file, trouble=str(gap), for_good=gap.for_good, now=at())
    if virus:
        return mark_infected(file, virus=virus, sha256=sha256, policy=policy, now=at())
    return make_ready(
        file, sha256=sha256, source=FileState.SCANNING, scanned_at=at(), policy=policy, now=at()
    )


def waiting(now: datetime) -> QuerySet[TransferFile]:
    """Files of open transfers that a scanner should look at now, the oldest first."""
    due = Q(state__in=(FileState.SCANNING, FileState.UNSCANNED), scan_again_at__lte=now)
    new = Q(state=FileState.RECEIVED, released_at=None)
    return TransferFile.objects.filter(
        due | new, transfer__state=State.OPEN, transfer__open_until__gt=now
    ).order_by("received_at", "id")


def claim(*, now: datetime) -> TransferFile | None:
    """A file that no other scanner will touch for a while, or None; another may be quicker."""
    while (file := waiting(now).select_related("transfer").first()) is not None:
        # Only columns of its own: a join would be looked up again in an older picture of the rows.
        mine = TransferFile.objects.filter(pk=file.pk, state=file.state, scan_tries=file.scan_tries)
        if mine.update(state=FileState.SCANNING, scan_again_at=now + LEASE, scan_tries=F("scan_tries") + 1):
            file.refresh_from_db()
            return file
    return None


def claimed(file: TransferFile) -> QuerySet[TransferFile]:
    """The row, as long as this claim on it stands."""
    return TransferFile.objects.filter(pk=file.pk, state=FileState.SCANNING, scan_tries=file.scan_tries)


def scan_blob(file: TransferFile, *, scanner: Clamd, store: Store, at: Stopwatch) -> tuple[str, str]:
    """What the scanner calls it, empty if clean, and its SHA-256, both from one reading of the blob."""
    digest = hashlib.sha256()
    with store.open(file.blob) as blob:
        virus = scanner.scan(_pieces(blob, digest.update), size=file.size or 0, tick=_claim_renewer(file, at))
        while not virus and (rest := _read(blob)):
            digest.update(rest)  # nothing is left, unless the blob has grown
        whole = blob.tell() == file.size
    if not whole and not virus:
        raise BlobMissing(file.blob)
    return virus, digest.hexdigest()


def _pieces(blob: IO[bytes], seen: Callable[[bytes], None]) -> Iterator[bytes]:
    while piece := _read(blob):
        seen(piece)
        yield piece


def _read(blob: IO[bytes]) -> bytes:
    try:
        return blob.read(PIECE)
    except OSError as fault:
        raise NotScanned(f"the store cannot be read: {fault}") from fault


def _claim_renewer(file: TransferFile, at: Stopwatch) -> Callable[[], None]:
    """Keeps the claim alive; raises GivenUp when it is lost."""
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
    """The file waits unscanned, for another try or for an administrator."""
    pause = RETRY_DELAYS[file.scan_tries - 1] if file.scan_tries <= len(RETRY_DELAYS) else LATER_DELAY
    again = None if for_good else now + pause
    with transaction.atomic():
        held = claimed(file).update(
            state=FileState.UNSCANNED, scan_again_at=again, scan_trouble=trouble[:LONGEST_TROUBLE]
        )
        if held and file.scan_tries == 1:
            record_audit(file.transfer, step="unscanned", role="rule", now=now, file=file)
    log.warning("file %s is unscanned after try %s: %s", file.public_id, file.scan_tries, trouble)
    return bool(held)


def hold_without_scanner(*, now: datetime) -> bool:
    """Files that were being scanned when the scanner was taken out of the settings."""
    left = TransferFile.objects.filter(state=FileState.SCANNING, scan_again_at__lte=now)
    return left.exists() and bool(
        left.update(state=FileState.UNSCANNED, scan_again_at=None, scan_trouble="no scanner is set any more")
    )


def mark_infected(file: TransferFile, *, virus: str, sha256: str, policy: Policy, now: datetime) -> bool:
    """Stopped for good: sender and administrators are told, nobody else ever heard of it."""
    with transaction.atomic():
        if not claimed(file).update(state=FileState.INFECTED, virus=virus, sha256=sha256, scanned_at=now):
            return False
        file.refresh_from_db()
        record_audit(file.transfer, step="infected", role="rule", now=now, reason=virus, file=file)
        compose.write(
            "file-infected", transfer=file.transfer, role=Role.SENDER, policy=policy, now=now, file=file
        )
        notices.write_infected(file, policy=policy, now=now)
    log.warning("file %s of %s is infected: %s", file.public_id, file.transfer.public_id, virus)
    erase_infected(policy=policy, now=now)
    return True


def erase_infected(*, policy: Policy, now: datetime) -> int:
    """Hands what is infected to the one place where bytes are erased; returns how many."""
    infected = TransferFile.objects.filter(state=FileState.INFECTED).select_related("transfer")
    return sum(take_away(file, because=ErasedBecause.INFECTED, now=now) for file in infected)


def rescan_now(*, now: datetime) -> int:
    """The scanner is back: what may come good is looked at now and not after its pause."""
    held = TransferFile.objects.filter(state=FileState.UNSCANNED, scan_again_at__gt=now)
    return held.update(scan_again_at=now)
