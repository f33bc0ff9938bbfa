"""The files of transfers, from announcement to erasure."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Exists, OuterRef, Q

from filsluss.models.sorted_field import CodePointCharField
from filsluss.models.transfer import Transfer
from filsluss.rules.lifecycle import STORED_WHOLE, FileState

EVERY_STATE = "uploading received scanning unscanned infected ready withheld erasing erased".split()


class FileQuerySet(models.QuerySet["TransferFile"]):
    def ready(self) -> FileQuerySet:
        return self.filter(state=FileState.READY).order_by("ready_at", "id")

    def once_ready(self) -> FileQuerySet:
        """Files that were ready at some time, whatever became of them."""
        return self.exclude(ready_at=None)

    def unfetched(self) -> FileQuerySet:
        """Ready files that at least one recipient has not fetched whole."""
        waiting = TransferFile.objects.filter(
            pk=OuterRef("pk"), pickups__isnull=False, pickups__fetched_at=None
        )
        return self.ready().filter(Exists(waiting))


class TransferFile(models.Model):
    """`size` is the declared size; how many bytes are stored, only the blob store knows.

    `arrived` is the room that the bytes of an upload have: what is stored when no request writes it, and
    what its writer has reserved while one does.
    """

    transfer = models.ForeignKey(Transfer, on_delete=models.CASCADE, related_name="files")
    public_id = models.CharField(max_length=9, unique=True)
    upload_id = models.CharField(max_length=22, unique=True)
    state = models.CharField(max_length=16, default=FileState.UPLOADING.value)
    name = models.CharField(max_length=255)
    sent_name = models.CharField(max_length=1024, blank=True, default="", help_text="the name as it came")
    folded = CodePointCharField(max_length=1024, help_text="the name as search looks for it")
    size = models.BigIntegerField(null=True, help_text="bytes; unknown while the length is deferred")
    with_code = models.BooleanField(default=False)
    metadata = models.TextField(blank=True, default="", help_text="Upload-Metadata, echoed as it came")
    sha256 = models.CharField(max_length=64, blank=True, default="")

    acknowledged = models.BigIntegerField(default=0, help_text="bytes known to be on disk")
    arrived = models.BigIntegerField(default=0)
    boot_id = models.CharField(max_length=36, blank=True, default="")
    epoch = models.BigIntegerField(default=0, help_text="who may write it: the number of the lease")
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
    erased_at = models.DateTimeField(null=True)
    erased_because = models.CharField(max_length=16, blank=True, default="")
    removal_reason = models.CharField(max_length=500, blank=True, default="")
    removal_code = models.CharField(max_length=16, blank=True, default="", help_text="why, as a fixed word")
    removed_by = models.CharField(max_length=16, blank=True, default="", help_text="sender or administrator")

    withheld_until = models.DateTimeField(
        null=True, help_text="until then what an administrator removed can be given back"
    )

    modified_at = models.DateTimeField(null=True)  # when the sender last changed it, as they say
    crc32 = models.BigIntegerField(null=True)
    folder = models.CharField(max_length=1024, blank=True, default="")

    objects = FileQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["state", "active_at"], name="file_state_active"),
            models.Index(fields=["folded", "transfer"], name="file_by_folded"),
            models.Index(fields=["transfer", "state", "size"], name="file_of_transfer"),
        ]
        constraints = [models.CheckConstraint(name="file_state_known", condition=Q(state__in=EVERY_STATE))]

    def __str__(self) -> str:
        return self.public_id

    def hold_under(self, epoch: int | None) -> None:
        """From now on it is changed under the lease of that number; None: of the number in its row.

        The row takes the number, unless it has a higher one: no earlier holder changes it any more.
        """
        if epoch is not None:
            TransferFile.objects.filter(pk=self.pk, epoch__lt=epoch).update(epoch=epoch)
            self.epoch = epoch

    @property
    def blob(self) -> str:
        """The name of its blob in the store, which is random and not the sender's name."""
        return self.upload_id

    def promise_holds_at(self, now: datetime, *, lasts: timedelta) -> bool:
        """Whether the length that was announced is kept free: it fades when for so long no bytes came."""
        return self.size is not None and self.active_at > now - lasts

    def taken_at(self, now: datetime, *, lasts: timedelta) -> int:
        """The bytes that the file takes of its account; `models.room_queries` says the same in SQL."""
        if self.state != FileState.UPLOADING:
            return (self.size or 0) if self.state in STORED_WHOLE else 0
        return max(self.arrived, (self.size or 0) if self.promise_holds_at(now, lasts=lasts) else 0)

    @property
    def path(self) -> str:
        """The name, with the folder that the sender chose it with: files of one name can be told apart."""
        return f"{self.folder}/{self.name}" if self.folder else self.name

    @property
    def etag(self) -> str:
        return f'"sha256-{self.sha256}"'

    @property
    def last_modified(self) -> datetime:
        """When its bytes were last changed: as the sender says, else when they had all come."""
        return self.modified_at or self.received_at or self.created_at

    def is_open_at(self, now: datetime) -> bool:
        """Whether it may be downloaded: the transfer is open at `now` and the file is ready."""
        return self.state == FileState.READY and self.transfer.is_open_at(now)
