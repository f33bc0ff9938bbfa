"""The compiled queries of an upload: the transfer of a link, the file, and its progress."""

from __future__ import annotations

from django.db import models

from filsluss.models.compiled_queries import CompiledQuery, Param, columns, from_row
from filsluss.models.file import TransferFile
from filsluss.models.link import Link
from filsluss.models.party import Party
from filsluss.models.transfer import Transfer
from filsluss.rules.tokens import Purpose, digest_of

TRANSFER_AT_LINK = CompiledQuery(
    lambda: Link.objects.filter(
        digest=Param("digest", models.CharField()), purpose=Purpose.UPLOAD.value, revoked_at=None
    ).values_list(*columns(Transfer, "transfer__"), *columns(Party, "party__"))
)
FILE_AT_LINK = CompiledQuery(
    lambda: Link.objects.filter(
        digest=Param("digest", models.CharField()),
        purpose=Purpose.UPLOAD.value,
        revoked_at=None,
        transfer__files__upload_id=Param("upload_id", models.CharField()),
    ).values_list(
        *columns(TransferFile, "transfer__files__"),
        *columns(Transfer, "transfer__"),
        *columns(Party, "party__"),
    )
)
PROGRESS = CompiledQuery(
    lambda: TransferFile.objects.filter(pk=Param("file", models.BigIntegerField())).values_list(
        "state", "size", "acknowledged", "arrived", "boot_id", "epoch", "active_at"
    )
)
WIDTH_OF_FILE, WIDTH_OF_TRANSFER = len(columns(TransferFile)), len(columns(Transfer))


def transfer_at_upload_link(token: str) -> Transfer | None:
    """The transfer of an upload link, with its sender; None for an unknown or revoked link."""
    for row in TRANSFER_AT_LINK.rows(digest=digest_of(token)):
        return _transfer(row)
    return None


def file_at_upload_link(token: str, upload_id: str) -> TransferFile | None:
    """The file with that upload id, its transfer and sender, if the token is that of its upload link."""
    for row in FILE_AT_LINK.rows(digest=digest_of(token), upload_id=upload_id):
        file = from_row(TransferFile, row[:WIDTH_OF_FILE])
        file.transfer = _transfer(row[WIDTH_OF_FILE:])
        return file
    return None


def _transfer(row: list[object]) -> Transfer:
    transfer = from_row(Transfer, row[:WIDTH_OF_TRANSFER])
    sender = from_row(Party, row[WIDTH_OF_TRANSFER:])
    sender.transfer = transfer
    transfer.keep_parties([sender])
    return transfer


def reload_progress(file: TransferFile) -> None:
    """Reads the columns that other requests of the same upload change; raises DoesNotExist."""
    for row in PROGRESS.rows(file=file.pk):
        file.state, file.size, file.acknowledged, file.arrived, file.boot_id, file.epoch, file.active_at = row
        return
    raise TransferFile.DoesNotExist
