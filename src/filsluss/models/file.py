"""A file of a transfer: from the first byte announced to the last byte erased."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import models
from django.db.models import Q

from filsluss.models.compiled_queries import CompiledQuery, Param, columns, from_row
from filsluss.models.transfer import LinkLost, Transfer
from filsluss.rules.lifecycle import FileState
from filsluss.rules.tokens import (
    Purpose,
    digest_of,
    draw_nonce,
    draw_public_id,
    link_token,
)

EVERY_STATE = "uploading received scanning unscanned infected ready erasing erased".split()


class FileQuerySet(models.QuerySet["TransferFile"]):
    def by_link(self, token: str) -> FileQuerySet:
        return self.filter(download_digest=digest_of(token)).select_related("transfer")

    def by_pickup(self, token: str) -> FileQuerySet:
        return self.filter(pickup_digest=digest_of(token)).select_related("transfer")

    def ready(self) -> FileQuerySet:
        return self.filter(state=FileState.READY).order_by("ready_at", "id")


class TransferFile(models.Model):
    """`size` is what was declared; how far an upload has come, the blob store alone knows."""

    transfer = models.ForeignKey(Transfer, on_delete=models.CASCADE, related_name="files")
    public_id = models.CharField(max_length=9, unique=True)
    upload_id = models.CharField(max_length=22, unique=True)
    state = models.CharField(max_length=16, default=FileState.UPLOADING.value)
    name = models.CharField(max_length=255)
    size = models.BigIntegerField(null=True, help_text="bytes; unknown while the length is deferred")
    with_code = models.BooleanField(default=False)
    metadata = models.TextField(blank=True, default="", help_text="Upload-Metadata, echoed as it came")
    sha256 = models.CharField(max_length=64, blank=True, default="")

    acknowledged = models.BigIntegerField(default=0, help_text="bytes known to be on disk")
    boot_id = models.CharField(max_length=36, blank=True, default="")
    created_at = models.DateTimeField()
    active_at = models.DateTimeField(help_text="the last time a request moved it")
    received_at = models.DateTimeField(null=True)
    scan_again_at = models.DateTimeField(
        null=True, help_text="until then a scanner has it, or is not asked again; none: asking is no use"
    )
    scan_tries = models.PositiveIntegerField(default=0)
    scan_trouble = models.CharField(max_length=300, blank=True, default="", help_text="why it is unscanned")
    scanned_at = models.DateTimeField(null=True, help_text="when the scanner found it clean")
    released_at = models.DateTimeField(null=True, help_text="when it was let through though unscanned")
    virus = models.CharField(max_length=200, blank=True, default="", help_text="the scanner's name for it")
    ready_at = models.DateTimeField(null=True)
    sent_until = models.BigIntegerField(default=0, help_text="bytes sent without a gap since the last fetch")
    fetched_at = models.DateTimeField(null=True, help_text="the first whole fetch")
    fetched_last_at = models.DateTimeField(null=True)
    fetches = models.PositiveIntegerField(default=0)
    erased_at = models.DateTimeField(null=True)
    erased_because = models.CharField(max_length=16, blank=True, default="")
    removal_reason = models.CharField(max_length=500, blank=True, default="")
    removed_by = models.CharField(max_length=16, blank=True, default="", help_text="sender or administrator")

    nonce = models.CharField(max_length=32)
    download_digest = models.CharField(max_length=64, unique=True)
    pickup_digest = models.CharField(max_length=64, unique=True)
    code_digest = models.CharField(max_length=64, unique=True, null=True)

    objects = FileQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["state", "active_at"], name="file_state_active")]
        constraints = [
            models.CheckConstraint(
                name="file_state_known",
                condition=Q(state__in=EVERY_STATE),
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @classmethod
    def at_upload(cls, token: str, upload_id: str) -> TransferFile | None:
        """The file of that id, with its transfer, if the token is that transfer's upload link."""
        for row in AT_UPLOAD.rows(upload_id=upload_id, digest=digest_of(token)):
            width = len(columns(cls))
            file = from_row(cls, row[:width])
            file.transfer = from_row(Transfer, row[width:])
            return file
        return None

    def reload_progress(self) -> None:
        """Reads anew what other requests for the same upload may have changed."""
        for row in HOW_FAR.rows(file=self.pk):
            self.state, self.size, self.acknowledged, self.boot_id = row
            return
        raise TransferFile.DoesNotExist

    @property
    def blob(self) -> str:
        """The name of its bytes in the store: ours, never the sender's."""
        return self.upload_id

    @property
    def etag(self) -> str:
        return f'"sha256-{self.sha256}"'

    def is_open_at(self, now: datetime) -> bool:
        """Whether its bytes may leave: the transfer is open now and the file is ready."""
        return self.state == FileState.READY and self.transfer.is_open_at(now)

    def token(self, keys: Sequence[bytes]) -> str:
        """The token of the link in its letter, which shows the whole transfer; LinkLost if no key fits."""
        return self._token(Purpose.DOWNLOAD, self.download_digest, keys)

    def pickup_token(self, keys: Sequence[bytes]) -> str:
        """The token a code is exchanged for, which shows this file alone; LinkLost if no key fits."""
        return self._token(Purpose.PICKUP, self.pickup_digest, keys)

    def _token(self, purpose: Purpose, digest: str, keys: Sequence[bytes]) -> str:
        for key in keys:
            token = link_token(key, purpose=purpose, row=self.public_id, nonce=self.nonce)
            if digest_of(token) == digest:
                return token
        raise LinkLost(self.public_id)

    def cut_links(self, key: bytes) -> None:
        """Gives a new row its public name and its two links, of which it keeps the digests."""
        self.public_id, self.nonce = draw_public_id(), draw_nonce()
        download = link_token(key, purpose=Purpose.DOWNLOAD, row=self.public_id, nonce=self.nonce)
        pickup = link_token(key, purpose=Purpose.PICKUP, row=self.public_id, nonce=self.nonce)
        self.download_digest, self.pickup_digest = digest_of(download), digest_of(pickup)


AT_UPLOAD = CompiledQuery(
    lambda: TransferFile.objects.filter(
        upload_id=Param("upload_id", models.CharField()),
        transfer__upload_digest=Param("digest", models.CharField()),
    ).values_list(*columns(TransferFile), *columns(Transfer, "transfer__"))
)
HOW_FAR = CompiledQuery(
    lambda: TransferFile.objects.filter(pk=Param("file", models.BigIntegerField())).values_list(
        "state", "size", "acknowledged", "boot_id"
    )
)
