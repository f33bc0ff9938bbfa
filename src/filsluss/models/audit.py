"""The audit trail: one entry for everything that happened, kept longer than the people in it."""

from django.db import models


class AuditEntry(models.Model):
    """`actor` and `about` name people and files and are blanked when the transfer is forgotten."""

    at = models.DateTimeField()
    transfer_id_public = models.CharField(max_length=9, db_index=True)
    file_id_public = models.CharField(max_length=9, blank=True, default="")
    step = models.CharField(max_length=32)
    role = models.CharField(max_length=16)
    actor = models.CharField(max_length=254, blank=True, default="")
    about = models.CharField(max_length=255, blank=True, default="")
    size = models.BigIntegerField(null=True)
    sha256 = models.CharField(max_length=64, blank=True, default="")
    reason = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        ordering = ["at", "id"]
        indexes = [models.Index(fields=["at"], name="audit_at")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.transfer_id_public} {self.step}"
