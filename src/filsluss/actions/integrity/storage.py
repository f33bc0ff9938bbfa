"""Rows against blobs: every byte that somebody was told of is there, and no other is."""

from collections.abc import Iterator

from filsluss.actions import completion, erasure
from filsluss.actions.erasure import take_away
from filsluss.actions.integrity.findings import Finding, Repair, World
from filsluss.blobs import BlobMissing
from filsluss.models import AuditEntry, TransferFile
from filsluss.rules.lifecycle import WHOLE_FILE, ErasedBecause, FileState

UPLOADING, ERASED, READY = FileState.UPLOADING, FileState.ERASED, FileState.READY


def unfinished(world: World) -> Iterator[Finding]:
    """I1 and I10: what was acknowledged is there, and no more than was announced."""
    for file in TransferFile.objects.filter(state=UPLOADING).select_related("transfer"):
        here = _size_of(file, world)
        if here is None or here < file.acknowledged:
            lost = (
                f"file {file.public_id}: {file.acknowledged} bytes were acknowledged, {here or 0} are there"
            )
            yield from _still_so(file, "I1", lost, world)
        elif file.size is not None and here > file.size:
            grown = f"file {file.public_id}: {here} bytes are there of a file of {file.size}"
            yield from _still_so(file, "I10", grown, world)
        elif here == file.size and file.active_at < world.settled and file.boot_id == world.boot_id:
            yield Finding(
                "I2", f"file {file.public_id}: every byte is there and nobody has finished it", finish(world)
            )


def whole(world: World) -> Iterator[Finding]:
    """I2 and I7: a file that was received is there to its last byte, and is still the same."""
    for file in TransferFile.objects.filter(state__in=WHOLE_FILE).select_related("transfer"):
        here = _size_of(file, world)
        if here != file.size:
            lost = f"file {file.public_id} ({file.state}): {here or 0} bytes are there of {file.size}"
            yield from _still_so(file, "I7", lost, world)
        elif world.checksums and file.state == READY and not _has_its_sum(file, world):
            yield from _still_so(
                file, "I2", f"file {file.public_id}: its bytes are not those received", world
            )


def _size_of(file: TransferFile, world: World) -> int | None:
    try:
        return world.store.size(file.blob)
    except BlobMissing:
        return None


def _has_its_sum(file: TransferFile, world: World) -> bool:
    try:
        return world.store.sha256(file.blob) == file.sha256
    except BlobMissing:
        return False


def _still_so(file: TransferFile, rule: str, what: str, world: World) -> Iterator[Finding]:
    """Unless the row has moved on meanwhile: then it was only read at a bad moment."""
    same = {"pk": file.pk, "state": file.state, "acknowledged": file.acknowledged, "size": file.size}
    if TransferFile.objects.filter(**same).exists():
        yield Finding(rule, what, lambda: take_away(file, because=ErasedBecause.DAMAGED, now=world.now))


def finish(world: World) -> Repair:
    return lambda: completion.receive_whole(
        store=world.store, policy=world.policy, boot_id=world.boot_id, now=world.now
    )


def blobs(world: World) -> Iterator[Finding]:
    """I7 and I17: no blob without a row, and none of a file that was erased."""
    here = dict(world.store.names())
    rows = dict(TransferFile.objects.filter(upload_id__in=list(here)).values_list("upload_id", "state"))
    for name, touched in here.items():
        if rows.get(name) == ERASED:
            yield Finding(
                "I17", f"blob {name} is there again though its file was erased", _erase(name, world)
            )
        elif name not in rows and touched < world.now - erasure.ORPHAN_AGE:
            yield Finding("I7", f"blob {name} belongs to no file", _erase(name, world))


def _erase(name: str, world: World) -> Repair:
    def mend() -> bool:
        world.store.erase(name)
        return not world.store.exists(name)

    return mend


def half_erased(world: World) -> Iterator[Finding]:
    """I11: what was marked to be erased is erased soon."""
    for file in TransferFile.objects.filter(state=FileState.ERASING).select_related("transfer"):
        marked = AuditEntry.objects.filter(file_public_id=file.public_id, step=f"file-{file.erased_because}")
        if not marked.filter(at__gt=world.settled).exists():
            what = f"file {file.public_id}: its erasure ({file.erased_because}) was begun and not finished"
            yield Finding("I11", what, _erase_rest(file, world))


def _erase_rest(file: TransferFile, world: World) -> Repair:
    return lambda: erasure.erase(file, store=world.store, policy=world.policy, now=world.now)


CHECKS = (unfinished, whole, blobs, half_erased)
