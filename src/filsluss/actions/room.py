"""Room: one figure of what files take, asked when a file is announced and while its bytes come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction

from filsluss.blobs import BlobBusy, BlobMissing, LeaseLost, held_writer
from filsluss.installation import Services
from filsluss.letters.each_row import each_row
from filsluss.models import Transfer, TransferFile, serialize_on
from filsluss.models.room_queries import (
    BY_STATE,
    COMING,
    LOCKED_TRANSFER,
    OUTSTANDING,
    PIECE,
    RESERVED,
    UPLOADING,
)
from filsluss.models.upload_queries import UploadAccount
from filsluss.rules.lifecycle import KEPT_FILE, STORED_WHOLE, FileState
from filsluss.rules.refusals import Refused
from filsluss.sqlite.reserve import Reserve

MIB = 1 << 20
BARE_SHARE = 10
"""Promises that are not being kept weigh together at most a tenth of what is free."""
TIGHT, MANY = 1 << 30, 100
"""Announcements wait for each other if less is left on the disk, or less than so many of their size."""
DISK = "disk"
"""The row on which writers and announcements that need the disk's last bytes wait for each other."""
CRASHED_AFTER = timedelta(minutes=1)


class UploadRefused(Refused):
    """The file is refused, for one of the codes in `STATUS`."""


@dataclass(frozen=True)
class Disk:
    """The blob store's disk, in bytes: what is free, and how much of that no upload may take."""

    free: int
    kept_free: int

    @property
    def left(self) -> int:
        return self.free - self.kept_free


@dataclass(frozen=True)
class Account:
    """What a transfer's files take in bytes, and how many are kept, unfinished, and were ever made."""

    taken: int
    live: int
    unfinished: int
    ever: int

    def with_one(self, size: int, *, is_whole: bool) -> Account:
        """With one live file more, of `size` bytes."""
        return Account(self.taken + size, self.live + 1, self.unfinished + (not is_whole), self.ever + 1)


def account_of(transfer_id: int, *, but: int = 0, services: Services, now: datetime) -> Account:
    """Of all its files but the one with id `but`."""
    found = {
        state: (count, int(size or 0)) for state, count, size in BY_STATE.rows(transfer=transfer_id, but=but)
    }
    taken = sum(size for state, (_, size) in found.items() if state in STORED_WHOLE)
    unfinished, _ = found.get(FileState.UPLOADING, (0, 0))
    if unfinished:
        since = now - services.policy.promise_lasts
        ((coming,),) = COMING.rows(transfer=transfer_id, but=but, since=since)
        taken += int(coming or 0)
    live = sum(count for state, (count, _) in found.items() if state in KEPT_FILE)
    return Account(taken, live, unfinished, ever=sum(count for count, _ in found.values()))


def look_at_disk(*, services: Services) -> Disk:
    free, size = services.store.space()
    kept_free = int(size * services.policy.free_space_percent / 100)
    reserve = reserve_of_database()
    if reserve and services.store.shares_disk_with(reserve.folder):
        kept_free = max(kept_free, reserve.margin)
    return Disk(free, kept_free)


def outstanding(free: int, *, but: int = 0, services: Services, now: datetime) -> int:
    """Bytes that uploads, without file `but`, may still write to a disk on which `free` bytes are free."""
    ((kept, bare, reserved),) = OUTSTANDING.rows(but=but, since=now - services.policy.promise_lasts)
    return int(kept or 0) + int(reserved or 0) + min(int(bare or 0), free // BARE_SHARE)


def reserve_of_database() -> Reserve | None:
    """What is set aside for giving back; PostgreSQL has none of ours."""
    return getattr(connection, "reserve", None)


def reserve_is_laid() -> bool:
    """Whether it is laid, or could be laid now; until then no upload is taken."""
    reserve = reserve_of_database()
    return reserve is None or reserve.ensure()


def left_on_disk(*, but: int = 0, services: Services, now: datetime) -> int:
    """Bytes of the disk that are neither used, kept free nor promised; raises UploadRefused if it is full."""
    disk = look_at_disk(services=services)
    left = disk.left - outstanding(disk.free, but=but, services=services, now=now)
    if left < 0 or not reserve_is_laid():
        raise UploadRefused("disk_full")
    return left


def is_short(*, services: Services, now: datetime) -> bool:
    """Whether the disk has no room for one more file of the greatest size, beside what it has promised."""
    disk = look_at_disk(services=services)
    left = disk.left - outstanding(disk.free, services=services, now=now)
    return left < services.policy.max_file_size or not reserve_is_laid()


def refuse_without_space(size: int, *, services: Services) -> None:
    """Refuses what the disk has no space for now, whatever it is promised to; asks no database."""
    if look_at_disk(services=services).left < size:
        raise UploadRefused("disk_full")


def is_tight(left: int, *, size: int) -> bool:
    """Whether `left` bytes are so few beside a file of `size` that announcements wait for each other."""
    return left < max(TIGHT, MANY * size)


def refuse_full_in_turn(needed: int, *, services: Services, now: datetime) -> None:
    """For announcements that wait for each other: of two only one can get what is left."""
    serialize_on(DISK, now=now)
    if left_on_disk(services=services, now=now) < needed:
        raise UploadRefused("disk_full")


def refuse_beyond(account: Account, *, size: int, services: Services) -> None:
    """Refuses one file more, of `size` bytes, that the account has no place or no room for."""
    if account.ever >= services.policy.max_files_ever:
        raise UploadRefused("too_many_files")
    too_many = (
        account.live >= services.policy.max_files or account.unfinished >= services.policy.max_unfinished
    )
    if too_many or account.taken + size > services.policy.max_transfer_size:
        raise UploadRefused("quota_exceeded")


def lock_open(transfer: Transfer | UploadAccount, *, now: datetime) -> None:
    """Locks the transfer's row until the caller's transaction ends; raises UploadRefused if it is over.

    What others may have changed of it is read anew.
    """
    locked = LOCKED_TRANSFER.rows(transfer=transfer.pk)
    if not locked:
        raise UploadRefused("account_ended")  # and was forgotten
    ((transfer.state, transfer.open_until, transfer.closed_reason, *chosen),) = locked
    transfer.one_letter, transfer.receipts = chosen
    refuse_closed(transfer, now=now)


def refuse_closed(transfer: Transfer | UploadAccount, *, now: datetime) -> None:
    if not transfer.is_open_at(now):
        raise UploadRefused("account_closed_by_admin" if transfer.closed_reason else "account_ended")


def take_room(file: TransferFile, *, offset: int, most: int, services: Services, now: datetime) -> int:
    """Up to which offset the file's only writer may write, beyond `offset`, before it asks again.

    A file of announced length needs only that the disk is not full, while its promise holds. One whose
    promise has faded asks for all that is left of it; one of unknown length for `most` bytes at a time, or
    as many as are left. Raises UploadRefused.
    """
    if not file.promise_holds_at(now, lasts=services.policy.promise_lasts):
        until = _reserve(file, offset, most, services=services, now=now)
        if file.size is None:
            return until
    assert file.size is not None
    left = look_at_disk(services=services).left
    if left <= 0 or not reserve_is_laid():
        raise UploadRefused("disk_full")
    return min(file.size, offset + min(PIECE, left, max(MIB, left // 8)))


def _reserve(file: TransferFile, offset: int, most: int, *, services: Services, now: datetime) -> int:
    with transaction.atomic():
        lock_open(file.transfer, now=now)
        serialize_on(DISK, now=now)
        until = _granted(file, offset, most, services=services, now=now)
        arrived = until if file.size is None else offset
        if RESERVED.change(file=file.pk, epoch=file.epoch, arrived=arrived, now=now) != 1:
            raise UploadRefused("upload_gone")
    file.arrived, file.active_at = arrived, now
    return until


def _granted(file: TransferFile, offset: int, most: int, *, services: Services, now: datetime) -> int:
    others = account_of(file.transfer_id, but=file.pk, services=services, now=now).taken
    limits = {
        "too_large": services.policy.max_file_size,
        "quota_exceeded": services.policy.max_transfer_size - others,
        "disk_full": offset + left_on_disk(but=file.pk, services=services, now=now),
    }
    needed = offset + 1 if file.size is None else file.size
    for code, limit in limits.items():
        if limit < needed:
            raise UploadRefused(code)
    return needed if file.size is not None else min(offset + most, *limits.values())


def refuse_size(file: TransferFile, *, size: int, services: Services, now: datetime) -> None:
    """Refuses the length of a file that was announced without one. Needs the lock of the transfer's row."""
    if size <= file.arrived:
        return
    others = account_of(file.transfer_id, but=file.pk, services=services, now=now)
    if others.taken + size > services.policy.max_transfer_size:
        raise UploadRefused("quota_exceeded")
    if left_on_disk(but=file.pk, services=services, now=now) < size - file.arrived:
        raise UploadRefused("disk_full")


def tidy(*, services: Services, now: datetime) -> int:
    """Lays the reserve if it is missing, and corrects reservations that a crash left wrong; returns how many.

    Only of uploads that no request has moved for a minute.
    """
    reserve_is_laid()
    idle = TransferFile.objects.filter(UPLOADING, active_at__lte=now - CRASHED_AFTER)
    return each_row(
        "keep room",
        idle,
        lambda file: correct_reservation(file, services=services),
        policy=services.policy,
        now=now,
    )


def correct_reservation(file: TransferFile, *, services: Services) -> bool:
    """Makes `arrived` what is stored; False if it was, or if a writer is at work."""
    try:
        if services.store.size(file.blob) == file.arrived:
            return False
        held = held_writer(file.blob, store=services.store, locker=services.locker, patience=0)
        with held as (writer, lease):
            file.hold_under(lease.epoch)
            row = TransferFile.objects.filter(UPLOADING, pk=file.pk, epoch=file.epoch)
            return bool(row.update(arrived=writer.offset))
    except (BlobMissing, BlobBusy, LeaseLost):
        return False
