"""Erasure: bytes are deleted, which is verified and recorded, and only then the parties are told."""

import contextlib
import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import Count

from filsluss.actions.transitions import (
    RULE,
    Cause,
    distinct_roles,
    move_all,
    record_audit,
    record_files,
    withdraw_needless_reminder,
)
from filsluss.blobs import BlobBusy, StoreAway, erase_held, erase_stray_held
from filsluss.installation import Services
from filsluss.letters import collecting, compose, outbox
from filsluss.letters.each_row import each_batch, each_row
from filsluss.models import Pickup, Transfer, TransferFile
from filsluss.models.batches import MOST_NAMES, batches, by_key, from_anywhere, weighed
from filsluss.models.link import read_status_links
from filsluss.rules.directions import Role
from filsluss.rules.letter_kinds import READY_KINDS, LetterKind
from filsluss.rules.lifecycle import ERASED, KEPT_FILE, LIVE_FILE, ErasedBecause, FileState, State

log = logging.getLogger(__name__)

ORPHAN_AGE = timedelta(hours=1)
ACCOUNTS = 100
"""Ended accounts that are closed before files that were removed meanwhile have their turn."""
FILES = 300
"""Accounts and files that the letters of one transaction are about, which holds up every writer of SQLite."""


def take_away(
    file: TransferFile, *, because: ErasedBecause, cause: Cause = RULE, as_writer: bool = False, now: datetime
) -> bool:
    """Ends all access to the file at once and marks its bytes for erasure; False if that was done before.

    `as_writer`: called by a request that writes the blob; changes nothing if a newer writer has taken over.
    """
    with transaction.atomic():
        row = TransferFile.objects.filter(pk=file.pk, state__in=sources_of(because))
        if as_writer:
            row = row.filter(epoch=file.epoch)
        marked = row.update(
            state=FileState.ERASING,
            erased_because=because,
            removed_by="" if cause.role == RULE.role else cause.role,
            removal_reason=cause.reason,
            removal_code=cause.reason_code,
            withheld_until=None,
        )
        if not marked:
            return False
        file.refresh_from_db()
        cause = replace(cause, reason_code=because.value)
        record_audit(file.transfer, step=f"file-{because}", cause=cause, now=now, file=file)
        outbox.withdraw_unsent(transfer=file.transfer, file=file, kinds=READY_KINDS, now=now)
        withdraw_needless_reminder(file.transfer, now=now)
    return True


def sources_of(because: ErasedBecause) -> Collection[FileState]:
    """The states from which a file is taken away for that reason: withheld ones, too, if they are damaged."""
    if because is ErasedBecause.INFECTED:
        return (FileState.INFECTED,)
    return KEPT_FILE if because is ErasedBecause.DAMAGED else LIVE_FILE


def erase_withheld(files: Sequence[TransferFile], *, cause: Cause = RULE, now: datetime) -> int:
    """Marks withheld files for erasure, for the reason that they were removed for; returns how many.

    An administrator who erases one before its time gives the reason anew.
    """
    anew = {"removal_reason": cause.reason, "removal_code": cause.reason_code, "removed_by": cause.role}
    changes = {"state": FileState.ERASING, "withheld_until": None, **({} if cause is RULE else anew)}
    with transaction.atomic():
        withheld = TransferFile.objects.filter(
            pk__in=[file.pk for file in files], state=FileState.WITHHELD
        ).select_for_update(no_key=True)
        marked = list(withheld.order_by("pk"))
        give_transfers(marked, transfers=[file.transfer for file in files])
        TransferFile.objects.filter(pk__in=[file.pk for file in marked]).update(**changes)
        noted = replace(cause, reason_code=ErasedBecause.REMOVED.value)
        record_files(marked, step=f"file-{ErasedBecause.REMOVED}", cause=noted, now=now)
    return len(marked)


def erase_files(*, services: Services, now: datetime) -> int:
    """Erases files that are marked, and then those of some ended accounts, which it closes.

    Returns the number of both; 0 if there is nothing left to do. Few accounts at a time, so that a file that
    is removed meanwhile does not wait for thousands of others.
    """
    marked = TransferFile.objects.filter(state=FileState.ERASING).exclude(transfer__state=State.CLOSING)
    done = sum(
        erase_all(files, services=services, now=now)
        for files in from_anywhere(marked.select_related("transfer"))
    )
    ended = Transfer.objects.filter(state=State.CLOSING).prefetch_related("parties")
    for transfers in from_anywhere(ended, ACCOUNTS):
        if closed := close_ended(transfers, services=services, now=now):
            return done + closed
    return done


def close_ended(transfers: Sequence[Transfer], *, services: Services, now: datetime) -> int:
    """Takes the files of these accounts away, erases them, and closes the accounts that have none left."""
    each_batch(
        "take files away",
        [transfers],
        lambda accounts: take_all_away(accounts, now=now),
        policy=services.policy,
        now=now,
    )
    marked = TransferFile.objects.filter(transfer__in=transfers, state=FileState.ERASING)
    done = 0
    for files in by_key(marked):
        give_transfers(files, transfers=transfers)
        done += erase_all(files, services=services, now=now)
    left = set(
        TransferFile.objects.filter(transfer__in=transfers)
        .exclude(state=FileState.ERASED)
        .values_list("transfer_id", flat=True)
        .distinct()
    )
    emptied = [transfer for transfer in transfers if transfer.pk not in left]
    read_status_links(emptied)
    return done + each_batch(
        "close transfers",
        with_few_files(emptied),
        lambda accounts: queue_erased(accounts, services=services, now=now),
        policy=services.policy,
        now=now,
    )


def with_few_files(transfers: Sequence[Transfer]) -> Iterator[list[Transfer]]:
    """The transfers in batches whose files are not too many for the memory, and to be written of at once."""
    owners = TransferFile.objects.filter(transfer__in=transfers).values_list("transfer_id")
    counts = dict(owners.annotate(Count("pk")))
    return weighed(transfers, lambda transfer: 1 + counts.get(transfer.pk, 0), FILES)


def give_transfers(files: Iterable[TransferFile], *, transfers: Iterable[Transfer]) -> None:
    """Gives the files these transfers, whose parties have been read."""
    known = {transfer.pk: transfer for transfer in transfers}
    for file in files:
        file.transfer = known[file.transfer_id]


def take_all_away(transfers: Sequence[Transfer], *, now: datetime) -> int:
    """Marks every file of ended accounts for erasure, as `take_away` does; returns how many.

    The letters about them have been withdrawn when the accounts ended. A withheld file goes as one that an
    administrator removed.
    """
    with transaction.atomic():
        kept = TransferFile.objects.filter(transfer__in=transfers, state__in=KEPT_FILE)
        found = list(kept.select_for_update(no_key=True).order_by("pk"))
        give_transfers(found, transfers=transfers)
        files = [file for file in found if file.state != FileState.WITHHELD]
        withheld = [file for file in found if file.state == FileState.WITHHELD]
        for batch in batches(withheld):
            erase_withheld(batch, now=now)
        marks = {"state": FileState.ERASING, "erased_because": ErasedBecause.ENDED}
        for batch in batches(files):
            TransferFile.objects.filter(pk__in=[file.pk for file in batch]).update(**marks)
        cause = replace(RULE, reason_code=ErasedBecause.ENDED.value)
        record_files(files, step=f"file-{ErasedBecause.ENDED}", cause=cause, now=now)
    return len(found)


def erase_all(files: Sequence[TransferFile], *, services: Services, now: datetime) -> int:
    """Erases these marked files: first the bytes of each, and then the records of all; returns how many."""
    gone = list[TransferFile]()

    def erase_one(file: TransferFile) -> int:
        gone.extend([file] if erase_bytes(file, services=services) else [])
        return 0

    each_row("erase files", files, erase_one, policy=services.policy, now=now)
    return each_batch(
        "record erasures",
        [gone],
        lambda files: record_erased(files, services=services, now=now),
        policy=services.policy,
        now=now,
    )


def erase(file: TransferFile, *, services: Services, now: datetime) -> bool:
    """Erases one marked file and records it; False if it is to be tried again."""
    return erase_bytes(file, services=services) and bool(record_erased([file], services=services, now=now))


def erase_bytes(file: TransferFile, *, services: Services) -> bool:
    """Deletes the bytes and verifies that; False if that is to be tried again."""
    try:
        erase_held(file.blob, store=services.store, locker=services.locker)
    except BlobBusy:
        return False
    except StoreAway:
        raise
    except OSError:
        log.exception("the bytes of %s could not be erased; trying again", file.public_id)
        return False
    return not services.store.exists(file.blob)


def record_erased(files: Sequence[TransferFile], *, services: Services, now: datetime) -> int:
    """Records that the bytes are gone, with the letters that say so; returns how many were not recorded yet.

    A crash before it leaves the files marked: the next run begins again.
    """
    with transaction.atomic():
        marked = TransferFile.objects.filter(pk__in=[file.pk for file in files], state=FileState.ERASING)
        locked = marked.select_for_update(no_key=True).order_by("pk")
        keys = set(locked.values_list("pk", flat=True))
        recorded = [file for file in files if file.pk in keys]
        TransferFile.objects.filter(pk__in=keys).update(state=FileState.ERASED, erased_at=now)
        Pickup.objects.filter(file__in=keys).update(code_digest=None, code_sealed="")
        record_files(recorded, step="file-erased", cause=RULE, now=now)
        for file in recorded:
            queue_removed(file, services=services, now=now)
    return len(recorded)


def queue_removed(file: TransferFile, *, services: Services, now: datetime) -> None:
    """Tells the parties that were told of the file that a person removed it; of many in one letter."""
    if not file.removed_by or file.received_at is None:
        return
    told = tuple(Role) if file.ready_at else (Role.SENDER,)
    for role in distinct_roles(file.transfer, among=told):
        reader = file.transfer.party(role)
        if reader and collecting.collects_removals(reader, now=now):
            collecting.collect_removed(file, reader, policy=services.policy, now=now)
            continue
        compose.write(
            LetterKind.FILE_REMOVED,
            transfer=file.transfer,
            role=role,
            policy=services.policy,
            now=now,
            file=file,
        )


def queue_erased(transfers: Sequence[Transfer], *, services: Services, now: datetime) -> int:
    """Takes the last step: each is closed, and its parties are told which files were erased; how many.

    Those are all that were ever whole, also the ones that were removed before the end.
    """
    received = TransferFile.objects.filter(transfer__in=transfers, received_at__isnull=False)
    in_order = received.order_by("received_at", "id").prefetch_related("pickups")
    files = defaultdict[int, list[TransferFile]](list)
    for file in in_order.iterator(chunk_size=MOST_NAMES):
        files[file.transfer_id].append(file)
    return move_all(transfers, step=ERASED, services=services, now=now, files=files, erased_at=now)


def erase_orphans(*, services: Services, now: datetime) -> int:
    """Erases blobs without a row, left by a crash; younger ones may still get their row. Returns how many."""
    orphans, strays = _orphans(services=services, now=now), services.store.strays(now - ORPHAN_AGE)
    return sum(
        each_row(job, names, partial(_erased, erase, services=services), policy=services.policy, now=now)
        for job, names, erase in (
            ("erase orphans", orphans, erase_held),
            ("erase strays", strays, erase_stray_held),
        )
    )


def _erased(erase: Callable[..., None], name: str, *, services: Services) -> int:
    with contextlib.suppress(BlobBusy):
        erase(name, store=services.store, locker=services.locker)
        return 1
    return 0


def _orphans(*, services: Services, now: datetime) -> Iterator[str]:
    """Their names, as they are met: a store may have millions of blobs."""
    aged = (name for name, written_at in services.store.names() if written_at < now - ORPHAN_AGE)
    live = TransferFile.objects.exclude(state=FileState.ERASED)
    for batch in batches(aged):
        known = set(live.filter(upload_id__in=batch).values_list("upload_id", flat=True))
        yield from (name for name in batch if name not in known)
