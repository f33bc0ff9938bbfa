"""A transfer: one row from the application to the erasure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import models

from filsluss.models.compiled_queries import CompiledQuery, Param, columns, from_row
from filsluss.rules.directions import Direction, Role
from filsluss.rules.lifecycle import State
from filsluss.rules.tokens import Purpose, digest_of, draw_nonce, draw_public_id, link_token

STATUS_PURPOSE = {
    Role.SENDER: Purpose.STATUS_SENDER,
    Role.RECIPIENT: Purpose.STATUS_RECIPIENT,
    Role.APPROVER: Purpose.STATUS_APPROVER,
}
LINK_FIELD = {
    Purpose.UPLOAD: "upload_digest",
    Purpose.DECIDE: "decide_digest",
    Purpose.STATUS_SENDER: "sender_status_digest",
    Purpose.STATUS_RECIPIENT: "recipient_status_digest",
    Purpose.STATUS_APPROVER: "approver_status_digest",
}


class LinkLost(Exception):
    """No key we hold derives the link that was sent: the secret was changed without keeping the old one."""


class TransferQuerySet(models.QuerySet["Transfer"]):
    def by_link(self, token: str, purpose: Purpose) -> TransferQuerySet:
        return self.filter(**{LINK_FIELD[purpose]: digest_of(token)})

    def undecided_at(self, now: datetime) -> TransferQuerySet:
        return self.filter(state=State.PENDING, lapse_by__lte=now)

    def over_at(self, now: datetime) -> TransferQuerySet:
        return self.filter(state=State.OPEN, open_until__lte=now)


def digest_field() -> models.CharField[str, str]:
    return models.CharField(max_length=64, unique=True)


class Transfer(models.Model):
    """Digests stay until the row is forgotten, and from CLOSED on only tell 410 from 404."""

    public_id = models.CharField(max_length=9, unique=True)
    state = models.CharField(max_length=16, default=State.NEW.value)
    direction = models.CharField(max_length=16)
    language = models.CharField(max_length=2)
    sender_name = models.CharField(max_length=100)
    sender_email = models.CharField(max_length=254)
    recipient_email = models.CharField(max_length=254)
    approver_email = models.CharField(max_length=254, blank=True, default="")
    purpose = models.CharField(max_length=500)
    terms_version = models.CharField(max_length=10, default="1")

    applied_at = models.DateTimeField()
    lapse_by = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    open_until = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    erased_at = models.DateTimeField(null=True)
    over_at = models.DateTimeField(
        null=True, help_text="when the row reached a state that only forgetting leaves"
    )
    rejection_reason = models.CharField(max_length=500, blank=True, default="")
    closed_reason = models.CharField(max_length=500, blank=True, default="")

    nonce = models.CharField(max_length=32)
    upload_digest = digest_field()
    decide_digest = digest_field()
    sender_status_digest = digest_field()
    recipient_status_digest = digest_field()
    approver_status_digest = digest_field()

    objects = TransferQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["state", "open_until"], name="transfer_open_until"),
            models.Index(fields=["state", "lapse_by"], name="transfer_lapse_by"),
        ]
        constraints = [
            models.CheckConstraint(
                name="transfer_state_known",
                condition=models.Q(
                    state__in=["new", "pending", "open", "closing", "closed", "rejected", "lapsed"]
                ),
            ),
            models.CheckConstraint(
                name="transfer_direction_known",
                condition=models.Q(direction__in=["outbound", "inbound", "through"]),
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @classmethod
    def at_upload_link(cls, token: str) -> Transfer | None:
        """The transfer whose upload link that is."""
        for row in AT_UPLOAD_LINK.rows(digest=digest_of(token)):
            return from_row(cls, row)
        return None

    @property
    def way(self) -> Direction:
        return Direction(self.direction)

    @property
    def is_open(self) -> bool:
        return self.state == State.OPEN

    def is_open_at(self, now: datetime) -> bool:
        """Asked at every door: the end needs no sweep to have come."""
        return self.state == State.OPEN and self.open_until is not None and now < self.open_until

    def is_undecided_at(self, now: datetime) -> bool:
        return self.state == State.PENDING and now < self.lapse_by

    def address_of(self, role: Role) -> str:
        """The address in that role; empty where the way has nobody in it."""
        return {
            Role.SENDER: self.sender_email,
            Role.RECIPIENT: self.recipient_email,
            Role.APPROVER: self.approver_email,
        }[role]

    def token_for(self, purpose: Purpose, keys: Sequence[bytes]) -> str:
        """The token of this row's link, under whichever key it was made with; LinkLost if none fits."""
        for key in keys:
            token = link_token(key, purpose=purpose, row=self.public_id, nonce=self.nonce)
            if digest_of(token) == getattr(self, LINK_FIELD[purpose]):
                return token
        raise LinkLost(self.public_id)

    def cut_links(self, key: bytes) -> None:
        """Gives a new row its public name and its links, of which it keeps the digests."""
        self.public_id, self.nonce = draw_public_id(), draw_nonce()
        for purpose, field in LINK_FIELD.items():
            token = link_token(key, purpose=purpose, row=self.public_id, nonce=self.nonce)
            setattr(self, field, digest_of(token))


AT_UPLOAD_LINK = CompiledQuery(
    lambda: Transfer.objects.filter(upload_digest=Param("digest", models.CharField())).values_list(
        *columns(Transfer)
    )
)
