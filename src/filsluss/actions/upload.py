"""Upload: a file is announced, its bytes are acknowledged, and it is received when all are stored."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.models import BigIntegerField, CharField, DateTimeField, F, QuerySet

from filsluss.actions import room
from filsluss.actions.erasure import take_away
from filsluss.actions.room import UploadRefused, refuse_closed
from filsluss.actions.transitions import Cause, record_audit
from filsluss.blobs import erase_held
from filsluss.installation import Services
from filsluss.models import Transfer, TransferFile
from filsluss.models.compiled_queries import CompiledQuery, CompiledUpdate, Param
from filsluss.models.public_id import with_free_public_id
from filsluss.models.upload_queries import NEW_FILE, UploadAccount
from filsluss.rules.directions import Proof, Role
from filsluss.rules.filenames import NameRefused, clean_name
from filsluss.rules.lifecycle import ErasedBecause, FileState, Receipts, State
from filsluss.rules.personal_number import SEEN, has_personal_number
from filsluss.rules.search import fold
from filsluss.rules.tokens import draw_public_id, draw_upload_id
from filsluss.sqlite.joint_commit import in_transaction


@dataclass(frozen=True)
class Choices:
    """The sender's choices: a code for this file; one letter for all files, and receipts, for the transfer.

    None leaves the transfer's choice as it is.
    """

    with_code: bool = False
    one_letter: bool | None = None
    receipts: Receipts | None = None


NO_CHOICE = Choices()


def read_choices(given: Mapping[str, str]) -> Choices:
    """From the fields of a form, a query or `Upload-Metadata`; raises ValueError for an unknown value."""
    one_letter, receipts = given.get("one_letter"), given.get("receipts")
    if one_letter not in (None, "", "0", "1"):
        raise ValueError("one_letter")
    return Choices(
        with_code=given.get("with_code") == "1",
        one_letter=one_letter == "1" if one_letter else None,
        receipts=Receipts(receipts) if receipts else None,
    )


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
    file = TransferFile(
        **identity(name),
        folder=folder,
        transfer_id=transfer.pk,
        size=checked_size(size, services=services),
        with_code=choices.with_code,
        metadata=metadata,
        boot_id=services.boot_id,
        created_at=now,
        active_at=now,
    )
    if isinstance(transfer, Transfer):
        file.transfer = transfer
    needed = least_room(size)
    is_tight = room.refuse_full(needed, services=services, now=now)

    def announce() -> None:
        room.lock_open(transfer, now=now)
        room.refuse_too_many(transfer, size=needed, services=services, now=now)
        if is_tight:
            room.refuse_full_in_turn(needed, services=services, now=now)
        insert(file)
        choose(transfer, choices=choices)

    with _empty_blob(file, services=services):
        with_free_public_id(file, lambda: in_transaction(announce))
    return file


def insert(file: TransferFile) -> None:
    """Writes the row of a new file; every column that is not in NEW_FILE has its default."""
    given = {name: value for name, value in file.__dict__.items() if name in NEW_FILE.given}
    file.pk = NEW_FILE.insert(**given)
    file._state.adding, file._state.db = False, DEFAULT_DB_ALIAS


def least_room(size: int | None) -> int:
    """The bytes that must be free for a file to be announced; of one of unknown length its first byte."""
    return 1 if size is None else size


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


@contextlib.contextmanager
def _empty_blob(file: TransferFile, *, services: Services) -> Iterator[None]:
    """Creates the file's blob, and erases it if the block fails."""
    services.store.create(file.blob)
    try:
        yield
    except BaseException:
        erase_held(file.blob, store=services.store, locker=services.locker)
        raise


def choose(transfer: Transfer | UploadAccount, *, choices: Choices) -> None:
    """Stores the choices for the whole transfer; the last upload that names one sets it."""
    chosen = {"one_letter": choices.one_letter, "receipts": choices.receipts}
    changes = {
        name: value
        for name, value in chosen.items()
        if value is not None and value != getattr(transfer, name)
    }
    if changes:
        Transfer.objects.filter(pk=transfer.pk).update(**changes)
        for name, value in changes.items():
            setattr(transfer, name, value)


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

    Called before the client is told. False if the file is not uploading any more, or not by this writer.
    """
    file.acknowledged = file.arrived = offset
    changes = {"acknowledged": offset, "arrived": offset, "boot_id": boot_id, "active_at": now}
    return bool(writable(file).update(**changes))


def is_cut_off(file: TransferFile) -> bool:
    """Whether a newer lease of it was given than the one that it is held under."""
    return TransferFile.objects.filter(pk=file.pk, epoch__gt=file.epoch).exists()


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


def receive(file: TransferFile, *, boot_id: str, now: datetime) -> bool:
    """Marks a file as received; True for the one call that did, further calls are harmless.

    Raises UploadRefused if the account has ended.
    """

    def decide() -> bool:
        decided = lock_while_open(file.transfer_id, now=now) and RECEIVED.change(
            file=file.pk, epoch=file.epoch, boot_id=boot_id, now=now
        )
        if decided:
            file.transfer.sender.prove(Proof.MAILBOX, now=now)
            record_audit(
                file.transfer, step="received", cause=receipt_of(file.path, now=now), now=now, file=file
            )
        return bool(decided)

    if in_transaction(decide):
        file.state, file.received_at = FileState.RECEIVED, now
        return True
    file.refresh_from_db(fields=["state", "received_at"])
    if file.state == FileState.UPLOADING:
        file.transfer.refresh_from_db()
        refuse_closed(file.transfer, now=now)
    return False


def remove_own(file: TransferFile, *, now: datetime) -> bool:
    """The sender removes one of their own files; False if that was done before."""
    return take_away(file, because=ErasedBecause.WITHDRAWN, cause=Cause(Role.SENDER), now=now)


def receipt_of(path: str, *, now: datetime) -> Cause:
    """The cause of a received file, which notes a name that seems to hold a personal identity number."""
    return Cause(Role.SENDER, detail=SEEN if has_personal_number(path, today=now.date()) else None)
