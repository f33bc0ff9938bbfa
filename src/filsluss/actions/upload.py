"""Upload: a file is announced, its bytes are acknowledged, and it is received when all are stored."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import BigIntegerField, Case, CharField, DateTimeField, F, Func, QuerySet, When

from filsluss.actions.erasure import take_away
from filsluss.actions.transitions import Cause, record_audit
from filsluss.blobs import Store
from filsluss.models import Transfer, TransferFile
from filsluss.models.compiled_queries import CompiledQuery, CompiledUpdate, Param
from filsluss.models.public_id import with_free_public_id
from filsluss.rules.directions import Proof, Role
from filsluss.rules.filenames import NameRefused, clean_name
from filsluss.rules.lifecycle import LIVE_FILE, ErasedBecause, FileState, Receipts, State
from filsluss.rules.policy import Policy
from filsluss.rules.search import fold
from filsluss.rules.tokens import draw_public_id, draw_upload_id


class UploadRefused(Exception):
    """The file is refused; `code` is a problem code of docs/identifiers.md."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


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


def total(of: Any, *, function: str = "SUM") -> Func:
    """An aggregate over all rows as a column, which `aggregate` cannot give a compiled query."""
    return Func(of, function=function, output_field=BigIntegerField())


ROW = BigIntegerField()
LONGEST_SENT_NAME = 1024
LOCKED_TRANSFER = CompiledQuery(
    lambda: (
        Transfer.objects.select_for_update()
        .filter(pk=Param("transfer", ROW))
        .values_list("state", "open_until", "closed_reason")
    )
)
STILL_OPEN = CompiledQuery(
    lambda: (
        Transfer.objects.select_for_update(no_key=True)
        .filter(pk=Param("transfer", ROW), state=State.OPEN, open_until__gt=Param("now", DateTimeField()))
        .values_list("one_letter")
    )
)
TOTALS = CompiledQuery(
    lambda: TransferFile.objects.filter(transfer=Param("transfer", ROW), state__in=LIVE_FILE).values_list(
        total(F("size")),
        total(F("pk"), function="COUNT"),
        total(Case(When(state=FileState.UPLOADING, then=1)), function="COUNT"),
    )
)
PROMISED = CompiledQuery(
    lambda: TransferFile.objects.filter(state=FileState.UPLOADING).values_list(
        total(F("size") - F("acknowledged"))
    )
)
RECEIVED = CompiledUpdate(
    lambda: TransferFile.objects.filter(
        pk=Param("file", ROW), state=FileState.UPLOADING, epoch=Param("epoch", ROW)
    ),
    state=FileState.RECEIVED,
    acknowledged=F("size"),
    boot_id=Param("boot_id", CharField()),
    active_at=Param("now", DateTimeField()),
    received_at=Param("now", DateTimeField()),
)


def begin(
    transfer: Transfer,
    *,
    name: str,
    size: int | None,
    choices: Choices = NO_CHOICE,
    metadata: str = "",
    boot_id: str,
    store: Store,
    policy: Policy,
    now: datetime,
) -> TransferFile:
    """Announces a file of `size` bytes (None: not known yet) and creates its empty blob.

    Raises UploadRefused for every reason to refuse a file, and stores nothing then.
    """
    refuse_closed(transfer, now=now)
    file = TransferFile(
        **_identity(name),
        transfer=transfer,
        size=checked_size(size, policy=policy),
        with_code=choices.with_code,
        metadata=metadata,
        boot_id=boot_id,
        created_at=now,
        active_at=now,
    )
    refuse_full(size or 0, store=store, policy=policy)
    with _empty_blob(file, store):
        with_free_public_id(file, lambda: _announce(file, choices, policy=policy, now=now))
    return file


def _identity(name: str) -> dict[str, str]:
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
def _empty_blob(file: TransferFile, store: Store) -> Iterator[None]:
    """Creates the file's blob, and erases it if the block fails."""
    store.create(file.blob)
    try:
        yield
    except BaseException:
        store.erase(file.blob)
        raise


def _announce(file: TransferFile, choices: Choices, *, policy: Policy, now: datetime) -> None:
    with transaction.atomic():
        transfer = file.transfer
        locked = LOCKED_TRANSFER.rows(transfer=transfer.pk)
        if not locked:
            raise UploadRefused("account_ended")  # and was forgotten
        ((transfer.state, transfer.open_until, transfer.closed_reason),) = locked
        refuse_closed(transfer, now=now)
        refuse_too_many(transfer, size=file.size or 0, policy=policy)
        file.save(force_insert=True)
        _choose(transfer, choices)


def _choose(transfer: Transfer, choices: Choices) -> None:
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


def cleaned_name(name: str) -> str:
    try:
        return clean_name(name)
    except NameRefused:
        raise UploadRefused("filename_invalid") from None


def checked_size(size: int | None, *, policy: Policy) -> int | None:
    if size is not None and size > policy.max_file_size:
        raise UploadRefused("too_large")
    return size


def refuse_closed(transfer: Transfer, *, now: datetime) -> None:
    if not transfer.is_open_at(now):
        raise UploadRefused("account_closed_by_admin" if transfer.closed_reason else "account_ended")


def refuse_too_many(transfer: Transfer, *, size: int, policy: Policy) -> None:
    """Needs the lock of the transfer's row: of two announcements only one can get what is left."""
    ((taken, files, unfinished),) = TOTALS.rows(transfer=transfer.pk)
    too_many = files >= policy.max_files or unfinished >= policy.max_unfinished
    if too_many or (taken or 0) + size > policy.max_transfer_size:
        raise UploadRefused("quota_exceeded")


def refuse_full(size: int, *, store: Store, policy: Policy) -> None:
    """Keeps a part of the disk free; bytes that are declared but not acknowledged count as used."""
    free, total = store.space()
    ((promised,),) = PROMISED.rows()
    if free - (promised or 0) - size < total * policy.free_space_percent / 100:
        raise UploadRefused("disk_full")


def declare_size(file: TransferFile, *, size: int, policy: Policy) -> None:
    """Sets a deferred length; raises UploadRefused("length_invalid") if another one was set before."""
    if file.size == size:
        return
    checked_size(size, policy=policy)
    with transaction.atomic():
        transfer = Transfer.objects.select_for_update().get(pk=file.transfer_id)
        refuse_too_many(transfer, size=size, policy=policy)
        if writable(file).filter(size=None).update(size=size) != 1:
            raise UploadRefused("length_invalid")
    file.size = size


def acknowledge(file: TransferFile, *, offset: int, boot_id: str, now: datetime) -> None:
    """Stores how many bytes are synced to disk; called before the client is told."""
    writable(file).update(acknowledged=offset, boot_id=boot_id, active_at=now)


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
    with transaction.atomic():
        decided = lock_while_open(file.transfer_id, now=now) and RECEIVED.change(
            file=file.pk, epoch=file.epoch, boot_id=boot_id, now=now
        )
        if decided:
            file.transfer.sender.prove(Proof.MAILBOX, now=now)
            record_audit(file.transfer, step="received", cause=Cause(Role.SENDER), now=now, file=file)
    if decided:
        file.state, file.received_at = FileState.RECEIVED, now
        return True
    file.refresh_from_db(fields=["state", "received_at"])
    if file.state == FileState.UPLOADING:
        file.transfer.refresh_from_db()
        refuse_closed(file.transfer, now=now)
    return False


def remove_own(file: TransferFile, *, policy: Policy, now: datetime) -> bool:
    """The sender removes one of their own files; False if that was done before."""
    return take_away(file, because=ErasedBecause.WITHDRAWN, cause=Cause(Role.SENDER), now=now)
