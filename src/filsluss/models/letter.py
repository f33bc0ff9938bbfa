"""A letter in the outbox: written with what it tells, and delivered by somebody who knows nothing of it."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Exists, OuterRef, Q

from filsluss.models.encrypted_field import EncryptedTextField
from filsluss.models.file import TransferFile
from filsluss.models.party import Party
from filsluss.models.transfer import Transfer

UNTIL_DECIDED = ("approval-requested", "approval-reminder", "received")
"""Kinds that are true until the application is decided or has lapsed."""
WHILE_OPEN = ("approved", "file-ready", "files-ready", "expiry-reminder")
"""Kinds that are true until the account ends."""
READY_KINDS = ("file-ready", "files-ready")
"""Kinds that tell a recipient of files that can be fetched."""
FIRST_OF_ALL = ("approval-requested", "approved", *READY_KINDS)
"""Kinds that somebody waits for: they leave before all others."""


BLANK = {"subject": "", "text": "", "html": "", "claimed_by": ""}
"""What is left of a letter once its text may lie in the mailbox only."""


class Delivery(models.TextChoices):
    COLLECTING = "collecting"
    QUEUED = "queued"
    SENT = "sent"
    GIVEN_UP = "given_up"
    WITHDRAWN = "withdrawn"


class LetterQuerySet(models.QuerySet["Letter"]):
    def due_at(self, now: datetime) -> LetterQuerySet:
        """Queued and never tried, or its pause over; whoever has claimed it."""
        # One that was never tried is due by being written: whose clock wrote it does not count.
        ready = Q(tries=0) | Q(next_try_at__lte=now)
        return self.queued().filter(ready).order_by("priority", "next_try_at", "id")

    def still_true_at(self, now: datetime) -> LetterQuerySet:
        """Without those that time has made untrue, though no job has come to withdraw them."""
        own = LetterCase.objects.filter(letter=OuterRef("pk"))
        undecided = Exists(own.exclude(transfer__lapse_by__lte=now))
        open_still = Exists(own.exclude(transfer__open_until__lte=now))
        late = Q(kind__in=UNTIL_DECIDED) & ~undecided
        return self.exclude(late | (Q(kind__in=WHILE_OPEN) & ~open_still))

    def queued(self) -> LetterQuerySet:
        return self.filter(delivery=Delivery.QUEUED)

    def collecting(self) -> LetterQuerySet:
        return self.filter(delivery=Delivery.COLLECTING)

    def unsent(self) -> LetterQuerySet:
        """Those that may still leave."""
        return self.filter(delivery__in=(Delivery.QUEUED, Delivery.COLLECTING))

    def about(self, transfer: Transfer, file: TransferFile | None = None) -> LetterQuerySet:
        """Letters about a case, or about one file of it."""
        cases = LetterCase.objects.filter(letter=OuterRef("pk"), transfer=transfer)
        return self.filter(Exists(cases.filter(file=file) if file else cases))

    def of_no_case(self) -> LetterQuerySet:
        """Letters that are about no case, such as alarms."""
        return self.filter(~Exists(LetterCase.objects.filter(letter=OuterRef("pk"))))


class Letter(models.Model):
    """Links live only in mailboxes: the text is encrypted while it waits, and blanked with the subject after.

    One that is given up keeps its text while its case lives, so that it can be sent again. One that collects
    (several files, several fetches) has no text yet: it is rendered from what is still true when it closes,
    at `next_try_at`. What a letter is about stands in its `cases`.
    """

    public_id = models.CharField(max_length=22, unique=True)
    key = models.CharField(max_length=200, unique=True, help_text="what makes it the same letter again")
    kind = models.CharField(max_length=32)
    role = models.CharField(max_length=16, blank=True, default="")
    to = models.CharField(max_length=254)
    reply_to = models.CharField(max_length=254, blank=True, default="")
    language = models.CharField(max_length=2)
    subject = models.CharField(max_length=200, blank=True, default="")
    text = EncryptedTextField(blank=True, default="")
    html = EncryptedTextField(blank=True, default="")
    message_id = models.CharField(max_length=120)
    references = models.CharField(max_length=120, blank=True, default="")
    priority = models.PositiveSmallIntegerField(default=1, help_text="0 leaves before 1")
    again_of = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, related_name="again", help_text="sent once more"
    )
    collects = models.CharField(
        max_length=300, blank=True, default="", help_text="kind, mailbox and case: one collects for each"
    )

    delivery = models.CharField(max_length=16, choices=Delivery.choices, default=Delivery.QUEUED)
    written_at = models.DateTimeField()
    next_try_at = models.DateTimeField(
        help_text="when it is tried next; of one that collects, when it closes"
    )
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
            models.Index(
                fields=["priority", "next_try_at"],
                name="letter_waiting",
                condition=Q(delivery__in=["queued", "collecting"]),
            ),
            models.Index(fields=["given_up_at"], name="letter_given_up", condition=Q(delivery="given_up")),
            models.Index(fields=["to", "written_at"], name="letter_to_written"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["collects"], name="letter_collects_once", condition=Q(delivery="collecting")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} ({self.key})"


class LetterCase(models.Model):
    """What a letter is about: a case, for a party (none for notices), and a file where it tells of one."""

    letter = models.ForeignKey(Letter, on_delete=models.CASCADE, related_name="cases")
    transfer = models.ForeignKey(Transfer, on_delete=models.CASCADE, related_name="letter_cases")
    party = models.ForeignKey(Party, on_delete=models.CASCADE, null=True, related_name="letter_cases")
    file = models.ForeignKey(TransferFile, on_delete=models.CASCADE, null=True, related_name="letter_cases")

    class Meta:
        # A database takes two NULLs for different: each combination of columns that are there has its own.
        constraints = [
            models.UniqueConstraint(
                fields=["letter", "transfer", "party", "file"],
                name="letter_case_once",
                condition=Q(party__isnull=False, file__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["letter", "transfer", "party"],
                name="letter_case_party_once",
                condition=Q(party__isnull=False, file__isnull=True),
            ),
            models.UniqueConstraint(
                fields=["letter", "transfer", "file"],
                name="letter_case_file_once",
                condition=Q(party__isnull=True, file__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["letter", "transfer"],
                name="letter_case_notice_once",
                condition=Q(party__isnull=True, file__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.letter_id} about {self.transfer_id}"
