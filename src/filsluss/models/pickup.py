"""Pickups: a file for one recipient, its code, and which of its bytes were sent to them."""

from __future__ import annotations

from datetime import datetime

from django.db import models

from filsluss.models.encrypted_field import EncryptedTextField
from filsluss.models.file import TransferFile
from filsluss.models.party import Party


class Pickup(models.Model):
    """Created when the file becomes READY. The code is stored as HMAC for look-up, and encrypted.

    `spans` are the bytes sent since the last whole fetch: sorted, disjoint pairs [start, stop).
    """

    file = models.ForeignKey(TransferFile, on_delete=models.CASCADE, related_name="pickups")
    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="pickups")
    code_digest = models.CharField(max_length=64, unique=True, null=True)
    code_sealed = EncryptedTextField(key_use="pickup-code", blank=True, default="")
    fetched_at = models.DateTimeField(null=True, help_text="the first whole fetch")
    fetched_last_at = models.DateTimeField(null=True)
    fetches = models.PositiveIntegerField(default=0)
    spans = models.JSONField(default=list)
    partly_at = models.DateTimeField(null=True, help_text="when bytes first left without being all")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["file", "party"], name="pickup_once")]

    def __str__(self) -> str:
        return f"pickup of {self.file_id} by {self.party_id}"


def first_partly(file: TransferFile) -> datetime | None:
    """When bytes first left, if nobody has fetched the whole file; uses `prefetch_related("pickups")`."""
    pickups = file.pickups.all()
    if any(pickup.fetched_at for pickup in pickups):
        return None
    return min((pickup.partly_at for pickup in pickups if pickup.partly_at), default=None)


def first_fetch(file: TransferFile) -> datetime | None:
    """When a recipient first fetched the whole file; uses `prefetch_related("pickups")`."""
    return min((pickup.fetched_at for pickup in file.pickups.all() if pickup.fetched_at), default=None)
