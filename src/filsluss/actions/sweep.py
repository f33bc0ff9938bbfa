"""Sweep: what is done because time has passed, and the one place where bytes are erased."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from filsluss.actions.advance import StepRefused, advance, distinct_roles, note
from filsluss.actions.upload import make_ready, receive, take_away
from filsluss.blobs import BlobBusy, BlobMissing, Store
from filsluss.letters import compose
from filsluss.models import Attempt, AuditEntry, Heartbeat, Letter, Transfer, TransferFile
from filsluss.models.letter import Delivery
from filsluss.models.transfer import LinkLost
from filsluss.rules.directions import Role
from filsluss.rules.lifecycle import ENDED, ERASED, LAPSED, LIVE_FILE, OVER, Because, FileState, State, Step
from filsluss.rules.policy import Policy

log = logging.getLogger(__name__)

ORPHAN_AGE = timedelta(hours=1)
REMIND = timedelta(days=2)
"""How long before a time runs out whoever could still use it is reminded."""
NO_SOONER = timedelta(days=1)
"""Nobody is reminded of what reached them within a day."""


def show_alive(part: str, *, now: datetime) -> None:
    """A part of the house says that it is at work."""
    Heartbeat.objects.update_or_create(name=part, defaults={"at": now})


def lapse_undecided(*, policy: Policy, now: datetime) -> int:
    """Applications that nobody answered in time; returns how many lapsed."""
    return sum(_stepped(transfer, LAPSED, policy, now) for transfer in Transfer.objects.undecided_at(now))


def end_accounts(*, policy: Policy, now: datetime) -> int:
    """Accounts whose time is out: their files are marked, to be erased; returns how many ended."""
    return sum(
        _stepped(transfer, ENDED, policy, now, ended_at=now) for transfer in Transfer.objects.over_at(now)
    )


def _stepped(transfer: Transfer, step: Step, policy: Policy, now: datetime, **changes: Any) -> bool:
    try:
        advance(transfer, step, by="", role="rule", policy=policy, now=now, **changes)
    except StepRefused:
        return False
    return True


def remind_approvers(*, policy: Policy, now: datetime) -> int:
    """Applications that will soon lapse unanswered; returns how many approvers were reminded."""
    waiting = Transfer.objects.filter(
        state=State.PENDING,
        lapse_by__gt=now,
        lapse_by__lte=now + REMIND,
        applied_at__lte=now - NO_SOONER,
    )
    waiting = waiting.exclude(letters__kind="approval-reminder").order_by("lapse_by", "id")
    return sum(_approver_reminded(transfer, policy, now) for transfer in waiting)


def _approver_reminded(transfer: Transfer, policy: Policy, now: datetime) -> bool:
    with transaction.atomic():
        locked = (
            Transfer.objects.select_for_update(no_key=True)
            .filter(pk=transfer.pk, state=State.PENDING)
            .first()
        )
        if locked is None:
            return False
        return _remind("approval-reminder", locked, (Role.APPROVER,), [], policy, now)


def remind_of_files(*, policy: Policy, now: datetime) -> int:
    """Accounts that will soon end with files nobody has fetched; returns how many accounts."""
    unfetched = TransferFile.objects.ready().filter(fetched_at=None, ready_at__lte=now - NO_SOONER)
    waiting = Transfer.objects.filter(
        state=State.OPEN, open_until__gt=now, open_until__lte=now + REMIND, files__in=unfetched
    )
    waiting = waiting.exclude(letters__kind="expiry-reminder").order_by("open_until", "id").distinct()
    return sum(_reminded_of_files(transfer, policy, now) for transfer in waiting)


def _reminded_of_files(transfer: Transfer, policy: Policy, now: datetime) -> bool:
    """The rows are held, so that a fetch that comes in between finds the letter and withdraws it."""
    with transaction.atomic():
        locked = (
            Transfer.objects.select_for_update(no_key=True).filter(pk=transfer.pk, state=State.OPEN).first()
        )
        if locked is None:
            return False
        unfetched = list(locked.files.ready().filter(fetched_at=None).select_for_update(no_key=True))
        told = distinct_roles(locked, among=(Role.RECIPIENT, Role.SENDER))
        return bool(unfetched) and _remind("expiry-reminder", locked, told, unfetched, policy, now)


def _remind(
    kind: str,
    transfer: Transfer,
    told: Sequence[Role],
    files: Sequence[TransferFile],
    policy: Policy,
    now: datetime,
) -> bool:
    """False where the key of its link is lost: nobody can be led there, and others must not wait."""
    try:
        for role in told:
            compose.write(kind, transfer=transfer, role=role, policy=policy, now=now, files=files)
    except LinkLost:
        log.error("%s of %s cannot be written: the key of its link is lost", kind, transfer.public_id)
        return False
    return True


def erase_files(*, store: Store, policy: Policy, now: datetime) -> int:
    """Erases every marked file, then tells of the accounts that are empty; returns how much was done."""
    doomed = TransferFile.objects.filter(transfer__state=State.CLOSING, state__in=LIVE_FILE)
    for file in doomed.select_related("transfer"):
        take_away(file, because=Because.ENDED, now=now)
    marked = TransferFile.objects.filter(state=FileState.ERASING).select_related("transfer")
    done = sum(erase(file, store=store, policy=policy, now=now) for file in marked)
    emptied = Transfer.objects.filter(state=State.CLOSING).exclude(
        files__in=TransferFile.objects.exclude(state=FileState.ERASED)
    )
    return done + sum(tell_erased(transfer, policy=policy, now=now) for transfer in emptied)


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
        if row.update(state=FileState.ERASED, erased_at=now, code_digest=None) != 1:
            return False
        file.refresh_from_db()
        note(file.transfer, step="file-erased", by="", role="rule", now=now, file=file)
        tell_removed(file, policy=policy, now=now)
    return True


def tell_removed(file: TransferFile, *, policy: Policy, now: datetime) -> None:
    """A file taken away before the end: whoever knew of it is told."""
    if not file.removed_by or file.received_at is None:
        return
    knew = tuple(Role) if file.ready_at else (Role.SENDER,)
    for role in distinct_roles(file.transfer, among=knew):
        compose.write("file-removed", transfer=file.transfer, role=role, policy=policy, now=now, file=file)


def tell_erased(transfer: Transfer, *, policy: Policy, now: datetime) -> bool:
    """The last step: the account is over, and everybody it names is told what is gone."""
    ended = transfer.files.filter(erased_because=Because.ENDED, received_at__isnull=False)
    return _stepped(
        transfer, ERASED, policy, now, erased_at=now, files=list(ended.order_by("received_at", "id"))
    )


def expire_stale(*, store: Store, policy: Policy, now: datetime) -> int:
    """Uploads that nothing has moved for two days, unless somebody is writing right now."""
    idle = TransferFile.objects.filter(
        state=FileState.UPLOADING, active_at__lte=now - policy.upload_idle
    ).select_related("transfer")
    return sum(
        take_away(file, because=Because.STALE, now=now)
        for file in idle
        if not store.is_being_written(file.blob)
    )


def receive_whole(*, store: Store, policy: Policy, boot_id: str, now: datetime) -> int:
    """Uploads whose every byte is here though nobody came back to say so."""
    waiting = TransferFile.objects.filter(
        state=FileState.UPLOADING, size__isnull=False, active_at__lte=now - timedelta(seconds=30)
    )
    return sum(_received(file, store, boot_id, now) for file in waiting.select_related("transfer"))


def _received(file: TransferFile, store: Store, boot_id: str, now: datetime) -> bool:
    try:
        if file.boot_id != boot_id or store.size(file.blob) != file.size:
            return False
        with store.writer(file.blob, patience=0) as writer:
            writer.sync()
            return writer.offset == file.size and receive(file, boot_id=boot_id, now=now)
    except (BlobMissing, BlobBusy):
        return False


def ready_received(*, store: Store, policy: Policy, now: datetime, with_scanner: bool = False) -> int:
    """Received files get their SHA-256 and become ready; a blob that has vanished is damaged.

    Where a scanner is set, only what an administrator has released comes this way.
    """
    received = TransferFile.objects.filter(state=FileState.RECEIVED).select_related("transfer")
    if with_scanner:
        received = received.exclude(released_at=None)
    return sum(_made_ready(file, store, policy, now) for file in received.order_by("received_at", "id"))


def _made_ready(file: TransferFile, store: Store, policy: Policy, now: datetime) -> bool:
    if not file.transfer.is_open_at(now):
        return False
    try:
        sha256 = store.sha256(file.blob)
    except BlobMissing:
        return take_away(file, because=Because.DAMAGED, now=now)
    return make_ready(file, sha256=sha256, policy=policy, now=now)


def forget(*, policy: Policy, now: datetime) -> int:
    """Rows, letters and names go after their time; audit entries lose their names, and go later.

    A letter that has not left is waited for: it leaves, or is given up, within days.
    """
    long_ago = now - timedelta(days=policy.forget_days)
    old = Transfer.objects.filter(state__in=OVER, over_at__lte=long_ago)
    forgotten = _forget_rows(old.exclude(letters__in=Letter.objects.queued()))
    AuditEntry.objects.filter(at__lte=now - timedelta(days=policy.audit_days)).delete()
    Attempt.objects.filter(at__lte=now - timedelta(days=1)).delete()
    homeless = Letter.objects.filter(transfer__isnull=True, written_at__lte=long_ago)
    homeless.exclude(delivery=Delivery.QUEUED).delete()
    return forgotten


def _forget_rows(transfers: QuerySet[Transfer]) -> int:
    forgotten = 0
    for transfer in transfers:
        with transaction.atomic():
            AuditEntry.objects.filter(transfer_id_public=transfer.public_id).update(actor="", about="")
            transfer.delete()
        forgotten += 1
    return forgotten


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
