"""Erasure: bytes are deleted, which is verified and recorded, and only then the parties are told."""

import contextlib
import logging
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction

from filsluss.actions.transitions import (
    RULE,
    Cause,
    distinct_roles,
    moved,
    record_audit,
    withdraw_needless_reminder,
)
from filsluss.blobs import BlobBusy, StoreAway, erase_held
from filsluss.installation import Services
from filsluss.letters import compose, outbox
from filsluss.letters.each_row import each_row
from filsluss.models import Transfer, TransferFile
from filsluss.models.batches import MOST_NAMES, batches
from filsluss.rules.directions import Role
from filsluss.rules.letter_kinds import READY_KINDS, LetterKind
from filsluss.rules.lifecycle import ERASED, LIVE_FILE, ErasedBecause, FileState, State

log = logging.getLogger(__name__)

ORPHAN_AGE = timedelta(hours=1)


def take_away(
    file: TransferFile, *, because: ErasedBecause, cause: Cause = RULE, as_writer: bool = False, now: datetime
) -> bool:
    """Ends all access to the file at once and marks its bytes for erasure; False if that was done before.

    `as_writer`: called by a request that writes the blob; changes nothing if a newer writer has taken over.
    """
    sources = {FileState.INFECTED} if because is ErasedBecause.INFECTED else LIVE_FILE
    with transaction.atomic():
        row = TransferFile.objects.filter(pk=file.pk, state__in=sources)
        if as_writer:
            row = row.filter(epoch=file.epoch)
        marked = row.update(
            state=FileState.ERASING,
            erased_because=because,
            removed_by="" if cause.role == RULE.role else cause.role,
            removal_reason=cause.reason,
        )
        if not marked:
            return False
        file.refresh_from_db()
        cause = replace(cause, reason_code=because.value)
        record_audit(file.transfer, step=f"file-{because}", cause=cause, now=now, file=file)
        outbox.withdraw_unsent(transfer=file.transfer, file=file, kinds=READY_KINDS, now=now)
        withdraw_needless_reminder(file.transfer, now=now)
    return True


def erase_files(*, services: Services, now: datetime) -> int:
    """Erases every marked file, and closes transfers without files; returns the number of both."""
    ended = TransferFile.objects.filter(transfer__state=State.CLOSING, state__in=LIVE_FILE)
    each_row(
        "take files away",
        ended.select_related("transfer"),
        lambda file: take_away(file, because=ErasedBecause.ENDED, now=now),
        policy=services.policy,
        now=now,
    )
    marked = TransferFile.objects.filter(state=FileState.ERASING).select_related("transfer")
    done = each_row(
        "erase files",
        marked,
        lambda file: erase(file, services=services, now=now),
        policy=services.policy,
        now=now,
    )
    emptied = Transfer.objects.filter(state=State.CLOSING).exclude(
        files__in=TransferFile.objects.exclude(state=FileState.ERASED)
    )
    return done + each_row(
        "close transfers",
        emptied,
        lambda transfer: queue_erased(transfer, services=services, now=now),
        policy=services.policy,
        now=now,
    )


def erase(file: TransferFile, *, services: Services, now: datetime) -> bool:
    """Deletes the bytes, verifies that, and records it together with the letter that says so.

    A crash before the record leaves the file marked: the next run begins again. False if that is needed.
    """
    try:
        erase_held(file.blob, store=services.store, locker=services.locker)
    except BlobBusy:
        return False
    except StoreAway:
        raise
    except OSError:
        log.exception("the bytes of %s could not be erased; trying again", file.public_id)
        return False
    if services.store.exists(file.blob):
        return False
    with transaction.atomic():
        row = TransferFile.objects.filter(pk=file.pk, state=FileState.ERASING)
        if row.update(state=FileState.ERASED, erased_at=now) != 1:
            return False
        file.pickups.update(code_digest=None, code_sealed="")
        file.refresh_from_db()
        record_audit(file.transfer, step="file-erased", cause=RULE, now=now, file=file)
        queue_removed(file, services=services, now=now)
    return True


def queue_removed(file: TransferFile, *, services: Services, now: datetime) -> None:
    """Tells the parties that were told of the file that a person removed it."""
    if not file.removed_by or file.received_at is None:
        return
    told = tuple(Role) if file.ready_at else (Role.SENDER,)
    for role in distinct_roles(file.transfer, among=told):
        compose.write(
            LetterKind.FILE_REMOVED,
            transfer=file.transfer,
            role=role,
            policy=services.policy,
            now=now,
            file=file,
        )


def queue_erased(transfer: Transfer, *, services: Services, now: datetime) -> bool:
    """Takes the last step: the transfer is closed, and its parties are told which files were erased.

    Those are all that were ever whole, also the ones that were removed before the end.
    """
    received = transfer.files.filter(received_at__isnull=False)
    in_order = received.order_by("received_at", "id").prefetch_related("pickups")
    files = list(in_order.iterator(chunk_size=MOST_NAMES))
    return moved(transfer, ERASED, services=services, now=now, erased_at=now, files=files)


def erase_orphans(*, services: Services, now: datetime) -> int:
    """Erases blobs without a row, left by a crash; younger ones may still get their row. Returns how many."""
    aged = [name for name, written_at in services.store.names() if written_at < now - ORPHAN_AGE]
    live = TransferFile.objects.exclude(state=FileState.ERASED)
    known = {
        name
        for batch in batches(aged)
        for name in live.filter(upload_id__in=batch).values_list("upload_id", flat=True)
    }
    orphans = [name for name in aged if name not in known]

    def erase_orphan(name: str) -> int:
        with contextlib.suppress(BlobBusy):
            erase_held(name, store=services.store, locker=services.locker)
            return 1
        return 0

    done = each_row("erase orphans", orphans, erase_orphan, policy=services.policy, now=now)
    return done + _erase_strays(services=services, now=now)


def _erase_strays(*, services: Services, now: datetime) -> int:
    def erase_stray(stray: str) -> int:
        services.store.erase_stray(stray)
        return 1

    strays = services.store.strays(now - ORPHAN_AGE)
    return each_row("erase strays", strays, erase_stray, policy=services.policy, now=now)
