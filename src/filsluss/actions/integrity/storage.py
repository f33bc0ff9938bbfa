"""Rows against blobs: every byte that was acknowledged is stored, and no blob is without its row."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from filsluss.actions import completion, erasure, room
from filsluss.actions.erasure import take_away
from filsluss.actions.integrity.findings import Finding, Repair, World
from filsluss.actions.missing_bytes import found_missing
from filsluss.blobs import BlobMissing, ObjectMissing, erase_held, erase_stray_held
from filsluss.models import AuditEntry, TransferFile
from filsluss.models.batches import batches, by_key, rows_of
from filsluss.rules.lifecycle import STORED_WHOLE, ErasedBecause, FileState

UPLOADING, ERASED = FileState.UPLOADING, FileState.ERASED


def unfinished(world: World) -> Iterator[Finding]:
    """I1, I2 and I10: acknowledged bytes are stored, none beyond the size, and no complete upload is left.

    An upload that nobody writes has reserved what it has stored.
    """
    uploading = TransferFile.objects.filter(state=UPLOADING).select_related("transfer")
    for file in rows_of(by_key(uploading)):
        stored, is_idle = _stored_size(file, world), file.active_at < world.settled
        if stored is None or stored < file.acknowledged:
            what = f"{file.acknowledged} bytes were acknowledged, {stored or 0} are stored"
            yield from _damaged(file, "I1", f"file {file.public_id}: {what}", world)
        elif file.size is not None and stored > file.size:
            what = f"{stored} bytes are stored, its size is {file.size}"
            yield from _damaged(file, "I10", f"file {file.public_id}: {what}", world)
        elif stored == file.size and is_idle and file.boot_id == world.services.boot_id:
            what = f"file {file.public_id}: every byte is stored, but it is not marked as received"
            yield Finding("I2", what, finish(world))
        elif stored != file.arrived and is_idle:
            what = f"file {file.public_id}: {file.arrived} bytes are reserved, {stored} are stored"
            yield from _wrongly_reserved(file, what, world)


def whole(world: World) -> Iterator[Finding]:
    """I2 and I7: a received file is stored whole and, where checksums are computed, unchanged."""
    whole_files = TransferFile.objects.filter(state__in=STORED_WHOLE).select_related("transfer")
    for file in rows_of(by_key(whole_files)):
        stored = _stored_size(file, world)
        if stored != file.size:
            what = f"file {file.public_id} ({file.state}): {stored or 0} of its {file.size} bytes are stored"
            yield from _damaged(file, "I7", what, world)
        elif world.checksums and file.sha256:
            yield from _checked(file, world)


def _checked(file: TransferFile, world: World) -> Iterator[Finding]:
    """A finding if its bytes are others, or if the store lacks some, which may be there an hour later."""
    try:
        if _matches_checksum(file, world):
            return
    except ObjectMissing as fault:
        what = f"file {file.public_id}: {fault}; it is damaged if that is found again an hour later"
        yield Finding("I7", what, partial(found_missing, file, now=world.now))
    else:
        what = f"file {file.public_id}: its bytes do not match its SHA-256"
        yield from _damaged(file, "I2", what, world)


def _stored_size(file: TransferFile, world: World) -> int | None:
    try:
        return world.services.store.size(file.blob)
    except BlobMissing:
        return None


def _matches_checksum(file: TransferFile, world: World) -> bool:
    try:
        return world.services.store.digests(file.blob).sha256 == file.sha256
    except BlobMissing:
        return False


def _damaged(file: TransferFile, rule: str, what: str, world: World) -> Iterator[Finding]:
    """A finding that marks the file as damaged; none if its row has changed since it was read."""
    as_read = {"pk": file.pk, "state": file.state, "acknowledged": file.acknowledged, "size": file.size}
    if TransferFile.objects.filter(**as_read).exists():
        yield Finding(rule, what, lambda: take_away(file, because=ErasedBecause.DAMAGED, now=world.now))


def _wrongly_reserved(file: TransferFile, what: str, world: World) -> Iterator[Finding]:
    """A finding that corrects the reservation; none while the file's writer is at work."""
    if not world.services.locker.is_held(file.blob):
        yield Finding("I10", what, lambda: room.correct_reservation(file, services=world.services))


def finish(world: World) -> Repair:
    return lambda: completion.receive_whole(services=world.services, now=world.now)


def blobs(world: World) -> Iterator[Finding]:
    """I7 and I17: no blob without a row, and none of a file that was erased."""
    for batch in batches(world.services.store.names()):
        yield from _without_row(dict(batch), world)


def strays(world: World) -> Iterator[Finding]:
    """I7 and I17: nothing lies in the store that is of no blob."""
    store, locker = world.services.store, world.services.locker
    for stray in store.strays(world.now - erasure.ORPHAN_AGE):
        erase = partial(erase_stray_held, stray, store=store, locker=locker)
        yield Finding("I7", f"{stray} in the store is of no blob", erase)


def _without_row(stored: dict[str, datetime], world: World) -> Iterator[Finding]:
    states = dict(TransferFile.objects.filter(upload_id__in=list(stored)).values_list("upload_id", "state"))
    for name, written_at in stored.items():
        if states.get(name) == ERASED:
            yield Finding("I17", f"blob {name} exists, but its file was erased", _erase(name, world))
        elif name not in states and written_at < world.now - erasure.ORPHAN_AGE:
            yield Finding("I7", f"blob {name} belongs to no file", _erase(name, world))


def _erase(name: str, world: World) -> Repair:
    return lambda: erase_held(name, store=world.services.store, locker=world.services.locker)


def half_erased(world: World) -> Iterator[Finding]:
    """I11: a file that is marked for erasure is erased within SETTLED."""
    for file in TransferFile.objects.filter(state=FileState.ERASING).select_related("transfer"):
        marked = AuditEntry.objects.filter(file_public_id=file.public_id, step=f"file-{file.erased_because}")
        if not marked.filter(at__gt=world.settled).exists():
            what = f"file {file.public_id}: its erasure ({file.erased_because}) was not finished"
            yield Finding("I11", what, _finish_erasure(file, world))


def _finish_erasure(file: TransferFile, world: World) -> Repair:
    return lambda: erasure.erase(file, services=world.services, now=world.now)


CHECKS = (unfinished, whole, blobs, strays, half_erased)
