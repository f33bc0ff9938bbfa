"""The compiled queries of an upload: the transfer of a link, the file, and its progress."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import models

from filsluss.models.compiled_queries import (
    CompiledInsert,
    CompiledQuery,
    Param,
    columns,
    from_row,
    with_columns,
)
from filsluss.models.file import TransferFile
from filsluss.models.link import Link
from filsluss.models.party import Party
from filsluss.models.transfer import Transfer
from filsluss.rules.directions import Role
from filsluss.rules.lifecycle import State
from filsluss.rules.tokens import Purpose, digest_of

ACCOUNT_AT_LINK = CompiledQuery(
    lambda: Link.objects.filter(
        digest=Param("digest", models.CharField()), purpose=Purpose.UPLOAD.value, revoked_at=None
    ).values_list(
        "transfer_id",
        "transfer__public_id",
        "transfer__state",
        "transfer__open_until",
        "transfer__closed_reason",
        "transfer__one_letter",
        "transfer__receipts",
        "party_id",
        "party__public_id",
        "party__proof",
    )
)
NEW_FILE = CompiledInsert(
    TransferFile,
    "transfer_id public_id upload_id state name sent_name folded folder size with_code metadata"
    " acknowledged arrived boot_id created_at active_at received_at",
)

TRANSFER_AT_LINK = CompiledQuery(
    lambda: Link.objects.filter(
        digest=Param("digest", models.CharField()), purpose=Purpose.UPLOAD.value, revoked_at=None
    ).values_list(*columns(Transfer, "transfer__"), *columns(Party, "party__"))
)
OF_FILE = (
    "id transfer_id public_id upload_id state name size with_code metadata sha256 acknowledged arrived"
    " boot_id epoch active_at received_at folder"
)
OF_TRANSFER = "id public_id state open_until closed_reason one_letter receipts"
OF_ACCOUNT = OF_TRANSFER.split()[1:]
OF_SENDER = "id public_id transfer_id role proof"
"""What a request for a file's bytes uses; a converter and an attribute for each of seventy columns cost more
than the query."""
FILE_AT_LINK = CompiledQuery(
    lambda: Link.objects.filter(
        digest=Param("digest", models.CharField()),
        purpose=Purpose.UPLOAD.value,
        revoked_at=None,
        transfer__files__upload_id=Param("upload_id", models.CharField()),
    ).values_list(
        *columns(TransferFile, "transfer__files__", OF_FILE),
        *columns(Transfer, "transfer__", OF_TRANSFER),
        *columns(Party, "party__", OF_SENDER),
    )
)
PROGRESS = CompiledQuery(
    lambda: TransferFile.objects.filter(pk=Param("file", models.BigIntegerField())).values_list(
        "state", "size", "acknowledged", "arrived", "boot_id", "epoch", "active_at"
    )
)


@dataclass
class UploadAccount:
    """What an upload needs of the transfer of its link, and of its sender: without the ORM's objects."""

    pk: int
    public_id: str
    state: str
    open_until: datetime | None
    closed_reason: str
    one_letter: bool
    receipts: str
    sender_pk: int
    sender_public_id: str
    sender_proof: str

    def is_open_at(self, now: datetime) -> bool:
        """As `Transfer.is_open_at`."""
        return self.state == State.OPEN and self.open_until is not None and now < self.open_until


def transfer_of(account: UploadAccount) -> Transfer:
    """The transfer with its sender, as a request for a file's bytes uses them."""
    known = vars(account)
    transfer = with_columns(Transfer, [("id", account.pk), *((name, known[name]) for name in OF_ACCOUNT)])
    sender = {
        "id": account.sender_pk,
        "public_id": account.sender_public_id,
        "transfer_id": account.pk,
        "role": Role.SENDER.value,
        "proof": account.sender_proof,
    }
    return _with_sender(transfer, with_columns(Party, sender.items()))


def account_at_upload_link(token: str) -> UploadAccount | None:
    """The account of an upload link; None for an unknown or revoked link."""
    for row in ACCOUNT_AT_LINK.rows(digest=digest_of(token)):
        return UploadAccount(*row)
    return None


def transfer_at_upload_link(token: str) -> Transfer | None:
    """The transfer of an upload link, with its sender; None for an unknown or revoked link."""
    for row in TRANSFER_AT_LINK.rows(digest=digest_of(token)):
        return _transfer(row, "", "")
    return None


def file_at_upload_link(token: str, upload_id: str) -> TransferFile | None:
    """The file with that upload id, its transfer and sender, if the token is that of its upload link."""
    for row in FILE_AT_LINK.rows(digest=digest_of(token), upload_id=upload_id):
        width = len(columns(TransferFile, only=OF_FILE))
        file = from_row(TransferFile, row[:width], OF_FILE)
        file.transfer = _transfer(row[width:], OF_TRANSFER, OF_SENDER)
        return file
    return None


def _transfer(row: list[object], of_transfer: str, of_sender: str) -> Transfer:
    width = len(columns(Transfer, only=of_transfer))
    transfer = from_row(Transfer, row[:width], of_transfer)
    sender = from_row(Party, row[width:], of_sender)
    return _with_sender(transfer, sender)


def _with_sender(transfer: Transfer, sender: Party) -> Transfer:
    sender.transfer = transfer
    transfer.keep_parties([sender])
    return transfer


def reload_progress(file: TransferFile, *, lease: int | None = None) -> None:
    """Reads the columns that other requests of the same upload change; raises DoesNotExist.

    Its epoch is that of the row, or if it holds a lease with a number, that number.
    """
    for row in PROGRESS.rows(file=file.pk):
        file.state, file.size, file.acknowledged, file.arrived, file.boot_id, epoch, file.active_at = row
        file.epoch = epoch if lease is None else lease
        return
    raise TransferFile.DoesNotExist
