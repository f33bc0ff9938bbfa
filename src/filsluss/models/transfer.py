"""Transfers: one row from application to erasure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import models

from filsluss.models.party import Party
from filsluss.rules.blocking import BLOCKED
from filsluss.rules.directions import Direction, Role
from filsluss.rules.lifecycle import Receipts, State


class TransferQuerySet(models.QuerySet["Transfer"]):
    def undecided_at(self, now: datetime) -> TransferQuerySet:
        return self.filter(state=State.PENDING, lapse_by__lte=now)

    def over_at(self, now: datetime) -> TransferQuerySet:
        return self.filter(state=State.OPEN, open_until__lte=now)


class Transfer(models.Model):
    """An application, and the account that it became when it was approved."""

    public_id = models.CharField(max_length=9, unique=True)
    state = models.CharField(max_length=16, default=State.NEW.value)
    direction = models.CharField(max_length=16)
    purpose = models.CharField(max_length=500)
    terms_version = models.CharField(max_length=10, default="1")

    applied_at = models.DateTimeField()
    asked_at = models.DateTimeField(
        null=True, help_text="when the approver's letter was queued; null: not asked"
    )
    lapse_by = models.DateTimeField(null=True, help_text="null until the approver is asked")
    decided_at = models.DateTimeField(null=True)
    open_until = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    erased_at = models.DateTimeField(null=True)
    over_at = models.DateTimeField(
        null=True, help_text="when the row reached a state that only forgetting leaves"
    )
    rejection_reason = models.CharField(max_length=500, blank=True, default="")
    closed_reason = models.CharField(max_length=500, blank=True, default="")
    one_letter = models.BooleanField(default=False, help_text="one letter for many files, not one for each")
    receipts = models.CharField(
        max_length=8, default=Receipts.FIRST.value, help_text="which fetches the sender is told of"
    )

    reason_code = models.CharField(max_length=32, blank=True, default="")  # BLOCKED, or empty
    form_key = models.CharField(max_length=64, null=True, unique=True)

    objects = TransferQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["state", "open_until"], name="transfer_open_until"),
            models.Index(fields=["state", "lapse_by"], name="transfer_lapse_by"),
            models.Index(fields=["state", "over_at"], name="transfer_over_at"),
            models.Index(fields=["-applied_at", "-id"], name="transfer_newest"),
            models.Index(fields=["state", "-applied_at", "-id"], name="transfer_state_newest"),
        ]
        constraints = [
            models.CheckConstraint(
                name="transfer_state_known",
                condition=models.Q(
                    state__in=[
                        "new",
                        "pending",
                        "open",
                        "closing",
                        "closed",
                        "rejected",
                        "lapsed",
                        "withdrawn",
                    ]
                ),
            ),
            models.CheckConstraint(
                name="transfer_direction_known",
                condition=models.Q(direction__in=["outbound", "inbound", "through"]),
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def way(self) -> Direction:
        return Direction(self.direction)

    @property
    def is_blocked(self) -> bool:
        """Whether it was asked for with a blocked address: nobody but its sender is told of it."""
        return self.reason_code == BLOCKED

    @property
    def is_open(self) -> bool:
        return self.state == State.OPEN

    def is_open_at(self, now: datetime) -> bool:
        """Every page and byte path asks this, so that the end does not depend on a job."""
        return self.state == State.OPEN and self.open_until is not None and now < self.open_until

    def is_undecided_at(self, now: datetime) -> bool:
        return self.state == State.PENDING and (self.lapse_by is None or now < self.lapse_by)

    def party(self, role: Role) -> Party | None:
        """The party in that role; None if the direction has none. Parties are read once."""
        known: dict[str, Party | None] = self.__dict__.setdefault("_parties", {})
        if role not in known:
            parties = list(self.parties.all())  # which may fail, and leaves nothing known then
            known.update(dict.fromkeys(Role))
            known.update({party.role: party for party in parties})
        return known[role]

    def keep_parties(self, parties: Iterable[Party], *, all_of_them: bool = False) -> None:
        """Caches parties that were read or written together with this row."""
        known = self.__dict__.setdefault("_parties", dict.fromkeys(Role) if all_of_them else {})
        known.update({party.role: party for party in parties})

    @property
    def sender(self) -> Party:
        return self._required(Role.SENDER)

    @property
    def recipient(self) -> Party:
        return self._required(Role.RECIPIENT)

    @property
    def approver(self) -> Party | None:
        return self.party(Role.APPROVER)

    def _required(self, role: Role) -> Party:
        party = self.party(role)
        assert party is not None, f"{self.public_id} has no {role}"
        return party

    def address_of(self, role: Role) -> str:
        """The address in that role; empty if the direction has none."""
        party = self.party(role)
        return party.address if party else ""
