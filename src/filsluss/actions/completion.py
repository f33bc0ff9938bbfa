"""Completion: uploads of which every byte is stored are received, hashed and made ready."""

import re
from base64 import b64decode
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import prefetch_related_objects

from filsluss.actions.erasure import take_away
from filsluss.actions.missing_bytes import found_missing
from filsluss.actions.transitions import RULE, record_audit
from filsluss.actions.upload import STILL_OPEN, receive
from filsluss.blobs import BlobBusy, BlobMissing, Digests, LeaseLost, ObjectMissing, held_writer
from filsluss.installation import Services
from filsluss.letters import collecting, compose
from filsluss.letters.each_row import each_row
from filsluss.models import Link, Party, Pickup, Transfer, TransferFile
from filsluss.models.batches import batches
from filsluss.models.link import FILE_PURPOSES, keep_links
from filsluss.rules.directions import Role
from filsluss.rules.letter_kinds import LetterKind
from filsluss.rules.lifecycle import ErasedBecause, FileState
from filsluss.rules.tokens import code_digest, draw_code, show_code


def receive_whole(*, services: Services, now: datetime) -> int:
    """Receives uploads of which every byte is stored, but whose last request failed; returns how many."""
    waiting = TransferFile.objects.filter(
        state=FileState.UPLOADING, size__isnull=False, active_at__lte=now - timedelta(seconds=30)
    )
    return each_row(
        "receive whole uploads",
        waiting.select_related("transfer"),
        lambda file: _received(file, services=services, now=now),
        policy=services.policy,
        now=now,
    )


def _received(file: TransferFile, *, services: Services, now: datetime) -> bool:
    try:
        if file.boot_id != services.boot_id or services.store.size(file.blob) != file.size:
            return False
        held = held_writer(file.blob, store=services.store, locker=services.locker, patience=0)
        with held as (writer, lease):
            file.hold_under(lease.epoch)
            writer.sync(keep=file.acknowledged)
            return writer.offset == file.size and receive(file, boot_id=services.boot_id, now=now)
    except (BlobMissing, BlobBusy, LeaseLost):
        return False


def ready_received(*, services: Services, now: datetime) -> int:
    """Hashes received files and makes them ready; one without its blob is damaged. Returns how many.

    With a scanner, which hashes the files that it scans, these are only the ones that were released.
    """
    received = TransferFile.objects.filter(state=FileState.RECEIVED).select_related("transfer")
    if services.scanner:
        received = received.exclude(released_at=None)
    return each_row(
        "make received files ready",
        _with_parties(received.order_by("received_at", "id")),
        lambda file: _made_ready(file, services=services, now=now),
        policy=services.policy,
        now=now,
    )


def _with_parties(files: Iterable[TransferFile]) -> Iterator[TransferFile]:
    """The same files; the parties of many transfers are read by one query."""
    for batch in batches(files):
        prefetch_related_objects(batch, "transfer__parties")
        yield from batch


def _made_ready(file: TransferFile, *, services: Services, now: datetime) -> bool:
    if not file.transfer.is_open_at(now):
        return False
    try:
        digests = services.store.digests(file.blob)
    except BlobMissing:
        return take_away(file, because=ErasedBecause.DAMAGED, now=now)
    except ObjectMissing:
        if found_missing(file, now=now):
            return True
        raise
    return make_ready(file, digests=digests, services=services, now=now)


def send_now(transfer: Transfer, *, services: Services, now: datetime) -> int:
    """Queues the one letter about all files without waiting for further files; returns how many letters."""
    return collecting.send_now(transfer, policy=services.policy, now=now)


def declared(file: TransferFile, *, key: str) -> str:
    """What the sender declared under this key of `Upload-Metadata`; empty if nothing."""
    pairs = (pair.strip(" ").partition(" ") for pair in file.metadata.split(","))
    values = {name: value for name, _, value in pairs}
    return b64decode(values.get(key, "")).decode(errors="replace")


def promised_sha256(file: TransferFile) -> str:
    """The SHA-256 (hex) that the sender declared for the whole file; empty if none."""
    return declared(file, key="sha256").lower()


def declared_change(file: TransferFile, *, now: datetime) -> datetime | None:
    """When the sender says that they last changed the file (milliseconds since 1970), if that may be so."""
    text = declared(file, key="lastmodified")
    if not re.fullmatch("[0-9]{1,13}", text):
        return None
    return min(datetime.fromtimestamp(int(text) / 1000, UTC), now)


def make_ready(
    file: TransferFile,
    *,
    digests: Digests,
    source: FileState = FileState.RECEIVED,
    scanned_at: datetime | None = None,
    services: Services,
    now: datetime,
) -> bool:
    """Makes a file of state `source` READY, with its links, code and letter; False if that was too late.

    A file whose sender declared another SHA-256 is taken away as damaged instead.
    """
    if promised_sha256(file) not in ("", digests.sha256):
        return take_away(file, because=ErasedBecause.DAMAGED, now=now)
    changes = {
        "state": FileState.READY,
        "sha256": digests.sha256,
        "crc32": digests.crc32,
        "modified_at": declared_change(file, now=now),
        "scanned_at": scanned_at,
        "ready_at": now,
    }
    with transaction.atomic():
        row = TransferFile.objects.filter(pk=file.pk, state=source)
        open_rows = STILL_OPEN.rows(transfer=file.transfer_id, now=now)
        if not open_rows or row.update(**changes) != 1:
            return False
        ((file.transfer.one_letter,),) = open_rows
        for name, value in changes.items():
            setattr(file, name, value)
        record_audit(file.transfer, step="ready", cause=RULE, now=now, file=file)
        tell_ready(file, recipient=file.transfer.recipient, services=services, now=now)
    return True


def tell_ready(file: TransferFile, *, recipient: Party, services: Services, now: datetime) -> None:
    """Creates the recipient's links and pickup of the file, and the letter that carries them.

    The letter is one for several files if the sender chose that, or if the recipient has had many.
    """
    code = draw_code() if file.with_code else ""
    links = [
        Link.draw(purpose, key=services.policy.link_keys[0], party=recipient, file=file, now=now)
        for purpose in FILE_PURPOSES
    ]
    Link.objects.bulk_create(links)
    keep_links(links)
    digest = code_digest(services.policy.code_keys[0], code) if code else None
    Pickup.objects.create(file=file, party=recipient, code_digest=digest, code_sealed=code)
    if file.transfer.one_letter or collecting.had_many_letters(recipient, policy=services.policy, now=now):
        collecting.collect_ready(file, recipient, policy=services.policy, now=now)
        return
    compose.write(
        LetterKind.FILE_READY,
        transfer=file.transfer,
        role=Role.RECIPIENT,
        policy=services.policy,
        now=now,
        file=file,
        codes={file.public_id: show_code(code)} if code else {},
    )
