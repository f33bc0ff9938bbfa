"""Upload: a file is announced, its bytes are acknowledged, it is whole, it becomes ready."""

from base64 import b64decode
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import BigIntegerField, Case, CharField, DateTimeField, F, Func, When

from filsluss.actions.transitions import record_audit, withdraw_needless_reminder
from filsluss.blobs import Store
from filsluss.letters import compose, outbox
from filsluss.models import Transfer, TransferFile
from filsluss.models.compiled_queries import CompiledQuery, CompiledUpdate, Param
from filsluss.rules.directions import Role
from filsluss.rules.filenames import NameRefused, clean_name
from filsluss.rules.lifecycle import LIVE_FILE, ErasedBecause, FileState, State
from filsluss.rules.policy import Policy
from filsluss.rules.tokens import code_digest, draw_code, draw_upload_id, show_code


class UploadRefused(Exception):
    """The file cannot be taken; `code` is one of the stable codes of the outside."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def total(of: Any, *, function: str = "SUM") -> Func:
    """Over all rows: what `aggregate` asks, as a column that a query can be composed with."""
    return Func(of, function=function, output_field=BigIntegerField())


ROW = BigIntegerField()
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
        .values_list("pk")
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
    lambda: TransferFile.objects.filter(pk=Param("file", ROW), state=FileState.UPLOADING),
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
    with_code: bool = False,
    metadata: str = "",
    boot_id: str,
    store: Store,
    policy: Policy,
    now: datetime,
) -> TransferFile:
    """Announces a file of `size` bytes (None: not known yet) and lays its empty blob.

    Everything that may refuse a file is asked here; raises UploadRefused and keeps nothing then.
    """
    refuse_closed(transfer, now=now)
    file = TransferFile(
        transfer=transfer,
        name=cleaned_name(name),
        size=checked_size(size, policy=policy),
        with_code=with_code,
        metadata=metadata,
        boot_id=boot_id,
        upload_id=draw_upload_id(),
        created_at=now,
        active_at=now,
    )
    file.cut_links(policy.link_keys[0])
    refuse_full(size or 0, store=store, policy=policy)
    store.create(file.blob)
    try:
        _announce(file, policy=policy, now=now)
    except BaseException:
        store.erase(file.blob)
        raise
    return file


def _announce(file: TransferFile, *, policy: Policy, now: datetime) -> None:
    with transaction.atomic():
        transfer = file.transfer
        held = LOCKED_TRANSFER.rows(transfer=transfer.pk)
        if not held:
            raise UploadRefused("account_ended")  # and forgotten
        ((transfer.state, transfer.open_until, transfer.closed_reason),) = held
        refuse_closed(transfer, now=now)
        refuse_too_many(transfer, size=file.size or 0, policy=policy)
        file.save(force_insert=True)


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
    """Asked with the transfer's row locked, so that two announcements cannot both take the last room."""
    ((taken, files, unfinished),) = TOTALS.rows(transfer=transfer.pk)
    crowded = files >= policy.max_files or unfinished >= policy.max_unfinished
    if crowded or (taken or 0) + size > policy.max_transfer_size:
        raise UploadRefused("quota_exceeded")


def refuse_full(size: int, *, store: Store, policy: Policy) -> None:
    """Keeps a part of the disk free, counting what is declared and not yet here as taken."""
    free, total = store.space()
    ((promised,),) = PROMISED.rows()
    if free - (promised or 0) - size < total * policy.free_space_percent / 100:
        raise UploadRefused("disk_full")


def declare_size(file: TransferFile, *, size: int, policy: Policy) -> None:
    """Fixes a deferred length, once; raises UploadRefused("length_invalid") for another one later."""
    if file.size == size:
        return
    checked_size(size, policy=policy)
    with transaction.atomic():
        transfer = Transfer.objects.select_for_update().get(pk=file.transfer_id)
        refuse_too_many(transfer, size=size, policy=policy)
        row = TransferFile.objects.filter(pk=file.pk, size=None, state=FileState.UPLOADING)
        if row.update(size=size) != 1:
            raise UploadRefused("length_invalid")
    file.size = size


def acknowledge(file: TransferFile, *, offset: int, boot_id: str, now: datetime) -> None:
    """Remembers, before the client is told, how many bytes are on disk for good."""
    row = TransferFile.objects.filter(pk=file.pk, state=FileState.UPLOADING)
    row.update(acknowledged=offset, boot_id=boot_id, active_at=now)


def distrust_unacknowledged(file: TransferFile) -> None:
    """Bytes beyond the last acknowledgement count for nothing from now on, as after a power cut."""
    TransferFile.objects.filter(pk=file.pk, state=FileState.UPLOADING).update(boot_id="")


def lock_while_open(transfer_id: int, *, now: datetime) -> bool:
    """Whether the transfer is open, and then holds it so until our transaction is over.

    An UPDATE that asked through a join would be answered from an older picture of the rows: PostgreSQL looks
    again at the row it waited for, and not at those it was joined to.
    """
    return bool(STILL_OPEN.rows(transfer=transfer_id, now=now))


def receive(file: TransferFile, *, boot_id: str, now: datetime) -> bool:
    """Decides, once, that every byte is here; True for the one call that decided it.

    Raises UploadRefused if the account ended meanwhile. Asking again about a whole file is harmless.
    """
    with transaction.atomic():
        decided = lock_while_open(file.transfer_id, now=now) and RECEIVED.change(
            file=file.pk, boot_id=boot_id, now=now
        )
        if decided:
            record_audit(file.transfer, step="received", by="", role=Role.SENDER, now=now, file=file)
    if decided:
        file.state, file.received_at = FileState.RECEIVED, now
        return True
    file.refresh_from_db(fields=["state", "received_at"])
    if file.state == FileState.UPLOADING:
        file.transfer.refresh_from_db()
        refuse_closed(file.transfer, now=now)
    return False


def promised_sha256(file: TransferFile) -> str:
    """What the sender said the whole file's SHA-256 is, in hex; empty where nothing was said."""
    pairs = (pair.strip(" ").partition(" ") for pair in file.metadata.split(","))
    said = {key: value for key, _, value in pairs}
    return b64decode(said.get("sha256", "")).decode().lower()


def make_ready(
    file: TransferFile,
    *,
    sha256: str,
    source: FileState = FileState.RECEIVED,
    scanned_at: datetime | None = None,
    policy: Policy,
    now: datetime,
) -> bool:
    """The file may be fetched: its code is drawn and its letter written; False if it was too late.

    One whose sender promised another SHA-256 is taken away as damaged instead.
    """
    if promised_sha256(file) not in ("", sha256):
        return take_away(file, because=ErasedBecause.DAMAGED, now=now)
    code = draw_code() if file.with_code else ""
    changes = {
        "state": FileState.READY,
        "sha256": sha256,
        "scanned_at": scanned_at,
        "ready_at": now,
        "code_digest": code_digest(policy.code_keys[0], code) if code else None,
    }
    with transaction.atomic():
        row = TransferFile.objects.filter(pk=file.pk, state=source)
        if not lock_while_open(file.transfer_id, now=now) or row.update(**changes) != 1:
            return False
        file.refresh_from_db()
        record_audit(file.transfer, step="ready", by="", role="rule", now=now, file=file)
        compose.write(
            "file-ready",
            transfer=file.transfer,
            role=Role.RECIPIENT,
            policy=policy,
            now=now,
            file=file,
            code=show_code(code),
        )
    return True


def take_away(
    file: TransferFile,
    *,
    because: ErasedBecause,
    removed_by: str = "",
    reason: str = "",
    by: str = "",
    now: datetime,
) -> bool:
    """Shuts every door of the file at once and marks its bytes for erasure; False if it was already so."""
    sources = {FileState.INFECTED} if because is ErasedBecause.INFECTED else LIVE_FILE
    with transaction.atomic():
        row = TransferFile.objects.filter(pk=file.pk, state__in=sources)
        marked = row.update(
            state=FileState.ERASING, erased_because=because, removed_by=removed_by, removal_reason=reason
        )
        if not marked:
            return False
        file.refresh_from_db()
        role = removed_by or "rule"
        record_audit(
            file.transfer, step=f"file-{because}", by=by, role=role, now=now, reason=reason, file=file
        )
        outbox.withdraw_unsent(transfer=file.transfer, file=file, kinds=("file-ready",), now=now)
        withdraw_needless_reminder(file.transfer, now=now)
    return True


def remove_own(file: TransferFile, *, policy: Policy, now: datetime) -> bool:
    """The sender takes one of his own files back."""
    return take_away(
        file, because=ErasedBecause.WITHDRAWN, removed_by="sender", by=file.transfer.sender_email, now=now
    )
