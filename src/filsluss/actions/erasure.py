"""Erasure: the one place where bytes are deleted: delete, verify, record, and only then the letter."""

import logging
from datetime import datetime, timedelta

from django.db import transaction

from filsluss.actions.transitions import distinct_roles, moved, record_audit, withdraw_needless_reminder
from filsluss.blobs import BlobBusy, Store
from filsluss.letters import compose, outbox
from filsluss.models import Transfer, TransferFile
from filsluss.models.letter import READY_KINDS
from filsluss.rules.directions import Role
from filsluss.rules.lifecycle import ERASED, LIVE_FILE, ErasedBecause, FileState, State
from filsluss.rules.policy import Policy

log = logging.getLogger(__name__)

ORPHAN_AGE = timedelta(hours=1)


def take_away(
    file: TransferFile,
    *,
    because: ErasedBecause,
    removed_by: str = "",
    reason: str = "",
    person: str = "",
    as_writer: bool = False,
    now: datetime,
) -> bool:
    """Ends every access to the file at once and marks its bytes for erasure; False if it was already so.

    `removed_by` is "sender" or "administrator", empty for a rule. `as_writer`: on behalf of a request that
    writes the blob, which changes nothing once a newer writer has it.
    """
    sources = {FileState.INFECTED} if because is ErasedBecause.INFECTED else LIVE_FILE
    with transaction.atomic():
        row = TransferFile.objects.filter(pk=file.pk, state__in=sources)
        if as_writer:
            row = row.filter(epoch=file.epoch)
        marked = row.update(
            state=FileState.ERASING, erased_because=because, removed_by=removed_by, removal_reason=reason
        )
        if not marked:
            return False
        file.refresh_from_db()
        record_audit(
            file.transfer,
            step=f"file-{because}",
            role=removed_by or "rule",
            person=person,
            now=now,
            reason=reason,
            reason_code=because.value,
            file=file,
        )
        outbox.withdraw_unsent(transfer=file.transfer, file=file, kinds=READY_KINDS, now=now)
        withdraw_needless_reminder(file.transfer, now=now)
    return True


def erase_files(*, store: Store, policy: Policy, now: datetime) -> int:
    """Erases every marked file, then tells of the accounts that are empty; returns how much was done."""
    doomed = TransferFile.objects.filter(transfer__state=State.CLOSING, state__in=LIVE_FILE)
    for file in doomed.select_related("transfer"):
        take_away(file, because=ErasedBecause.ENDED, now=now)
    marked = TransferFile.objects.filter(state=FileState.ERASING).select_related("transfer")
    done = sum(erase(file, store=store, policy=policy, now=now) for file in marked)
    emptied = Transfer.objects.filter(state=State.CLOSING).exclude(
        files__in=TransferFile.objects.exclude(state=FileState.ERASED)
    )
    return done + sum(queue_erased(transfer, policy=policy, now=now) for transfer in emptied)


def erase(file: TransferFile, *, store: Store, policy: Policy, now: datetime) -> bool:
    """Deletes the bytes, verifies that they are gone, records it, and only then lets a letter say so.

    A crash anywhere before the record leaves the file marked, and the next sweep begins again.
    """
    try:
        store.erase(file.blob)
    except BlobBusy:
        return False
    except OSError:
        log.exception("the bytes of %s could not be erased; it is tried again", file.public_id)
        return False
    if store.exists(file.blob):
        return False
    with transaction.atomic():
        row = TransferFile.objects.filter(pk=file.pk, state=FileState.ERASING)
        if row.update(state=FileState.ERASED, erased_at=now) != 1:
            return False
        file.pickups.update(code_digest=None, code_sealed="")
        file.refresh_from_db()
        record_audit(file.transfer, step="file-erased", role="rule", now=now, file=file)
        queue_removed(file, policy=policy, now=now)
    return True


def queue_removed(file: TransferFile, *, policy: Policy, now: datetime) -> None:
    """A file taken away before the end: whoever knew of it is told."""
    if not file.removed_by or file.received_at is None:
        return
    knew = tuple(Role) if file.ready_at else (Role.SENDER,)
    for role in distinct_roles(file.transfer, among=knew):
        compose.write("file-removed", transfer=file.transfer, role=role, policy=policy, now=now, file=file)


def queue_erased(transfer: Transfer, *, policy: Policy, now: datetime) -> bool:
    """The last step: the account is over, and everybody it names is told what is gone."""
    ended = transfer.files.filter(erased_because=ErasedBecause.ENDED, received_at__isnull=False)
    files = list(ended.order_by("received_at", "id").prefetch_related("pickups"))
    return moved(transfer, ERASED, policy=policy, now=now, erased_at=now, files=files)


def erase_orphans(*, store: Store, now: datetime) -> int:
    """Blobs that no row knows, left by a crash between the two; younger ones may still get their row."""
    aged = [name for name, touched in store.names() if touched < now - ORPHAN_AGE]
    known = set(
        TransferFile.objects.filter(upload_id__in=aged)
        .exclude(state=FileState.ERASED)
        .values_list("upload_id", flat=True)
    )
    orphans = [name for name in aged if name not in known]
    for name in orphans:
        store.erase(name)
    return len(orphans)
