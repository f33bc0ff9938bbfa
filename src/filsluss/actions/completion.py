"""Completion: uploads whose every byte is there are received, hashed and made ready."""

import logging
from datetime import datetime, timedelta

from filsluss.actions.upload import make_ready, receive, take_away
from filsluss.blobs import BlobBusy, BlobMissing, Store
from filsluss.models import TransferFile
from filsluss.rules.lifecycle import (
    ErasedBecause,
    FileState,
)
from filsluss.rules.policy import Policy

log = logging.getLogger(__name__)


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
        return take_away(file, because=ErasedBecause.DAMAGED, now=now)
    return make_ready(file, sha256=sha256, policy=policy, now=now)
