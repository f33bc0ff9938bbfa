"""Upload: a file is announced, its bytes are acknowledged, and it is received when all are stored."""

from datetime import datetime
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import BigIntegerField, CharField, DateTimeField, F, QuerySet

from filsluss.actions import room
from filsluss.actions.announcement import Announced, announce_all, least_room
from filsluss.actions.blob_of_row import discarded_unless_written
from filsluss.actions.choices import NO_CHOICE, Choices, note_choices
from filsluss.actions.erasure import take_away
from filsluss.actions.room import UploadRefused, refuse_closed
from filsluss.actions.transitions import Cause, about_file, entry
from filsluss.installation import Services
from filsluss.models import Party, Transfer, TransferFile
from filsluss.models.audit import NEW_ENTRY
from filsluss.models.compiled_queries import CompiledQuery, CompiledUpdate, Param, with_columns
from filsluss.models.public_id import with_free_public_id
from filsluss.models.upload_queries import UploadAccount
from filsluss.rules.directions import Proof, Role
from filsluss.rules.filenames import NameRefused, clean_name
from filsluss.rules.lifecycle import ErasedBecause, FileState, State
from filsluss.rules.personal_number import SEEN, has_personal_number
from filsluss.rules.search import fold
from filsluss.rules.tokens import draw_public_id, draw_upload_id
from filsluss.sqlite.joint_commit import together

ROW = BigIntegerField()
LONGEST_SENT_NAME = 1024
STILL_OPEN = CompiledQuery(
    lambda: (
        Transfer.objects.select_for_update(no_key=True)
        .filter(pk=Param("transfer", ROW), state=State.OPEN, open_until__gt=Param("now", DateTimeField()))
        .values_list("one_letter")
    )
)
RECEIVED = CompiledUpdate(
    lambda: TransferFile.objects.filter(
        pk=Param("file", ROW), state=FileState.UPLOADING, epoch=Param("epoch", ROW)
    ),
    state=FileState.RECEIVED,
    acknowledged=F("size"),
    arrived=F("size"),
    boot_id=Param("boot_id", CharField()),
    active_at=Param("now", DateTimeField()),
    received_at=Param("now", DateTimeField()),
)


def begin(
    transfer: Transfer | UploadAccount,
    *,
    name: str,
    folder: str = "",
    size: int | None,
    choices: Choices = NO_CHOICE,
    metadata: str = "",
    services: Services,
    now: datetime,
) -> TransferFile:
    """Announces a file of `size` bytes (None: not known yet) and creates its empty blob.

    Raises UploadRefused for every reason to refuse a file, and stores nothing then.
    """
    refuse_closed(transfer, now=now)
    columns = {
        **identity(name),
        "id": None,
        "transfer_id": transfer.pk,
        "folder": folder,
        "state": FileState.UPLOADING.value,
        "size": checked_size(size, services=services),
        "with_code": choices.with_code,
        "metadata": metadata,
        "sha256": "",
        "acknowledged": 0,
        "arrived": 0,
        "boot_id": services.boot_id,
        "epoch": 0,
        "created_at": now,
        "active_at": now,
        "received_at": None,
    }
    file = with_columns(TransferFile, columns.items())
    if isinstance(transfer, Transfer):
        file.transfer = transfer
    room.refuse_without_space(least_room(size), services=services)
    announced = Announced(file, transfer, choices, services, now)

    def announce() -> None:
        file.pk = together(announced, announce_all)

    services.store.create(file.blob)
    with discarded_unless_written(file.blob, services=services):
        with_free_public_id(file, announce)
    file.pk = file.pk or TransferFile.objects.values_list("pk", flat=True).get(upload_id=file.upload_id)
    note_choices(transfer, choices=choices)
    return file


def identity(name: str) -> dict[str, str]:
    """The columns with the names and the random ids of a new file; raises UploadRefused."""
    cleaned = cleaned_name(name)
    return {
        "public_id": draw_public_id(),
        "upload_id": draw_upload_id(),
        "name": cleaned,
        "sent_name": name.replace("\0", "")[:LONGEST_SENT_NAME],
        "folded": fold(cleaned),
    }


def choose_code(file: TransferFile, *, with_code: bool) -> None:
    """Stores the choice of a code for a file that is not received yet."""
    if file.with_code != with_code and writable(file).update(with_code=with_code):
        file.with_code = with_code


def cleaned_name(name: str) -> str:
    try:
        return clean_name(name)
    except NameRefused:
        raise UploadRefused("filename_invalid") from None


def checked_size(size: int | None, *, services: Services) -> int | None:
    if size is not None and size > services.policy.max_file_size:
        raise UploadRefused("too_large")
    return size


def declare_size(file: TransferFile, *, size: int, services: Services, now: datetime) -> None:
    """Sets a deferred length; raises UploadRefused("length_invalid") if another one was set before."""
    if file.size == size:
        return
    checked_size(size, services=services)
    with transaction.atomic():
        Transfer.objects.select_for_update().get(pk=file.transfer_id)
        room.refuse_size(file, size=size, services=services, now=now)
        if writable(file).filter(size=None).update(size=size, active_at=now) != 1:
            raise UploadRefused("length_invalid")
    file.size, file.active_at = size, now


def acknowledge(file: TransferFile, *, offset: int, boot_id: str, now: datetime) -> bool:
    """Stores how many bytes will last, and gives back what was reserved beyond them.

    Called before the client is told. A request that brought none keeps no promise alive. False if the file is
    not uploading any more, or not by this writer.
    """
    changes: dict[str, Any] = {"acknowledged": offset, "arrived": offset, "boot_id": boot_id}
    if offset > file.acknowledged:
        changes["active_at"] = file.active_at = now
    file.acknowledged = file.arrived = offset
    return bool(writable(file).update(**changes))


def give_back(file: TransferFile, *, offset: int) -> None:
    """Corrects what an earlier writer, which crashed, had reserved to what is stored."""
    if file.state == FileState.UPLOADING and file.arrived != offset:
        writable(file).update(arrived=offset)
        file.arrived = offset


def distrust_unacknowledged(file: TransferFile) -> None:
    """Makes the next request discard bytes beyond the last acknowledgement, as after a power cut."""
    writable(file).update(boot_id="")


def writable(file: TransferFile) -> QuerySet[TransferFile]:
    """The row, if it is still uploading and no newer lease exists than when it was read (`epoch`).

    So an UPDATE by a writer that was suspended or cut off meanwhile changes nothing.
    """
    return TransferFile.objects.filter(pk=file.pk, state=FileState.UPLOADING, epoch=file.epoch)


def lock_while_open(transfer_id: int, *, now: datetime) -> bool:
    """Whether the transfer is open; if so, it cannot be ended before our transaction is over.

    An UPDATE with a join would not do: after it has waited for a lock, PostgreSQL reads the locked row
    anew, but not the rows joined to it (documentation, 13.2.1).
    """
    return bool(STILL_OPEN.rows(transfer=transfer_id, now=now))


class Finished(NamedTuple):
    """A file whose last byte is on disk, on its way to being received."""

    file: TransferFile
    boot_id: str
    cause: Cause
    now: datetime


def receive(file: TransferFile, *, boot_id: str, now: datetime) -> bool:
    """Marks a file as received; True for the one call that did, further calls are harmless.

    Raises UploadRefused if the account has ended.
    """
    finished = Finished(file, boot_id, receipt_of(file.path, now=now), now)
    if together(finished, receive_all):
        file.state, file.received_at = FileState.RECEIVED, now
        return True
    file.refresh_from_db(fields=["state", "received_at"])
    if file.state == FileState.UPLOADING:
        file.transfer.refresh_from_db()
        refuse_closed(file.transfer, now=now)
    return False


def receive_all(files: list[Finished]) -> list[bool]:
    """For each file whether it was this call that decided it; one look at each account."""
    now = max(each.now for each in files)
    transfers = sorted({each.file.transfer_id for each in files})
    is_open = {transfer_id: lock_while_open(transfer_id, now=now) for transfer_id in transfers}
    decided = [is_open[each.file.transfer_id] and is_decided(each) for each in files]
    entries = [entry_of(each) for each, was_decided in zip(files, decided, strict=True) if was_decided]
    NEW_ENTRY.insert_all(entries)
    return decided


def is_decided(finished: Finished) -> bool:
    """Compare-and-set: for one of all who try, and none whose lease is over."""
    file, boot_id, _, now = finished
    return bool(RECEIVED.change(file=file.pk, epoch=file.epoch, boot_id=boot_id, now=now))


def entry_of(finished: Finished) -> dict[str, Any]:
    """Its columns in the audit trail. Stores what the upload proves of its sender."""
    file, sender = finished.file, finished.file.transfer.sender
    return entry(
        step="received",
        cause=finished.cause,
        now=finished.now,
        transfer_public_id=file.transfer.public_id,
        party_public_id=sender.public_id,
        proof=proved(sender.pk, proof=sender.proof, now=finished.now),
        **about_file(file),
    )


def proved(sender: int, *, proof: str, now: datetime) -> str:
    """The proof of a sender who has used the link they were sent, which is stored if it is a stronger one."""
    if proof != Proof.NONE:
        return proof
    Party(pk=sender, proof=proof).prove(Proof.MAILBOX, now=now)
    return Proof.MAILBOX.value


def remove_own(file: TransferFile, *, now: datetime) -> bool:
    """The sender removes one of their own files; False if that was done before."""
    return take_away(file, because=ErasedBecause.WITHDRAWN, cause=Cause(Role.SENDER), now=now)


def receipt_of(path: str, *, now: datetime) -> Cause:
    """The cause of a received file, which notes a name that seems to hold a personal identity number."""
    return Cause(Role.SENDER, detail=SEEN if has_personal_number(path, today=now.date()) else None)
