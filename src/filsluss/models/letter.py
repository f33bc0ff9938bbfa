"""A letter in the outbox: written with what it tells, delivered by a postman who knows nothing of it."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q

from filsluss.models.encrypted_field import EncryptedTextField
from filsluss.models.file import TransferFile
from filsluss.models.transfer import Transfer

UNTIL_DECIDED = ("approval-requested", "approval-reminder", "received")
"""Kinds that are true until the application is decided or has lapsed."""
WHILE_OPEN = ("approved", "file-ready", "expiry-reminder")
"""Kinds that are true until the account ends."""


class Delivery(models.TextChoices):
    QUEUED = "queued"
    SENT = "sent"
    GIVEN_UP = "given_up"
    WITHDRAWN = "withdrawn"


class LetterQuerySet(models.QuerySet["Letter"]):
    def due_at(self, now: datetime) -> LetterQuerySet:
        """Queued and never tried, or its pause over; whoever holds it."""
        # One that was never tried is due by being written: whose clock wrote it does not count.
        ready = Q(tries=0) | Q(next_try_at__lte=now)
        return self.filter(ready, delivery=Delivery.QUEUED).order_by("next_try_at", "id")

    def still_true_at(self, now: datetime) -> LetterQuerySet:
        """Without those that time has made untrue, though the sweep has not come to withdraw them."""
        late = Q(kind__in=UNTIL_DECIDED, transfer__lapse_by__lte=now)
        return self.exclude(late | Q(kind__in=WHILE_OPEN, transfer__open_until__lte=now))

    def queued(self) -> LetterQuerySet:
        return self.filter(delivery=Delivery.QUEUED)


class Letter(models.Model):
    """Links live only in mailboxes: the body is sealed while it waits, and blanked with the subject after."""

    key = models.CharField(max_length=200, unique=True, help_text="what makes it the same letter again")
    kind = models.CharField(max_length=32)
    role = models.CharField(max_length=16, blank=True, default="")
    transfer = models.ForeignKey(Transfer, on_delete=models.CASCADE, null=True, related_name="letters")
    file = models.ForeignKey(TransferFile, on_delete=models.CASCADE, null=True, related_name="letters")
    to = models.CharField(max_length=254)
    reply_to = models.CharField(max_length=254, blank=True, default="")
    language = models.CharField(max_length=2)
    subject = models.CharField(max_length=200)
    text = EncryptedTextField()
    html = EncryptedTextField()
    message_id = models.CharField(max_length=120)
    references = models.CharField(max_length=120, blank=True, default="")

    delivery = models.CharField(max_length=16, choices=Delivery.choices, default=Delivery.QUEUED)
    written_at = models.DateTimeField()
    next_try_at = models.DateTimeField()
    claimed_by = models.CharField(max_length=100, blank=True, default="", help_text="who is sending it now")
    claim_count = models.PositiveIntegerField(
        default=0, help_text="grows when it is claimed, and with each heartbeat of who claimed it"
    )
    tries = models.PositiveIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True)
    last_error = models.CharField(
        max_length=300, blank=True, default="", help_text="the last answer that was no"
    )

    objects = LetterQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["delivery", "next_try_at"], name="letter_due"),
            models.Index(fields=["to", "written_at"], name="letter_to_written"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} ({self.key})"
